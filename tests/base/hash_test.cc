#include "base/hash.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <set>
#include <string>

#include "support/random_seed.h"

using namespace cloakroom;
using namespace cloakroom::testing;

namespace {

constexpr std::size_t kLongKeyBytes = 1024;

// Keys that collide in XXH3_64bits_withSeed under more than one seed in a hundred, made without
// knowing any. Over 240 bytes XXH3 adds up products of the two halves of each 64-bit word, after it
// has mixed seed and constants in. Take two words whose lower halves are the same after that: what
// bits of the upper halves the two exchange is lost in the sum. That the halves are the same is a
// guess about how the seed carries when it is added to two constants, and one guess in 64 is right.
//   words    0 and 96 of the key, which meet XXH3's constants 0 and 12
//   guess    kCarries, the difference of their lower halves
//   bits     those of the upper halves in which the constants seldom differ
std::string colliding_key(std::uint64_t choice) {
  constexpr std::uint64_t kCarries = 0x060a0410;
  std::uint64_t first = 0;
  std::uint64_t second = kCarries;
  for (const unsigned bit :
       {0U, 1U, 2U, 3U, 4U, 5U, 30U, 29U, 28U, 15U, 27U, 14U, 26U, 13U, 10U, 23U, 22U}) {
    ((choice & 1) != 0 ? first : second) |= std::uint64_t{1} << (32 + bit);
    choice >>= 1;
  }
  std::string key(kLongKeyBytes, '\0');
  std::memcpy(key.data(), &first, sizeof(first));
  std::memcpy(key.data() + 96 * sizeof(second), &second, sizeof(second));
  return key;
}

}  // namespace

TEST_CASE("hash: long keys that collide in XXH3 whatever the seed do not collide here") {
  CLOAKROOM_RANDOM_SEED(seed);
  Random random(seed);
  std::size_t worst = SIZE_MAX;
  for (int turn = 0; turn < 2000; ++turn) {
    const std::uint64_t unknown = random();
    std::set<std::uint64_t> hashes;
    for (std::uint64_t i = 0; i < 64; ++i) hashes.insert(hash64(colliding_key(i), unknown));
    worst = std::min(worst, hashes.size());
  }
  CHECK(worst == 64);
}

TEST_CASE("hash: every byte and the seed count, at every length") {
  std::string bytes;
  for (std::size_t size = 1; size <= kLongKeyBytes; size += size / 8 + 1) {
    bytes.assign(size, 'x');
    const std::uint64_t hash = hash64(bytes, 1);
    CHECK(hash != hash64(bytes, 2));
    CHECK(hash != hash64(bytes + 'x', 1));
    for (std::size_t at = 0; at < size; ++at) {
      bytes[at] = 'y';
      REQUIRE(hash64(bytes, 1) != hash);
      bytes[at] = 'x';
    }
  }
}
