#include "interrupted_cli.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <set>

#include "child_process.h"
#include "support/dir_snapshot.h"

namespace cloakroom::testing {
namespace {

constexpr int kSystemCallStop = SIGTRAP | 0x80;  // with PTRACE_O_TRACESYSGOOD
constexpr int kCannotTrace = 97;

bool changes_something(const __ptrace_syscall_info& call) {
  static const std::set<std::uint64_t> kCalls{
      SYS_write,     SYS_writev,    SYS_pwrite64,  SYS_pwritev,         SYS_renameat,
      SYS_renameat2, SYS_linkat,    SYS_unlinkat,  SYS_mkdirat,         SYS_ftruncate,
      SYS_fsync,     SYS_fdatasync, SYS_fallocate, SYS_sync_file_range,
#ifdef SYS_rename  // Newer machines have only those above.
      SYS_rename,    SYS_link,      SYS_unlink,    SYS_mkdir,           SYS_rmdir,
#endif
  };
  if (call.entry.nr == SYS_openat) return (call.entry.args[2] & O_CREAT) != 0;
  return kCalls.contains(call.entry.nr);
}

[[noreturn]] void become(const Arguments& arguments, const std::string& out,
                         const std::string& err) {
  const std::string path = built_program("CLOAKROOM_CLI", "../../tools/cloakroom");
  ::setpgid(0, 0);
  ::dup2(::open("/dev/null", O_RDONLY), STDIN_FILENO);
  ::dup2(::open(out.c_str(), O_WRONLY | O_CREAT, 0600), STDOUT_FILENO);
  ::dup2(::open(err.c_str(), O_WRONLY | O_CREAT, 0600), STDERR_FILENO);
  // The leak check cannot work beside a tracer.
  const char* const asan = std::getenv("ASAN_OPTIONS");
  const std::string options = (asan != nullptr ? std::string(asan) + ":" : "") + "detect_leaks=0";
  ::setenv("ASAN_OPTIONS", options.c_str(), 1);
  std::vector<char*> argv{const_cast<char*>(path.c_str())};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(kCannotTrace);
  ::execv(path.c_str(), argv.data());
  ::_exit(98);
}

// Follows a process and all that it starts, until it has ended.
class Tracer {
 public:
  Tracer(pid_t first, std::uint64_t n) : first_(first), n_(n) {}

  // The exit code of the first process.
  int run() {
    int status = 0;
    while (true) {
      const pid_t pid = ::waitpid(-1, &status, __WALL);
      if (pid < 0 && errno == EINTR) continue;
      if (pid < 0) return code_;  // all have ended
      if (WIFSTOPPED(status)) {
        go_on(pid, status);
      } else if (pid == first_) {
        code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      }
    }
  }
  [[nodiscard]] std::uint64_t calls() const noexcept { return calls_; }

 private:
  void go_on(pid_t pid, int status) {
    const int signal = WSTOPSIG(status);
    int pass_on = 0;
    if (signal == kSystemCallStop) {
      count(pid);
    } else if (signal == SIGTRAP && pid == first_ && !begun_) {
      begin(pid);  // after exec
    } else if (status >> 16 == 0 && signal != SIGSTOP) {
      pass_on = signal;  // SIGSTOP is how a new thread or process begins
    }
    (void)::ptrace(PTRACE_SYSCALL, pid, nullptr, pass_on);
  }

  // Others inherit it.
  void begin(pid_t pid) {
    begun_ = true;
    (void)::ptrace(PTRACE_SETOPTIONS, pid, nullptr,
                   PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                       PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL);
  }

  void count(pid_t pid) {
    __ptrace_syscall_info call{};
    const auto size = ::ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(call), &call);
    if (size <= 0 || call.op != PTRACE_SYSCALL_INFO_ENTRY || !changes_something(call)) return;
    if (++calls_ == n_) ::kill(-first_, SIGINT);
  }

  const pid_t first_;
  const std::uint64_t n_;
  bool begun_ = false;
  std::uint64_t calls_ = 0;
  int code_ = -1;
};

}  // namespace

std::optional<InterruptedAnswer> run_interrupted(const Arguments& arguments, std::uint64_t n) {
  const TempDir directory;
  const std::string out = directory / "out";
  const std::string err = directory / "err";
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0) become(arguments, out, err);
  Tracer tracer(pid, n);
  InterruptedAnswer answer;
  answer.cli.code = tracer.run();
  answer.calls = tracer.calls();
  if (answer.cli.code == kCannotTrace) return std::nullopt;
  answer.cli.out = read_file(out);
  answer.cli.err = read_file(err);
  return answer;
}

}  // namespace cloakroom::testing
