// Timeline: the store's own time, which cannot jump.
//
// Store time runs with the boot clock. At open it is anchored: to the wall clock for a new store.
// For an old one there are two ways. While the kernel that it ran under last is still running, so is
// its boot clock, and store time goes on at the offset it had:
//
//   now = boot + offset
//
// Then nothing that happens to the wall clock matters. After a start of the machine it is the last
// mark, moved on by the wall time that passed since the mark:
//
//   now = mark.store + max(0, wall - mark.wall)
//
// So it never goes back behind the mark; a jump of the wall clock that happened while the store ran
// is contained in its later marks and changes nothing; and a forward jump while the machine was
// down looks like time that passed, which nobody can tell apart.
#ifndef CLOAKROOM_LIB_BASE_TIMELINE_H_
#define CLOAKROOM_LIB_BASE_TIMELINE_H_

#include <optional>

#include "cloakroom/clock.h"

namespace cloakroom {

// One moment on both clocks; persisted with every batch of the journal.
struct ClockMark {
  TimeMs store = 0;
  TimeMs wall = 0;
};

class Timeline {
 public:
  // `offset`: what offset() was under this very kernel, if that is known. One that leads behind the
  // mark is of another clock, and does not count.
  Timeline(const Clock& clock, const std::optional<ClockMark>& last,
           std::optional<TimeMs> offset = std::nullopt) noexcept;

  [[nodiscard]] TimeMs now() const noexcept { return clock_.boot_ms() + offset_; }
  [[nodiscard]] ClockMark mark() const noexcept { return {now(), clock_.wall_ms()}; }
  // Store time minus boot clock: constant, until the machine starts anew.
  [[nodiscard]] TimeMs offset() const noexcept { return offset_; }

  // now + ttl without overflow; kNever for kNoExpiry. REQUIRES: ttl >= 0.
  [[nodiscard]] static TimeMs after(TimeMs now, Millis ttl) noexcept {
    return ttl.count() >= kNever - now ? kNever : now + ttl.count();
  }

 private:
  const Clock& clock_;
  TimeMs offset_;
};

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_BASE_TIMELINE_H_
