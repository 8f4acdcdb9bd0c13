#include "look/ended_sessions.h"

#include "base/base64url.h"
#include "cloakroom/sessions.h"
#include "journal/ledger_file.h"
#include "text/output.h"

namespace cloakroom::cli {

EndedSessions::EndedSessions(const std::string& dir) : names_(ledger_names(dir)) {
  for (const std::string& name : names_) {
    Result<LedgerImage> image = read_ledger_file(dir, name);
    if (!image) {
      message(image.status().message() + "; what it knew of sessions that ended is left out");
      continue;
    }
    for (LedgerEntry& entry : image->entries) {
      const std::string key = name + ":" + base64url(entry.key);
      by_key_[key] = {.key = key,
                      .handle = base64url(entry.handle),
                      .owner = std::move(entry.owner),
                      .reason = to_string(static_cast<EndReason>(entry.reason)),
                      .when = entry.when};
    }
  }
}

const EndedSession* EndedSessions::find(const std::string& key) const {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? nullptr : &found->second;
}

std::vector<EndedSession> EndedSessions::of(const std::string& subject) const {
  std::vector<EndedSession> found;
  for (const auto& [key, ended] : by_key_) {
    if (ended.owner == subject || ended.handle == subject) found.push_back(ended);
  }
  return found;
}

}  // namespace cloakroom::cli
