// cloakroom events: the changes of a store, as its ring holds them and as they are made.
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>
#include <thread>
#include <unordered_map>
#include <unordered_set>

#include "exit_codes.h"
#include "look/look.h"
#include "look/session_view.h"
#include "offline/ring_tail.h"
#include "reading/open_store.h"
#include "reading/record_json.h"
#include "text/output.h"

namespace cloakroom::cli {
namespace {

using Json = nlohmann::ordered_json;
using namespace std::chrono_literals;

constexpr std::size_t kRemembered = 1 << 16;
constexpr auto kPauseMin = 1ms;
constexpr auto kPauseMax = 50ms;
constexpr auto kHolderEvery = 200ms;

std::atomic<bool> interrupted{false};
void note_interrupt(int) { interrupted.store(true); }

// Which puts make a record: the ring does not say. A record that was made after we began and whose
// making we saw is written from then on; one that was made before was there. Beyond kRemembered
// records it begins anew.
class Creations {
 public:
  explicit Creations(TimeMs since) : since_(since) {}

  [[nodiscard]] bool makes(const RecordView& record, TimeMs now) {
    if (record.created < since_) return false;
    if (seen_.size() >= kRemembered) forget(now);
    return seen_.insert(std::string(record.key)).second;
  }
  // Creations may have been missed.
  void forget(TimeMs now) {
    seen_.clear();
    since_ = now;
  }
  void ended(std::string_view key) { seen_.erase(std::string(key)); }

 private:
  TimeMs since_;
  std::unordered_set<std::string> seen_;
};

class Printer {
 public:
  Printer(const EventsOptions& options, StoreReader& reader)
      : options_(options),
        reader_(reader),
        began_(std::chrono::steady_clock::now()),
        creations_(reader.info().now) {}

  // False when enough was printed.
  bool show(const RingChange& change) {
    if (!note(change)) return true;
    print(options_.json ? json_line() : text_line());
    return ++shown_ != options_.limit && !interrupted.load();
  }

  void show_overrun(const RingPoll& poll) {
    creations_.forget(now());
    message(
        fmt::format("overrun: the changes of versions {} to {} were written over before they "
                    "were read",
                    poll.missed_from, poll.missed_to));
  }

  [[nodiscard]] bool enough() const noexcept {
    return options_.limit != 0 && shown_ >= options_.limit;
  }

 private:
  // Store time, by the clock of this process since it read the store's.
  [[nodiscard]] TimeMs now() const {
    const auto elapsed = std::chrono::steady_clock::now() - began_;
    return reader_.info().now +
           std::chrono::duration_cast<std::chrono::milliseconds>(elapsed).count();
  }

  // What is known of the change; false when it is not asked for.
  bool note(const RingChange& change) {
    change_ = &change;
    const RecordView& record = change.record;
    const bool whole =
        change.type == RingChange::Type::kPut || change.type == RingChange::Type::kShorten;
    owner_ = whole ? std::string(record.owner) : owner_of(record.key);
    switch (change.type) {
      case RingChange::Type::kPut:
        what_ = options_.follow && creations_.makes(record, now()) ? "create" : "write";
        break;
      case RingChange::Type::kShorten:
        what_ = "shorten";
        break;
      case RingChange::Type::kTouch:
        what_ = "touch";
        break;
      case RingChange::Type::kErase:
        what_ = "erase";
        creations_.ended(record.key);
        break;
      case RingChange::Type::kElsewhere:
        what_ = "large";
    }
    if (whole) remember(record);
    if (change.type == RingChange::Type::kErase) owners_.erase(std::string(record.key));
    if (options_.owner && owner_ != *options_.owner && escape(owner_) != *options_.owner) {
      return false;
    }
    return record.key.starts_with(options_.prefix) ||
           escape(record.key).starts_with(options_.prefix);
  }

  // Touches and erases do not name the owner: it is that of the last write we saw, or else what the
  // store held when we began.
  std::string owner_of(std::string_view key) {
    if (const auto found = owners_.find(std::string(key)); found != owners_.end()) {
      return found->second;
    }
    std::string owner;
    (void)reader_.get(key, [&](const RecordView& record) { owner = record.owner; });
    return owner;
  }

  void remember(const RecordView& record) {
    if (owners_.size() >= kRemembered) owners_.clear();
    owners_[std::string(record.key)] = record.owner;
  }

  [[nodiscard]] bool has_record() const noexcept {
    return change_->type == RingChange::Type::kPut || change_->type == RingChange::Type::kShorten;
  }
  [[nodiscard]] bool has_deadline() const noexcept {
    return has_record() || change_->type == RingChange::Type::kTouch;
  }

