// The clock of timeouts and ages: milliseconds that never go back.
#ifndef CLOAKROOM_LIB_RESP_STEADY_H_
#define CLOAKROOM_LIB_RESP_STEADY_H_

#include <chrono>
#include <cstdint>

namespace cloakroom::resp {

[[nodiscard]] inline std::int64_t steady_ms() noexcept {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace cloakroom::resp

#endif  // CLOAKROOM_LIB_RESP_STEADY_H_
