#include "demo/worker.h"
#include "exit_codes.h"

#include "text/output.h"

namespace cloakroom::cli {

int run_demo_worker(const DemoWorkerOptions& options) {
  const auto memory = SharedMemory::attach(options.fd);
  if (!memory) {
    message(text_of(memory.status()));
    return kExitUsage;
  }
  return options.phase == "load" ? run_demo_load(*memory, options.dir)
                                 : run_demo_check(*memory, options.dir);
}

}  // namespace cloakroom::cli
