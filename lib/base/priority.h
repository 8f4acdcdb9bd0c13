// Threads that work for later make way for those that work for somebody now.
#ifndef CLOAKROOM_LIB_BASE_PRIORITY_H_
#define CLOAKROOM_LIB_BASE_PRIORITY_H_

#include <sys/resource.h>
#include <unistd.h>

namespace cloakroom {

// Lowers the calling thread's priority, for good: alone on a machine it is as fast as before. Best
// effort; on Linux a priority belongs to a thread.
inline void give_way() noexcept {
  constexpr int kNice = 10;
  (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNice);
}

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_BASE_PRIORITY_H_
