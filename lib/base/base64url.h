// base64url without padding (RFC 4648, section 5), for byte strings of known size: what goes into
// cookies, keys and key files. Strict: one text for one byte string and the reverse.
//
// Timing: the table that encodes is one cache line and the one that decodes is four, indexed by
// what is encoded; what comes of a text is compared elsewhere, in constant time.
#ifndef CLOAKROOM_LIB_BASE_BASE64URL_H_
#define CLOAKROOM_LIB_BASE_BASE64URL_H_

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace cloakroom {

// Characters that `bytes` bytes become.
[[nodiscard]] constexpr std::size_t base64url_chars(std::size_t bytes) noexcept {
  return bytes / 3 * 4 + (bytes % 3 == 0 ? 0 : bytes % 3 + 1);
}

// REQUIRES: `out` has room for base64url_chars(bytes.size()).
void base64url_encode(std::span<const unsigned char> bytes, char* out) noexcept;
[[nodiscard]] std::string base64url(std::span<const unsigned char> bytes);

// Fills `out`. False, and `out` of no meaning, unless `text` is what encoding some such bytes
// gives: right length, no foreign character, no spare bit set.
[[nodiscard]] bool base64url_decode(std::string_view text, std::span<unsigned char> out) noexcept;

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_BASE_BASE64URL_H_
