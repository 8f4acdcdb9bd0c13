#include "interrupt.h"

#include <atomic>
#include <csignal>

#include "failure.h"

namespace cloakroom::bench {
namespace {

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free);  // so the handler may write it

}  // namespace

void catch_interrupts() noexcept {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted.store(true, std::memory_order_relaxed); };
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

void stop_if_interrupted() {
  if (interrupted.load(std::memory_order_relaxed)) throw Failure("interrupted");
}

}  // namespace cloakroom::bench
