// Sessions as real sites have them, for the demo.
//
// The distributions were fitted to a day of www.sec.gov (EDGAR log file data set, 2003-12-31,
// clients with up to 500 requests): requests of a session log-normal with mu 1.03 and sigma 0.97;
// pauses between them log-normal with mu 3.31 and sigma 1.78 in seconds. Sizes follow published
// session stores: log-normal, median 420 bytes, sigma 0.55, 120 to 8,000. A request is a get, then
// a put (20 %) or a touch (80 %); 10 % of the sessions with three or more requests end in an erase.
// The lifetime is 1,800 s, sliding. Pauses pass kSpeedup times faster, lifetimes do not: nothing
// expires during the demo, so whatever is missing is lost.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_DEMO_WORKLOAD_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_DEMO_WORKLOAD_H_

#include <cstdint>
#include <string>

#include "cloakroom/clock.h"

namespace cloakroom::cli {

inline constexpr Millis kDemoLifetime{1'800'000};
inline constexpr double kSpeedup = 1000;
inline constexpr double kPutShare = 0.2;
inline constexpr double kReturningShare =
    0.33;  // of new sessions: the client shows an old key first

// splitmix64: small, fast, and any seed is a good one.
class DemoRandom {
 public:
  explicit DemoRandom(std::uint64_t seed) noexcept : state_(seed) {}
  DemoRandom(std::uint64_t seed, std::uint64_t a, std::uint64_t b) noexcept;

  std::uint64_t next() noexcept;
  double uniform() noexcept;  // in (0, 1)
  double log_normal(double mu, double sigma) noexcept;
  double exponential(double mean) noexcept;

 private:
  std::uint64_t state_;
};

// How one session will go.
struct SessionCourse {
  std::uint32_t requests = 1;
  bool erased_at_end = false;
};
[[nodiscard]] SessionCourse draw_course(DemoRandom& random);
[[nodiscard]] std::int64_t draw_pause_ns(DemoRandom& random);

// What a session looks like; the same for the same arguments, in every process.
[[nodiscard]] std::string session_key(std::uint64_t seed, std::uint64_t slot);
[[nodiscard]] std::string session_owner(std::uint64_t seed, std::uint64_t slot);  // "": none
[[nodiscard]] std::string session_value(std::uint64_t seed, std::uint64_t slot,
                                        std::uint64_t generation);

// Milliseconds of the clock that goes on whatever happens to processes and to the wall clock.
[[nodiscard]] std::int64_t boot_ms() noexcept;

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_DEMO_WORKLOAD_H_
