#include "look/verdict.h"

#include "base/base64url.h"
#include "look/session_view.h"
#include "reading/last_seen.h"
#include "reading/record_json.h"
#include "sessions/session_record.h"

namespace cloakroom::cli {

Verdict verdict_of(const EndedSession& ended) {
  return {.key = ended.key,
          .handle = ended.handle,
          .owner = ended.owner,
          .state = "ended",
          .reason = ended.reason,
          .when = ended.when,
          .source = "ledger"};
}

Verdict Judge::judge(const RecordView& record) {
  Verdict verdict{.key = std::string(record.key),
                  .owner = std::string(record.owner),
                  .state = "alive",
                  .source = "record"};
  if (record.kind == Kind::kSession && judge_session(record, verdict)) return verdict;
  if (dead(record, now_)) {
    verdict.state = "ended";
    verdict.reason = record.deadline == record.lifetime ? "lifetime" : "deadline passed";
    verdict.when = record.deadline;
  }
  return verdict;
}

bool Judge::judge_session(const RecordView& record, Verdict& verdict) {
  if (EndedRecord ended; decode(record.value, ended)) {
    verdict.handle = base64url(ended.handle);
    verdict.owner = ended.owner;
    verdict.state = "ended";
    verdict.reason = to_string(ended.reason);
    verdict.when = ended.when;
    verdict.source = "tombstone";
    return true;
  }
  if (ReplacedRecord replaced; decode(record.value, replaced)) {
    verdict.handle = base64url(replaced.handle);
    verdict.owner = replaced.owner;
    verdict.state = "rotated";
    verdict.reason = to_string(EndReason::kReplaced);
    verdict.when = replaced.replaced_at;
    verdict.next = next_key(record);
    return true;
  }
  LiveRecord live;
  if (!decode(record.value, live)) return false;
  verdict.handle = base64url(live.handle);
  verdict.seen = last_seen(record, live);
  const Epoch& epoch = epoch_of(record.key);
  if (live.epoch < epoch.number) {
    verdict.state = "ended";
    verdict.reason = to_string(EndReason::kEveryone);
    verdict.when = epoch.began_at;
    verdict.source = "epoch";
    return true;
  }
  if (!dead(record, now_)) return true;
  verdict.state = "ended";
  verdict.reason =
      to_string(record.deadline >= record.lifetime ? EndReason::kLifetime : EndReason::kIdle);
  verdict.when = record.deadline;
  return true;
}

const Judge::Epoch& Judge::epoch_of(std::string_view key) {
  const std::string name(key.substr(0, key.rfind(':') + 1));
  if (const auto known = epochs_.find(name); known != epochs_.end()) return known->second;
  Epoch& epoch = epochs_[name];
  (void)reader_.get(name + "meta", [&](const RecordView& record) {
    MetaRecord meta;
    if (decode(record.value, meta)) epoch = {meta.epoch, meta.epoch_began_at};
  });
  return epoch;
}

}  // namespace cloakroom::cli
