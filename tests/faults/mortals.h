// Records that die during a fault harness, under a wall clock that jumps, and the clock that jumps.
//
// What a mortal is worth depends on its age alone, by the kernel's boot clock, which the oracle
// reads itself: over jumps of the wall clock, deaths of the process and restarts,
//
//   younger than its ttl    it must be found     (begun + ttl, a moment before its put)
//   older than its ttl      it must be absent    (ended + ttl, a moment after its put)
//   once answered absent    for good
//
// The board is shared memory: it outlives the process that writes it. Each slot has one user at a
// time, the writer of its own, or the verifier.
#ifndef CLOAKROOM_TESTS_FAULTS_MORTALS_H_
#define CLOAKROOM_TESTS_FAULTS_MORTALS_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

#include "faults/harness.h"
#include "store/engine.h"

namespace cloakroom::faults {

// The clocks of the machine, but for the wall clock's error, which lies in shared memory.
class JumpingClock final : public Clock {
 public:
  struct Error {
    std::atomic<TimeMs> ms{0};
    std::atomic<std::uint64_t> jumps{0};
    // Somebody sets the clock, to at most a day from the truth.
    void jump(Random& random);
  };

  // `boot_jumps`: sabotage, as if the store ran on the wall clock.
  explicit JumpingClock(const Error& error, bool boot_jumps = false)
      : error_(error), boot_jumps_(boot_jumps) {}

  [[nodiscard]] TimeMs wall_ms() const noexcept override {
    return system_clock().wall_ms() + error_.ms.load(std::memory_order_relaxed);
  }
  [[nodiscard]] TimeMs boot_ms() const noexcept override {
    const TimeMs boot = system_clock().boot_ms();
    return boot_jumps_ ? boot + error_.ms.load(std::memory_order_relaxed) : boot;
  }

 private:
  const Error& error_;
  const bool boot_jumps_;
};

class Mortals {
 public:
  static constexpr std::string_view kPrefix = "mortal";

  // One step of writer `writer`, with one of its mortals; "" or what is wrong. Not ok from the
  // store is wrong too.
  std::string step(Engine& store, std::size_t writer, Random& random);

  // All of them, after a restart. A put that a kill met is forgotten.
  std::string check_all(Engine& store, const Contents& contents);

  [[nodiscard]] std::uint64_t died() const { return died_.load(); }
  [[nodiscard]] std::uint64_t checked_after_restart() const { return checked_.load(); }

 private:
  static constexpr std::size_t kWriters = 4;
  static constexpr std::size_t kSlots = 16;  // of each
  enum class State : int { kNone, kBeingPut, kAlive, kGone };

  struct Slot {
    std::atomic<State> state{State::kNone};
    std::uint64_t number = 0;
    TimeMs begun = 0;
    TimeMs ended = 0;
    TimeMs ttl = 0;
  };

  static std::string name(std::size_t writer, const Slot& slot);
  static std::string put(Engine& store, const std::string& name, Slot& slot, Random& random);
  std::string look(Engine& store, const std::string& name, Slot& slot);

  std::array<std::array<Slot, kSlots>, kWriters> slots_{};
  std::array<std::uint64_t, kWriters> numbers_{};
  std::atomic<std::uint64_t> died_{0};
  std::atomic<std::uint64_t> checked_{0};
};

}  // namespace cloakroom::faults

#endif  // CLOAKROOM_TESTS_FAULTS_MORTALS_H_
