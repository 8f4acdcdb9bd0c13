// The cheapest clock there is: the processor's time-stamp counter, about 10 ns a reading where
// clock_gettime takes 25. Latencies are taken in ticks and turned into nanoseconds when printed.
#ifndef CLOAKROOM_BENCHMARKS_TICKS_H_
#define CLOAKROOM_BENCHMARKS_TICKS_H_

#include <cstdint>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace cloakroom::bench {

// Nanoseconds of CLOCK_MONOTONIC, which is the same for all processes of the machine.
[[nodiscard]] std::uint64_t monotonic_ns() noexcept;

[[nodiscard]] inline std::uint64_t ticks() noexcept {
#if defined(__x86_64__)
  return __rdtsc();
#else
  return monotonic_ns();
#endif
}

// Nanoseconds a tick lasts; measured once against CLOCK_MONOTONIC, which takes 50 ms.
[[nodiscard]] double ns_per_tick();

}  // namespace cloakroom::bench

#endif  // CLOAKROOM_BENCHMARKS_TICKS_H_
