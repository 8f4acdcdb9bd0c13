// Who waits for the disk behind a leader: the queue of the sync stage.
//
// A follower lies on its thread's stack and sleeps on a lock of its own, so a sync that ends wakes
// exactly those whose changes it covered, and one of the others to lead the next; nobody wakes in
// vain, and nobody wakes into a lock that the waker still holds. Nothing allocates.
//
//   waiting  --take_covered(), release()-->  covered   its version is on the disk, or never will be
//   waiting  --take_next(), release()---->   leading   it runs the next sync
//
// Thread safety: the queue belongs to the lock of whoever owns it; a follower's wait() and
// release() are for one thread each.
#ifndef CLOAKROOM_LIB_JOURNAL_FOLLOWERS_H_
#define CLOAKROOM_LIB_JOURNAL_FOLLOWERS_H_

#include <cstdint>

#include "base/mutex.h"
#include "base/thread_annotations.h"
#include "cloakroom/clock.h"
#include "cloakroom/options.h"

namespace cloakroom {

class Follower {
 public:
  enum class Fate : std::uint8_t { kWaiting, kCovered, kLeading };

  explicit Follower(Version version) noexcept : version_(version) {}
  Follower(const Follower&) = delete;
  Follower& operator=(const Follower&) = delete;

  // Until somebody releases it, or `bound` has passed: then still kWaiting.
  [[nodiscard]] Fate wait_for(Millis bound) EXCLUDES(mutex_);
  // REQUIRES: it was taken from the queue, so somebody is about to release it.
  [[nodiscard]] Fate wait() EXCLUDES(mutex_);

  // The last that touches it: once this was called the follower may be gone.
  void release(Fate fate) EXCLUDES(mutex_);

 private:
  friend class Followers;

  const Version version_;
  Follower* next_ = nullptr;
  Mutex mutex_;
  CondVar released_;
  Fate fate_ GUARDED_BY(mutex_) = Fate::kWaiting;
};

class Followers {
 public:
  void add(Follower& follower) noexcept;
  // False when it was taken already.
  [[nodiscard]] bool remove(Follower& follower) noexcept;

  // Those that wait for `version` or an earlier one, or all, as a list for release_all().
  [[nodiscard]] Follower* take_covered(Version version) noexcept;
  [[nodiscard]] Follower* take_all() noexcept;
  // The one that has waited longest; nullptr when nobody waits.
  [[nodiscard]] Follower* take_next() noexcept;

  // Without the lock of the queue.
  static void release_all(Follower* list);

 private:
  Follower* first_ = nullptr;
  Follower* last_ = nullptr;
};

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_JOURNAL_FOLLOWERS_H_
