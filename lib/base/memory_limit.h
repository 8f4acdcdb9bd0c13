// How much memory this process may use.
#ifndef CLOAKROOM_LIB_BASE_MEMORY_LIMIT_H_
#define CLOAKROOM_LIB_BASE_MEMORY_LIMIT_H_

#include <cstdint>

namespace cloakroom {

// The smallest of the machine's memory, the process's cgroup limit (v2 or v1) and RLIMIT_AS.
[[nodiscard]] std::uint64_t usable_memory_bytes() noexcept;

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_BASE_MEMORY_LIMIT_H_
