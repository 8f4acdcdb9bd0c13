// Pause: until when clients' commands wait (CLIENT PAUSE).
//
// Thread safety: all methods from any thread. Without a pause a command pays one atomic load.
#ifndef CLOAKROOM_LIB_RESP_PAUSE_H_
#define CLOAKROOM_LIB_RESP_PAUSE_H_

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "base/mutex.h"

namespace cloakroom::resp {

class Pause {
 public:
  enum class Of : std::uint8_t { kNothing, kWrites, kAll };

  // Of two pauses at once the later end counts, and the more that waits. Times are steady_ms().
  void begin(std::int64_t now_ms, std::int64_t until_ms, Of of) {
    MutexLock guard(mutex_);
    const bool goes_on = now_ms < until_ms_;
    until_ms_ = goes_on ? std::max(until_ms_, until_ms) : until_ms;
    of_.store(goes_on ? std::max(of_.load(), of) : of);
  }
  void end() {
    MutexLock guard(mutex_);
    until_ms_ = 0;
    of_.store(Of::kNothing);
  }

  [[nodiscard]] bool active() const noexcept {
    return of_.load(std::memory_order_relaxed) != Of::kNothing;
  }
  // For how long such a command has to wait; 0: not at all. Ends a pause whose time is over.
  [[nodiscard]] std::int64_t wait_ms(std::int64_t now_ms, bool is_write) {
    MutexLock guard(mutex_);
    if (now_ms >= until_ms_) of_.store(Of::kNothing);
    const Of of = of_.load();
    const bool waits = of == Of::kAll || (of == Of::kWrites && is_write);
    return waits ? until_ms_ - now_ms : 0;
  }

 private:
  Mutex mutex_;
  std::int64_t until_ms_ GUARDED_BY(mutex_) = 0;
  std::atomic<Of> of_{Of::kNothing};
};

}  // namespace cloakroom::resp

#endif  // CLOAKROOM_LIB_RESP_PAUSE_H_
