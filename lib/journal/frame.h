// Frames: changes as they lie in the ring, between append() and the batch. Their body is
//
//   u8 type | string key | payload
//   kPut, kShorten: the record as it will lie on disk    kErase: nothing    kTouch: the deadline
//
// A group, several changes that happen together or not at all, is one frame:
//
//   u8 5 | (u32 bytes, body of a change) ...
//
// Encoding happens once, in append(); the batch only copies. A change that is too large for the
// ring leaves a body of type 0 there and waits elsewhere (committer.h).
#ifndef CLOAKROOM_LIB_JOURNAL_FRAME_H_
#define CLOAKROOM_LIB_JOURNAL_FRAME_H_

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "journal/journal.h"

namespace cloakroom {

struct Frame {
  Mutation::Type type = Mutation::Type::kErase;
  std::string_view key;
  std::string_view payload;
};

inline constexpr std::string_view kElsewhere{"\0", 1};

// Bytes that append_frame() appends, or up to 6 more: before a change has its version nobody knows
// how long that will be.
[[nodiscard]] std::size_t frame_bytes_max(const Mutation& mutation) noexcept;
// The same for append_group(), and 6 bytes more for each change.
[[nodiscard]] std::size_t group_bytes_max(std::span<const Mutation> group) noexcept;

// Appends the change as the body of a frame; `version` becomes the record's version for kPut.
void append_frame(std::string& out, const Mutation& mutation, Version version);

// Appends the changes as the body of one frame; all get the same version.
void append_group(std::string& out, std::span<const Mutation> group, Version version);

// Views into `body`; nothing when it is no frame of one change. The payload is not looked at.
[[nodiscard]] std::optional<Frame> parse_frame(std::string_view body) noexcept;

// Appends to `frames` the change, or all changes of the group, that `body` is; false, and nothing
// was appended, when it is neither. May throw bad_alloc.
[[nodiscard]] bool parse_frames(std::string_view body, std::vector<Frame>& frames);

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_JOURNAL_FRAME_H_
