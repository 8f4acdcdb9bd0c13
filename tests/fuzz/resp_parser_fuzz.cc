// libFuzzer target: the parser, fed at once and split where the input says, must say the same, and
// hold no more memory than the longest command that came, however much was announced.
//
//   clang++-14 -std=c++20 -fsanitize=fuzzer,address,undefined -Ilib -Iinclude
//       tests/fuzz/resp_parser_fuzz.cc lib/resp/parser.cc lib/resp/text.cc -o resp_parser_fuzz
//   ./resp_parser_fuzz tests/fuzz/resp_corpus
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "resp/parser.h"

namespace {

using cloakroom::resp::Parser;
using cloakroom::resp::ParserLimits;

// Commands and error as one text.
void drain(Parser& parser, std::string& said) {
  for (;;) {
    switch (parser.next()) {
      case Parser::Outcome::kCommand:
        said += 'C';
        for (const auto arg : parser.args()) {
          said += std::to_string(arg.size()) + ":";
          said += arg;
        }
        break;
      case Parser::Outcome::kNeedMore:
        return;
      case Parser::Outcome::kError:
        said += "E" + parser.error();
        return;
    }
  }
}

std::string parse(std::string_view bytes, std::size_t step, const ParserLimits& limits) {
  Parser parser(limits);
  std::string said;
  std::size_t held = 0;  // the most that ever waited at once; the room for it is kept
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, step);
    parser.feed(piece);
    bytes.remove_prefix(piece.size());
    held = std::max(held, parser.pending_bytes());
    if (parser.capacity() > 2 * held + 64) std::abort();
    drain(parser, said);
    if (!parser.error().empty()) break;
  }
  return said;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t step = 1 + data[0] % 64;
  const ParserLimits limits =
      data[1] % 2 == 0 ? ParserLimits{} : cloakroom::resp::kUnauthenticatedLimits;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  // A line that is too long may be noticed earlier or later, so whole lines only are compared.
  const std::string split = parse(bytes, step, limits);
  const std::string whole = parse(bytes, bytes.size() + 1, limits);
  if (split != whole && size < 60'000) std::abort();
  return 0;
}
