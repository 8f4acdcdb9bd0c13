// Threads that work for later make way for those that work for somebody now.
#ifndef CLOAKROOM_LIB_BASE_PRIORITY_H_
#define CLOAKROOM_LIB_BASE_PRIORITY_H_

#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>

namespace cloakroom {

// How much less of a processor that others want too: to nobody else's disadvantage, but still a tenth
// of it; or next to nothing.
inline constexpr int kLater = 10;
inline constexpr int kLast = 19;

// Lowers the calling thread's priority below that of the process it is in, for good: alone on a
// machine it is as fast as before. Best effort; on Linux a priority belongs to a thread.
inline void give_way(int by = kLater) noexcept {
  errno = 0;
  const int now = ::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()));
  if (now == -1 && errno != 0) return;
  (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), now + by);
}

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_BASE_PRIORITY_H_
