#include "journal/followers.h"

#include <chrono>
#include <utility>

namespace cloakroom {

Follower::Fate Follower::wait_for(Millis bound) {
  const auto end = std::chrono::steady_clock::now() + bound;
  MutexLock guard(mutex_);
  while (fate_ == Fate::kWaiting) {
    const auto left = std::chrono::duration_cast<Millis>(end - std::chrono::steady_clock::now());
    if (left <= Millis{0}) break;
    released_.wait_for(mutex_, left);
  }
  return fate_;
}

Follower::Fate Follower::wait() {
  MutexLock guard(mutex_);
  while (fate_ == Fate::kWaiting) released_.wait(mutex_);
  return fate_;
}

// Notified under its lock: without it the follower could be gone before the notification.
void Follower::release(Fate fate) {
  MutexLock guard(mutex_);
  fate_ = fate;
  released_.notify_one();
}

void Followers::add(Follower& follower) noexcept {
  follower.next_ = nullptr;
  (last_ != nullptr ? last_->next_ : first_) = &follower;
  last_ = &follower;
}

bool Followers::remove(Follower& follower) noexcept {
  Follower* before = nullptr;
  for (Follower* at = first_; at != nullptr; before = at, at = at->next_) {
    if (at != &follower) continue;
    (before != nullptr ? before->next_ : first_) = at->next_;
    if (last_ == at) last_ = before;
    return true;
  }
  return false;
}

Follower* Followers::take_covered(Version version) noexcept {
  Followers covered;
  Followers others;
  for (Follower* at = take_all(); at != nullptr;) {
    Follower& follower = *std::exchange(at, at->next_);
    (follower.version_ <= version ? covered : others).add(follower);
  }
  *this = others;
  return covered.first_;
}

Follower* Followers::take_all() noexcept {
  last_ = nullptr;
  return std::exchange(first_, nullptr);
}

Follower* Followers::take_next() noexcept {
  Follower* const next = first_;
  if (next == nullptr) return nullptr;
  first_ = next->next_;
  if (first_ == nullptr) last_ = nullptr;
  return next;
}

void Followers::release_all(Follower* list) {
  while (list != nullptr) {
    Follower& follower = *std::exchange(list, list->next_);
    follower.release(Follower::Fate::kCovered);
  }
}

}  // namespace cloakroom
