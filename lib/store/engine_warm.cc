// Warming up: serving at once while the records are still on disk.
//
//   cold    read_through_, not warm_   a key not in the table is looked up on disk (fault_in)
//     |  the last part was loaded, every record could be read             -> end_warm_up()
//     |  the last part was loaded, some records could not be read         -> warm_ only
//   warm    not read_through_          the table is all there is
//   damaged read_through_ and warm_    as warm, but keys not in the table are still looked up, so
//                                      that a damaged record answers kCorruption and never absent;
//                                      scans and owners answer kCorruption, they would be
//                                      incomplete
//
// What is on disk is divided into parts, ranges of keys. The loaders, and whoever needs all of it
// now (ensure_warm), take one part after another until none is left; who finishes the last one ends
// the warm-up. Loaders are threads of lower priority: requests come first.
//
// The table wins over the disk: whoever brings a record from disk inserts it only if the key is not
// in the table and not among the gone keys, checked under the stripe's lock. The order of the two
// checks there matters: gone first, read_through_ second, because end_warm_up() lowers
// read_through_ before it clears gone.
#include <algorithm>
#include <array>
#include <new>
#include <optional>

#include "base/priority.h"
#include "store/engine.h"

namespace cloakroom {
namespace {

// So many that no loader is left alone with a long last one.
constexpr std::size_t kPartCount = 32;
// More read faster than memory takes it.
constexpr unsigned kLoadersMax = 4;
constexpr std::size_t kLoadBatch = 1024;
// With fewer records to come nobody wants to hear how far it is.
constexpr std::uint64_t kProgressRecordsMin = 10'000;

}  // namespace

// Records on their way into the table: made, and their buckets asked for, some ahead of the insert,
// so that the cache misses of several overlap.
class Engine::Arrivals {
 public:
  explicit Arrivals(Engine& engine) : engine_(engine), now_(engine.now()) {}

  void add(const RecordView& view) {
    // What is dead already is passed over, unless its expiry is to be told (sweep_all()).
    if (view.deadline < now_ && !engine_.options_.tell_expired_at_open) return;
    if (count_ == kAhead) insert_all();
    records_[count_].emplace(engine_.table_.slabs(), view);
    hashes_[count_] = engine_.table_.hash(view.key);
    engine_.table_.prefetch(hashes_[count_]);
    ++count_;
  }

  void insert_all() {
    for (std::size_t i = 0; i < count_; ++i) {
      engine_.insert_loaded(hashes_[i], *records_[i]);
      records_[i].reset();
    }
    count_ = 0;
  }

