#include "offline/ring_tail.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "journal/disk_record.h"
#include "journal/frame.h"
#include "journal/ring.h"
#include "journal/superblock.h"

namespace cloakroom {
namespace {

// The change of a frame; nothing when its payload does not check.
std::optional<RingChange> change_of(const Frame& frame, Version version) {
  RingChange change{.version = version, .record = {.key = frame.key}};
  switch (frame.type) {
    case Mutation::Type::kErase:
      change.type = RingChange::Type::kErase;
      return change;
    case Mutation::Type::kTouch: {
      const auto granted = parse_deadline(frame.key, frame.payload);
      if (!granted) return std::nullopt;
      change.type = RingChange::Type::kTouch;
      change.record.deadline = granted->deadline;
      change.record.version = granted->version;
      return change;
    }
    case Mutation::Type::kPut:
    case Mutation::Type::kShorten: {
      const auto record = parse_record(frame.key, frame.payload);
      if (!record) return std::nullopt;
      change.type =
          frame.type == Mutation::Type::kPut ? RingChange::Type::kPut : RingChange::Type::kShorten;
      change.record = *record;
      return change;
    }
  }
  return std::nullopt;
}

class Tail final : public RingTail {
 public:
  Tail(std::unique_ptr<Ring> ring, From from) : ring_(std::move(ring)), position_(released()) {
    if (from == From::kOldest) {
      position_ = next_whole(oldest());
      return;
    }
    while (const auto place = ring_->copy_frame(position_, body_)) position_ = place->end;
  }

  RingPoll poll(FunctionRef<bool(const RingChange&)> f, bool at_rest) override {
    RingPoll poll;
    for (bool wanted = true; wanted;) {
      auto place = ring_->copy_frame(position_, body_);
      if (!place && released() > position_) {
        place = ring_->copy_frame(position_, body_);  // it came between the two looks
        if (!place) {
          pass_what_is_gone(poll);
          continue;
        }
      }
      if (!place && at_rest) {
        const std::uint64_t next = next_whole(position_);
        if (next == position_) break;
        position_ = next;
        continue;
      }
      if (!place) break;
      position_ = place->end;
      wanted = tell(place->version(), f, poll.changes);
    }
    poll.reopened = ring_->salt_on_file() != ring_->salt();
    return poll;
  }

 private:
  [[nodiscard]] std::uint64_t released() const noexcept { return ring_->released() * Ring::kUnit; }
  [[nodiscard]] std::uint64_t oldest() const noexcept {
    const std::uint64_t end = released();
    return end > ring_->capacity() ? end - ring_->capacity() : 0;
  }

  // The first position from `from` on that holds a whole frame, or else the end of all that can.
  // Where none is behind `from` and released, `from` itself or released.
  std::uint64_t next_whole(std::uint64_t from) {
    const std::uint64_t end = released() + ring_->capacity();
    for (std::uint64_t at = from; at < end; at += Ring::kUnit) {
      if (ring_->copy_frame(at, body_)) return at;
    }
    return std::max(from, released());
  }

  void pass_what_is_gone(RingPoll& poll) {
    if (!poll.overrun) poll.missed_from = position_ / Ring::kUnit + 1;
    poll.overrun = true;
    position_ = next_whole(std::max(position_ + Ring::kUnit, oldest()));
    poll.missed_to = position_ / Ring::kUnit;
  }

  bool tell(Version version, FunctionRef<bool(const RingChange&)> f, std::uint64_t& changes) {
    if (body_ == kElsewhere) {
      ++changes;
      return f({.type = RingChange::Type::kElsewhere, .version = version});
    }
    frames_.clear();
    if (!parse_frames(body_, frames_)) return true;
    for (const Frame& frame : frames_) {
      const auto change = change_of(frame, version);
      if (!change) continue;
      ++changes;
      if (!f(*change)) return false;
    }
    return true;
  }

  const std::unique_ptr<Ring> ring_;
  std::uint64_t position_;
  std::string body_;  // kept for its capacity, as the next
  std::vector<Frame> frames_;
};

}  // namespace

Result<std::unique_ptr<RingTail>> RingTail::open(const std::string& dir, From from) {
  const auto superblock = Superblock::open(dir, false);
  if (!superblock) return superblock.status();
  auto ring = Ring::open(dir, superblock->identity().id, false);
  if (!ring) return ring.status();
  return std::unique_ptr<RingTail>(std::make_unique<Tail>(*std::move(ring), from));
}

}  // namespace cloakroom
