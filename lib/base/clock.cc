#include "cloakroom/clock.h"

#include <ctime>

namespace cloakroom {
namespace {

TimeMs read_clock(clockid_t id) noexcept {
  timespec now{};
  clock_gettime(id, &now);
  return static_cast<TimeMs>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

class SystemClock final : public Clock {
 public:
  TimeMs wall_ms() const noexcept override { return read_clock(CLOCK_REALTIME); }
  TimeMs boot_ms() const noexcept override { return read_clock(CLOCK_BOOTTIME); }
};

}  // namespace

const Clock& system_clock() noexcept {
  static const SystemClock clock;
  return clock;
}

}  // namespace cloakroom
