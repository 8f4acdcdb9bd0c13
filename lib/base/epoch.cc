#include "base/epoch.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace cloakroom {
namespace epoch {

constinit std::atomic<std::uint64_t> current{1};
constinit std::atomic<bool> readers_fence{true};
constinit thread_local Reader* mine = nullptr;

namespace {

// Lines are never freed, and taken over by later threads: there are as many as threads ever ran at
// the same time.
constinit std::atomic<Reader*> lines{nullptr};

bool membarrier(int command) noexcept { return ::syscall(SYS_membarrier, command, 0, 0) == 0; }

// Once for the process, before its first reader has a line. A child of fork() inherits it.
bool register_membarrier() noexcept {
  const bool fences = !membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) ||
                      !membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
  readers_fence.store(fences, std::memory_order_relaxed);
  return fences;
}

// Gives the line back when its thread ends.
struct LineOwner {
  ~LineOwner() {
    if (mine == nullptr) return;
    mine->taken.store(false, std::memory_order_release);
    mine = nullptr;
  }
  bool alive = false;
};
thread_local LineOwner owner;

Reader* find_free_line() noexcept {
  for (Reader* line = lines.load(std::memory_order_acquire); line != nullptr; line = line->next) {
    bool taken = false;
    if (!line->taken.load(std::memory_order_relaxed) &&
        line->taken.compare_exchange_strong(taken, true, std::memory_order_acquire)) {
      return line;
    }
  }
  return nullptr;
}

Reader* add_line() {
  auto* const line = new Reader;
  line->taken.store(true, std::memory_order_relaxed);
  line->next = lines.load(std::memory_order_acquire);
  do {
    line->number = line->next != nullptr ? line->next->number + 1 : 0;
  } while (!lines.compare_exchange_weak(line->next, line, std::memory_order_acq_rel));
  return line;
}

}  // namespace

Reader* take_line() {
  static const bool fences = register_membarrier();
  (void)fences;
  Reader* line = find_free_line();
  if (line == nullptr) line = add_line();
  owner.alive = true;  // makes the thread run its destructor
  mine = line;
  return line;
}

}  // namespace epoch

std::uint64_t advance_epoch() noexcept {
  const std::uint64_t next = epoch::current.fetch_add(1, std::memory_order_seq_cst) + 1;
#if !CLOAKROOM_TSAN
  if (epoch::readers_fence.load(std::memory_order_relaxed)) {
    std::atomic_thread_fence(std::memory_order_seq_cst);
  } else {
    (void)epoch::membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
  }
#endif
  return next;
}

std::uint64_t oldest_epoch() noexcept {
  std::uint64_t oldest = epoch::kNobody;
  for (const epoch::Reader* line = epoch::lines.load(std::memory_order_acquire); line != nullptr;
       line = line->next) {
    // seq_cst for the builds in which an exchange stands in for the fence.
    const std::uint64_t entered = line->entered.load(std::memory_order_seq_cst);
    if (entered != 0 && entered < oldest) oldest = entered;
  }
  return oldest;
}

}  // namespace cloakroom
