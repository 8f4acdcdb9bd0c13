#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace cloakroom {

std::uint64_t hash64(std::string_view bytes, std::uint64_t seed) noexcept {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

std::uint64_t checksum64(std::string_view bytes) noexcept {
  return XXH3_64bits(bytes.data(), bytes.size());
}

std::uint64_t checksum64(std::string_view first, std::string_view second) noexcept {
  // A seed in place of the streaming state, which costs several times as much for short inputs.
  return XXH3_64bits_withSeed(second.data(), second.size(),
                              XXH3_64bits(first.data(), first.size()) ^ first.size());
}

}  // namespace cloakroom
