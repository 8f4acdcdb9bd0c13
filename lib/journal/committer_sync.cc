// The sync stage of the journal, and who waits for it (followers.h).
#include <algorithm>
#include <iterator>

#include "journal/committer.h"

namespace cloakroom {

// Ok without a sync of its own when another's covered the version.
Status RocksJournal::sync_until(Version version) {
  Follower self(version);
  bool leads = false;
  {
    MutexLock guard(mutex_);
    if (synced_.load() >= version) return Status();
    if (!health_) return health_;
    leads = !std::exchange(syncing_, true);
    if (!leads) followers_.add(self);
  }
  if (!leads) {
    const Result<bool> called = follow(self);
    if (!called) return called.status();
    leads = *called;
  }
  if (leads) return lead_sync();
  MutexLock guard(mutex_);
  return synced_.load() >= version ? Status() : health_;
}

// True when it is the caller's turn to lead, false when there is nothing left to wait for.
Result<bool> RocksJournal::follow(Follower& self) {
  Follower::Fate fate = self.wait_for(settings_.stall_limit);
  if (fate == Follower::Fate::kWaiting) {
    {
      MutexLock guard(mutex_);
      if (followers_.remove(self)) return stalled();
    }
    fate = self.wait();
  }
  return fate == Follower::Fate::kLeading;
}

// Everything that was appended by now, so that all who came while the last sync ran share this one.
Status RocksJournal::lead_sync() {
  if (Status handed = hand_until(ring_->last()); !handed) {
    step_down();
    return handed;
  }
  const Version target = handed_.load();
  Status synced = snapshot_->sync_log();
  if (synced) {
    synced = superblock_.write_mark(
        {.synced = target, .clock = timeline_->mark(), .clean = false, .ring = true}, false);
  }
  {
    MutexLock guard(mutex_);
    if (synced) {
      synced_.store(target);
      syncs_.fetch_add(1, std::memory_order_relaxed);
    } else {
      latch(synced);
    }
  }
  step_down();
  if (!synced) announce(synced);
  serve_waiters();
  return synced;
}

// The next leader is woken first: its sync runs while the others wake.
void RocksJournal::step_down() {
  Follower* next = nullptr;
  Follower* covered = nullptr;
  {
    MutexLock guard(mutex_);
    covered = health_ ? followers_.take_covered(synced_.load()) : followers_.take_all();
    next = followers_.take_next();
    syncing_ = next != nullptr;
  }
  if (next != nullptr) next->release(Follower::Fate::kLeading);
  Followers::release_all(covered);
}

void RocksJournal::serve_waiters() {
  std::vector<Waiter> ready;
  Status failure;
  {
    MutexLock guard(mutex_);
    failure = health_;
    const auto still_waits = [&](const Waiter& waiter) {
      return failure && waiter.first > synced_.load();
    };
    const auto first_ready = std::stable_partition(waiters_.begin(), waiters_.end(), still_waits);
    ready.assign(std::make_move_iterator(first_ready), std::make_move_iterator(waiters_.end()));
    waiters_.erase(first_ready, waiters_.end());
  }
  for (auto& [version, f] : ready) f(version <= synced_.load() ? Status() : failure);
}

void RocksJournal::when_durable(Version version, std::function<void(Status)> f) {
  Status now;
  {
    MutexLock guard(mutex_);
    if (version > ring_->last()) {
      now = Status(StatusCode::kInvalidArgument, "when_durable: no such version was written yet");
    } else if (version > synced_.load()) {
      now = state_.load() == State::kClosed ? Status(StatusCode::kClosed) : health_;
      if (now && settings_.background) {
        waiters_.emplace_back(version, std::move(f));
        work_.notify_one();
        return;
      }
    }
  }
  if (now && version > synced_.load()) now = wait(version, Durability::kDisk);
  f(now);
}

Status RocksJournal::sync() {
  if (state_.load() == State::kClosed) return Status(StatusCode::kClosed);
  return wait(ring_->last(), Durability::kDisk);
}

}  // namespace cloakroom
