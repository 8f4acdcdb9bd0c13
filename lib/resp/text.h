// Numbers and words as Redis reads and writes them.
#ifndef CLOAKROOM_LIB_RESP_TEXT_H_
#define CLOAKROOM_LIB_RESP_TEXT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cloakroom::resp {

// A decimal integer in its only form: no plus, no leading zero, no "-0", no blanks.
[[nodiscard]] std::optional<std::int64_t> parse_int(std::string_view text) noexcept;
[[nodiscard]] std::optional<std::uint64_t> parse_uint(std::string_view text) noexcept;

// What strtod takes as a whole, without leading blanks, and no NaN.
[[nodiscard]] std::optional<double> parse_double(std::string_view text);
[[nodiscard]] std::optional<long double> parse_long_double(std::string_view text);

// "%.17g", and "inf" and "-inf": scores.
[[nodiscard]] std::string format_double(double value);
// Up to 17 digits after the point and no trailing zeros: INCRBYFLOAT.
[[nodiscard]] std::string format_long_double(long double value);

[[nodiscard]] std::string lower_case(std::string_view text);

// Equal but for ASCII case. REQUIRES: `word` is in lower case.
[[nodiscard]] bool is_word(std::string_view text, std::string_view word) noexcept;

}  // namespace cloakroom::resp

#endif  // CLOAKROOM_LIB_RESP_TEXT_H_
