// Time as Cloakroom sees it, and the seam through which tests and simulations supply their own.
#ifndef CLOAKROOM_CLOCK_H_
#define CLOAKROOM_CLOCK_H_

#include <chrono>
#include <cstdint>

namespace cloakroom {

// Every duration of the API. A chrono literal converts: 30min, 250ms.
using Millis = std::chrono::milliseconds;

// A point of the store's own time: milliseconds since 1970-01-01 UTC. It is anchored to the wall
// clock when a store is created and moves with a clock that cannot jump, so a correction of the
// wall clock neither ends a session early nor brings one back (docs/durability.md, "Time").
using TimeMs = std::int64_t;

// "Does not expire", as a duration and as a point in time. A deadline after the year 3084 counts as
// this too.
inline constexpr Millis kNoExpiry = Millis::max();
inline constexpr TimeMs kNever = INT64_MAX;

// The two clocks a store reads. Implementations must be safe from any thread, must not throw, and
// should cost no more than a few tens of nanoseconds: boot_ms() is read by every operation.
class Clock {
 public:
  virtual ~Clock() = default;

  // Milliseconds since 1970 UTC. May jump in both directions. Read at open and by the committer.
  [[nodiscard]] virtual TimeMs wall_ms() const noexcept = 0;

  // Milliseconds since any fixed point; never goes back, and goes on while the machine is
  // suspended (CLOCK_BOOTTIME). Its origin may change at every start of the process.
  [[nodiscard]] virtual TimeMs boot_ms() const noexcept = 0;
};

// The clocks of the machine; lives as long as the process.
[[nodiscard]] const Clock& system_clock() noexcept;

}  // namespace cloakroom

#endif  // CLOAKROOM_CLOCK_H_
