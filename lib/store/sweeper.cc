// Upkeep: warming up, active expiry, and the exact deadlines of a clean stop.
//
// A pass looks at 4 bytes a slot, stripe by stripe, under the shared lock; only a stripe with a hint
// that has passed is locked for writing, for at most kRemovalsPerLock removals at a time (some tens
// of microseconds). A record whose hint has passed but which was touched gets a new hint.
#include <vector>

#include "store/engine.h"

namespace cloakroom {
namespace {

// Reclaimed within a second: hints are whole seconds rounded down, so a pass this often suffices.
constexpr Millis kSweepPause{250};
constexpr std::size_t kRemovalsPerLock = 64;
constexpr std::size_t kLoadsPerTurn = 1024;

}  // namespace

void Engine::upkeep_loop() {
  auto next_sweep = std::chrono::steady_clock::now();
  for (;;) {
    const bool cold = !warm_.load(std::memory_order_acquire);
    {
      MutexLock guard(upkeep_mutex_);
      if (!cold && !upkeep_stop_) upkeep_wake_.wait_for(upkeep_mutex_, kSweepPause);
      if (upkeep_stop_) return;
    }
    if (cold) {
      MutexLock guard(load_mutex_);
      if (!warm_.load(std::memory_order_acquire)) load_some(kLoadsPerTurn);
    }
    if (const auto time = std::chrono::steady_clock::now(); time >= next_sweep) {
      next_sweep = time + kSweepPause;
      sweep_all();
    }
  }
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
    (void)journal_->sync();
    events_.deliver();
  }
  return reclaimed;
}

std::size_t Engine::sweep_all() {
  const TimeMs at = now();
  std::size_t reclaimed = 0;
  for (Stripe& stripe : table_.stripes()) reclaimed += sweep_stripe(stripe, at);
  if (reclaimed != 0) counters_.add(kExpired, reclaimed);
  // A failure of the committer's own syncs is met by no caller.
  if (journal_->stats().read_only) (void)tell_degraded(Status(StatusCode::kReadOnly));
  return reclaimed;
}

std::size_t Engine::sweep_stripe(Stripe& stripe, TimeMs at) {
  const std::uint32_t due = hint_of(at);
  {
    SpinReadLock guard(stripe.lock());
    if (!stripe.any_due(due)) return 0;
  }
  std::size_t reclaimed = 0;
  std::vector<RecordPtr> retired;
  for (Stripe::Slot from = 0;;) {
    retired.clear();  // wiping and freeing happen outside the lock
    SpinWriteLock guard(stripe.lock());
    for (;;) {
      const auto slot = stripe.next_due(from, due);
      if (!slot) {
        if (reclaimed != 0) shrink(stripe);
        return reclaimed;
      }
      from = *slot;
      const Record& record = stripe.at(*slot);
      if (record.alive(at)) {
        stripe.rehint(*slot);
        ++from;
        continue;
      }
      // The disk needs no word of it, a dead record is never served from there; this only gives
      // the space back sooner, so it is skipped when the journal is busy.
      (void)journal_->try_append({.type = Mutation::Type::kErase, .record = {.key = record.key()}});
      events_.publish(EventType::kExpired, record.key(), record.owner(), record.version(), at);
      const std::uint64_t hash = table_.hash(record.key());
      retired.push_back(take_out(stripe, *slot, hash));
      ++reclaimed;
      if (retired.size() >= kRemovalsPerLock) break;
    }
  }
}

// After a clean stop the disk must not grant more than the records have.
void Engine::write_exact_deadlines() {
  for (Stripe& stripe : table_.stripes()) {
    Version last = 0;
    {
      SpinReadLock guard(stripe.lock());
      stripe.for_each([&](std::uint16_t, const Record& record) {
        if (record.granted() == record.deadline()) return;
        const Result<Version> version = journal_->append(
            {.type = Mutation::Type::kTouch,
             .record = {.key = record.key(), .version = record.version(),
                        .deadline = record.deadline()}});
        if (version) last = *version;
      });
    }
    // Only makes room in the queue; closing the journal makes them durable.
    if (last != 0 && !journal_->wait(last, Durability::kMemory)) return;
  }
}

}  // namespace cloakroom
