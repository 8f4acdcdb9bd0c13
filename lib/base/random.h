// Random bytes from the kernel, and from nowhere else.
#ifndef CLOAKROOM_LIB_BASE_RANDOM_H_
#define CLOAKROOM_LIB_BASE_RANDOM_H_

#include <cstdint>
#include <span>

#include "cloakroom/status.h"

namespace cloakroom {

// Fills `bytes` from getrandom(2). kIo when the kernel refuses: there is no weaker source.
[[nodiscard]] Status random_bytes(std::span<unsigned char> bytes) noexcept;

[[nodiscard]] Result<std::uint64_t> random_u64() noexcept;

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_BASE_RANDOM_H_
