#include "copy/import_merge.h"

#include <nlohmann/json.hpp>

#include "exit_codes.h"
#include "offline/store_reader.h"
#include "text/interrupt.h"
#include "text/output.h"

namespace cloakroom::cli {
namespace {

using Json = nlohmann::ordered_json;

enum class Outcome { kCreated, kReplaced, kKept, kExpired, kOutcomeCount };

int cannot(const Status& status) {
  message(text_of(status));
  return status.code() == StatusCode::kInvalidArgument ? kExitFindings : kExitCannotOpen;
}

// From now, by the export's clock: time that passed since it was made has passed for its records.
class Remaining {
 public:
  explicit Remaining(const ExportHeader& header)
      : now_(header.store_time + std::max<TimeMs>(0, system_clock().wall_ms() - header.wall_time)) {
  }

  // Nothing left is 0 or less.
  [[nodiscard]] Millis of(TimeMs time) const {
    return time == kNever ? kNoExpiry : Millis{time - now_ + 1};  // alive in the last one, too
  }

 private:
  const TimeMs now_;
};

class Merge {
 public:
  Merge(const ImportOptions& options, ImportLines& lines, Store& store)
      : options_(options), lines_(lines), store_(store), remaining_(lines.header()) {}

  int run() {
    const Interrupts interrupts;
    while (RecordLine* const record = lines_.next()) {
      const auto outcome = merge(*record);
      if (outcome) {
        ++counts_[static_cast<std::size_t>(*outcome)];
      } else if (outcome.code() != StatusCode::kInvalidArgument &&
                 outcome.code() != StatusCode::kTooLarge) {
        return end(outcome.status());
      } else if (!lines_.reject(outcome.status().message())) {
        break;
      }
      if (interrupts.came()) break;
    }
    if (!lines_.status()) return end(lines_.status());
    if (!options_.dry_run) {
      if (Status synced = store_.sync(); !synced) return end(synced);
    }
    tell();
    if (interrupts.came()) {
      message("stopped behind line " + std::to_string(lines_.place().line) +
              "; run it again to merge the rest");
      return interrupts.end();
    }
    return lines_.broken() == 0 ? kExitOk : kExitFindings;
  }

 private:
  int end(const Status& failure) {
    lines_.pace().clear();
    tell();
    return cannot(failure);
  }

  Result<Outcome> merge(const RecordLine& record) {
    PutOptions put{.ttl = remaining_.of(record.deadline),
                   .lifetime = remaining_.of(record.lifetime),
                   .owner = record.owner};
    if (put.ttl <= Millis{0} || put.lifetime <= Millis{0}) return Outcome::kExpired;
    Version known = 0;
    const auto seen =
        store_.visit(record.key, [&](const RecordView& view) { known = view.version; });
    if (!seen && seen.code() != StatusCode::kNotFound) return seen.status();
    if (known != 0 && !wins(record, known)) return Outcome::kKept;
    if (!options_.dry_run) {
      // An overwrite would keep the lifetime that is there.
      if (known != 0) {
        if (Status erased = store_.erase(record.key); !erased) return erased;
      }
      if (Status done = put_record(store_, record.view(), put); !done) return done;
    }
    return known != 0 ? Outcome::kReplaced : Outcome::kCreated;
  }

  [[nodiscard]] bool wins(const RecordLine& record, Version known) const {
    switch (*options_.merge) {
      case Existing::kReplace:
        return true;
      case Existing::kNewer:
        return record.version && *record.version > known;
      case Existing::kSkip:
        break;
    }
    return false;
  }

  void tell() const {
    const auto count = [&](Outcome outcome) { return counts_[static_cast<std::size_t>(outcome)]; };
    if (options_.json) {
      print(Json{{"store", escape_text(options_.dir)},
                 {"created", count(Outcome::kCreated)},
                 {"replaced", count(Outcome::kReplaced)},
                 {"kept", count(Outcome::kKept)},
                 {"expired", count(Outcome::kExpired)},
                 {"broken", lines_.broken()},
                 {"dry_run", options_.dry_run}}
                .dump() +
            "\n");
      return;
    }
    print(std::string(options_.dry_run ? "would merge into " : "merged into ") +
          escape_text(options_.dir) + ": " + human_count(count(Outcome::kCreated)) + " created, " +
          human_count(count(Outcome::kReplaced)) + " replaced, " +
          human_count(count(Outcome::kKept)) + " left as they are, " +
          human_count(count(Outcome::kExpired)) + " expired meanwhile" +
          (lines_.broken() == 0 ? "" : "; findings: " + human_count(lines_.broken())) + "\n");
  }

  const ImportOptions& options_;
  ImportLines& lines_;
  Store& store_;
  const Remaining remaining_;
  std::uint64_t counts_[static_cast<std::size_t>(Outcome::kOutcomeCount)] = {};
};

// Versions can be compared only within one store's history.
Status check_lineage(const ImportOptions& options, const ImportLines& lines) {
  if (options.merge != Existing::kNewer) return Status();
  const auto reader = StoreReader::open(options.dir);
  if (!reader) return reader.status();
  if ((*reader)->info().store_id == lines.header().store_id) return Status();
  return Status(StatusCode::kInvalidArgument,
                "the export is of another store than " + options.dir +
                    ", and which of two versions is newer cannot be said; merge with skip or "
                    "replace");
}

}  // namespace

std::unique_ptr<Store> open_for_change(const std::string& dir) {
  auto store = Store::open(
      {.path = dir, .create_if_missing = false, .log = [](LogLevel level, std::string_view text) {
         if (level != LogLevel::kInfo) message(text);
       }});
  if (store) return std::make_unique<Store>(*std::move(store));
  message(text_of(store.status()));
  return nullptr;
}

Status put_record(Store& store, const RecordView& record, PutOptions options) {
  options.kind = record.kind;
  if (record.kind != Kind::kFields) return store.put(record.key, record.value, options).status();
  const auto put = [&] {
    return store
        .update(
            record.key,
            [&](const RecordView*, std::string& value) {
              value = record.value;
              return UpdateAction::kStore;
            },
            options)
        .status();
  };
  Status done = put();
  if (done.code() == StatusCode::kWrongKind) {
    done = store.erase(record.key);
    if (done) done = put();
  }
  return done;
}

int run_merge(const ImportOptions& options, ImportLines& lines) {
  if (Status comparable = check_lineage(options, lines); !comparable) return cannot(comparable);
  const auto store = open_for_change(options.dir);
  if (!store) return kExitCannotOpen;
  const int code = Merge(options, lines, *store).run();
  const Status closed = store->close();
  return closed ? code : cannot(closed);
}

}  // namespace cloakroom::cli
