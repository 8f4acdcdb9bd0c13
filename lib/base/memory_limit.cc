#include "base/memory_limit.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace cloakroom {
namespace {

// The number in a one-line file of the kernel; no limit when there is none ("max", or no file).
std::uint64_t limit_in(const char* path) noexcept {
  std::FILE* const file = std::fopen(path, "re");
  if (file == nullptr) return UINT64_MAX;
  unsigned long long limit = 0;
  const int got = std::fscanf(file, "%llu", &limit);
  std::fclose(file);
  return got == 1 && limit != 0 ? limit : UINT64_MAX;
}

}  // namespace

std::uint64_t usable_memory_bytes() noexcept {
  const long pages = ::sysconf(_SC_PHYS_PAGES);
  const long page_bytes = ::sysconf(_SC_PAGESIZE);
  std::uint64_t bytes = pages > 0 && page_bytes > 0 ? static_cast<std::uint64_t>(pages) *
                                                          static_cast<std::uint64_t>(page_bytes)
                                                    : UINT64_MAX;
  bytes = std::min(bytes, limit_in("/sys/fs/cgroup/memory.max"));
  bytes = std::min(bytes, limit_in("/sys/fs/cgroup/memory/memory.limit_in_bytes"));
  rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
    bytes = std::min(bytes, std::uint64_t{limit.rlim_cur});
  }
  return bytes;
}

}  // namespace cloakroom
