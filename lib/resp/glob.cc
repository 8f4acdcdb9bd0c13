#include "resp/glob.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace cloakroom::resp {
namespace {

unsigned fold(char c, bool ignore_case) noexcept {
  const bool upper = ignore_case && c >= 'A' && c <= 'Z';
  return static_cast<unsigned char>(upper ? c + ('a' - 'A') : c);
}

// A set in brackets from pattern[at] == '[' on. Moves `at` behind it and says whether `c` is in it.
// Without a closing bracket the set goes to the end of the pattern.
bool set_matches(std::string_view pattern, std::size_t& at, char c, bool ignore_case) noexcept {
  ++at;
  const bool negated = at < pattern.size() && pattern[at] == '^';
  if (negated) ++at;
  bool found = false;
  const unsigned wanted = fold(c, ignore_case);
  while (at < pattern.size() && pattern[at] != ']') {
    if (pattern[at] == '\\' && at + 1 < pattern.size()) {
      ++at;
      found |= fold(pattern[at], ignore_case) == wanted;
    } else if (at + 2 < pattern.size() && pattern[at + 1] == '-') {
      unsigned low = fold(pattern[at], ignore_case);
      unsigned high = fold(pattern[at + 2], ignore_case);
      if (low > high) std::swap(low, high);
      found |= wanted >= low && wanted <= high;
      at += 2;
    } else {
      found |= fold(pattern[at], ignore_case) == wanted;
    }
    ++at;
  }
  if (at < pattern.size()) ++at;
  return found != negated;
}

// One element of the pattern that is not a star, against one byte.
bool one_matches(std::string_view pattern, std::size_t& at, char c, bool ignore_case) noexcept {
  switch (pattern[at]) {
    case '?':
      ++at;
      return true;
    case '[':
      return set_matches(pattern, at, c, ignore_case);
    case '\\':
      if (at + 1 < pattern.size()) ++at;
      [[fallthrough]];
    default:
      return fold(pattern[at++], ignore_case) == fold(c, ignore_case);
  }
}

}  // namespace

bool glob_matches(std::string_view pattern, std::string_view text, bool ignore_case) noexcept {
  constexpr std::size_t kNone = std::string_view::npos;
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = kNone;  // behind the last star, and where it stopped eating
  std::size_t eaten = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      while (p < pattern.size() && pattern[p] == '*') ++p;
      if (p == pattern.size()) return true;
      star = p;
      eaten = t;
      continue;
    }
    if (p < pattern.size() && one_matches(pattern, p, text[t], ignore_case)) {
      ++t;
      continue;
    }
    if (star == kNone) return false;
    p = star;
    t = ++eaten;
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::string_view glob_prefix(std::string_view pattern) noexcept {
  return pattern.substr(0, std::min(pattern.find_first_of("*?[\\"), pattern.size()));
}

}  // namespace cloakroom::resp
