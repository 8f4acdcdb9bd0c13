// cloakroom why: whether a session has ended, when and for what reason, from what is on disk.
//
// Four things tell of an end: the tombstone that logout, revocation and limits leave for a while
// (SessionsOptions::remember_ended); a record that is still there though its deadline has passed,
// or whose epoch is over; the ledger of the Sessions, which remembers the last ends of every kind;
// and the last changes, in the ring.
#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "base/base64url.h"
#include "cloakroom/sessions.h"
#include "exit_codes.h"
#include "look/ended_sessions.h"
#include "look/look.h"
#include "look/token_key.h"
#include "look/verdict.h"
#include "offline/ring_tail.h"
#include "reading/open_store.h"
#include "reading/parallel_walk.h"
#include "reading/record_json.h"
#include "sessions/key_file.h"
#include "sessions/tokens.h"
#include "text/output.h"
#include "text/progress.h"

namespace cloakroom::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kHopsMax = 16;
// Where the Redis-protocol listener notes what was deleted lately (docs/format.md).
constexpr std::string_view kBuried("\0\xffT", 3);

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
                                       const EndedSessions& ended, std::string key) {
  std::vector<Verdict> verdicts;
  Judge judge(reader);
  for (int hop = 0; hop < kHopsMax; ++hop) {
    std::optional<Verdict> verdict;
    const Status got =
        reader.get(key, [&](const RecordView& record) { verdict = judge.judge(record); });
    if (!got && got.code() != StatusCode::kNotFound) return got;
    if (!verdict) verdict = judge_buried(reader, key);
    if (const EndedSession* known = ended.find(key); !verdict && known != nullptr) {
      verdict = verdict_of(*known);
    }
    if (!verdict) verdict = judge_by_ring(options, reader, key);
    if (!verdict) break;
    verdicts.push_back(*verdict);
    if (!verdict->next) break;
    key = *verdict->next;
  }
  return verdicts;
}

bool is_handle(std::string_view text) {
  unsigned char bytes[sizeof(HandleBytes)];
  return base64url_decode(text, bytes);
}

// The ends of sessions whose records are gone.
void add_from_ledger(const std::vector<EndedSession>& ended, std::vector<Verdict>& all) {
  std::set<std::string> seen;
  for (const Verdict& verdict : all) seen.insert(verdict.key);
  for (const EndedSession& one : ended) {
    if (!seen.contains(one.key)) all.push_back(verdict_of(one));
  }
}

// Every record of an owner or with a handle, and what is left of those that were. The latest end
// first.
Result<std::vector<Verdict>> judge_owner(StoreReader& reader, const EndedSessions& ended,
                                         const std::string& subject) {
  const bool may_be_handle = is_handle(subject);
  const WalkPlan plan = plan_walk(reader);
  std::vector<std::vector<Verdict>> found(plan.workers);
  std::vector<Judge> judges(plan.workers, Judge(reader));
  const auto record = [&](const WalkPlace& place, const RecordView& view) {
    const bool his = view.owner == subject;
    // Tombstones have no owner in the store, or they would count as his sessions.
    const bool may_be = view.kind == Kind::kSession && (may_be_handle || view.owner.empty());
    if (!his && !may_be) return true;
    Verdict verdict = judges[place.worker].judge(view);
    if (verdict.owner != subject && verdict.handle != subject) return true;
    found[place.worker].push_back(std::move(verdict));
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
  add_from_ledger(ended.of(subject), all);
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
                 {"handle", text(verdict.handle)},
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

// What is asked about, as it was given.
struct Subject {
  explicit Subject(const WhyOptions& options) : text(options.subject) {
    if (text == "-") std::getline(std::cin, text);
    bytes = unescape(text).value_or(text);
    is_token = looks_like_token(text);
  }

  // A token is not shown to whoever looks at the terminal, or at a log.
  [[nodiscard]] std::string shown() const {
    return is_token ? std::string("this token") : "a key, owner or handle " + escape(text);
  }

  std::string text;
  std::string bytes;
  bool is_token = false;
};

// The key of the record of a token. What keeps us from telling is said.
Result<std::string> key_of(const WhyOptions& options, const EndedSessions& ended,
                           const Subject& subject) {
  const std::string file = options.key_file.empty() ? key_file_of(options.dir) : options.key_file;
  std::vector<std::string> names = ended.names();
  names.push_back(SessionsOptions().name);
  const auto key = key_of_token(file, names, subject.text);
  if (!key && key.code() == StatusCode::kNotFound) {
    message("this looks like a session token, and without the key file " + file +
            " nobody can tell whose: name the file with --key-file, or give the key of the record");
    return Status(StatusCode::kIo, {});
  }
  if (!key) {
    message(text_of(key.status()));
    return key.status();
  }
  if (*key) return **key;
  message("this token was made with other keys than those of " + file +
          ", or by somebody else: no session of this store ever had it");
  return StatusCode::kNotFound;
}

}  // namespace

int run_why(const WhyOptions& options) {
  const auto reader = open_reader(options.dir);
  if (!reader) return kExitCannotOpen;
  const EndedSessions ended(options.dir);
  const Subject subject(options);
  Result<std::vector<Verdict>> verdicts = judge_key(options, *reader, ended, subject.bytes);
  if (verdicts && verdicts->empty() && subject.bytes != subject.text) {
    verdicts = judge_key(options, *reader, ended, subject.text);
  }
  if (verdicts && verdicts->empty() && subject.is_token) {
    const auto key = key_of(options, ended, subject);
    if (!key) return key.code() == StatusCode::kIo ? kExitCannotOpen : kExitFindings;
    verdicts = judge_key(options, *reader, ended, *key);
  } else if (verdicts && verdicts->empty()) {
    verdicts = judge_owner(*reader, ended, subject.bytes);
  }
  if (!verdicts) {
    message(text_of(verdicts.status()));
    return verdicts.code() == StatusCode::kCorruption ? kExitFindings : kExitCannotOpen;
  }
  if (!verdicts->empty()) {
    print_all(*verdicts, reader->info().now, options.json);
    return kExitOk;
  }
  message("nothing is known of " + subject.shown() + " in " + options.dir +
          ": it was never there, or what it left is gone. The ledger remembers the last " +
          "SessionsOptions::ledger_entries ends, and tombstones stay for remember_ended");
  return kExitFindings;
}

}  // namespace cloakroom::cli
