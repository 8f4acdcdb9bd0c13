// RingView: what a store's ring holds beyond its database, for one who only reads.
//
// Not thread-safe. Nothing in it is a view into the ring: beside a live server its room is used
// again.
#ifndef CLOAKROOM_LIB_OFFLINE_RING_VIEW_H_
#define CLOAKROOM_LIB_OFFLINE_RING_VIEW_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "journal/frame.h"
#include "journal/ring.h"

namespace cloakroom {

class RingView {
 public:
  // What the frames of one key come to.
  struct Change {
    bool erased = false;
    std::optional<std::string> record;    // as it will lie on disk; nothing: that of the database
    std::optional<std::string> deadline;  // likewise
  };

  // Reads what was published after `version`. Frames that do not check are left out: beside a live
  // server they may be on their way, or have gone since. REQUIRES: one call.
  void read(const Ring& ring, Version version, bool pages_are_whole);

  [[nodiscard]] const std::map<std::string, Change, std::less<>>& changes() const noexcept {
    return changes_;
  }
  [[nodiscard]] const Change* find(std::string_view key) const;

  // Of the last frame; that which read() was given when there is none.
  [[nodiscard]] Version version() const noexcept { return version_; }
  [[nodiscard]] std::uint64_t frames() const noexcept { return frames_; }

 private:
  void apply(const Frame& frame);

  std::map<std::string, Change, std::less<>> changes_;
  Version version_ = 0;
  std::uint64_t frames_ = 0;
};

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_OFFLINE_RING_VIEW_H_
