#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace cloakroom {
namespace {

// The most that XXH3 takes in one way; what is longer it cuts into words whose halves it
// multiplies, and there keys can be made that collide under one seed in a hundred
// (tests/base/hash_test.cc).
constexpr std::size_t kPieceBytes = 240;

}  // namespace

// Longer ones go piece by piece, each with the hash of those before it as its seed.
std::uint64_t hash64(std::string_view bytes, std::uint64_t seed) noexcept {
  while (bytes.size() > kPieceBytes) {
    seed = XXH3_64bits_withSeed(bytes.data(), kPieceBytes, seed);
    bytes.remove_prefix(kPieceBytes);
  }
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
