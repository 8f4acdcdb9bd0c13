#include "cli_runner.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>

namespace cloakroom::testing {
namespace {

constexpr uid_t kNobody = 65534;

// A program of the build: named by the environment, or in its place beside this one.
std::string program(const char* variable, const char* beside) {
  if (const char* path = std::getenv(variable); path != nullptr && *path != '\0') return path;
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / beside;
}

std::string cli_path() { return program("CLOAKROOM_CLI", "../../tools/cloakroom"); }

struct Pipe {
  int read = -1;
  int write = -1;
};

Pipe make_pipe() {
  std::array<int, 2> ends{-1, -1};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  return {ends[0], ends[1]};
}

[[noreturn]] void become(const std::string& path, const Arguments& arguments,
                         const CliSetting& setting) {
  std::vector<char*> argv{const_cast<char*>(path.c_str())};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  ::unsetenv("NO_COLOR");
  for (const auto& [name, value] : setting.environment) ::setenv(name.c_str(), value.c_str(), 1);
  if (!setting.out_file.empty()) {
    ::dup2(::open(setting.out_file.c_str(), O_WRONLY), STDOUT_FILENO);
  }
  for (const int fd : setting.closed) ::close(fd);
  if (setting.file_bytes_max != 0) {
    std::signal(SIGXFSZ, SIG_IGN);  // then it is an error of the call
    const rlimit limit{setting.file_bytes_max, setting.file_bytes_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  if (setting.as_nobody && (::setgid(kNobody) != 0 || ::setuid(kNobody) != 0)) ::_exit(99);
  ::alarm(setting.seconds_max);
  ::execv(path.c_str(), argv.data());
  ::_exit(98);
}

int exit_code(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Reads both until both end.
void drain(int out, int err, CliAnswer& answer) {
  std::array<pollfd, 2> polled{{{out, POLLIN, 0}, {err, POLLIN, 0}}};
  std::array<std::string*, 2> texts{&answer.out, &answer.err};
  std::array<char, 65536> chunk{};
  while (polled[0].fd >= 0 || polled[1].fd >= 0) {
    if (::poll(polled.data(), polled.size(), -1) < 0) continue;
    for (std::size_t i = 0; i < polled.size(); ++i) {
      if (polled[i].fd < 0 || polled[i].revents == 0) continue;
      const ssize_t count = ::read(polled[i].fd, chunk.data(), chunk.size());
      if (count > 0) {
        texts[i]->append(chunk.data(), static_cast<std::size_t>(count));
      } else {
        ::close(polled[i].fd);  // The end; a terminal says EIO.
        polled[i].fd = -1;
      }
    }
  }
}

CliAnswer run_on_terminal(const Arguments& arguments, const CliSetting& setting) {
  CliAnswer answer;
  const std::string path = cli_path();
  int terminal = -1;
  const pid_t pid = ::forkpty(&terminal, nullptr, nullptr, nullptr);
  REQUIRE(pid >= 0);
  if (pid == 0) become(path, arguments, setting);
  drain(terminal, -1, answer);
  answer.code = exit_code(pid);
  return answer;
}

CliAnswer run_program(const std::string& path, const Arguments& arguments,
                      const CliSetting& setting) {
  CliAnswer answer;
  const Pipe out = make_pipe();
  const Pipe err = make_pipe();
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    ::dup2(out.write, STDOUT_FILENO);
    ::dup2(err.write, STDERR_FILENO);
    ::dup2(::open("/dev/null", O_RDONLY), STDIN_FILENO);
    become(path, arguments, setting);
  }
  ::close(out.write);
  ::close(err.write);
  drain(out.read, err.read, answer);
  answer.code = exit_code(pid);
  return answer;
}

std::string make_store_path() { return program("CLOAKROOM_MAKE_STORE", "make_store"); }

}  // namespace

CliAnswer run_cli(const Arguments& arguments, const CliSetting& setting) {
  return setting.on_terminal ? run_on_terminal(arguments, setting)
                             : run_program(cli_path(), arguments, setting);
}

RunningCli::RunningCli(const Arguments& arguments, const std::string& out_file)
    : out_file_(out_file) {
  const Pipe err = make_pipe();
  const std::string path = cli_path();
  std::ofstream(out_file).close();
  pid_ = ::fork();
  REQUIRE(pid_ >= 0);
  if (pid_ == 0) {
    ::setpgid(0, 0);
    ::dup2(err.write, STDERR_FILENO);
    become(path, arguments, {.out_file = out_file});
  }
  ::close(err.write);
  err_ = err.read;
}

RunningCli::~RunningCli() {
  if (pid_ <= 0) return;
  signal(SIGKILL);
  (void)wait();
}

void RunningCli::signal(int number) const { ::kill(-pid_, number); }

CliAnswer RunningCli::wait() {
  CliAnswer answer;
  drain(err_, -1, answer);
  std::swap(answer.out, answer.err);
  answer.code = exit_code(pid_);
  pid_ = -1;
  std::ifstream file(out_file_);
  answer.out.assign(std::istreambuf_iterator<char>(file), {});
  return answer;
}

void make_store(const std::string& dir, std::string_view ending) {
  const CliAnswer made = run_program(make_store_path(), {dir, std::string(ending)}, {});
  REQUIRE_MESSAGE(made.code == (ending == "killed" ? 128 + SIGKILL : 0), made.err);
}

std::vector<std::string> make_sessions(const std::string& dir, std::string_view what) {
  const std::string path = program("CLOAKROOM_MAKE_SESSIONS", "make_sessions");
  const CliAnswer made = run_program(path, {dir, std::string(what)}, {});
  const bool killed = what.ends_with("killed");
  REQUIRE_MESSAGE(made.code == (killed ? 128 + SIGKILL : 0), made.err);
  std::vector<std::string> printed;
  std::istringstream lines(made.out);
  for (std::string line; std::getline(lines, line);) printed.push_back(line);
  return printed;
}

HeldStore::HeldStore(const std::string& dir) {
  const std::string path = make_store_path();
  const Pipe in = make_pipe();
  const Pipe out = make_pipe();
  pid_ = ::fork();
  REQUIRE(pid_ >= 0);
  if (pid_ == 0) {
    ::dup2(in.read, STDIN_FILENO);
    ::dup2(out.write, STDOUT_FILENO);
    become(path, {dir, "held"}, {});
  }
  ::close(in.read);
  ::close(out.write);
  input_ = in.write;
  std::array<char, 5> word{};
  CHECK(::read(out.read, word.data(), word.size()) == 5);  // "held\n", or the end: it failed
  ::close(out.read);
}

HeldStore::~HeldStore() {
  ::close(input_);
  CHECK(exit_code(pid_) == 0);
}

const std::string& shared_store() {
  static const TempDir* const kDirectory = [] {
    static const TempDir directory;
    make_store(directory.store_path());
    return &directory;
  }();
  static const std::string kPath = kDirectory->store_path();
  return kPath;
}

nlohmann::json json_of(const std::string& text) {
  auto parsed = nlohmann::json::parse(text, nullptr, false);
  CHECK_MESSAGE(!parsed.is_discarded(), "not JSON: ", text);
  return parsed.is_discarded() ? nlohmann::json() : parsed;
}

std::vector<nlohmann::json> json_lines(const std::string& text) {
  std::vector<nlohmann::json> objects;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) objects.push_back(json_of(line));
  return objects;
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace cloakroom::testing
