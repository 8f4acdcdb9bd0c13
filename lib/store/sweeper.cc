// Upkeep: memory ahead of need, active expiry, and the exact deadlines of a clean stop.
//
// A pass reads one bound a stripe; only a stripe whose bound has passed is locked, and in it only
// buckets are looked into whose own bound has passed, for at most kRemovalsPerLock removals at a
// time (some tens of microseconds). What is alive there gets a new bound.
//
// Nobody hears of an exception in the upkeep thread. Out of memory means: not now, with the next
// pass.
#include <new>
#include <vector>

#include "store/engine.h"

namespace cloakroom {
namespace {

// Hints are whole seconds rounded down, so this is how long the dead stay: of 500,000 records with
// 5,000 dying a second at most 0.2 %.
constexpr Millis kSweepPause{200};
constexpr std::size_t kRemovalsPerLock = 64;
constexpr std::size_t kStripesPerTurn = 64;

}  // namespace

void Engine::upkeep_loop() {
  auto next_sweep = std::chrono::steady_clock::now();
  bool busy = true;
  for (;;) {
    {
      MutexLock guard(upkeep_mutex_);
      if (!busy && !upkeep_stop_ && !memory_low_) upkeep_wake_.wait_for(upkeep_mutex_, kSweepPause);
      if (upkeep_stop_) return;
      memory_low_ = false;
    }
    prepare_memory();
    if (const auto time = std::chrono::steady_clock::now(); time >= next_sweep) {
      next_sweep = time + kSweepPause;
      sweep_all();
      table_.collect();
      gathering_ = true;
    }
    // Until everything that can be given back was: then not again before the next sweep.
    if (gathering_) gathering_ = table_.gather(kStripesPerTurn);
    busy = gathering_;
  }
}

// Best effort: without it, or without memory for it, a writer meets the page faults.
void Engine::prepare_memory() noexcept {
  try {
    table_.slabs().prepare();
  } catch (const std::bad_alloc&) {
  }
}

void Engine::wake_for_memory() {
  MutexLock guard(upkeep_mutex_);
  memory_low_ = true;
  upkeep_wake_.notify_one();
}

void Engine::stop_upkeep() {
  {
    MutexLock guard(upkeep_mutex_);
    upkeep_stop_ = true;
    upkeep_wake_.notify_one();
  }
  if (upkeep_.joinable()) upkeep_.join();
}

std::size_t Engine::sweep() {
  if (!check_open()) return 0;
  std::size_t reclaimed = 0;
  if (!options_.background) (void)ensure_warm();
  reclaimed = sweep_all();
  if (!options_.background) {
    table_.collect();
    table_.collect();  // what the first call sealed
    while (table_.gather(kStripesPerTurn)) {
    }
    (void)journal_->sync();
    events_.deliver();
  }
  return reclaimed;
}

std::size_t Engine::sweep_all() {
  const TimeMs at = now();
  std::size_t reclaimed = 0;
  if (options_.tell_expired_at_open && !expiry_told_.load(std::memory_order_relaxed)) {
    if (!events_.wanted(EventType::kExpired)) return 0;
    expiry_told_.store(true, std::memory_order_relaxed);  // from here on, also when nobody listens
  }
  for (Stripe& stripe : table_.stripes()) reclaimed += sweep_stripe(stripe, at);
  if (reclaimed != 0) counters_.add(kExpired, reclaimed);
  // A failure of the committer's own syncs is met by no caller.
  if (journal_->stats().read_only) (void)tell_degraded(Status(StatusCode::kReadOnly));
  return reclaimed;
}

std::size_t Engine::sweep_stripe(Stripe& stripe, TimeMs at) {
  const std::uint32_t due = hint_of(at);
  std::size_t reclaimed = 0;
  std::vector<Ref> retired;
  bool more = table_.is_due(stripe, due);
  for (std::uint32_t from = 0; more;) {
    {
      SpinLockGuard guard(stripe.lock());
      try {
        more = sweep_buckets(stripe, due, from, retired);
      } catch (const std::bad_alloc&) {
        more = false;
      }
      if (!more) {
        stripe.rehint_stripe();
        if (reclaimed + retired.size() != 0) shrink(stripe);
      }
    }
    reclaimed += retired.size();
    for (const Ref ref : retired) table_.retire(ref);
    retired.clear();
    events_.relieve();  // however many expire at once, none goes untold
  }
  return reclaimed;
}

// Takes out what is dead in the due buckets from `from` on, which moves; returns whether it stopped
// before the end.
bool Engine::sweep_buckets(Stripe& stripe, std::uint32_t due, std::uint32_t& from,
                           std::vector<Ref>& retired) {
  while (const auto bucket = stripe.next_due(from, due)) {
    from = *bucket;
    if (retired.size() >= kRemovalsPerLock) return true;
    retired.reserve(retired.size() + Bucket::kSlots);
    stripe.for_each_in(*bucket, [&](Stripe::Slot slot,
                                    const Record& record) REQUIRES(stripe.lock()) {
      HeldRecord held(stripe, slot);
      const TimeMs at = now();  // after the hold, or a touch of this moment would be undone
      if (held.alive(at) != nullptr) return;
      // The disk needs no word of it, a dead record is never served from there; this only gives
      // the space back sooner, so it is skipped when the journal is busy.
      (void)journal_->try_append({.type = Mutation::Type::kErase, .record = {.key = record.key()}});
      events_.publish_last(EventType::kExpired, record.view(), at);
      retired.push_back(take_out(stripe, held, table_.hash(record.key())));
    });
    stripe.rehint(*bucket);
    ++from;
  }
  return false;
}

// After a clean stop the disk must not grant more than the records have.
void Engine::write_exact_deadlines() {
  if (!journal_->keeps()) return;
  for (Stripe& stripe : table_.stripes()) {
    Version last = 0;
    {
      SpinLockGuard guard(stripe.lock());
      stripe.for_each([&](std::uint16_t, const Record& record) {
        if (record.clock().lead == 0) return;
        const Result<Version> version = journal_->append(
            {.type = Mutation::Type::kTouch,
             .record = {
                 .key = record.key(), .version = record.version(), .deadline = record.deadline()}});
        if (version) last = *version;
      });
    }
    // Only makes room in the queue; closing the journal makes them durable.
    if (last != 0 && !journal_->wait(last, Durability::kMemory)) return;
  }
}

}  // namespace cloakroom