  std::string json_line() const {
    const RecordView& record = change_->record;
    Json out{{"change", what_}, {"version", change_->version}};
    out["seen_ms"] = options_.follow ? Json(now()) : Json(nullptr);
    if (change_->type == RingChange::Type::kElsewhere) return out.dump() + "\n";
    out["key"] = escape(record.key);
    out["owner"] = owner_.empty() ? Json(nullptr) : Json(escape(owner_));
    if (has_deadline()) out["deadline_ms"] = time_or_null(record.deadline);
    if (has_record()) {
      out["kind"] = kind_name(record.kind);
      out["bytes"] = record.value.size();
      out["created_ms"] = record.created;
      if (record.kind == Kind::kSession) out["session"] = session_json(record, now(), false);
    }
    return out.dump() + "\n";
  }

  // The time it was seen or, of what lay in the ring, nothing: frames bear no time.
  std::string text_line() const {
    const RecordView& record = change_->record;
    std::string line = options_.follow ? utc_time(now()) + "  " : "";
    line += fmt::format("{} {}", pad_right(what_, 8), change_->version);
    if (change_->type == RingChange::Type::kElsewhere) {
      return line + "  a change too large for the ring, which does not say of what\n";
    }
    line += "  " + escape(record.key);
    line += "  owner " + (owner_.empty() ? "-" : escape(owner_));
    if (has_record()) {
      line += fmt::format("  {} bytes", human_count(record.value.size()));
      line += record.kind == Kind::kSession ? ", " + session_kind(record) : "";
    }
    if (has_deadline()) {
      line += "  until " +
              (record.deadline == kNever ? std::string("ever") : utc_time(record.deadline));
    }
    return line + "\n";
  }

  const EventsOptions& options_;
  StoreReader& reader_;
  const std::chrono::steady_clock::time_point began_;
  Creations creations_;
  std::unordered_map<std::string, std::string> owners_;  // of keys that were written
  std::uint64_t shown_ = 0;

  // Of the change at hand.
  const RingChange* change_ = nullptr;
  const char* what_ = "";
  std::string owner_;
};

// Until Ctrl-C, the limit or the end of the store's process.
int follow(const EventsOptions& options, RingTail& tail, Printer& printer) {
  const auto show = [&](const RingChange& change) { return printer.show(change); };
  auto pause = std::chrono::milliseconds(kPauseMin);
  auto looked = std::chrono::steady_clock::now();
  while (!interrupted.load() && !printer.enough()) {
    const auto now = std::chrono::steady_clock::now();
    // Asked before the last look, so that nothing is left behind.
    const bool closed = now - looked >= kHolderEvery && holder_of(options.dir) == 0;
    if (now - looked >= kHolderEvery) looked = now;
    const RingPoll poll = tail.poll(show, closed);
    if (poll.overrun) printer.show_overrun(poll);
    if (!flush_output()) return kExitCannotOpen;
    if (closed || poll.reopened) {
      message(poll.reopened ? "the store was closed and opened anew; start again to follow it"
                            : "the store was closed");
      return kExitOk;
    }
    pause = poll.changes > 0 ? std::chrono::milliseconds(kPauseMin)
                             : std::min(2 * pause, std::chrono::milliseconds(kPauseMax));
    if (poll.changes == 0) std::this_thread::sleep_for(pause);
  }
  return kExitOk;
}

}  // namespace

int run_events(const EventsOptions& options) {
  const auto from = options.follow ? RingTail::From::kNow : RingTail::From::kOldest;
  const auto reader = open_reader(options.dir);
  if (!reader) return kExitCannotOpen;
  if (options.follow && !reader->info().live) {
    message("no process has " + options.dir + " open, so nothing happens there; without --follow " +
            "events shows what was written last");
    return kExitFindings;
  }
  const auto tail = RingTail::open(options.dir, from);
  if (!tail) {
    const bool none = tail.code() == StatusCode::kNotFound;
    message(text_of(tail.status()) +
            (none ? "; a copy that was not opened yet has no ring, and so no events" : ""));
    return kExitCannotOpen;
  }
  std::signal(SIGINT, note_interrupt);
  std::signal(SIGTERM, note_interrupt);
  Printer printer(options, *reader);
  if (options.follow) return follow(options, **tail, printer);
  const auto show = [&](const RingChange& change) { return printer.show(change); };
  const RingPoll poll = (*tail)->poll(show, !reader->info().live);
  if (poll.overrun) printer.show_overrun(poll);
  return kExitOk;
}

}  // namespace cloakroom::cli
