// What is known of one session: whether it has ended, when, why, and what says so.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_LOOK_VERDICT_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_LOOK_VERDICT_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "look/ended_sessions.h"
#include "offline/store_reader.h"

namespace cloakroom::cli {

struct Verdict {
  std::string key = {};
  std::string handle = {};
  std::string owner = {};
  std::string state = {};   // "alive", "ended", "rotated"
  std::string reason = {};  // of the end
  std::optional<TimeMs> when = {};
  std::string source = {};  // what says so: "record", "tombstone", "epoch", "ledger", "ring"
  std::optional<TimeMs> seen = {};
  std::optional<std::string> next = {};  // where a rotated session goes on
};

// By what the ledger says.
[[nodiscard]] Verdict verdict_of(const EndedSession& ended);

// By a record that is in the store, or was. Not thread-safe; several may share a reader.
class Judge {
 public:
  explicit Judge(StoreReader& reader) : reader_(reader), now_(reader.info().now) {}

  [[nodiscard]] Verdict judge(const RecordView& record);

 private:
  struct Epoch {
    std::uint64_t number = 0;
    TimeMs began_at = 0;
  };
  // False when the record says nothing about the end.
  bool judge_session(const RecordView& record, Verdict& verdict);
  const Epoch& epoch_of(std::string_view key);

  StoreReader& reader_;
  const TimeMs now_;
  std::map<std::string, Epoch> epochs_;  // by the name of the Sessions, with its colon
};

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_LOOK_VERDICT_H_
