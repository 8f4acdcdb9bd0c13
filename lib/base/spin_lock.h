// SpinLock: a reader-writer lock of four bytes for critical sections of some hundred nanoseconds.
//
// A std::shared_mutex costs 25-60 % of a table operation here, and 56 bytes a stripe; this one costs
// one atomic read-modify-write. It spins for a while and then yields the processor, so that a
// preempted holder is let run. Writers are not starved: a waiting writer keeps new readers out.
//
// State word: bit 31 a writer holds it, bit 30 a writer waits, bits 0-29 the number of readers.
// Not recursive. Nobody may block, do I/O or call a user's function that blocks while holding it.
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
    for (unsigned turn = 0;; ++turn) {
      std::uint32_t state = state_.load(std::memory_order_relaxed);
      if ((state & ~kWaiting) == 0) {
        // Taking the lock clears the waiting bit; another waiting writer sets it again.
        if (state_.compare_exchange_weak(state, kHeld, std::memory_order_acquire,
                                         std::memory_order_relaxed)) {
          return;
        }
        continue;
      }
      if ((state & kWaiting) == 0) state_.fetch_or(kWaiting, std::memory_order_relaxed);
      pause(turn);
    }
  }

  void unlock() RELEASE() { state_.fetch_and(~kHeld, std::memory_order_release); }

  void lock_shared() ACQUIRE_SHARED() {
    for (unsigned turn = 0;; ++turn) {
      std::uint32_t state = state_.load(std::memory_order_relaxed);
      if ((state & (kHeld | kWaiting)) == 0) {
        if (state_.compare_exchange_weak(state, state + 1, std::memory_order_acquire,
                                         std::memory_order_relaxed)) {
          return;
        }
        continue;
      }
      pause(turn);
    }
  }

  void unlock_shared() RELEASE_SHARED() { state_.fetch_sub(1, std::memory_order_release); }

 private:
  static constexpr std::uint32_t kHeld = 1U << 31;
  static constexpr std::uint32_t kWaiting = 1U << 30;
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

  std::atomic<std::uint32_t> state_{0};
};

class SCOPED_CAPABILITY SpinWriteLock {
 public:
  explicit SpinWriteLock(SpinLock& lock) ACQUIRE(lock) : lock_(lock) { lock_.lock(); }
  ~SpinWriteLock() RELEASE() { lock_.unlock(); }
  SpinWriteLock(const SpinWriteLock&) = delete;
  SpinWriteLock& operator=(const SpinWriteLock&) = delete;

 private:
  SpinLock& lock_;
};

class SCOPED_CAPABILITY SpinReadLock {
 public:
  explicit SpinReadLock(SpinLock& lock) ACQUIRE_SHARED(lock) : lock_(lock) { lock_.lock_shared(); }
  ~SpinReadLock() RELEASE_GENERIC() { lock_.unlock_shared(); }
  SpinReadLock(const SpinReadLock&) = delete;
  SpinReadLock& operator=(const SpinReadLock&) = delete;

 private:
  SpinLock& lock_;
};

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_BASE_SPIN_LOCK_H_
