#include "base/random.h"

#include <sys/random.h>

#include <cerrno>
#include <cstring>

namespace cloakroom {

Status random_bytes(std::span<unsigned char> bytes) noexcept {
  while (!bytes.empty()) {
    const ssize_t got = getrandom(bytes.data(), bytes.size(), 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      return Status(StatusCode::kIo,
                    std::string("getrandom failed (") + std::strerror(errno) +
                        "); without it no secret can be made: allow the system call");
    }
    bytes = bytes.subspan(static_cast<std::size_t>(got));
  }
  return Status();
}

Result<std::uint64_t> random_u64() noexcept {
  unsigned char bytes[8];
  if (Status filled = random_bytes(bytes); !filled) return filled;
  std::uint64_t value = 0;
  std::memcpy(&value, bytes, sizeof(value));
  return value;
}

}  // namespace cloakroom
