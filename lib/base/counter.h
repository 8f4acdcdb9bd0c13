// Counters: count events of many threads without a line that they all write, and for the first
// threads without a read-modify-write either: a thread has its line to itself.
#ifndef CLOAKROOM_LIB_BASE_COUNTER_H_
#define CLOAKROOM_LIB_BASE_COUNTER_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/epoch.h"

namespace cloakroom {

// N counters that are written together share the lines.
template <std::size_t N>
class Counters {
 public:
  // May throw bad_alloc when it is this thread's first use of the library.
  void add(std::size_t which, std::uint64_t amount = 1) {
    const std::size_t number = this_reader().number;
    if (number < kOwnLines) {
      std::atomic<std::uint64_t>& mine = lines_[number].values[which];
      mine.store(mine.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
    } else {
      Line& shared = lines_[kOwnLines + number % kSharedLines];
      shared.values[which].fetch_add(amount, std::memory_order_relaxed);
    }
  }
  [[nodiscard]] std::uint64_t sum(std::size_t which) const noexcept {
    std::uint64_t sum = 0;
    for (const Line& line : lines_) sum += line.values[which].load(std::memory_order_relaxed);
    return sum;
  }

 private:
  struct alignas(64) Line {
    std::array<std::atomic<std::uint64_t>, N> values{};
  };
  static constexpr std::size_t kOwnLines = 24;
  static constexpr std::size_t kSharedLines = 8;
  std::array<Line, kOwnLines + kSharedLines> lines_{};
};

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_BASE_COUNTER_H_
