// Runs one block of a page by its line number, in the current directory; without an argument
// lists the line numbers.
#include <cstdlib>
#include <utility>

#include "guide.h"

namespace guide {
namespace {

std::vector<const Block*>& all_blocks() {
  static std::vector<const Block*> blocks;
  return blocks;
}

}  // namespace

Block::Block(int at, std::function<int(cloakroom::Store&)> code) : line(at), run(std::move(code)) {
  all_blocks().push_back(this);
}

}  // namespace guide

int main(int argc, char** argv) {
  const int wanted = argc > 1 ? std::atoi(argv[1]) : 0;
  for (const guide::Block* block : guide::all_blocks()) {
    if (wanted == 0) std::printf("%d\n", block->line);
    if (wanted != block->line) continue;
    auto store = cloakroom::Store::open({.path = "guide-store"});
    return store ? block->run(*store) : fail(store.status());
  }
  return wanted == 0 ? 0 : 1;
}
