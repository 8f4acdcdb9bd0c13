// RingTail: the changes of a store as they are made, read in another process.
//
// For tools. It maps the ring read-only and follows it frame by frame; the process that writes does
// not notice. What that process has written over before it was read is skipped, and told: the ring
// holds the last 16 MiB of changes or so, by default.
//
// A frame at the position p that is read next is in one of these states, and poll() finds out which
// by looking at the frame, then at `released`, then at the frame again:
//   there               it is told, and p moves to its end
//   not there, and      not written yet: p waits. (Also one whose writer is between reserving and
//   released <= p       publishing it; those behind it wait too, as changes are told in order.)
//   not there, and      it was there, because all before `released` was: written over. p moves on
//   to released > p        the oldest frame that still is, and `overrun` says so.
//
// Not thread-safe.
#ifndef CLOAKROOM_LIB_OFFLINE_RING_TAIL_H_
#define CLOAKROOM_LIB_OFFLINE_RING_TAIL_H_

#include <cstdint>
#include <memory>
#include <string>

#include "cloakroom/record.h"
#include "cloakroom/status.h"

namespace cloakroom {

struct RingChange {
  // kShorten: a touch to a nearer deadline. kElsewhere: a change too large for the ring, which says
  // nothing of it but its version.
  enum class Type { kPut, kErase, kTouch, kShorten, kElsewhere };
  Type type = Type::kPut;
  Version version = 0;  // of the change; changes that happen together have the same
  // kPut and kShorten: all of the record. kTouch: its key, deadline and version. kErase: its key.
  RecordView record = {};
};

struct RingPoll {
  std::uint64_t changes = 0;
  bool overrun = false;  // changes of these versions, both included, were missed
  Version missed_from = 0;
  Version missed_to = 0;
  bool reopened = false;  // the store was opened anew: this tail tells nothing more
};

class RingTail {
 public:
  // The oldest frame that the ring still holds, or the next one to come.
  enum class From { kOldest, kNow };

  // kNotFound when `dir` holds no store or no ring (a checkpoint has none); kIo, kCorruption,
  // kInvalidArgument (newer format).
  static Result<std::unique_ptr<RingTail>> open(const std::string& dir, From from);

  virtual ~RingTail() = default;

  // Calls f for every change there is by now, while it returns true. Views are valid during the
  // call. When no process has the store open (`at_rest`), frames that were never finished are
  // passed over.
  virtual RingPoll poll(FunctionRef<bool(const RingChange&)> f, bool at_rest) = 0;
};

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_OFFLINE_RING_TAIL_H_
