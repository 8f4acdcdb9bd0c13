// cloakroom why: whether a session has ended, when and for what reason, from what is on disk.
//
// Three things tell of an end: the tombstone that logout, revocation and limits leave for a while
// (SessionsOptions::remember_ended); a record that is still there though its deadline has passed,
// or whose epoch is over; and the last changes, in the ring. A session that timed out leaves no
// tombstone: once its record is gone and the ring has gone round, only the process that had the
// store open can tell (Sessions::why_ended).
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "exit_codes.h"
#include "look/look.h"
#include "look/session_view.h"
#include "offline/ring_tail.h"
#include "reading/last_seen.h"
#include "reading/open_store.h"
#include "reading/parallel_walk.h"
#include "reading/record_json.h"
#include "sessions/session_record.h"
#include "text/output.h"
#include "text/progress.h"

namespace cloakroom::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kHopsMax = 16;
// Where the Redis-protocol listener notes what was deleted lately (docs/format.md).
constexpr std::string_view kBuried("\0\xffT", 3);

struct Verdict {
  std::string key = {};
  std::string owner = {};
  std::string state = {};   // "alive", "ended", "rotated"
  std::string reason = {};  // of the end
  std::optional<TimeMs> when = {};
  std::string source = {};  // what says so: "record", "tombstone", "epoch", "ring"
  std::optional<TimeMs> seen = {};
  std::optional<std::string> next = {};  // where a rotated session goes on
};

class Judge {
 public:
  explicit Judge(StoreReader& reader) : reader_(reader), now_(reader.info().now) {}