 private:
  static constexpr std::size_t kAhead = 16;
  Engine& engine_;
  const TimeMs now_;
  std::size_t count_ = 0;
  std::array<std::optional<NewRecord>, kAhead> records_;
  std::array<std::uint64_t, kAhead> hashes_ = {};
};

Status Engine::fault_in(std::uint64_t hash, std::string_view key) {
  Stripe& stripe = table_.stripe_of(hash);
  {
    SpinLockGuard guard(stripe.lock());
    if (stripe.find(tag_of(hash), key)) return Status();
  }
  if (gone_.contains(hash, key)) return Status(StatusCode::kNotFound);
  return journal_->read(key, [this](const RecordView& view) {
    Arrivals one(*this);
    one.add(view);
    one.insert_all();
  });
}

void Engine::insert_loaded(std::uint64_t hash, NewRecord& record) {
  const std::string_view key = record->key();
  Stripe& stripe = table_.stripe_of(hash);
  SpinLockGuard guard(stripe.lock());
  if (stripe.find(tag_of(hash), key) || gone_.contains(hash, key) ||
      !read_through_.load(std::memory_order_acquire)) {
    return;
  }
  const StripeCounts before = stripe.counts();
  stripe.reserve_one();
  owners_.add(record->owner(), hash);
  stripe.insert(tag_of(hash), record);
  const StripeCounts after = stripe.counts();
  // Beyond the limit too: nothing that is alive is turned away.
  table_.memory().take(after.record_bytes + after.slot_bytes - before.record_bytes -
                       before.slot_bytes);
  counters_.add(kWarmed);
}

// Loads a part that nobody has taken yet; false when there is none.
bool Engine::load_a_part() {
  begin_load();
  std::size_t part = 0;
  {
    MutexLock guard(load_mutex_);
    if (next_part_ == part_count_) return false;
    part = next_part_++;
  }
  while (load_some(part)) {
    // What is left when the store is closed stays on disk.
    if (load_stop_.load(std::memory_order_relaxed)) return false;
  }
  MutexLock guard(load_mutex_);
  if (++parts_done_ == part_count_) end_warm_up();
  return true;
}

// The first who comes divides what there is to load.
void Engine::begin_load() {
  MutexLock begin(begin_mutex_);
  if (load_begun_) return;
  load_begun_ = true;
  load_estimate_.store(journal_->load_estimate(), std::memory_order_relaxed);
  const std::size_t parts = journal_->begin_load(kPartCount);
  MutexLock guard(load_mutex_);
  part_count_ = parts;
  if (parts == 0) end_warm_up();
}

// Returns whether there is more of this part. Damage is noted and passed over.
bool Engine::load_some(std::size_t part) {
  Result<std::size_t> loaded = StatusCode::kCorruption;
  try {
    Arrivals arrivals(*this);
    loaded = journal_->load(part, kLoadBatch, [&](const RecordView& view) { arrivals.add(view); });
    arrivals.insert_all();
  } catch (const std::bad_alloc&) {
    // Records are missing in memory now. As with damaged ones the disk is asked from here on.
    loaded = Status(StatusCode::kCorruption, "out of memory");
  }
  if (loaded) {
    tell_progress(*loaded);
    return *loaded == kLoadBatch;
  }
  MutexLock guard(load_mutex_);
  note_damage(loaded.status());
  return loaded.code() == StatusCode::kCorruption;
}

// An event for each tenth.
void Engine::tell_progress(std::size_t more) {
  const std::uint64_t all = load_estimate_.load(std::memory_order_relaxed);
  const std::uint64_t before = loaded_.fetch_add(more, std::memory_order_relaxed);
  if (all < kProgressRecordsMin) return;
  const std::uint64_t tenth = std::min<std::uint64_t>((before + more) * 10 / all, 9);
  if (tenth <= before * 10 / all) return;
  events_.publish(EventType::kWarming, {}, {}, 0, now());
}

void Engine::note_damage(const Status& damage) {
  if (!load_damage_) return;  // the first one is told; `verify` lists them all
  load_damage_ =
      Status(StatusCode::kCorruption, "records on disk could not be read (" + damage.message() +
                                          "); run `cloakroom verify`, restore a backup");
  if (options_.log) options_.log(LogLevel::kError, load_damage_.message());
}

void Engine::end_warm_up() {
  journal_->end_load();
  if (load_damage_) {
    read_through_.store(false, std::memory_order_release);
    gone_.clear();
  }
  warm_.store(true, std::memory_order_release);
  load_progress_.notify_all();
  events_.publish(EventType::kWarm, {}, {}, 0, now());
}

Status Engine::ensure_warm() {
  if (!warm_.load(std::memory_order_acquire)) {
    while (load_a_part()) {
    }
  }
  MutexLock guard(load_mutex_);
  while (!warm_.load(std::memory_order_acquire) && !load_stop_.load()) {
    load_progress_.wait(load_mutex_);
  }
  return load_damage_;
}

void Engine::start_loaders() {
  const unsigned wanted = std::clamp(std::thread::hardware_concurrency(), 1u, kLoadersMax);
  for (unsigned i = 0; i < wanted; ++i) {
    loaders_.emplace_back([this] {
      give_way();
      while (load_a_part()) {
      }
    });
  }
}

void Engine::stop_loaders() {
  {
    MutexLock guard(load_mutex_);
    load_stop_.store(true);
    load_progress_.notify_all();
  }
  for (std::thread& loader : loaders_) loader.join();
  loaders_.clear();
}

// For the compaction filter: nothing is known to be dead before everything is in the table.
bool Engine::is_dead(std::string_view key, Version version) {
  if (read_through_.load(std::memory_order_acquire)) return false;
  bool alive = false;
  table_.read(
      table_.hash(key), key, [this] { return now(); },
      [&](const RecordView& view) { alive = view.version == version; });
  return !alive;
}

}  // namespace cloakroom
