// What busy_store writes, so that a test can say what must be in a copy of its store.
#ifndef CLOAKROOM_TESTS_TOOLS_BUSY_STORE_H_
#define CLOAKROOM_TESTS_TOOLS_BUSY_STORE_H_

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

namespace cloakroom::testing {

inline constexpr std::uint64_t kThreads = 3;
inline constexpr std::uint64_t kAliveMax = 3000;

// In a file that both map.
struct BusyCounts {
  std::array<std::atomic<std::uint64_t>, kThreads> written;
  std::array<std::atomic<std::uint64_t>, kThreads> erased;
};

// Null when that fails.
[[nodiscard]] inline BusyCounts* map_counts(const char* path) {
  const int fd = ::open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return nullptr;
  void* at = MAP_FAILED;
  if (::ftruncate(fd, sizeof(BusyCounts)) == 0) {
    at = ::mmap(nullptr, sizeof(BusyCounts), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  }
  ::close(fd);
  return at == MAP_FAILED ? nullptr : static_cast<BusyCounts*>(at);
}

[[nodiscard]] inline std::string busy_key(std::uint64_t thread, std::uint64_t i) {
  return std::to_string(thread) + ":" + std::to_string(i);
}

[[nodiscard]] inline std::string busy_value(std::uint64_t thread, std::uint64_t i) {
  std::string value = busy_key(thread, i);
  while (value.size() < 300) value += "/" + std::to_string(i * 2654435761U);
  return value;
}

}  // namespace cloakroom::testing

#endif  // CLOAKROOM_TESTS_TOOLS_BUSY_STORE_H_
