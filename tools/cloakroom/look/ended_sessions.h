// What the ledgers of a store (journal/ledger_file.h) tell of sessions that have ended.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_LOOK_ENDED_SESSIONS_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_LOOK_ENDED_SESSIONS_H_

#include <map>
#include <string>
#include <vector>

#include "cloakroom/clock.h"

namespace cloakroom::cli {

struct EndedSession {
  std::string key;
  std::string handle;
  std::string owner;  // empty: none, or too long for the ledger
  std::string reason;
  TimeMs when = 0;
};

class EndedSessions {
 public:
  // Reads all of them; a ledger that cannot be read is told and passed over.
  explicit EndedSessions(const std::string& dir);

  // The last end under this key; null when none is known.
  [[nodiscard]] const EndedSession* find(const std::string& key) const;
  // Those of an owner or handle.
  [[nodiscard]] std::vector<EndedSession> of(const std::string& subject) const;
  // The names of Sessions that have a ledger.
  [[nodiscard]] const std::vector<std::string>& names() const noexcept { return names_; }

 private:
  std::vector<std::string> names_;
  std::map<std::string, EndedSession> by_key_;
};

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_LOOK_ENDED_SESSIONS_H_
