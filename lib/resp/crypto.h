// The few uses of OpenSSL outside TLS: hashes of passwords, keys and scripts. No randomness.
#ifndef CLOAKROOM_LIB_RESP_CRYPTO_H_
#define CLOAKROOM_LIB_RESP_CRYPTO_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace cloakroom::resp {

inline constexpr std::size_t kSha256Bytes = 32;

// Raw bytes.
[[nodiscard]] std::string sha256(std::string_view bytes);
[[nodiscard]] std::string sha1(std::string_view bytes);
[[nodiscard]] std::string hmac_sha256(std::string_view secret, std::string_view bytes);

// In a time that does not depend on where they differ.
[[nodiscard]] bool same_secret(std::string_view a, std::string_view b) noexcept;

[[nodiscard]] std::string to_hex(std::string_view bytes);
[[nodiscard]] std::optional<std::string> from_hex(std::string_view hex);

}  // namespace cloakroom::resp

#endif  // CLOAKROOM_LIB_RESP_CRYPTO_H_
