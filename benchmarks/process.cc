#include "process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include "failure.h"

namespace cloakroom::bench {
namespace {

namespace fs = std::filesystem;

ChildEnd end_of(int status) noexcept {
  if (WIFEXITED(status)) return {.exit_code = WEXITSTATUS(status)};
  return {.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0};
}

// What happens between fork and exec. Other threads of the parent may have held any lock at the
// fork, so nothing here allocates.
[[noreturn]] void become(char* const* argv, const Child::Settings& settings, int output,
                         pid_t parent) noexcept {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);  // It died before prctl was reached.
  if (settings.quiet) {
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    ::dup2(null, STDIN_FILENO);
    ::dup2(null, STDOUT_FILENO);
    ::dup2(null, STDERR_FILENO);
  }
  if (output >= 0) ::dup2(output, STDOUT_FILENO);
  if (settings.keep_fd >= 0) ::fcntl(settings.keep_fd, F_SETFD, 0);
  if (!settings.directory.empty() && ::chdir(settings.directory.c_str()) != 0) ::_exit(127);
  ::execvp(argv[0], argv);
  ::_exit(127);
}

}  // namespace

TempDir::TempDir() {
  const char* parent = std::getenv("TMPDIR");
  path_ = fmt::format("{}/cloakroom-bench.XXXXXX",
                      parent != nullptr && *parent != '\0' ? parent : "/tmp");
  if (::mkdtemp(path_.data()) == nullptr) {
    throw Failure(fmt::format("cannot create {}: {}", path_, std::strerror(errno)));
  }
}

TempDir::~TempDir() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void make_fresh_directory(const std::string& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (!error) fs::create_directories(path, error);
  if (error) throw Failure(fmt::format("cannot create {}: {}", path, error.message()));
}

void require_absent_or_empty(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(path, error);
  if (status.type() == fs::file_type::not_found) return;
  if (fs::is_directory(status) && fs::is_empty(path, error) && !error) return;
  throw Failure(
      fmt::format("{} exists and is not an empty directory; name one that does not exist", path),
      kExitUsage);
}

std::string to_string(const ChildEnd& end) {
  if (end.signal != 0) return fmt::format("was ended by signal {}", end.signal);
  if (end.exit_code == 127) return "could not be started";
  return fmt::format("ended with exit code {}", end.exit_code);
}

Child::Child(const std::vector<std::string>& argv, const Settings& settings) {
  std::vector<char*> arguments;
  arguments.reserve(argv.size() + 1);
  for (const std::string& argument : argv) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);

  Fd write_end;
  if (settings.capture) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
      throw Failure(fmt::format("cannot create a pipe: {}", std::strerror(errno)));
    }
    output_ = Fd(ends[0]);
    write_end = Fd(ends[1]);
  }
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) throw Failure(fmt::format("cannot start {}: {}", argv[0], std::strerror(errno)));
  if (pid_ == 0) become(arguments.data(), settings, write_end.get(), parent);
}

Child Child::self(std::vector<std::string> arguments, const Settings& settings) {
  arguments.insert(arguments.begin(), "/proc/self/exe");
  return Child(arguments, settings);
}

Child::~Child() { kill(); }

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      end_(other.end_),
      output_(std::move(other.output_)),
      buffered_(std::move(other.buffered_)) {}

std::optional<std::string> Child::read_line() {
  std::size_t newline = 0;
  while ((newline = buffered_.find('\n')) == std::string::npos) {
    std::array<char, 4096> bytes{};
    const ssize_t count = ::read(output_.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return std::nullopt;
    buffered_.append(bytes.data(), static_cast<std::size_t>(count));
  }
  std::string line = buffered_.substr(0, newline);
  buffered_.erase(0, newline + 1);
  return line;
}

std::optional<ChildEnd> Child::poll() {
  int status = 0;
  if (!end_ && ::waitpid(pid_, &status, WNOHANG) == pid_) end_ = end_of(status);
  return end_;
}

ChildEnd Child::wait() {
  int status = 0;
  while (!end_) {
    const pid_t found = ::waitpid(pid_, &status, 0);
    if (found == pid_) {
      end_ = end_of(status);
    } else if (errno != EINTR) {
      end_ = ChildEnd{};
    }
  }
  return *end_;
}

ChildEnd Child::kill() {
  if (pid_ < 0) return {};
  if (!poll()) ::kill(pid_, SIGKILL);
  return wait();
}

}  // namespace cloakroom::bench
