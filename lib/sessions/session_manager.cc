// Starting, and what all operations share.
#include "sessions/session_manager.h"

#include <string.h>

#include <algorithm>
#include <utility>

#include "base/base64url.h"
#include "base/wipe.h"
#include "sessions/key_file.h"
#include "sessions/policy.h"

namespace cloakroom {
namespace {

// Remembers at least what this object itself erases, until the store has told of it.
constexpr std::size_t kLedgerEntriesMin = 64;

void wipe(std::vector<std::string>& secrets) noexcept {
  for (std::string& secret : secrets) cloakroom::wipe(secret);
  secrets.clear();
}

}  // namespace

const char* to_string(EndReason reason) noexcept {
  switch (reason) {
    case EndReason::kUnknown:
      return "unknown";
    case EndReason::kIdle:
      return "idle";
    case EndReason::kLifetime:
      return "lifetime";
    case EndReason::kLogout:
      return "logout";
    case EndReason::kRevoked:
      return "revoked";
    case EndReason::kReplaced:
      return "replaced";
    case EndReason::kLimit:
      return "limit";
    case EndReason::kEveryone:
      return "everyone";
    case EndReason::kEvicted:
      return "evicted";
    case EndReason::kCorrupt:
      return "corrupt";
  }
  return "unknown";
}

std::string handle_text(const HandleBytes& handle) { return base64url(handle); }

SessionManager::SessionManager(Store& store, SessionsOptions options, SessionsHooks hooks)
    : store_(store),
      options_(std::move(options)),
      hooks_(std::move(hooks)),
      ledger_(std::max(options_.ledger_entries, kLedgerEntriesMin)),
      events_(options_.background) {
  status_ = start();
  wipe(options_.keys);
  if (status_) start_ledger();
  if (status_ && options_.ledger_entries != 0) watch_store();
}

SessionManager::~SessionManager() {
  Subscription watching;
  {
    MutexLock guard(watch_mutex_);
    watching = std::move(watching_);
  }
  watching.cancel();
  events_.stop();
}

Status SessionManager::start() {
  if (Status fine = check_options(options_); !fine) return fine;
  bool made = false;
  Result<std::vector<std::string>> found = find_keys(made);
  if (!found) return found.status();
  Result<TokenKeys> derived = TokenKeys::derive(*found, options_.name);
  for (std::string& key : *found) cloakroom::wipe(key);
  if (!derived) return derived.status();
  keys_.emplace(*std::move(derived));
  return check_meta(made);
}

// What it cannot keep on disk it keeps in memory: nobody is refused because of it.
void SessionManager::start_ledger() {
  if (store_.path().empty()) return;
  const Status kept = options_.ledger_entries == 0
                          ? LedgerFile::remove(store_.path(), options_.name)
                          : ledger_.keep_in(store_.path(), options_.name);
  if (!kept) ledger_problem_ = kept.message();
}

// The keys of the options, of the file, or new ones.
Result<std::vector<std::string>> SessionManager::find_keys(bool& made) {
  if (!options_.keys.empty()) return options_.keys;
  if (store_.path().empty() && options_.key_file.empty()) {
    std::string key(kMasterKeyBytes, '\0');
    const Status drawn = hooks_.random({reinterpret_cast<unsigned char*>(key.data()), key.size()});
    if (!drawn) return drawn;
    return std::vector<std::string>{std::move(key)};
  }
  const std::string path =
      options_.key_file.empty() ? key_file_of(store_.path()) : options_.key_file;
  Result<std::vector<std::string>> keys = read_key_file(path);
  if (keys || keys.code() != StatusCode::kNotFound) return keys;
  const Result<std::optional<MetaRecord>> meta = read_meta();
  if (!meta) return meta.status();
  if (*meta && !options_.replace_lost_key) {
    return Status(StatusCode::kIo,
                  "the key file " + path +
                      " is missing, and the store has sessions that were made with it: put it back "
                      "from a copy, or end them all with SessionsOptions::replace_lost_key");
  }
  made = true;
  return create_key_file(path, hooks_.random);
}

Result<std::optional<MetaRecord>> SessionManager::read_meta() {
  MetaRecord meta;
  bool sound = false;
  const Result<Version> seen = store_.visit(meta_key(), [&](const RecordView& view) {
    sound = view.kind == Kind::kSession && decode(view.value, meta);
  });
  if (seen.code() == StatusCode::kNotFound) return std::optional<MetaRecord>();
  if (!seen) return seen.status();
  if (!sound) {
    return Status(StatusCode::kCorruption,
                  "the record that is common to all sessions is damaged, or of a newer version; "
                  "restore a checkpoint");
  }
  return std::optional<MetaRecord>(std::move(meta));
}

// Are these the keys that the store's sessions were made with? What is common to all sessions is
// brought up to date, durably.
Status SessionManager::check_meta(bool made_key) {
  Result<std::optional<MetaRecord>> read = read_meta();
  if (!read) return read.status();
  const std::vector<std::uint64_t>& ids = keys_->ids();
  const std::uint64_t generation = store_.stats().generation;
  MetaRecord meta = read->value_or(MetaRecord{});
  const bool known = std::any_of(ids.begin(), ids.end(), [&](std::uint64_t id) {
    return std::count(meta.key_ids.begin(), meta.key_ids.end(), id) != 0;
  });
  if (*read && !known && !options_.replace_lost_key) {
    return Status(StatusCode::kIo,
                  std::string(made_key ? "the key file was missing" : "none of the keys") +
                      " is one that the store's sessions were made with: give the right keys or "
                      "key file, or end all sessions with SessionsOptions::replace_lost_key");
  }
  const bool copied = *read && meta.generation != generation && !options_.trust_copy;
  if (copied || (*read && !known)) {
    ++meta.epoch;
    meta.epoch_began_at = store_.now();
  }
  const bool same = *read && meta.key_ids == ids && meta.generation == generation && !copied;
  meta.key_ids = ids;
  meta.generation = generation;
  epoch_.store(meta.epoch, std::memory_order_release);
  epoch_began_at_.store(meta.epoch_began_at, std::memory_order_release);
  if (same) return Status();
  return store_
      .put(meta_key(), encode(meta), {.kind = Kind::kSession, .durability = Durability::kDisk})
      .status();
}

Status SessionManager::check(std::string_view token, Digest& digest) {
  if (!status_) return status_;
  switch (keys_->check(token, digest)) {
    case TokenKeys::Verdict::kOurs:
      return Status();
    case TokenKeys::Verdict::kForged:
      counters_.add(kForged);
      break;
    case TokenKeys::Verdict::kMalformed:
      counters_.add(kMalformed);
      break;
  }
  return Status(StatusCode::kNotFound);
}

Status SessionManager::ended(EndReason reason) {
  return Status(StatusCode::kEnded, std::string("the session has ended: ") + to_string(reason));
}

Status SessionManager::corrupt() {
  return Status(StatusCode::kCorruption,
                "the record of a session is damaged, or of a newer version; destroy() ends it");
}

// --- events ----------------------------------------------------------------------------------
// The bus is that of the store's events, which carries bytes: the key is handle and reason.

void SessionManager::tell(SessionEventType type, EndReason reason, std::string_view handle,
                          std::string_view owner, Version version) {
  const auto carried = static_cast<EventType>(type);
  if (!events_.wanted(carried)) return;
  std::string key(1, static_cast<char>(reason));
  key.append(handle);
  events_.publish(carried, key, owner, version, store_.now());
}

Subscription SessionManager::subscribe(std::function<void(const SessionEvent&)> f, EventMask mask) {
  if (status_ && (mask & event_bit(SessionEventType::kEnded)) != 0) watch_store();
  return events_.subscribe(
      [f = std::move(f)](const Event& event) {
        SessionEvent told{.type = static_cast<SessionEventType>(event.type),
                          .owner = event.owner,
                          .when = event.when,
                          .dropped = event.dropped};
        if (!event.key.empty()) {
          told.reason = static_cast<EndReason>(event.key[0]);
          told.handle = event.key.substr(1);
        }
        f(told);
      },
      mask);
}

void SessionManager::watch_store() {
  MutexLock guard(watch_mutex_);
  if (std::exchange(watches_, true)) return;
  watching_ = store_.subscribe(
      [this](const Event& event) { record_gone(event); },
      event_bit(EventType::kExpired) | event_bit(EventType::kErased) | kLastValues);
}

// On the store's dispatcher. Replaced records and tombstones that go were told of before.
void SessionManager::record_gone(const Event& event) {
  Digest digest;
  LiveRecord live;
  if (event.kind != Kind::kSession || !RecordKey::parse(options_.name, event.key, digest) ||
      !decode(event.value, live) || !is_current(live)) {
    return;
  }
  EndReason reason = event.when > event.lifetime ? EndReason::kLifetime : EndReason::kIdle;
  if (event.type == EventType::kErased) {
    const std::optional<Ledger::Entry> known = ledger_.find(digest);
    if (known && known->untold) return;  // by end_without_trace()
    reason = EndReason::kEvicted;
  }
  ledger_.add({.key = digest,
               .handle = live.handle,
               .reason = static_cast<std::uint8_t>(reason),
               .when = event.when,
               .owner = event.owner});
  tell(SessionEventType::kEnded, reason, handle_text(live.handle), event.owner, event.version);
}

SessionsStats SessionManager::stats() const {
  SessionsStats stats;
  stats.created = counters_.sum(kCreated);
  stats.loads = counters_.sum(kLoads);
  stats.slides = counters_.sum(kSlides);
  stats.graces = counters_.sum(kGraces);
  stats.malformed = counters_.sum(kMalformed);
  stats.forged = counters_.sum(kForged);
  stats.unknown = counters_.sum(kUnknown);
  stats.ended = counters_.sum(kEndedTokens);
  stats.replayed = counters_.sum(kReplayed);
  stats.saves = counters_.sum(kSaves);
  stats.saves_refused = counters_.sum(kSavesRefused);
  stats.rotations = counters_.sum(kRotations);
  stats.destroyed = counters_.sum(kDestroyed);
  stats.events_dropped = events_.dropped();
  stats.ledger_on_disk = ledger_.is_kept();
  stats.ledger_problem = ledger_problem_;
  return stats;
}

}  // namespace cloakroom
