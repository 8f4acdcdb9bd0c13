// Places where a test gives the processor away, so that operations overlap on a machine with few
// cores: an operation of some hundred nanoseconds is hardly ever interrupted by itself.
//
// A store is reached through the clock it is given: it reads the time inside every operation, in a
// write under the stripe's lock. So a YieldingClock suspends operations half-way, which nothing
// outside the store could.
#ifndef CLOAKROOM_TESTS_SUPPORT_YIELD_POINTS_H_
#define CLOAKROOM_TESTS_SUPPORT_YIELD_POINTS_H_

#include <chrono>
#include <optional>
#include <random>
#include <thread>
#include <utility>

#include "support/manual_clock.h"

namespace cloakroom::testing {

// Of each thread its own. A thread that was not told to yields never.
class YieldPoints {
 public:
  // From now on this thread yields at one of `one_in` points, by chance; 0: at none.
  static void start(std::uint64_t seed, unsigned one_in) {
    state() = {std::minstd_rand(static_cast<std::uint32_t>(seed)), one_in};
  }

  // A point. Half of the time it waits about as long as an operation takes instead of yielding:
  // that is what lets threads overlap that do have a core each.
  static void pass() noexcept {
    State& mine = state();
    if (mine.one_in == 0 || mine.random() % mine.one_in != 0) return;
    if (mine.random() % 2 == 0) return std::this_thread::yield();
    const auto end = std::chrono::steady_clock::now() + std::chrono::nanoseconds(500);
    while (std::chrono::steady_clock::now() < end) {
    }
  }

 private:
  struct State {
    std::minstd_rand random;
    unsigned one_in = 0;
  };
  static State& state() {
    thread_local State mine;
    return mine;
  }
};

// `clock`, which must outlive it, with a point at every look at it.
class YieldingClock final : public Clock {
 public:
  explicit YieldingClock(const ManualClock& clock) noexcept : clock_(clock) {}

  [[nodiscard]] TimeMs wall_ms() const noexcept override { return clock_.wall_ms(); }
  [[nodiscard]] TimeMs boot_ms() const noexcept override {
    const TimeMs now = clock_.boot_ms();
    last_look() = now;
    YieldPoints::pass();  // after the look: what is done with the time is done late
    return now;
  }

  // What this thread saw when it last looked at any such clock, and then forgets it.
  static std::optional<TimeMs> take_last_look() noexcept {
    return std::exchange(last_look(), std::nullopt);
  }

 private:
  static std::optional<TimeMs>& last_look() noexcept {
    thread_local std::optional<TimeMs> look;
    return look;
  }

  const ManualClock& clock_;
};

}  // namespace cloakroom::testing

#endif  // CLOAKROOM_TESTS_SUPPORT_YIELD_POINTS_H_
