// Ending records of a store at rest: what rm, revoke and expire-all have in common.
//
// First the records are counted, read-only; then somebody agrees; then the store is opened as a
// server would and every record is ended by its key. A session of the web layer leaves a tombstone,
// as when the server ends it, so that its user is told why; everything else is erased.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_MEND_ENDING_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_MEND_ENDING_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cloakroom/record.h"
#include "cloakroom/sessions.h"
#include "mend/mend.h"

namespace cloakroom::cli {

struct Ending {
  const EndingOptions& options;
  std::string what;                                 // "records of owner alice"
  EndReason reason = EndReason::kUnknown;           // of sessions
  std::function<bool(const RecordView&)> concerns;  // which records
  std::vector<std::string> keys = {};               // instead of looking at all: these, bytes
  bool new_epoch = false;  // ends every session of every name first, in one write a name
};

// Refuses, counts, asks, ends, tells. Runs in a child: what is read may be damaged.
[[nodiscard]] int run_ending(const Ending& ending);

// Whether something that cannot be undone may be done: on a terminal somebody is asked, elsewhere
// --yes must have said so. `question`: "End 3 records in sessions?"; `would`: "end 3 records". Else
// a message, and the exit code.
[[nodiscard]] std::optional<int> refused(bool yes, const std::string& question,
                                         const std::string& would);

// Refuses a store that a server has open, naming the process: false, and a message.
[[nodiscard]] bool is_at_rest(const std::string& dir);

// The bytes of a key or an owner as verbs print it, or of what the user typed.
[[nodiscard]] std::string bytes_of(const std::string& text);

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_MEND_ENDING_H_
