#include "reading/isolate.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>

#include "exit_codes.h"
#include "text/output.h"

namespace cloakroom::cli {
namespace {

constexpr std::size_t kTextBytesMax = 2000;

void set_interrupts(void (*disposition)(int)) {
  std::signal(SIGINT, disposition);
  std::signal(SIGQUIT, disposition);
}

[[noreturn]] void be_child(const std::function<int()>& f, const Fd& text,
                           const std::string& scratch, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(kExitCannotOpen);  // It died before the line above.
  set_interrupts(SIG_DFL);
  if (!scratch.empty()) ::setenv("TMPDIR", scratch.c_str(), 1);
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);

  if (text) {
    if (std::FILE* own = ::fdopen(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3), "w")) {
      std::setvbuf(own, nullptr, _IOLBF, 0);
      use_messages_on(own);
      ::dup2(text.get(), STDERR_FILENO);
    }
  }
  int code = kExitCannotOpen;
  try {
    code = f();
  } catch (const std::exception& e) {
    message(std::string("gave up: ") + e.what());
  }
  if (!flush_output()) code = kExitCannotOpen;
  std::fflush(messages());
  ::_exit(code);
}

// A directory that outlives the child, so that one that died leaves nothing behind. Empty: none.
std::string make_scratch() {
  std::error_code failed;
  std::string path = std::filesystem::temp_directory_path(failed) / "cloakroom-XXXXXX";
  return !failed && ::mkdtemp(path.data()) != nullptr ? path : std::string();
}

std::string read_text(const Fd& file) {
  std::string text(kTextBytesMax, '\0');
  const ssize_t count = file ? ::pread(file.get(), text.data(), text.size(), 0) : 0;
  text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

}  // namespace

IsolatedChild::IsolatedChild(const std::function<int()>& f)
    : text_(::memfd_create("cloakroom-child-stderr", MFD_CLOEXEC)) {
  std::fflush(stdout);
  std::fflush(messages());
  scratch_ = make_scratch();
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) be_child(f, text_, scratch_, parent);
  set_interrupts(SIG_IGN);
  if (pid_ < 0) message(std::string("cannot start a process: ") + std::strerror(errno));
}

IsolatedChild::~IsolatedChild() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  (void)wait();
}

ChildEnd IsolatedChild::wait() {
  ChildEnd end;
  if (pid_ < 0) {
    end.exit_code = kExitCannotOpen;
    return end;
  }
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  set_interrupts(SIG_DFL);
  std::error_code ignored;
  if (!scratch_.empty()) std::filesystem::remove_all(scratch_, ignored);
  if (WIFEXITED(status)) end.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) end.signal = WTERMSIG(status);
  end.text = read_text(text_);
  return end;
}

int run_isolated(const std::string& dir, const std::function<int()>& verb) {
  return finish_isolated(dir, IsolatedChild(verb).wait());
}

int finish_isolated(const std::string& dir, const ChildEnd& end) {
  if (end.signal == 0) {
    if (!end.text.empty()) message(end.text);
    return end.exit_code;
  }
  end_alike(end);
  message("reading " + dir + " ended with " + describe(end) + "; the store is damaged, run `" +
          "cloakroom verify " + dir + "` to see where");
  return kExitCannotOpen;
}

void end_alike(const ChildEnd& end) {
  if (end.signal != SIGPIPE && end.signal != SIGINT && end.signal != SIGQUIT) return;
  std::signal(end.signal, SIG_DFL);
  std::raise(end.signal);
}

std::string describe(const ChildEnd& end) {
  std::string text = end.signal == 0 ? "exit code " + std::to_string(end.exit_code)
                                     : std::string("SIG") + ::sigabbrev_np(end.signal);
  if (!end.text.empty()) text += " (" + end.text.substr(end.text.rfind('\n') + 1) + ")";
  return text;
}

}  // namespace cloakroom::cli
