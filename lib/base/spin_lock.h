// SpinLock: a lock of four bytes for critical sections of some hundred nanoseconds.
//
// A std::mutex costs 40 bytes; a std::shared_mutex costs 25-60 % of a table operation here. This
// one costs one atomic read-modify-write to take, and a plain store to give back: a
// read-modify-write waits until all earlier stores have reached the cache, and in a writer these
// are cache misses. It spins for a while and then yields the processor, so that a preempted holder
// is let run.
//
// Not recursive, not fair. Nobody may wait for a disk or call a user's function while holding it,
// but for the function of Store::update.
#ifndef CLOAKROOM_LIB_BASE_SPIN_LOCK_H_
#define CLOAKROOM_LIB_BASE_SPIN_LOCK_H_

#include <atomic>
#include <cstdint>
#include <thread>

#include "base/thread_annotations.h"

namespace cloakroom {

class CAPABILITY("spin lock") SpinLock {
 public:
  SpinLock() = default;
  SpinLock(const SpinLock&) = delete;
  SpinLock& operator=(const SpinLock&) = delete;

  void lock() ACQUIRE() {
    for (unsigned turn = 0; held_.exchange(1, std::memory_order_acquire) != 0; ++turn) {
      // Looks on without writing, so that the holder keeps the line.
      while (held_.load(std::memory_order_relaxed) != 0) pause(turn++);
    }
  }
  void unlock() RELEASE() { held_.store(0, std::memory_order_release); }

 private:
  // About a microsecond of spinning: longer than any critical section that is not preempted.
  static constexpr unsigned kSpins = 64;

  static void pause(unsigned turn) noexcept {
    if (turn < kSpins) {
#if defined(__x86_64__) || defined(__i386__)
      __builtin_ia32_pause();
#endif
    } else {
      std::this_thread::yield();
    }
  }

  std::atomic<std::uint32_t> held_{0};
};

class SCOPED_CAPABILITY SpinLockGuard {
 public:
  explicit SpinLockGuard(SpinLock& lock) ACQUIRE(lock) : lock_(lock) { lock_.lock(); }
  ~SpinLockGuard() RELEASE() { lock_.unlock(); }
  SpinLockGuard(const SpinLockGuard&) = delete;
  SpinLockGuard& operator=(const SpinLockGuard&) = delete;

 private:
  SpinLock& lock_;
};

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_BASE_SPIN_LOCK_H_
