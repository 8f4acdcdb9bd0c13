// Where things lie in the ring's file (ring.h has the drawing), for the ring and for who looks at
// the file without being the ring.
#ifndef CLOAKROOM_LIB_JOURNAL_RING_LAYOUT_H_
#define CLOAKROOM_LIB_JOURNAL_RING_LAYOUT_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/coding.h"
#include "base/hash.h"
#include "journal/ring.h"

namespace cloakroom::ring_layout {

inline constexpr std::string_view kMagic = "CLKRING\n";
inline constexpr std::uint32_t kFormat = 1;
inline constexpr std::size_t kIdentityBytes = 48;
inline constexpr std::size_t kBootAt = 960;
inline constexpr std::size_t kTimeOffsetAt = 976;
inline constexpr std::size_t kTimeChecksumAt = 984;
inline constexpr std::size_t kSaltAt = 1024;
inline constexpr std::size_t kReleasedAt = 1088;

// In a frame.
inline constexpr std::size_t kChecksumAt = 8;
inline constexpr std::size_t kSizeAt = 16;
inline constexpr std::size_t kBodySizeAt = 20;

// Covers the frame's place and size too.
[[nodiscard]] inline std::uint64_t frame_checksum(std::string_view body, std::uint64_t commit,
                                                  std::uint64_t size) noexcept {
  char place[16];
  store_u64(place, commit);
  store_u64(place + 8, size);
  return checksum64({place, sizeof(place)}, body);
}

[[nodiscard]] constexpr std::uint64_t whole_units(std::uint64_t bytes) noexcept {
  return (bytes + Ring::kUnit - 1) / Ring::kUnit * Ring::kUnit;
}

// Of a body of these bytes: what is reserved may be more than what is needed, by a few bytes for
// each change (frame.h).
[[nodiscard]] constexpr bool is_frame_size(std::uint64_t size, std::uint64_t body_bytes) noexcept {
  return size >= whole_units(Ring::kFrameHeaderBytes + body_bytes) && size % Ring::kUnit == 0;
}

}  // namespace cloakroom::ring_layout

#endif  // CLOAKROOM_LIB_JOURNAL_RING_LAYOUT_H_
