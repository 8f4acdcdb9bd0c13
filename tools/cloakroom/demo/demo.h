// The demo, and the processes that it starts.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_DEMO_DEMO_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_DEMO_DEMO_H_

#include <cstdint>
#include <string>

namespace cloakroom::cli {

struct DemoOptions {
  std::string dir;  // empty: a temporary one
  bool keep = false;
  double seconds = 12;  // under load, over all kills
  std::uint64_t sessions = 200'000;
  std::uint32_t kills = 3;
  std::uint32_t threads = 0;  // 0: by the machine
  std::uint64_t seed = 0;     // 0: random
  std::string sabotage;       // for the tests of the demo: a fault that it must find
  bool json = false;
};
[[nodiscard]] int run_demo(const DemoOptions& options);

// The demo's own processes, started by it (worker.cc).
struct DemoWorkerOptions {
  std::string dir;
  std::string phase;  // "load" or "check"
  int fd = -1;        // the shared memory
};
[[nodiscard]] int run_demo_worker(const DemoWorkerOptions& options);

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_DEMO_DEMO_H_
