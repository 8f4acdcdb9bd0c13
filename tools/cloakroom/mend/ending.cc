#include "mend/ending.h"

#include <unistd.h>

#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cloakroom/store.h"
#include "exit_codes.h"
#include "reading/isolate.h"
#include "reading/open_store.h"
#include "reading/record_json.h"
#include "sessions/session_record.h"
#include "text/output.h"
#include "text/progress.h"

namespace cloakroom::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr Millis kRememberEnded = std::chrono::hours(1);  // as SessionsOptions has it

enum class Sort { kSession, kMeta, kTrace, kOther };

// What a record is to the web layer; a trace is what an ended or rotated session has left.
Sort sort_of(Kind kind, std::string_view value) {
  if (kind != Kind::kSession) return Sort::kOther;
  switch (type_of(value)) {
    case RecordType::kLive:
      return Sort::kSession;
    case RecordType::kMeta:
      return Sort::kMeta;
    case RecordType::kReplaced:
    case RecordType::kEnded:
      return Sort::kTrace;
    case RecordType::kNone:
      break;
  }
  return Sort::kOther;
}

struct Plan {
  std::vector<std::string> keys;
  std::vector<std::string> metas;  // of the names of sessions
  std::uint64_t sessions = 0;
  std::vector<std::string> absent;
};

class Work {
 public:
  explicit Work(const Ending& ending) : ending_(ending), options_(ending.options) {}

  int run() {
    if (const int code = count(); code != kExitOk) return code;
    if (plan_.keys.empty() && (!ending_.new_epoch || plan_.metas.empty())) return tell(0);
    if (options_.dry_run) return tell(0);
    const std::string question = "End " + amount() + " in " + options_.dir + "?";
    if (const auto code = refused(options_.yes, question, "end " + amount())) return *code;
    return act();
  }

 private:
  void plan(const RecordView& record) {
    const Sort sort = sort_of(record.kind, record.value);
    if (sort == Sort::kMeta) {
      // Without it the sessions' key could not be checked, and what ended before would be
      // forgotten.
      if (ending_.new_epoch) plan_.metas.emplace_back(record.key);
      return;
    }
    if (sort == Sort::kTrace && ending_.keys.empty()) return;  // it serves nobody
    if (sort == Sort::kSession) ++plan_.sessions;
    plan_.keys.emplace_back(record.key);
  }

  int count() {
    const auto reader = open_reader(options_.dir);
    if (!reader) return kExitCannotOpen;
    const TimeMs now = reader->info().now;
    for (const std::string& key : ending_.keys) {
      bool found = false;
      const Status got = reader->get(key, [&](const RecordView& record) {
        found = !dead(record, now);
        if (found) plan(record);
      });
      if (!got && got.code() != StatusCode::kNotFound) return cannot(got);
      if (!found) plan_.absent.push_back(key);
    }
    if (!ending_.keys.empty()) return kExitOk;
    Progress progress("counting");
    std::uint64_t seen = 0;
    const Status walked = reader->for_each([&](const RecordView& record) {
      if (++seen % 1024 == 0) progress.update(seen, reader->info().records_estimate);
      if (!dead(record, now) && ending_.concerns(record)) plan(record);
      return true;
    });
    return walked ? kExitOk : cannot(walked);
  }

  int act() {
    auto store = Store::open({.path = options_.dir,
                              .disk_floor_bytes = 0,
                              .create_if_missing = false,
                              .background = false});
    if (!store) return cannot(store.status());
    for (const std::string& key : plan_.metas) {
      if (Status done = begin_epoch(*store, key); !done) return cannot(done);
    }
    // Now nobody is served any more, whatever happens to the rest.
    if (Status synced = store->sync(); !synced) return cannot(synced);
    Progress progress("ending");
    std::uint64_t ended = 0;
    for (const std::string& key : plan_.keys) {
      if (Status done = end(*store, key); !done) return cannot(done);
      progress.update(++ended, plan_.keys.size());
    }
    progress.clear();
    if (Status synced = store->sync(); !synced) return cannot(synced);
    if (Status closed = store->close(); !closed) return cannot(closed);
    return tell(ended);
  }

