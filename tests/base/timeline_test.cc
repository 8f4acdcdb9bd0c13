#include "base/timeline.h"

#include <doctest/doctest.h>

#include "base/boot_clock.h"

using namespace cloakroom;

namespace {

class TwoClocks final : public Clock {
 public:
  TimeMs wall_ms() const noexcept override { return wall; }
  TimeMs boot_ms() const noexcept override { return boot; }
  TimeMs wall = 1'000'000;
  TimeMs boot = 50;
};

}  // namespace

TEST_CASE("timeline: a new store starts at the wall clock and follows the boot clock") {
  TwoClocks clock;
  const Timeline timeline(clock, std::nullopt);
  CHECK(timeline.now() == 1'000'000);
  clock.boot += 10;
  CHECK(timeline.now() == 1'000'010);
}

TEST_CASE("timeline: jumps of the wall clock while running change nothing") {
  TwoClocks clock;
  const Timeline timeline(clock, std::nullopt);
  for (const TimeMs jump : {86'400'000, -90'000'000}) {
    clock.wall += jump;
    CHECK(timeline.now() == 1'000'000);
  }
}

TEST_CASE("timeline: over a restart the time that passed on the wall counts, never less than none") {
  TwoClocks clock;
  const ClockMark mark = Timeline(clock, std::nullopt).mark();
  clock.boot = 3;  // the machine was started anew
  clock.wall += 5000;
  CHECK(Timeline(clock, mark).now() == mark.store + 5000);
  clock.wall -= 100'000;
  CHECK(Timeline(clock, mark).now() == mark.store);
}

TEST_CASE("timeline: a jump seen while running is not counted again at the restart") {
  TwoClocks clock;
  const Timeline timeline(clock, std::nullopt);
  clock.wall += 86'400'000;  // an operator corrects the date
  clock.boot += 1000;
  const ClockMark mark = timeline.mark();
  clock.wall += 2000;
  CHECK(Timeline(clock, mark).now() == 1'000'000 + 1000 + 2000);
}

TEST_CASE("timeline: deadlines do not overflow") {
  CHECK(Timeline::after(5, kNoExpiry) == kNever);
  CHECK(Timeline::after(5, Millis{INT64_MAX - 1}) == kNever);
  CHECK(Timeline::after(5, Millis{10}) == 15);
}

TEST_CASE("timeline: a boot clock that a time namespace moves is told from the kernel's") {
  CHECK(parse_boot_clock_shift("monotonic  0  0\nboottime   0  0\n") == 0);
  CHECK(parse_boot_clock_shift("monotonic  5 0\nboottime       86400 500000000\n") == 86'400'500);
  CHECK(parse_boot_clock_shift("boottime -10 250000000") == -9'750);
  CHECK(parse_boot_clock_shift("") == 0);
  CHECK(parse_boot_clock_shift("boottime") == 0);
}
