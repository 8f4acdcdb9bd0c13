// A record as the verbs print it, all but its value.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_READING_RECORD_JSON_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_READING_RECORD_JSON_H_

#include <nlohmann/json.hpp>
#include <string>

#include "cloakroom/record.h"
#include "text/output.h"

namespace cloakroom::cli {

[[nodiscard]] inline const char* kind_name(Kind kind) noexcept {
  switch (kind) {
    case Kind::kFields:
      return "fields";
    case Kind::kSession:
      return "session";
    case Kind::kMembers:
      return "members";
    case Kind::kBytes:
      break;
  }
  return "bytes";
}

[[nodiscard]] inline bool dead(const RecordView& record, TimeMs now) noexcept {
  return record.deadline < now;  // alive up to and including its deadline
}

// Milliseconds until `time`, kNever for kNever. A damaged record may hold any number, so the
// difference saturates instead of overflowing.
[[nodiscard]] inline std::int64_t until(TimeMs time, TimeMs now) noexcept {
  if (time == kNever) return kNever;
  std::int64_t left = 0;
  if (__builtin_sub_overflow(time, now, &left)) return time < now ? -kNever : kNever - 1;
  return left;
}

[[nodiscard]] inline nlohmann::ordered_json time_or_null(std::int64_t time) {
  return time == kNever ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(time);
}

// Keys and owners in the escaped form that every verb prints and takes. ttl_ms is negative for what
// has expired, null for what never does.
[[nodiscard]] inline nlohmann::ordered_json record_json(const RecordView& record, TimeMs now) {
  return {
      {"key", escape(record.key)},
      {"kind", kind_name(record.kind)},
      {"bytes", record.value.size()},
      {"owner", record.owner.empty() ? nlohmann::ordered_json(nullptr)
                                     : nlohmann::ordered_json(escape(record.owner))},
      {"ttl_ms", time_or_null(until(record.deadline, now))},
      {"deadline_ms", time_or_null(record.deadline)},
      {"lifetime_ms", time_or_null(record.lifetime)},
      {"created_ms", record.created},
      {"version", record.version},
  };
}

// "29 min 12 s", "never" or "expired 3 s ago".
[[nodiscard]] inline std::string ttl_text(const RecordView& record, TimeMs now) {
  const std::int64_t left = until(record.deadline, now);
  return left < 0 ? "expired " + human_duration(-left) + " ago" : human_duration(left);
}

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_READING_RECORD_JSON_H_
