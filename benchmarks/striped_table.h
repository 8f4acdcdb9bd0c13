// What one writes oneself: a table of the language or of Boost in stripes, each behind its lock.
#ifndef CLOAKROOM_BENCHMARKS_STRIPED_TABLE_H_
#define CLOAKROOM_BENCHMARKS_STRIPED_TABLE_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <mutex>
#include <shared_mutex>
#include <string>

#include "record_forms.h"

namespace cloakroom::bench {

// Test and test-and-set. What is done under it takes less time than to put a thread to sleep.
// Readers exclude each other, too.
class SpinLock {
 public:
  void lock() noexcept {
    while (held_.exchange(true, std::memory_order_acquire)) {
      while (held_.load(std::memory_order_relaxed)) pause();
    }
  }
  void unlock() noexcept { held_.store(false, std::memory_order_release); }
  void lock_shared() noexcept { lock(); }
  void unlock_shared() noexcept { unlock(); }

 private:
  static void pause() noexcept {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }

  std::atomic<bool> held_{false};
};

// Records: a map from std::string to TimedString, or a set of FlatRecord.
template <class Records, class Mutex, std::size_t kStripes>
class StripedTable {
 public:
  template <class F>
  void read(const HashedKey& key, F f) {
    Stripe& stripe = stripe_of(key);
    const std::shared_lock lock(stripe.mutex);
    const auto found = stripe.records.find(key);
    if (found != stripe.records.end()) f(record_of(*found));
  }

  void put(const NewRecord& record) {
    const HashedKey& key = record;
    Stripe& stripe = stripe_of(key);
    const std::lock_guard lock(stripe.mutex);
    const auto found = stripe.records.find(key);
    if (found != stripe.records.end()) {
      record_of(*found).assign(record.value, record.deadline);
    } else if constexpr (requires { typename Records::mapped_type; }) {
      stripe.records.try_emplace(std::string(record.bytes), record.value, record.deadline);
    } else {
      stripe.records.emplace(record.bytes, record.value, record.deadline);
    }
  }

  bool erase(const HashedKey& key) {
    Stripe& stripe = stripe_of(key);
    const std::lock_guard lock(stripe.mutex);
    const auto found = stripe.records.find(key);
    if (found == stripe.records.end()) return false;
    stripe.records.erase(found);
    return true;
  }

 private:
  static_assert((kStripes & (kStripes - 1)) == 0);

  // The lock lies in the line of the table's own members: one miss for both.
  struct alignas(64) Stripe {
    Mutex mutex;
    Records records;
  };

  // Bits from the middle: Boost's tables place by the upper ones and tag by the lowest byte.
  Stripe& stripe_of(const HashedKey& key) noexcept {
    return stripes_[(key.hash >> 16) & (kStripes - 1)];
  }

  std::array<Stripe, kStripes> stripes_;
};

}  // namespace cloakroom::bench

#endif  // CLOAKROOM_BENCHMARKS_STRIPED_TABLE_H_
