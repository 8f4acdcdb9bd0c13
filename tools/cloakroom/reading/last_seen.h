// When a live session was last seen.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_READING_LAST_SEEN_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_READING_LAST_SEEN_H_

#include <algorithm>

#include "reading/record_json.h"
#include "sessions/session_record.h"

namespace cloakroom::cli {

// As Sessions itself works it out: the deadline less the idle timeout; where the lifetime cuts the
// deadline short that is too early, and what the record says counts. Beside a live store and after
// a crash it is up to a tenth of the timeout late, because deadlines on disk are granted ahead
// (docs/decisions/0002).
[[nodiscard]] inline TimeMs last_seen(const RecordView& record, const LiveRecord& live) noexcept {
  const TimeMs said = std::max(record.created, live.last_seen);
  if (live.idle_timeout == kNoExpiry || record.deadline == kNever) return said;
  return std::max(said, until(record.deadline, live.idle_timeout.count()));
}

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_READING_LAST_SEEN_H_
