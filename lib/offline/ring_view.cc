#include "offline/ring_view.h"

#include <algorithm>
#include <vector>

#include "journal/disk_record.h"

namespace cloakroom {
namespace {

bool checks(const Frame& frame) {
  switch (frame.type) {
    case Mutation::Type::kPut:
    case Mutation::Type::kShorten:
      return parse_record(frame.key, frame.payload).ok();
    case Mutation::Type::kTouch:
      return parse_deadline(frame.key, frame.payload).ok();
    case Mutation::Type::kErase:
      break;
  }
  return true;
}

}  // namespace

void RingView::read(const Ring& ring, Version version, bool pages_are_whole) {
  Ring::Walk walk(ring, version, pages_are_whole);
  std::vector<Frame> frames;
  for (std::string_view body; walk.next(&body);) {
    // A copy that was overwritten while it was made does not check, its record has a checksum.
    const std::string copy(body);
    if (copy == kElsewhere && !pages_are_whole) break;
    frames.clear();
    if (!parse_frames(copy, frames) || !std::all_of(frames.begin(), frames.end(), checks)) continue;
    for (const Frame& frame : frames) apply(frame);
    ++frames_;
  }
  version_ = walk.version();
}

void RingView::apply(const Frame& frame) {
  Change& change = changes_[std::string(frame.key)];
  switch (frame.type) {
    case Mutation::Type::kPut:
    case Mutation::Type::kShorten:
      change = {.erased = false, .record = std::string(frame.payload), .deadline = {}};
      break;
    case Mutation::Type::kErase:
      change = {.erased = true, .record = {}, .deadline = {}};
      break;
    case Mutation::Type::kTouch:
      change.deadline = frame.payload;
      break;
  }
}

const RingView::Change* RingView::find(std::string_view key) const {
  const auto found = changes_.find(key);
  return found == changes_.end() ? nullptr : &found->second;
}

}  // namespace cloakroom
