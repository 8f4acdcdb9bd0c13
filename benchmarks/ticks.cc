#include "ticks.h"

#include <ctime>

namespace cloakroom::bench {
namespace {

double calibrate() noexcept {
  constexpr std::uint64_t kSpanNs = 50'000'000;
  const std::uint64_t began_ns = monotonic_ns();
  const std::uint64_t began_ticks = ticks();
  std::uint64_t passed_ns = 0;
  while ((passed_ns = monotonic_ns() - began_ns) < kSpanNs) {
  }
  return static_cast<double>(passed_ns) / static_cast<double>(ticks() - began_ticks);
}

}  // namespace

std::uint64_t monotonic_ns() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}

double ns_per_tick() {
  static const double ratio = calibrate();
  return ratio;
}

}  // namespace cloakroom::bench
