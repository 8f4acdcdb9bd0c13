#include "store/engine.h"

#include <algorithm>
#include <bit>

#include "base/memory_limit.h"
#include "base/random.h"
#include "store/fields.h"

namespace cloakroom {
namespace {

constexpr std::size_t kRingBytesMin = std::size_t{64} << 10;
constexpr std::size_t kRingBytesMax = std::size_t{1} << 30;
constexpr std::size_t kValueBytesCeiling = std::size_t{512} << 20;

Status invalid(std::string text) { return Status(StatusCode::kInvalidArgument, std::move(text)); }

Status check_options(const Options& options) {
  if (options.stripe_count != 0 &&
      (!std::has_single_bit(options.stripe_count) || options.stripe_count > kStripeCountMax)) {
    return invalid("Options::stripe_count must be 0 or a power of two up to 65536, not " +
                   std::to_string(options.stripe_count));
  }
  if (!std::has_single_bit(options.ring_bytes) || options.ring_bytes < kRingBytesMin ||
      options.ring_bytes > kRingBytesMax) {
    return invalid("Options::ring_bytes must be a power of two from 64 KiB to 1 GiB, not " +
                   std::to_string(options.ring_bytes));
  }
  if (options.value_bytes_max == 0 || options.value_bytes_max > kValueBytesCeiling) {
    return invalid("Options::value_bytes_max must be 1 to 512 MiB, not " +
                   std::to_string(options.value_bytes_max));
  }
  if (options.sync_interval < Millis{1}) {
    return invalid("Options::sync_interval must be at least 1 ms");
  }
  if (options.stall_limit < Millis{1}) {
    return invalid("Options::stall_limit must be at least 1 ms");
  }
  if (options.touch_resolution < kTenthOfTtl) {
    return invalid("Options::touch_resolution must be 0 or more, or kTenthOfTtl");
  }
  return Status();
}

// What 0 stands for.
std::uint64_t limit_of(std::size_t memory_limit_bytes) {
  return memory_limit_bytes != 0 ? memory_limit_bytes : usable_memory_bytes() / 4;
}

}  // namespace

constinit thread_local const UpdateScope* UpdateScope::innermost = nullptr;

// The scopes of a thread form a list, for the function of one update may update another store.
UpdateScope::UpdateScope(const Engine* engine) noexcept
    : engine_(engine), outer_(std::exchange(innermost, this)) {}

UpdateScope::~UpdateScope() { innermost = outer_; }

bool UpdateScope::inside_any(const Engine* engine) noexcept {
  for (const UpdateScope* scope = innermost; scope != nullptr; scope = scope->outer_) {
    if (scope->engine_ == engine) return true;
  }
  return false;
}

Result<std::unique_ptr<Engine>> Engine::open(Options options, const JournalHooks& hooks) {
  if (Status fine = check_options(options); !fine) return fine;
  Result<OpenedJournal> opened = open_journal(options, hooks);
  if (!opened) return opened.status();
  return open(std::move(options), *std::move(opened));
}

Result<std::unique_ptr<Engine>> Engine::open(Options options, OpenedJournal opened) {
  if (Status fine = check_options(options); !fine) return fine;
  const Result<std::uint64_t> seed = random_u64();
  if (!seed) return seed.status();
  std::unique_ptr<Engine> engine(new Engine(std::move(options), std::move(opened), *seed));
  return engine;
}

Engine::Engine(Options options, OpenedJournal opened, std::uint64_t seed)
    : options_(std::move(options)),
      timeline_(std::move(opened.timeline)),
      table_(options_.stripe_count != 0 ? options_.stripe_count : kStripeCountDefault, seed),
      events_(options_.background),
      journal_(std::move(opened.journal)),
      memory_limit_(limit_of(options_.memory_limit_bytes)) {
  if (options_.path.empty()) {
    MutexLock guard(load_mutex_);
    end_warm_up();
  }
  journal_->set_dead_check(
      [this](std::string_view key, Version version) { return is_dead(key, version); });
  if (options_.background) table_.slabs().set_low_memory_call([this] { wake_for_memory(); });
  if (options_.background) upkeep_ = std::thread([this] { upkeep_loop(); });
  if (options_.background && !options_.path.empty()) start_loaders();
}

Engine::~Engine() { (void)close(); }

Status Engine::close() {
  if (closed_.exchange(true)) return Status();
  stop_loaders();
  stop_upkeep();
  write_exact_deadlines();
  const Status closed = journal_->close();
  events_.stop();
  return closed;
}

std::uint64_t Engine::memory_limit() const noexcept {
  const std::uint64_t indexes = owners_.memory_bytes();
  const std::uint64_t limit = memory_limit_.load(std::memory_order_relaxed);
  return indexes < limit ? limit - indexes : 0;
}

void Engine::set_memory_limit(std::size_t bytes) noexcept {
  memory_limit_.store(limit_of(bytes), std::memory_order_relaxed);
}

Status Engine::check_open() const {
  if (closed_.load(std::memory_order_relaxed)) {
    return Status(StatusCode::kClosed, "the store was closed");
  }
  if (UpdateScope::inside(this)) {
    return invalid(
        "the store was called from inside the function of update(); return from it first");
  }
  return Status();
}

Status Engine::check_call(std::string_view key) const {
  if (key.size() > kKeyBytesMax) {
    return Status(StatusCode::kTooLarge, "a key of " + std::to_string(key.size()) +
                                             " bytes; the limit is " +
                                             std::to_string(kKeyBytesMax));
  }
  return check_open();
}

// --- reading ---------------------------------------------------------------------------------

Status Engine::read_through(std::uint64_t hash, std::string_view key,
                            FunctionRef<void(const RecordView&)> f) {
  const Status faulted = fault_in(hash, key);
  if (!faulted && faulted.code() != StatusCode::kNotFound) return faulted;
  const bool found = table_.read(
      hash, key, [this] { return now(); }, f);
  counters_.add(found ? kHits : kMisses);
  return found ? Status() : Status(StatusCode::kNotFound);
}

Result<Version> Engine::get(std::string_view key, std::string& value) {
  Version version = 0;
  bool bytes = true;
  const Status got = read(key, [&](const RecordView& view) {
    bytes = view.kind == Kind::kBytes;
    version = view.version;
    if (bytes) value.assign(view.value);
  });
  if (!got) return got;
  if (!bytes) {
    return Status(StatusCode::kWrongKind, "the record is not of kind kBytes; use get_field or visit");
  }
  return version;
}

Result<Version> Engine::visit(std::string_view key, FunctionRef<void(const RecordView&)> f) {
  Version version = 0;
  const Status got = read(key, [&](const RecordView& view) {
    f(view);
    version = view.version;
  });
  if (!got) return got;
  return version;
}

Result<std::size_t> Engine::visit_many(std::span<const std::string_view> keys,
                                       FunctionRef<void(std::size_t, const RecordView&)> f) {
  for (const std::string_view key : keys) {
    if (Status fine = check_call(key); !fine) return fine;
  }
  const bool cold = read_through_.load(std::memory_order_acquire);
  std::vector<std::size_t> missed;
  std::size_t found = table_.read_many(
      keys, [this] { return now(); }, f,
      [&](std::size_t i) {
        if (cold) missed.push_back(i);
      });
  counters_.add(kHits, found);
  counters_.add(kMisses, keys.size() - found - missed.size());
  for (const std::size_t i : missed) {
    const Result<Version> one = visit(keys[i], [&](const RecordView& view) { f(i, view); });
    if (one) {
      ++found;
    } else if (one.code() != StatusCode::kNotFound) {
      return one.status();
    }
  }
  return found;
}

Result<Cursor> Engine::scan(Cursor cursor, std::size_t count,
                            FunctionRef<void(const RecordView&)> f) {
  if (Status fine = check_open(); !fine) return fine;
  if (Status warm = ensure_warm(); !warm) return warm;
  std::vector<RecordCopy> records;
  const Status scanned = table_.scan(cursor, std::max<std::size_t>(count, 1), now(), records);
  if (!scanned) return scanned;
  for (const RecordCopy& record : records) f(record.view());
  return cursor;
}

Result<std::vector<OwnedRecord>> Engine::owned_by(std::string_view owner) {
  if (Status fine = check_open(); !fine) return fine;
  if (Status fine = check_owner(owner); !fine) return fine;
  if (Status warm = ensure_warm(); !warm) return warm;
  std::vector<OwnedRecord> owned;
  MutexLock moves(moves_of(owner));
  const TimeMs at = now();
  for (const std::uint64_t hash : hashes_of(owner)) {
    Stripe& stripe = table_.stripe_of(hash);
    SpinLockGuard guard(stripe.lock());
    (void)stripe.find_if(tag_of(hash), [&](const Record& record) {
      const RecordView view = record.view();
      if (view.owner == owner && at <= view.deadline && table_.hash(view.key) == hash) {
        owned.push_back({.key = std::string(view.key),
                         .version = view.version,
                         .deadline = view.deadline,
                         .created = view.created});
      }
      return false;  // other keys may share the hash
    });
  }
  return owned;
}

// --- the rest --------------------------------------------------------------------------------

Subscription Engine::subscribe(std::function<void(const Event&)> f, EventMask mask) {
  return events_.subscribe(std::move(f), mask);
}

Status Engine::sync() {
  if (Status fine = check_open(); !fine) return fine;
  return tell_degraded(journal_->sync());
}

void Engine::when_durable(Version version, std::function<void(Status)> f) {
  if (Status fine = check_open(); !fine) return f(fine);
  journal_->when_durable(version, std::move(f));
}

Result<Version> Engine::checkpoint(const std::string& dir) {
  if (Status fine = check_open(); !fine) return fine;
  return journal_->checkpoint(dir);
}

Stats Engine::stats() {
  Stats stats;
  const StripeCounts counts = table_.counts();
  stats.records = counts.records;
  stats.owned_records = counts.owned;
  stats.owners = owners_.owner_count();
  stats.key_value_bytes = counts.key_value_bytes;
  stats.memory_bytes = table_.memory().in_use() + owners_.memory_bytes();
  stats.memory_limit_bytes = memory_limit_.load(std::memory_order_relaxed);
  stats.hits = counters_.sum(kHits);
  stats.misses = counters_.sum(kMisses);
  stats.creates = counters_.sum(kCreates);
  stats.overwrites = counters_.sum(kOverwrites);
  stats.erases = counters_.sum(kErases);
  stats.touches = counters_.sum(kTouches);
  stats.touches_journaled = counters_.sum(kTouchesJournaled);
  stats.expired = counters_.sum(kExpired);
  stats.refused_full = counters_.sum(kRefusedFull);
  stats.warmed_records = counters_.sum(kWarmed);
  stats.warming_records = load_estimate_.load(std::memory_order_relaxed);
  stats.events_dropped = events_.dropped();
  const JournalStats journal = journal_->stats();
  stats.version_last = journal.version_last;
  stats.version_process = journal.version_process;
  stats.version_disk = journal.version_disk;
  stats.journal_batches = journal.batches;
  stats.journal_syncs = journal.syncs;
  stats.journal_queue_bytes = journal.queue_bytes;
  stats.journal_waits = journal.waits;
  stats.opened_clean = journal.opened_clean;
  stats.opened_copy = journal.opened_copy;
  stats.generation = journal.generation;
  stats.degraded = journal.degraded;
  stats.read_only = journal.read_only;
  stats.warm = warm_.load(std::memory_order_acquire);
  MutexLock guard(load_mutex_);
  if (stats.degraded.empty()) stats.degraded = load_damage_.message();
  return stats;
}

}  // namespace cloakroom
