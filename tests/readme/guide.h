// What surrounds a block of docs/index.md or docs/sessions.md when the tests compile and run it: `store`, open on a
// fresh directory, fail(status), and the chrono literals. assert() always checks.
#ifndef CLOAKROOM_TESTS_README_GUIDE_H_
#define CLOAKROOM_TESTS_README_GUIDE_H_

#undef NDEBUG
#include <cassert>
#include <chrono>
#include <cloakroom/cloakroom.h>
#include <cstdio>
#include <functional>
#include <vector>

using namespace std::chrono_literals;  // NOLINT: the guide's reader does the same

inline int fail(const cloakroom::Status& status) {
  std::fprintf(stderr, "%s\n", status.to_string().c_str());
  return 1;
}

namespace guide {

// Registers itself; guide_main.cc runs it.
struct Block {
  Block(int line, std::function<int(cloakroom::Store&)> run);
  int line;  // in its page
  std::function<int(cloakroom::Store&)> run;
};

}  // namespace guide

#endif  // CLOAKROOM_TESTS_README_GUIDE_H_
