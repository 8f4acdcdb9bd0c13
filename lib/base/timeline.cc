#include "base/timeline.h"

#include <algorithm>

namespace cloakroom {

Timeline::Timeline(const Clock& clock, const std::optional<ClockMark>& last,
                   std::optional<TimeMs> offset) noexcept
    : clock_(clock) {
  if (last && offset && clock.boot_ms() >= last->store - *offset) {
    offset_ = *offset;
    return;
  }
  const TimeMs wall = clock.wall_ms();
  const TimeMs start = last ? last->store + std::max<TimeMs>(0, wall - last->wall) : wall;
  offset_ = start - clock.boot_ms();
}

}  // namespace cloakroom
