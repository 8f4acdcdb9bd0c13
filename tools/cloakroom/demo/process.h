// A process of the demo: this program again, with the hidden verb demo-worker.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_DEMO_PROCESS_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_DEMO_PROCESS_H_

#include <sys/types.h>

#include <chrono>
#include <string>

#include "demo/shared.h"
#include "reading/isolate.h"

namespace cloakroom::cli {

inline constexpr std::chrono::milliseconds kProcessLook{5};  // between two looks at a process
inline constexpr std::chrono::seconds kProcessPatience{60};  // for it to start, or to end

// It is killed with its handle, and with this process.
class DemoProcess {
 public:
  // Runs `phase` ("load" or "check") on the store in `dir`; sets the shared phase to kStarting.
  DemoProcess(const SharedMemory& memory, const std::string& dir, const char* phase);
  ~DemoProcess();
  DemoProcess(const DemoProcess&) = delete;
  DemoProcess& operator=(const DemoProcess&) = delete;

  [[nodiscard]] bool started() const noexcept { return pid_ > 0 || ended_; }
  void kill() const noexcept;  // SIGKILL; does not wait

  [[nodiscard]] bool ended();  // does not block
  [[nodiscard]] bool wait();   // for kProcessPatience; false when it still runs then
  [[nodiscard]] const ChildEnd& end() const noexcept { return end_; }

 private:
  pid_t pid_ = -1;
  bool ended_ = false;
  ChildEnd end_;
};

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_DEMO_PROCESS_H_
