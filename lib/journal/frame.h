// Frames: changes as they lie in the journal's queue, between append() and the batch.
//
//   u32 size of what follows | u8 type | string key | payload
//   kPut, kShorten: the record as it will lie on disk    kErase: nothing    kTouch: the deadline
//
// Encoding happens once, in append(); the batch only copies.
#ifndef CLOAKROOM_LIB_JOURNAL_FRAME_H_
#define CLOAKROOM_LIB_JOURNAL_FRAME_H_

#include <string>
#include <string_view>

#include "journal/journal.h"

namespace cloakroom {

struct Frame {
  Mutation::Type type = Mutation::Type::kErase;
  std::string_view key;
  std::string_view payload;
};

// Appends the change as a frame; `version` becomes the record's version for kPut.
void append_frame(std::string& out, const Mutation& mutation, Version version);

// Walks over frames: next() is false at the end, or at bytes that are no frame (then !ok()).
class FrameReader {
 public:
  explicit FrameReader(std::string_view bytes) noexcept : rest_(bytes) {}
  bool next(Frame& frame) noexcept;
  [[nodiscard]] bool ok() const noexcept { return ok_; }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_JOURNAL_FRAME_H_
