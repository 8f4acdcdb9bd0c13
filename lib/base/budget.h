// Budget: bytes in use, with a limit that is exact, without a line that all threads write.
//
// What a thread gives back it keeps as credit, and takes from first; so does what it took in
// advance. A thread whose credit does not suffice asks the common account, and when that is at its
// limit all credits are called in before anything is refused.
//
//   in use = taken - the sum of all credits
//
// Thread safety: everything from any thread. No operation waits for another.
#ifndef CLOAKROOM_LIB_BASE_BUDGET_H_
#define CLOAKROOM_LIB_BASE_BUDGET_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace cloakroom {

class Budget {
 public:
  // Takes `bytes` if what is in use then stays within `limit`.
  [[nodiscard]] bool reserve(std::uint64_t bytes, std::uint64_t limit) noexcept;
  // Takes them whatever the limit is.
  void take(std::uint64_t bytes) noexcept { taken_.fetch_add(bytes, std::memory_order_relaxed); }
  void release(std::uint64_t bytes) noexcept;

  // Exact while nothing else is called; never above a limit that all have kept to.
  [[nodiscard]] std::uint64_t in_use() const noexcept;

 private:
  static constexpr std::size_t kLines = 32;
  static constexpr std::uint64_t kAdvance = 16384;
  static constexpr std::uint64_t kCreditMax = 65536;

  struct alignas(64) Line {
    std::atomic<std::uint64_t> credit{0};
  };

  [[nodiscard]] std::atomic<std::uint64_t>* own_credit() noexcept;
  [[nodiscard]] bool take_within(std::uint64_t bytes, std::uint64_t limit) noexcept;
  void call_in() noexcept;

  std::array<Line, kLines> lines_;
  alignas(64) std::atomic<std::uint64_t> taken_{0};
};

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_BASE_BUDGET_H_
