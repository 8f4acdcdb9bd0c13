// Epochs: when memory that readers may still be looking at can be used again.
//
// Readers of the table take no lock and write no line that another thread reads in the ordinary
// course of things. So a writer that has taken a record out of the table cannot free it: somebody
// may have found it a moment before. This is the classic epoch scheme (K. Fraser, "Practical
// lock-freedom", 2004), with its fence moved from the many readers to the few reclaimers:
//
//   reader      EpochGuard: notes the global epoch in a line of its own thread, reads, erases the
//               note. Two plain stores; no read-modify-write, no fence.
//   reclaimer   takes things out of reach, then  e = advance_epoch()  and later
//               oldest_epoch() >= e:  nobody can see them any more.
//
// Why that is right. advance_epoch() steps the global epoch and then makes every running thread of
// the process pass a full fence (membarrier(2)). For each reader one of two things holds then:
//   - its note was written before the fence: oldest_epoch() sees it, and it is below e unless the
//     reader had read the stepped epoch, which it did with acquire, so that it also sees that the
//     things are out of reach;
//   - its note comes after the fence: then so do its reads, and it sees the same.
// Where membarrier is refused, readers pass a fence of their own, some 20 cycles. ThreadSanitizer
// knows neither fences nor membarrier; its builds use an exchange, which it understands.
// tests/base/epoch_model.cc checks the scheme under the interleavings that Relacy comes up with.
//
// One domain for the whole process: a thread has one line, however many stores there are. A guard
// that is held for long (a visitor that blocks) keeps everything from being freed that was retired
// meanwhile, in all stores; it never makes anybody wait.
#ifndef CLOAKROOM_LIB_BASE_EPOCH_H_
#define CLOAKROOM_LIB_BASE_EPOCH_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/sanitizers.h"

namespace cloakroom {

namespace epoch {

inline constexpr std::uint64_t kNobody = UINT64_MAX;

// A thread's line. Used by one thread at a time; when the thread ends another may have it.
struct alignas(64) Reader {
  std::atomic<std::uint64_t> entered{0};  // the epoch it is reading in, 0: it is not
  std::uint32_t depth = 0;                // guards of this thread; its own
  std::uint32_t number = 0;               // constant: lines are numbered from 0
  std::atomic<bool> taken{false};
  Reader* next = nullptr;  // constant once the line is in the list
};

extern std::atomic<std::uint64_t> current;

// Do readers have to pass a fence? Constant after the first call of this room in the process.
extern std::atomic<bool> readers_fence;

// Read by every lookup. Constinit here too, or every use would ask whether it has been initialized;
// initial-exec, for which a word is little for a library to ask for.
extern constinit thread_local Reader* mine __attribute__((tls_model("initial-exec")));

Reader* take_line();  // sets `mine`; may throw bad_alloc

}  // namespace epoch

// The line of this thread; its number tells threads that run at the same time apart.
[[nodiscard]] inline epoch::Reader& this_reader() {
  epoch::Reader* const reader = epoch::mine;
  return reader != nullptr ? *reader : *epoch::take_line();
}

// Nothing that can be reached when the guard begins is freed before it ends. Nests.
class EpochGuard {
 public:
  EpochGuard() : reader_(this_reader()) {
    if (reader_.depth++ == 0) enter();
  }
  ~EpochGuard() {
    if (--reader_.depth == 0) reader_.entered.store(0, std::memory_order_release);
  }
  EpochGuard(const EpochGuard&) = delete;
  EpochGuard& operator=(const EpochGuard&) = delete;

 private:
  void enter() noexcept {
    const std::uint64_t now = epoch::current.load(std::memory_order_acquire);
#if CLOAKROOM_TSAN
    reader_.entered.exchange(now, std::memory_order_seq_cst);
#else
    reader_.entered.store(now, std::memory_order_release);
    if (epoch::readers_fence.load(std::memory_order_relaxed)) {
      std::atomic_thread_fence(std::memory_order_seq_cst);
    } else {
      std::atomic_signal_fence(std::memory_order_seq_cst);  // the compiler must keep the order
    }
#endif
  }

  epoch::Reader& reader_;
};

// Steps the epoch after something was taken out of reach. Costs one or two microseconds.
[[nodiscard]] std::uint64_t advance_epoch() noexcept;

// The oldest epoch somebody reads in, kNobody when nobody reads. What was out of reach before
// advance_epoch() answered e may be freed when this is at least e.
[[nodiscard]] std::uint64_t oldest_epoch() noexcept;

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_BASE_EPOCH_H_
