// What the demo's processes share: the oracle that knows every acknowledged write.
//
// The parent makes a memory file, the processes it starts map it. The load process keeps one slot
// for every session, in which it notes a write twice: `intent` before the call, `acked` after the
// store answered. The memory is the parent's too, so it outlives the SIGKILL, and what it says
// after it is
//
//      intent == acked   the store acknowledged exactly this: it must be there
//      intent != acked   the kill came during the call: one of the two must be there, whole
//
// A state is 0 for "never written", else generation * 2, plus 1 once the session was erased. Key,
// owner and value follow from the seed, the slot and the generation, so they can be compared byte
// by byte without being stored here.
//
// Every slot and every LoadThread has one writer, and one thread owns a session for good, so the
// order of its writes is known. An all-zero page is a valid, empty Shared: the file needs no
// set-up.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_DEMO_SHARED_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_DEMO_SHARED_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/file.h"
#include "text/log_histogram.h"

namespace cloakroom::cli {

inline constexpr std::size_t kDemoThreadsMax = 64;

using SessionState = std::uint64_t;
[[nodiscard]] constexpr std::uint64_t generation_of(SessionState state) { return state / 2; }
[[nodiscard]] constexpr bool alive(SessionState state) { return state != 0 && state % 2 == 0; }
[[nodiscard]] constexpr SessionState next_write(SessionState state) { return (state / 2 + 1) * 2; }
[[nodiscard]] constexpr SessionState erased(SessionState state) { return state | 1; }

struct SessionSlot {
  std::atomic<SessionState> intent;
  std::atomic<SessionState> acked;
  // When the last acknowledged put or touch began (boot clock, ms): it lives a lifetime from here.
  std::atomic<std::int64_t> renewed_ms;
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "it is shared between processes");

enum class Sabotage : std::uint32_t { kNone, kLose, kRevive, kStale, kSpare };

// Set by the parent before a process starts.
struct DemoPlan {
  std::uint64_t seed;
  std::uint32_t threads;
  std::uint32_t slots_per_thread;
  double sessions_per_second;
  Sabotage sabotage;
};

struct alignas(64) LoadThread {
  std::atomic<std::uint64_t> slots_used;  // grows over all kills
  std::atomic<std::uint64_t> puts;        // acknowledged; so are the next two
  std::atomic<std::uint64_t> touches;
  std::atomic<std::uint64_t> erases;
  std::atomic<std::uint64_t> gets;
  std::atomic<std::uint64_t> wrong_answers;  // while it ran: not what was written before
  LogHistogram get_ns;
  LogHistogram put_ns;
  LogHistogram touch_ns;
};

// Something that must not be.
enum class Fault : std::uint32_t {
  kLost,     // acknowledged, and absent
  kStale,    // present, but not the value that was acknowledged last
  kRevived,  // erased, and present again
  kForeign,  // a key that nobody wrote
  kEarly,    // it would expire before its time
};
inline constexpr std::size_t kFaults = 5;

struct CheckResult {
  std::uint64_t open_ns;
  std::uint64_t first_read_ns;  // from the call of open() to the answer
  std::uint64_t warm_ns;        // likewise, to the last record in memory
  LogHistogram warming_get_ns;  // reads on the way there
  std::uint64_t alive;          // sessions found
  std::uint64_t ended;          // erased, and found absent
  std::uint64_t in_flight;      // slots caught between intent and ack
  std::uint64_t opened_clean;
  std::array<std::uint64_t, kFaults> faults;
  std::uint64_t records;
  std::uint64_t memory_bytes;
  std::uint64_t key_value_bytes;

  struct Example {
    Fault fault;
    std::uint32_t slot;
  };
  std::array<Example, 5> examples;
  std::uint64_t example_count;
};

enum class Phase : std::uint32_t { kStarting, kRunning, kDone, kFailed };

struct Shared {
  DemoPlan plan;
  std::atomic<Phase> phase;
  std::atomic<bool> stop;             // ends the load in order; only sabotage asks for it
  std::array<char, 1024> error_text;  // why the phase is kFailed
  std::array<LoadThread, kDemoThreadsMax> threads;
  CheckResult check;
};

// The memory file, mapped.
class SharedMemory {
 public:
  // A new one for so many slots, or the one behind `fd`; not ok when the system refuses.
  static Result<SharedMemory> create(std::size_t slots);
  static Result<SharedMemory> attach(int fd);

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  [[nodiscard]] Shared* operator->() const noexcept { return static_cast<Shared*>(memory_.get()); }
  [[nodiscard]] SessionSlot& slot(std::size_t index) const noexcept { return slots()[index]; }
  // All slots that a thread has used so far; the first one's index is thread * slots_per_thread.
  [[nodiscard]] std::span<SessionSlot> used(std::size_t thread) const noexcept;

  // Why a process failed; the first one to say it wins.
  void fail(std::string_view text) const noexcept;

 private:
  struct Unmap {
    std::size_t bytes = 0;
    void operator()(void* memory) const noexcept;
  };
  static Result<SharedMemory> map(Fd fd, std::size_t bytes);
  SharedMemory(Fd fd, std::unique_ptr<void, Unmap> memory);
  [[nodiscard]] SessionSlot* slots() const noexcept;

  Fd fd_;
  std::unique_ptr<void, Unmap> memory_;
};

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_DEMO_SHARED_H_
