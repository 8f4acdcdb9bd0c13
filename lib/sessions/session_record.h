// The values of the records that Sessions keeps in the store, and how they are read and written.
//
//   byte 0   format, 1
//   byte 1   RecordType
//   live     handle 16 | epoch | schema | authenticated at | token made at | idle timeout |
//            lifetime | renewal interval | last seen | label | attributes: name, value, ...
//   replaced handle 16 | new digest 32 | replaced at | grace until | uses | uses granted | owner
//   ended    handle 16 | reason | when | owner
//   meta     epoch | generation | epoch began at | key ids: count, u64 each
//
// Numbers are varints, strings have a varint length in front. A timeout of 0 is none. "Last seen"
// is written only where it does not follow from the deadline, which is that moment plus the idle
// timeout unless the lifetime cuts it short.
//
// What is read comes from a disk: decoding checks every bound and says no to the rest.
#ifndef CLOAKROOM_LIB_SESSIONS_SESSION_RECORD_H_
#define CLOAKROOM_LIB_SESSIONS_SESSION_RECORD_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cloakroom/clock.h"
#include "cloakroom/sessions.h"
#include "sessions/tokens.h"

namespace cloakroom {

enum class RecordType : std::uint8_t {
  kNone = 0,      // not one of ours, or of a newer format
  kLive = 1,      // a session
  kReplaced = 2,  // its token was rotated away; leads to the session while the grace lasts
  kEnded = 3,     // a tombstone
  kMeta = 4,      // one a name: what is common to all its sessions
};

[[nodiscard]] RecordType type_of(std::string_view value) noexcept;

// The views are into what was decoded.
struct LiveRecord {
  HandleBytes handle{};
  std::uint64_t epoch = 0;
  std::uint32_t schema = 0;
  TimeMs authenticated_at = 0;
  TimeMs token_made_at = 0;
  Millis idle_timeout = kNoExpiry;
  Millis lifetime = kNoExpiry;
  Millis renewal_interval = kNoExpiry;
  TimeMs last_seen = 0;
  std::string_view label = {};
  std::string_view attributes = {};  // checked: AttributeReader meets no damage in it
};

struct ReplacedRecord {
  HandleBytes handle{};
  Digest digest{};
  TimeMs replaced_at = 0;
  TimeMs grace_until = 0;
  std::uint32_t uses = 0;
  std::uint32_t uses_max = 0;
  std::string_view owner = {};
};

struct EndedRecord {
  HandleBytes handle{};
  EndReason reason = EndReason::kUnknown;
  TimeMs when = 0;
  std::string_view owner = {};
};

struct MetaRecord {
  std::uint64_t epoch = 0;
  std::uint64_t generation = 0;
  TimeMs epoch_began_at = 0;
  std::vector<std::uint64_t> key_ids = {};
};

// False when the value is none of this type, or damaged.
[[nodiscard]] bool decode(std::string_view value, LiveRecord& record) noexcept;
[[nodiscard]] bool decode(std::string_view value, ReplacedRecord& record) noexcept;
[[nodiscard]] bool decode(std::string_view value, EndedRecord& record) noexcept;
[[nodiscard]] bool decode(std::string_view value, MetaRecord& record);

[[nodiscard]] std::string encode(const LiveRecord& record);
[[nodiscard]] std::string encode(const ReplacedRecord& record);
[[nodiscard]] std::string encode(const EndedRecord& record);
[[nodiscard]] std::string encode(const MetaRecord& record);

// What a live record's value has beyond label and attributes: nine varints, few of them that long.
inline constexpr std::size_t kLiveHeadBytesMax = 2 + 16 + 9 * 10;

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_SESSIONS_SESSION_RECORD_H_
