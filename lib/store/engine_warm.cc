// Warming up: serving at once while the records are still on disk.
//
//   cold    read_through_, not warm_   a key not in the table is looked up on disk (fault_in)
//     |  load_some(): the end of the disk reached, every record read      -> end_warm_up()
//     |  load_some(): the end reached, some records could not be read     -> warm_ only
//   warm    not read_through_          the table is all there is
//   damaged read_through_ and warm_    as warm, but keys not in the table are still looked up, so
//                                      that a damaged record answers kCorruption and never absent;
//                                      scans and owners answer kCorruption, they would be
//                                      incomplete
//
// The table wins over the disk: whoever brings a record from disk inserts it only if the key is not
// in the table and not among the gone keys, checked under the stripe's lock. The order of the two
// checks there matters: gone first, read_through_ second, because end_warm_up() lowers
// read_through_ before it clears gone.
#include <new>

#include "store/engine.h"

namespace cloakroom {
namespace {

constexpr std::size_t kLoadBatch = 1024;

}  // namespace

Status Engine::fault_in(std::uint64_t hash, std::string_view key) {
  Stripe& stripe = table_.stripe_of(hash);
  {
    SpinLockGuard guard(stripe.lock());
    if (stripe.find(tag_of(hash), key)) return Status();
  }
  if (gone_.contains(hash, key)) return Status(StatusCode::kNotFound);
  return journal_->read(key, [this](const RecordView& view) { insert_loaded(view); });
}

void Engine::insert_loaded(const RecordView& view) {
  if (view.deadline < now()) return;
  const std::uint64_t hash = table_.hash(view.key);
  NewRecord record(table_.slabs(), view);
  Stripe& stripe = table_.stripe_of(hash);
  SpinLockGuard guard(stripe.lock());
  if (stripe.find(tag_of(hash), view.key) || gone_.contains(hash, view.key) ||
      !read_through_.load(std::memory_order_acquire)) {
    return;
  }
  const StripeCounts before = stripe.counts();
  stripe.reserve_one();
  owners_.add(view.owner, hash);
  stripe.insert(tag_of(hash), record);
  const StripeCounts after = stripe.counts();
  // Beyond the limit too: nothing that is alive is turned away.
  table_.memory().take(after.record_bytes + after.slot_bytes - before.record_bytes -
                       before.slot_bytes);
  counters_.add(kWarmed);
}

// Returns whether there is more. Damage is noted and passed over.
bool Engine::load_some(std::size_t count) {
  Result<std::size_t> loaded = StatusCode::kCorruption;
  try {
    loaded = journal_->load(count, [this](const RecordView& view) { insert_loaded(view); });
  } catch (const std::bad_alloc&) {
    // One record is missing in memory now. As with a damaged one the disk is asked from here on.
    loaded = Status(StatusCode::kCorruption, "out of memory");
  }
  if (loaded) {
    if (*loaded == count) return true;
  } else {
    note_damage(loaded.status());
    if (loaded.code() == StatusCode::kCorruption) return true;
  }
  end_warm_up();
  return false;
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
  events_.publish(EventType::kWarm, {}, {}, 0, now());
}

Status Engine::ensure_warm() {
  MutexLock guard(load_mutex_);
  while (!warm_.load(std::memory_order_acquire) && load_some(kLoadBatch)) {
  }
  return load_damage_;
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
