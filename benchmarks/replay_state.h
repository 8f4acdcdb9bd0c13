// How far a replay has come, in memory that outlives the process which writes it.
//
// The replaying process may be killed between any two instructions, and the next one must go on
// exactly behind the last operation that was acknowledged, with exactly the counts up to there.
//
//   acknowledged = n     counts[n % 2] holds the counts of the first n operations
//
// Invariants
//   1. The writer fills counts[(n + 1) % 2] first and stores acknowledged = n + 1 last (release),
//   so
//      position and counts change in one step.
//   2. last_write[k] is the number (from 1) of the operation whose value key k holds, 0 when none
//      was stored or it was deleted. It is written before `acknowledged`; the operation in flight
//      at a kill is done again and writes the same number.
#ifndef CLOAKROOM_BENCHMARKS_REPLAY_STATE_H_
#define CLOAKROOM_BENCHMARKS_REPLAY_STATE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/file.h"
#include "cloakroom/record.h"

namespace cloakroom::bench {

struct ReplayCounts {
  std::uint64_t gets = 0;  // get and gets: hits + misses
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t expired = 0;            // of the misses: the key had been stored and not deleted
  std::uint64_t wrong_size = 0;         // hits of another size than the file says
  std::uint64_t wrong_value = 0;        // hits whose bytes are not those of the last write
  std::uint64_t unexpected_hits = 0;    // the file says miss
  std::uint64_t unexpected_misses = 0;  // the file says hit
  std::uint64_t sets = 0;
  std::uint64_t adds = 0;
  std::uint64_t adds_kept = 0;  // of these: a live record was there, nothing changed
  std::uint64_t cas = 0;
  std::uint64_t cas_conflicts = 0;
  std::uint64_t touches = 0;
  std::uint64_t touch_misses = 0;
  std::uint64_t deletes = 0;
  std::uint64_t found_in_flight = 0;  // stored, but not acknowledged, when the process was killed
  Version gets_version = 0;           // what the last gets returned, for the cas behind it
};

struct ReplayState {
  std::atomic<std::uint64_t> acknowledged;
  ReplayCounts counts[2];
  std::atomic<std::uint64_t> busy_ns;  // spent in operations, to within some of them
  std::atomic<std::uint64_t> reopens;
  std::atomic<std::uint32_t> finished;  // what follows is valid
  std::uint64_t alive_at_end;
  std::uint64_t scanned_at_end;  // the same, counted by a scan: nothing else may be there
  std::uint64_t wrong_at_end;    // of the alive: whose bytes are not those of the last write

  [[nodiscard]] const ReplayCounts& current() const noexcept {
    return counts[acknowledged.load(std::memory_order_acquire) % 2];
  }
  // Position and counts, in one step.
  void advance(std::uint64_t operations, const ReplayCounts& now) noexcept {
    counts[operations % 2] = now;
    acknowledged.store(operations, std::memory_order_release);
  }
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);  // works between processes

// A ReplayState and last_write in a memory file, which children inherit by its number.
class SharedReplayState {
 public:
  explicit SharedReplayState(std::size_t keys);  // all zero
  SharedReplayState(int fd, std::size_t keys);   // that of the parent
  ~SharedReplayState();
  SharedReplayState(const SharedReplayState&) = delete;
  SharedReplayState& operator=(const SharedReplayState&) = delete;

  [[nodiscard]] int fd() const noexcept { return file_.get(); }
  [[nodiscard]] ReplayState& state() const noexcept { return *state_; }
  [[nodiscard]] std::span<std::uint32_t> last_write() const noexcept { return last_write_; }

 private:
  void map(std::size_t keys);

  Fd file_;
  std::size_t bytes_ = 0;
  ReplayState* state_ = nullptr;
  std::span<std::uint32_t> last_write_;
};

}  // namespace cloakroom::bench

#endif  // CLOAKROOM_BENCHMARKS_REPLAY_STATE_H_
