// What hostile clients do to a listener, each in a process of its own that never stops by itself.
#ifndef CLOAKROOM_BENCHMARKS_SIEGE_H_
#define CLOAKROOM_BENCHMARKS_SIEGE_H_

#include <array>
#include <string_view>

#include "raw_client.h"

namespace cloakroom::bench {

struct Attack {
  std::string_view name;
  std::string_view what;
  void (*run)(const Endpoint&);  // says "ready" on stdout when it is in place; does not return
};

// The value that a client asks for without ever reading it.
inline constexpr std::string_view kBigKey = "siege-big";
inline constexpr std::size_t kBigBytes = 1'000'000;

[[nodiscard]] const std::array<Attack, 7>& attacks();

}  // namespace cloakroom::bench

#endif  // CLOAKROOM_BENCHMARKS_SIEGE_H_
