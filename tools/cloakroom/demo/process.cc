#include "demo/process.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "demo/demo.h"
#include "exit_codes.h"

namespace cloakroom::cli {
namespace {

[[noreturn]] void become(int fd, const std::string& dir, const char* phase, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(kExitCannotOpen);
  ::signal(SIGINT, SIG_IGN);  // Ctrl-C is for the parent, which then ends us.
  const std::string fd_text = std::to_string(::dup(fd));  // the copy has no close-on-exec
  ::execl("/proc/self/exe", "cloakroom", "demo-worker", "--phase", phase, "--fd", fd_text.c_str(),
          "--", dir.c_str(), nullptr);
  ::_exit(kExitCannotOpen);
}

}  // namespace

DemoProcess::DemoProcess(const SharedMemory& memory, const std::string& dir, const char* phase) {
  memory->phase.store(Phase::kStarting);
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) become(memory.fd(), dir, phase, parent);
}

DemoProcess::~DemoProcess() {
  if (pid_ <= 0) return;
  kill();
  (void)wait();
}

void DemoProcess::kill() const noexcept {
  if (pid_ > 0) ::kill(pid_, SIGKILL);
}

bool DemoProcess::ended() {
  if (ended_ || pid_ <= 0) return true;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return false;
  ended_ = true;
  pid_ = -1;
  if (WIFEXITED(status)) end_.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) end_.signal = WTERMSIG(status);
  return true;
}

bool DemoProcess::wait() {
  const auto deadline = std::chrono::steady_clock::now() + kProcessPatience;
  while (!ended()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(kProcessLook);
  }
  return true;
}

}  // namespace cloakroom::cli