  Verdict judge(const RecordView& record) {
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

 private:
  // False when it is neither of those that say why.
  bool judge_session(const RecordView& record, Verdict& verdict) {
    if (EndedRecord ended; decode(record.value, ended)) {
      verdict.owner = ended.owner;
      verdict.state = "ended";
      verdict.reason = to_string(ended.reason);
      verdict.when = ended.when;
      verdict.source = "tombstone";
      return true;
    }
    if (ReplacedRecord replaced; decode(record.value, replaced)) {
      verdict.owner = replaced.owner;
      verdict.state = "rotated";
      verdict.reason = to_string(EndReason::kReplaced);
      verdict.when = replaced.replaced_at;
      verdict.next = next_key(record);
      return true;
    }
    LiveRecord live;
    if (!decode(record.value, live)) return false;
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

  struct Epoch {
    std::uint64_t number = 0;
    TimeMs began_at = 0;
  };

  const Epoch& epoch_of(std::string_view key) {
    const std::string name(key.substr(0, key.rfind(':') + 1));
    if (const auto known = epochs_.find(name); known != epochs_.end()) return known->second;
    Epoch& epoch = epochs_[name];
    (void)reader_.get(name + "meta", [&](const RecordView& record) {
      MetaRecord meta;
      if (decode(record.value, meta)) epoch = {meta.epoch, meta.epoch_began_at};
    });
    return epoch;
  }

  StoreReader& reader_;
  const TimeMs now_;
  std::map<std::string, Epoch> epochs_;  // by the name of the Sessions, with its colon
};

// What the ring tells of a key that the store does not hold any more.
std::optional<Verdict> judge_by_ring(const WhyOptions& options, StoreReader& reader,
                                     const std::string& key) {
  const auto tail = RingTail::open(options.dir, RingTail::From::kOldest);
  if (!tail) return std::nullopt;
  std::optional<Verdict> last;  // of the last record
  std::optional<TimeMs> deadline;
  bool erased = false;
  Judge judge(reader);
  const auto note = [&](const RingChange& change) {
    if (change.record.key != key) return true;
    erased = change.type == RingChange::Type::kErase;
    if (change.type == RingChange::Type::kTouch) deadline = change.record.deadline;
    if (change.type != RingChange::Type::kPut && change.type != RingChange::Type::kShorten) {
      return true;
    }
    last = judge.judge(change.record);
    deadline = change.record.deadline;
    return true;
  };
  (void)(*tail)->poll(note, !reader.info().live);
  if (!last && !erased) return std::nullopt;
  Verdict verdict = last.value_or(Verdict{.key = key});
  verdict.source = "ring";
  if (verdict.state == "ended" && last) return verdict;
  verdict.state = "ended";
  const bool expired = deadline && *deadline < reader.info().now;
  verdict.reason = expired ? "its deadline passed, or it was erased before" : "erased";
  if (expired) verdict.when = deadline;
  return verdict;
}

std::optional<Verdict> judge_buried(StoreReader& reader, const std::string& key) {
  std::optional<Verdict> verdict;
  (void)reader.get(std::string(kBuried) + key, [&](const RecordView& record) {
    verdict = Verdict{.key = key,
                      .state = "ended",
                      .reason = "deleted by a Redis client",
                      .when = record.created,
                      .source = "tombstone"};
  });
  return verdict;
}

// The verdict on a key, and on those under which its session went on.
Result<std::vector<Verdict>> judge_key(const WhyOptions& options, StoreReader& reader,
                                       std::string key) {
  std::vector<Verdict> verdicts;
  Judge judge(reader);
  for (int hop = 0; hop < kHopsMax; ++hop) {
    std::optional<Verdict> verdict;
    const Status got =
        reader.get(key, [&](const RecordView& record) { verdict = judge.judge(record); });
    if (!got && got.code() != StatusCode::kNotFound) return got;
    if (!verdict) verdict = judge_buried(reader, key);
    if (!verdict) verdict = judge_by_ring(options, reader, key);
    if (!verdict) break;
    verdicts.push_back(*verdict);
    if (!verdict->next) break;
    key = *verdict->next;
  }
  return verdicts;
}

// Every record of an owner, and what is left of those that were. The latest end first.
Result<std::vector<Verdict>> judge_owner(StoreReader& reader, const std::string& owner) {
  const WalkPlan plan = plan_walk(reader);
  std::vector<std::vector<Verdict>> found(plan.workers);
  std::vector<Judge> judges(plan.workers, Judge(reader));
  const auto record = [&](const WalkPlace& place, const RecordView& view) {
    const bool his = view.owner == owner;
    // Tombstones have no owner in the store, or they would count as his sessions.
    if (!his && (view.kind != Kind::kSession || !view.owner.empty())) return true;
    Verdict verdict = judges[place.worker].judge(view);
    if (verdict.owner == owner) found[place.worker].push_back(std::move(verdict));
    return true;
  };
  const auto part_done = [](const WalkPlace&) { return true; };
  std::uint64_t damaged = 0;
  const auto damage = [&](const Finding&) { ++damaged; };
  Progress progress("reading");
  if (Status walked = walk_parts(reader, plan, {record, part_done, damage}, progress); !walked) {
    return walked;
  }
  if (damaged > 0) {
    message(fmt::format("{} damaged records were passed over; run `cloakroom verify {}`", damaged,
                        reader.info().path));
  }
  std::vector<Verdict> all;
  for (auto& part : found) std::move(part.begin(), part.end(), std::back_inserter(all));
  const auto later = [](const Verdict& a, const Verdict& b) {
    if (a.when != b.when) return a.when.value_or(kNever) > b.when.value_or(kNever);
    return a.key < b.key;
  };
  std::sort(all.begin(), all.end(), later);
  return all;
}

void print_json(const Verdict& verdict) {
  const auto text = [](const std::string& bytes) {
    return bytes.empty() ? Json(nullptr) : Json(escape(bytes));
  };
  const Json out{{"key", escape(verdict.key)},
                 {"owner", text(verdict.owner)},
                 {"state", verdict.state},
                 {"reason", text(verdict.reason)},
                 {"when_ms", verdict.when ? Json(*verdict.when) : Json(nullptr)},
                 {"last_seen_ms", verdict.seen ? Json(*verdict.seen) : Json(nullptr)},
                 {"source", verdict.source},
                 {"next_key", verdict.next ? Json(escape(*verdict.next)) : Json(nullptr)}};
  print(out.dump() + "\n");
}

void print_all(const std::vector<Verdict>& verdicts, TimeMs now, bool json) {
  if (json) {
    for (const Verdict& verdict : verdicts) print_json(verdict);
    return;
  }
  Table table({{"KEY"}, {"OWNER"}, {"STATE"}, {"REASON"}, {"WHEN (UTC)"}, {"LAST SEEN"}, {"BY"}});
  for (const Verdict& verdict : verdicts) {
    table.add({escape(verdict.key), verdict.owner.empty() ? "-" : escape(verdict.owner),
               verdict.state, verdict.reason.empty() ? "-" : verdict.reason,
               verdict.when ? utc_time(*verdict.when) : "-",
               verdict.seen
                   ? human_duration(std::max<std::int64_t>(until(now, *verdict.seen), 0)) + " ago"
                   : "-",
               verdict.source});
  }
  table.finish();
}

}  // namespace

int run_why(const WhyOptions& options) {
  const auto reader = open_reader(options.dir);
  if (!reader) return kExitCannotOpen;
  const std::string bytes = unescape(options.subject).value_or(options.subject);
  Result<std::vector<Verdict>> verdicts = judge_key(options, *reader, bytes);
  if (verdicts && verdicts->empty() && bytes != options.subject) {
    verdicts = judge_key(options, *reader, options.subject);
  }
  if (verdicts && verdicts->empty()) verdicts = judge_owner(*reader, bytes);
  if (!verdicts) {
    message(text_of(verdicts.status()));
    return verdicts.code() == StatusCode::kCorruption ? kExitFindings : kExitCannotOpen;
  }
  if (!verdicts->empty()) {
    print_all(*verdicts, reader->info().now, options.json);
    return kExitOk;
  }
  message("nothing is known of a key or owner " + escape(options.subject) + " in " + options.dir +
          ": it was never there, or what it left is gone. Tombstones are kept for " +
          "SessionsOptions::remember_ended; a session that timed out leaves none, and only the " +
          "server's own Sessions::why_ended can tell");
  return kExitFindings;
}

}  // namespace cloakroom::cli
