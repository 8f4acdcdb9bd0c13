// What the contestants hold: keys, values, and in which order they are asked for.
//
// Key number i is computed, not stored: "key-" and 32 hexadecimal digits of a mixed i, as long as a
// session key of the web layer. So no contestant pays for the cache misses of a table of keys.
#ifndef CLOAKROOM_BENCHMARKS_DATASET_H_
#define CLOAKROOM_BENCHMARKS_DATASET_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace cloakroom::bench {

inline constexpr std::size_t kKeyBytes = 36;

// Longer than any run: a record that expires under a measurement would be a miss.
inline constexpr std::chrono::hours kTtl{24};

// splitmix64 (public domain, S. Vigna): a bijection, so different numbers make different keys.
[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t value) noexcept {
  value += 0x9e3779b97f4a7c15;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

// Uniform random numbers; one for each thread.
class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept : state_(mix(seed)) {}

  std::uint64_t next() noexcept { return mix(state_++); }
  // From 0 to bound - 1. REQUIRES: bound <= 2^32.
  std::uint64_t below(std::uint64_t bound) noexcept { return (next() >> 32) * bound >> 32; }
  double unit() noexcept { return static_cast<double>(next() >> 11) * 0x1.0p-53; }  // [0, 1)

 private:
  std::uint64_t state_;
};

// Writes the kKeyBytes bytes of key number `index`, or of a key that nobody holds.
void write_key(std::uint64_t index, char* out) noexcept;
void write_absent_key(std::uint64_t index, char* out) noexcept;

class Dataset {
 public:
  Dataset(std::uint64_t sessions, std::size_t value_bytes);

  [[nodiscard]] std::uint64_t sessions() const noexcept { return sessions_; }
  [[nodiscard]] std::size_t value_bytes() const noexcept { return value_bytes_; }

  // One of kValues values of the same size, which stay in the processor's cache.
  [[nodiscard]] std::string_view value(std::uint64_t number) const noexcept {
    return std::string_view(values_).substr(number % kValues * value_bytes_, value_bytes_);
  }

 private:
  static constexpr std::uint64_t kValues = 32;

  std::uint64_t sessions_;
  std::size_t value_bytes_;
  std::string values_;
};

enum class Popularity { kUniform, kZipf };

// Draws key numbers: uniform, or Zipf with exponent 0.99 (YCSB's), where the popular keys are
// scattered over all numbers so that they are no neighbours in anybody's memory.
class KeyPicker {
 public:
  // REQUIRES: keys <= 2^32, so that products stay below 2^64.
  KeyPicker(std::uint64_t keys, Popularity popularity);

  [[nodiscard]] std::uint64_t next(Random& random) const noexcept {
    return popularity_ == Popularity::kUniform ? random.below(keys_) : scatter(rank(random));
  }

 private:
  [[nodiscard]] std::uint64_t rank(Random& random) const noexcept;
  [[nodiscard]] std::uint64_t scatter(std::uint64_t rank) const noexcept {
    return rank * stride_ % keys_;
  }

  std::uint64_t keys_;
  Popularity popularity_;
  std::uint64_t stride_ = 1;  // has no divisor in common with keys_: scatter() is a permutation
  double integral_first_ = 0;
  double integral_last_ = 0;
  double shortcut_ = 0;
};

}  // namespace cloakroom::bench

#endif  // CLOAKROOM_BENCHMARKS_DATASET_H_
