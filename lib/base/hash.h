// Hashing. The only room that knows xxHash. None of this is a defence against forgery: it finds
// damage and spreads keys, nothing else.
#ifndef CLOAKROOM_LIB_BASE_HASH_H_
#define CLOAKROOM_LIB_BASE_HASH_H_

#include <cstdint>
#include <string_view>

namespace cloakroom {

// XXH3, 64 bits, of at most 240 bytes at a time. With a random seed nobody outside the process can
// choose keys that collide.
[[nodiscard]] std::uint64_t hash64(std::string_view bytes, std::uint64_t seed) noexcept;

// The checksum of everything on disk: XXH3 without a seed, so that any tool can check it.
[[nodiscard]] std::uint64_t checksum64(std::string_view bytes) noexcept;

// Over two parts; moving bytes from one part to the other changes it. The second part is hashed
// with the first one's hash as its seed (docs/format.md).
[[nodiscard]] std::uint64_t checksum64(std::string_view first, std::string_view second) noexcept;

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_BASE_HASH_H_