  static Status begin_epoch(Store& store, const std::string& key) {
    const TimeMs now = store.now();
    return store
        .update(key,
                [&](const RecordView* record, std::string& value) {
                  MetaRecord meta;
                  if (record == nullptr || !decode(record->value, meta))
                    return UpdateAction::kLeave;
                  ++meta.epoch;
                  meta.epoch_began_at = now;
                  value = encode(meta);
                  return UpdateAction::kStore;
                },
                {.keep_deadline = true, .kind = Kind::kSession})
        .status();
  }

  // A session becomes a tombstone, another record goes.
  Status end(Store& store, const std::string& key) const {
    bool session = false;
    LiveRecord live;
    std::string owner;
    const auto seen = store.visit(key, [&](const RecordView& record) {
      session = sort_of(record.kind, record.value) == Sort::kSession && decode(record.value, live);
      owner = record.owner;
    });
    if (seen.code() == StatusCode::kNotFound) return Status();  // it expired meanwhile
    if (!seen || !session) return store.erase(key);
    const std::string tombstone = encode(EndedRecord{
        .handle = live.handle, .reason = ending_.reason, .when = store.now(), .owner = owner});
    const Status put =
        store
            .put(key, tombstone,
                 {.ttl = kRememberEnded, .owner = std::string_view(), .kind = Kind::kSession})
            .status();
    return put.code() == StatusCode::kFull ? store.erase(key) : put;
  }

  [[nodiscard]] std::string amount() const {
    return human_count(plan_.keys.size()) + " " + ending_.what + " (" +
           human_count(plan_.sessions) + " of them sessions)";
  }

  int tell(std::uint64_t ended) {
    if (options_.json) {
      Json absent = Json::array();
      for (const std::string& key : plan_.absent) absent.push_back(escape(key));
      print(Json{{"records", plan_.keys.size()},
                 {"sessions", plan_.sessions},
                 {"ended", ended},
                 {"absent", absent},
                 {"dry_run", options_.dry_run}}
                .dump() +
            "\n");
    } else {
      for (const std::string& key : plan_.absent) print("absent: " + escape(key) + "\n");
      print((options_.dry_run     ? "would end "
             : plan_.keys.empty() ? "nothing to end: "
                                  : "ended ") +
            amount() + "\n");
    }
    return plan_.absent.empty() ? kExitOk : kExitFindings;
  }

  static int cannot(const Status& status) {
    message(text_of(status));
    return kExitCannotOpen;
  }

  const Ending& ending_;
  const EndingOptions& options_;
  Plan plan_;
};

}  // namespace

std::optional<int> refused(bool yes, const std::string& question, const std::string& would) {
  if (yes) return std::nullopt;
  if (::isatty(STDIN_FILENO) == 0 || !is_terminal(messages())) {
    message("this would " + would +
            "; nothing was done. Say --yes to do it, or --dry-run to see only the count");
    return kExitUsage;
  }
  fmt::print(messages(), "{} This cannot be undone. [y/N] ", escape_text(question));
  std::fflush(messages());
  std::string answer;
  std::getline(std::cin, answer);
  if (answer == "y" || answer == "Y" || answer == "yes") return std::nullopt;
  message("nothing was done");
  return kExitFindings;
}

bool is_at_rest(const std::string& dir) {
  const std::int64_t holder = holder_of(dir);
  if (holder == 0) return true;
  message("store " + dir + " is open" +
          (holder > 0 ? " in process " + std::to_string(holder) : "") +
          "; stop that server first, or let it do this itself");
  return false;
}

std::string bytes_of(const std::string& text) { return unescape(text).value_or(text); }

int run_ending(const Ending& ending) {
  if (!is_at_rest(ending.options.dir)) return kExitCannotOpen;
  return run_isolated(ending.options.dir, [&] { return Work(ending).run(); });
}

}  // namespace cloakroom::cli
