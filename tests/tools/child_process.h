// A program that runs beside a test: it is started, spoken to, and ended with its scope.
#ifndef CLOAKROOM_TESTS_TOOLS_CHILD_PROCESS_H_
#define CLOAKROOM_TESTS_TOOLS_CHILD_PROCESS_H_

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace cloakroom::testing {

// A program of the build: named by the environment, or beside this one.
[[nodiscard]] inline std::string built_program(const char* variable, const char* beside) {
  if (const char* path = std::getenv(variable); path != nullptr && *path != '\0') return path;
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / beside;
}

class ChildProcess {
 public:
  // `quiet`: what it prints goes nowhere; else await() reads it, messages and all.
  explicit ChildProcess(const std::vector<std::string>& command, bool quiet = false) {
    std::array<int, 2> in{-1, -1};
    std::array<int, 2> out{-1, -1};
    REQUIRE(::pipe2(in.data(), O_CLOEXEC) == 0);
    REQUIRE(::pipe2(out.data(), O_CLOEXEC) == 0);
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      ::dup2(in[0], STDIN_FILENO);
      const int nowhere = quiet ? ::open("/dev/null", O_WRONLY) : -1;
      ::dup2(quiet ? nowhere : out[1], STDOUT_FILENO);
      ::dup2(quiet ? nowhere : out[1], STDERR_FILENO);
      std::vector<char*> argv;
      for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
      argv.push_back(nullptr);
      ::execvp(argv[0], argv.data());
      ::_exit(98);
    }
    ::close(in[0]);
    ::close(out[1]);
    in_ = in[1];
    out_ = out[0];
  }
  ~ChildProcess() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      (void)wait();
    }
    close_input();
    ::close(out_);
  }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }

  // Reads until the text has come; false when the output ends before.
  [[nodiscard]] bool await(const std::string& text) {
    std::array<char, 4096> chunk{};
    while (seen_.find(text) == std::string::npos) {
      const ssize_t count = ::read(out_, chunk.data(), chunk.size());
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return false;
      seen_.append(chunk.data(), static_cast<std::size_t>(count));
    }
    return true;
  }

  // Blocks while the program does not read. False when it has gone.
  [[nodiscard]] bool write(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t count = ::write(in_, text.data(), text.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return false;
      text.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }

  void close_input() {
    if (in_ >= 0) ::close(in_);
    in_ = -1;
  }
  void signal(int number) const { ::kill(pid_, number); }

  // The exit code, or 128 and the signal that ended it.
  int wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  pid_t pid_ = -1;
  int in_ = -1;
  int out_ = -1;
  std::string seen_;
};

}  // namespace cloakroom::testing

#endif  // CLOAKROOM_TESTS_TOOLS_CHILD_PROCESS_H_
