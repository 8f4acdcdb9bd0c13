// Drives a Store through a trace, on a clock that stands where the trace says.
#ifndef CLOAKROOM_BENCHMARKS_REPLAYER_H_
#define CLOAKROOM_BENCHMARKS_REPLAYER_H_

#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cloakroom/clock.h"
#include "cloakroom/store.h"
#include "replay_state.h"
#include "trace_reader.h"

namespace cloakroom::bench {

// Wall clock and boot clock in one, moved by hand.
class ReplayClock final : public Clock {
 public:
  TimeMs wall_ms() const noexcept override { return now_.load(std::memory_order_relaxed); }
  TimeMs boot_ms() const noexcept override { return now_.load(std::memory_order_relaxed); }
  void move_to(std::int64_t t_seconds) noexcept {
    now_.store(kBaseMs + t_seconds * 1000, std::memory_order_relaxed);
  }

 private:
  static constexpr TimeMs kBaseMs = 1'700'000'000'000;
  std::atomic<TimeMs> now_{kBaseMs};
};

class Replayer {
 public:
  // Opens the store at `path` (empty: in memory) and goes on where `shared` stands. `after_kill`:
  // the first operation may have been applied already, without having been acknowledged.
  Replayer(const Trace& trace, SharedReplayState& shared, std::string path, bool after_kill);

  // Applies operations until `end` of them are acknowledged.
  void run_to(std::uint64_t end);

  void reopen();

  // Counts what is alive and compares it with what was written last; then closes the store.
  void finish();

 private:
  void open();
  void apply(const TraceLine& line, std::uint64_t number, ReplayCounts& counts);
  void read(const TraceLine& line, ReplayCounts& counts);
  void put(const TraceLine& line, std::uint64_t number, ReplayCounts& counts);
  void touch(const TraceLine& line, ReplayCounts& counts);
  void erase(const TraceLine& line, ReplayCounts& counts);
  [[nodiscard]] bool was_applied(std::uint32_t key, std::uint64_t number);
  [[nodiscard]] bool holds_last_write(std::uint32_t key, std::string_view value);
  void find_alive();

  const Trace& trace_;
  ReplayState& state_;
  const std::span<std::uint32_t> last_write_;
  const std::string path_;
  std::vector<std::string> keys_;  // by key number
  bool maybe_applied_;             // holds for the next operation only

  ReplayClock clock_;
  std::optional<Store> store_;
  std::string value_;     // what a get returned
  std::string expected_;  // what it should be
};

}  // namespace cloakroom::bench

#endif  // CLOAKROOM_BENCHMARKS_REPLAYER_H_
