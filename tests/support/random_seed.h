// Where random tests take their seed from, so that every failure can be repeated.
#ifndef CLOAKROOM_TESTS_SUPPORT_RANDOM_SEED_H_
#define CLOAKROOM_TESTS_SUPPORT_RANDOM_SEED_H_

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <random>

namespace cloakroom::testing {

// CLOAKROOM_SEED, when the environment holds one: `CLOAKROOM_SEED=7 cloakroom_tests -tc="model*"`.
[[nodiscard]] inline std::optional<std::uint64_t> seed_of_environment() {
  const char* text = std::getenv("CLOAKROOM_SEED");
  if (text == nullptr || *text == '\0') return std::nullopt;
  return std::strtoull(text, nullptr, 0);
}

// The seed of this run: the environment's, else a fresh one.
[[nodiscard]] inline std::uint64_t random_seed() {
  if (const auto given = seed_of_environment()) return *given;
  const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
  return (std::uint64_t{std::random_device{}()} << 20) ^ static_cast<std::uint64_t>(now);
}

using Random = std::mt19937_64;

// Uniform in [0, n). REQUIRES: n > 0.
[[nodiscard]] inline std::uint64_t below(Random& random, std::uint64_t n) { return random() % n; }
[[nodiscard]] inline bool one_in(Random& random, unsigned n) { return random() % n == 0; }

}  // namespace cloakroom::testing

// Declares `seed` and prints it once; a failing check repeats it.
#define CLOAKROOM_RANDOM_SEED(seed)                                  \
  const std::uint64_t seed = ::cloakroom::testing::random_seed();    \
  MESSAGE("CLOAKROOM_SEED=" << seed);                                \
  INFO("CLOAKROOM_SEED=" << seed)

#endif  // CLOAKROOM_TESTS_SUPPORT_RANDOM_SEED_H_
