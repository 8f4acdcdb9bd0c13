// The processes of the demo: one that loads the store until it is killed, one that checks it then.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_DEMO_WORKER_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_DEMO_WORKER_H_

#include <string>

#include "demo/demo.h"
#include "demo/shared.h"

namespace cloakroom::cli {

// Both answer with an exit code; a failure is explained in the shared memory.
[[nodiscard]] int run_demo_load(const SharedMemory& memory, const std::string& dir);
[[nodiscard]] int run_demo_check(const SharedMemory& memory, const std::string& dir);

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_DEMO_WORKER_H_
