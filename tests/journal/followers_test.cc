#include "journal/followers.h"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

using namespace cloakroom;
using Fate = Follower::Fate;

TEST_CASE("followers: a sync takes those it covered, and calls who waited longest to lead") {
  Followers queue;
  Follower third(3);
  Follower ninth(9);
  Follower fifth(5);
  Follower tenth(10);
  for (Follower* follower : {&third, &ninth, &fifth, &tenth}) queue.add(*follower);
  Followers::release_all(queue.take_covered(5));
  CHECK(third.wait() == Fate::kCovered);
  CHECK(fifth.wait() == Fate::kCovered);
  CHECK(queue.take_next() == &ninth);
  ninth.release(Fate::kLeading);
  CHECK(ninth.wait() == Fate::kLeading);
  CHECK(tenth.wait_for(Millis{0}) == Fate::kWaiting);
  Followers::release_all(queue.take_all());
  CHECK(tenth.wait() == Fate::kCovered);
  CHECK(queue.take_next() == nullptr);
  CHECK(queue.take_covered(100) == nullptr);
}

TEST_CASE("followers: who gives up takes itself off, unless it is about to be released") {
  Followers queue;
  Follower first(1);
  Follower second(2);
  Follower last(3);
  for (Follower* follower : {&first, &second, &last}) queue.add(*follower);
  CHECK(queue.remove(second));
  CHECK_FALSE(queue.remove(second));
  CHECK(queue.remove(last));
  Follower later(4);  // behind the new last
  queue.add(later);
  CHECK(queue.take_next() == &first);
  CHECK_FALSE(queue.remove(first));
  CHECK(queue.remove(later));
  CHECK(queue.take_next() == nullptr);
}

namespace {

// The sync stage without a disk.
class Stage {
 public:
  // Returns how far the "disk" is, at least `version`.
  Version pass(Version version) {
    Follower self(version);
    bool leads = false;
    {
      MutexLock guard(mutex_);
      if (synced_ >= version) return synced_;
      leads = !led_;
      if (leads) led_ = true;
      if (!leads) queue_.add(self);
    }
    if (!leads) leads = self.wait() == Fate::kLeading;
    if (leads) lead();
    MutexLock guard(mutex_);
    return synced_;
  }
  Version append() { return ++appended_; }
  [[nodiscard]] std::uint64_t syncs() const { return syncs_; }

 private:
  void lead() {
    const Version target = appended_.load();
    ++syncs_;
    Follower* covered = nullptr;
    Follower* next = nullptr;
    {
      MutexLock guard(mutex_);
      synced_ = target;
      covered = queue_.take_covered(target);
      next = queue_.take_next();
      led_ = next != nullptr;
    }
    if (next != nullptr) next->release(Fate::kLeading);
    Followers::release_all(covered);
  }

  std::atomic<Version> appended_{0};
  std::atomic<std::uint64_t> syncs_{0};
  Mutex mutex_;
  Version synced_ GUARDED_BY(mutex_) = 0;
  bool led_ GUARDED_BY(mutex_) = false;
  Followers queue_ GUARDED_BY(mutex_);
};

}  // namespace

TEST_CASE("followers: threads that come and go are all covered, and none is forgotten") {
  constexpr int kThreads = 6;
  constexpr int kRounds = 3000;
  Stage stage;
  std::atomic<int> covered{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        for (int round = 0; round < kRounds; ++round) {
          const Version version = stage.append();
          if (stage.pass(version) >= version) ++covered;
        }
      });
    }
  }
  CHECK(covered == kThreads * kRounds);
  CHECK(stage.syncs() <= kThreads * kRounds);
}
