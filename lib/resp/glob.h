// Redis's patterns: * ? [a-c] [^a] \x. Iterative: a star is retried at most once per byte of the
// text, so the worst case is pattern times text, whatever the pattern.
#ifndef CLOAKROOM_LIB_RESP_GLOB_H_
#define CLOAKROOM_LIB_RESP_GLOB_H_

#include <string_view>

namespace cloakroom::resp {

[[nodiscard]] bool glob_matches(std::string_view pattern, std::string_view text,
                                bool ignore_case = false) noexcept;

// What every match begins with: the pattern up to its first special character.
[[nodiscard]] std::string_view glob_prefix(std::string_view pattern) noexcept;

}  // namespace cloakroom::resp

#endif  // CLOAKROOM_LIB_RESP_GLOB_H_
