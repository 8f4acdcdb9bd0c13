// A clock that stands still until the test moves it.
#ifndef CLOAKROOM_TESTS_SUPPORT_MANUAL_CLOCK_H_
#define CLOAKROOM_TESTS_SUPPORT_MANUAL_CLOCK_H_

#include <atomic>

#include "cloakroom/clock.h"

namespace cloakroom::testing {

// Both clocks of a machine, moved by hand. Safe from any thread. Must outlive the stores that read
// it.
class ManualClock final : public Clock {
 public:
  // 2023-11-14 in the morning of a machine that started five thousand seconds ago: any figures do,
  // as long as the two origins differ, so that mixing the clocks up shows.
  explicit ManualClock(TimeMs wall = 1'700'000'000'000, TimeMs boot = 5'000'000) noexcept
      : wall_(wall), boot_(boot) {}

  [[nodiscard]] TimeMs wall_ms() const noexcept override { return wall_.load(); }
  [[nodiscard]] TimeMs boot_ms() const noexcept override { return boot_.load(); }

  // Time passes: both clocks go on.
  void advance(Millis by) noexcept {
    wall_.fetch_add(by.count());
    boot_.fetch_add(by.count());
  }

  // Somebody sets the wall clock; no time passes.
  void jump_wall(Millis by) noexcept { wall_.fetch_add(by.count()); }
  void set_wall(TimeMs wall) noexcept { wall_.store(wall); }

  // The machine starts anew: the boot clock has another origin. Only between two opens of a store.
  void set_boot(TimeMs boot) noexcept { boot_.store(boot); }

 private:
  std::atomic<TimeMs> wall_;
  std::atomic<TimeMs> boot_;
};

}  // namespace cloakroom::testing

#endif  // CLOAKROOM_TESTS_SUPPORT_MANUAL_CLOCK_H_
