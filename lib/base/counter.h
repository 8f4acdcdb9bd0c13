// Counter: counts events of many threads without a line that they all write.
#ifndef CLOAKROOM_LIB_BASE_COUNTER_H_
#define CLOAKROOM_LIB_BASE_COUNTER_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace cloakroom {

// Which of a counter's lines this thread adds to; threads are dealt out in turn.
inline constexpr std::size_t kCounterLines = 16;
[[nodiscard]] inline std::size_t counter_line() noexcept {
  static std::atomic<std::size_t> next{0};
  thread_local const std::size_t mine = next.fetch_add(1, std::memory_order_relaxed);
  return mine % kCounterLines;
}

// N counters that are written together share the lines.
template <std::size_t N>
class Counters {
 public:
  void add(std::size_t which, std::uint64_t amount = 1) noexcept {
    lines_[counter_line()].values[which].fetch_add(amount, std::memory_order_relaxed);
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
  std::array<Line, kCounterLines> lines_{};
};

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_BASE_COUNTER_H_
