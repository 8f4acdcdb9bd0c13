// Keys made to collide by somebody who knows the seed of a table.
//
// Nobody has to try many: XXH3 maps the keys of 8 bytes to the hashes one to one, and the way back
// is as cheap as the way there. So each key here is computed from the hash it shall have. Longer
// keys that all have one hash are cheaper still.
#ifndef CLOAKROOM_TESTS_SUPPORT_COLLIDING_KEYS_H_
#define CLOAKROOM_TESTS_SUPPORT_COLLIDING_KEYS_H_

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>

#include "base/hash.h"

namespace cloakroom::testing {

class KeyForHash {
 public:
  // The seed enters as one unknown word, which a single hash gives away.
  explicit KeyForHash(std::uint64_t seed) : flip_(unmixed(hash64(key_of(0), seed))) {}

  // The only key of 8 bytes with this hash.
  [[nodiscard]] std::string operator()(std::uint64_t hash) const {
    return key_of(unmixed(hash) ^ flip_);
  }

 private:
  static constexpr std::uint64_t kFactor = 0x9fb21c651e98df25;  // XXH3's for 4 to 8 bytes
  static constexpr std::uint64_t kKeyBytes = 8;

  // XXH3 takes the halves of such a key the other way round.
  static std::string key_of(std::uint64_t input) {
    const std::uint64_t bytes = std::rotl(input, 32);
    std::string key(kKeyBytes, '\0');
    std::memcpy(key.data(), &bytes, kKeyBytes);
    return key;
  }

  // Newton: each step doubles the number of bits that are right, of which there are 3 at first.
  static constexpr std::uint64_t inverse(std::uint64_t odd) {
    std::uint64_t x = odd;
    for (int step = 0; step < 5; ++step) x *= 2 - odd * x;
    return x;
  }

  // XXH3_rrmxmx backwards.
  static std::uint64_t unmixed(std::uint64_t hash) {
    std::uint64_t x = hash ^ hash >> 28 ^ hash >> 56;
    x *= inverse(kFactor);
    x ^= (x >> 35) + kKeyBytes;  // this changed none of the bits it looks at
    x *= inverse(kFactor);
    return unrotated(x);
  }

  // The inverse of x ^ rotl(x, 49) ^ rotl(x, 24): that map to the power of 2^6 - 1, since squaring
  // it doubles its rotations, and 64 of them are none.
  static std::uint64_t unrotated(std::uint64_t x) {
    for (int power = 1; power < 64; power *= 2) {
      x ^= std::rotl(x, 49 * power % 64) ^ std::rotl(x, 24 * power % 64);
    }
    return x;
  }

  const std::uint64_t flip_;
};

// Keys of 32 bytes that differ in `number` and have one hash. XXH3 multiplies the first two words
// of such a key with each other, after it has mixed seed and constants in; the first is chosen here
// so that it becomes 0, and so the second counts for nothing.
[[nodiscard]] inline std::string key_of_one_hash(std::uint64_t seed, std::uint64_t number) {
  constexpr std::uint64_t kSecret = 0xbe4ba423396cfeb8;  // the first of XXH3's constants
  const std::uint64_t words[4] = {kSecret + seed, number, 0, 0};
  return {reinterpret_cast<const char*>(words), sizeof(words)};
}

}  // namespace cloakroom::testing

#endif  // CLOAKROOM_TESTS_SUPPORT_COLLIDING_KEYS_H_
