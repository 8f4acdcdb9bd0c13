#include "faults/harness.h"

#include <execinfo.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

namespace cloakroom::faults {
namespace {

constexpr std::uint64_t kFailuresShown = 20;

// An assertion of RocksDB says where it stands, not who called it.
void print_backtrace(int signal) {
  std::array<void*, 64> frames{};
  ::backtrace_symbols_fd(frames.data(), ::backtrace(frames.data(), frames.size()), STDERR_FILENO);
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

[[noreturn]] void stop(const char* usage) {
  std::fprintf(stderr, "%s\n", usage);
  std::exit(2);
}

}  // namespace

Args Args::parse(int argc, char** argv, std::uint64_t default_cycles, const char* usage) {
  Args args;
  args.cycles = default_cycles;
  args.seed = std::random_device{}();
  if (const char* given = std::getenv("CLOAKROOM_SEED")) args.seed = std::strtoull(given, nullptr, 0);
  for (int i = 1; i < argc; ++i) {
    const std::string_view arg = argv[i];
    const auto value = [&] { return ++i < argc ? argv[i] : (stop(usage), ""); };
    if (arg == "--cycles") {
      args.cycles = std::strtoull(value(), nullptr, 0);
    } else if (arg == "--seed") {
      args.seed = std::strtoull(value(), nullptr, 0);
    } else if (arg == "--sabotage") {
      args.sabotage = value();
    } else if (arg == "--all") {
      args.all = true;
    } else {
      stop(usage);
    }
  }
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  std::printf("seed %llu (repeat with --seed)\n", static_cast<unsigned long long>(args.seed));
  return args;
}

void Tally::fail(const std::string& what) {
  if (++failed_ <= kFailuresShown) std::printf("FAILED: %s\n", what.c_str());
}

int Tally::finish() const {
  std::printf("[%s] %llu passed, %llu failed\n", name_.c_str(),
              static_cast<unsigned long long>(passed_), static_cast<unsigned long long>(failed_));
  return failed_ == 0 ? 0 : 1;
}

void* map_shared(std::size_t bytes) {
  void* memory =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    std::perror("mmap");
    std::exit(2);
  }
  return memory;
}

void unmap_shared(void* memory, std::size_t bytes) { ::munmap(memory, bytes); }

std::string Ending::to_string() const {
  if (timed_out) return "hung and was killed";
  if (signal != 0) return std::string("died by ") + ::strsignal(signal);
  return "exit code " + std::to_string(exit_code);
}

int start_child(const std::function<int()>& f) {
  std::fflush(stdout);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) {
    std::perror("fork");
    std::exit(2);
  }
  if (pid != 0) return pid;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::signal(SIGABRT, print_backtrace);
  if (::getppid() != parent) ::_exit(2);
  const int code = f();
  std::fflush(stdout);
  ::_exit(code);
}

Ending wait_for_child(int pid, int seconds) {
  Ending ending;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  int state = 0;
  for (auto pause = std::chrono::microseconds(100);;) {
    const pid_t done = ::waitpid(pid, &state, WNOHANG);
    if (done == pid) break;
    if (done < 0) return ending;
    if (std::chrono::steady_clock::now() > end) {
      ending.timed_out = true;
      ::kill(pid, SIGKILL);
      ::waitpid(pid, &state, 0);
      break;
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::microseconds(5000));
  }
  if (WIFEXITED(state)) ending.exit_code = WEXITSTATUS(state);
  if (WIFSIGNALED(state)) ending.signal = WTERMSIG(state);
  return ending;
}

void Note::set(std::string_view line) {
  const std::size_t bytes = std::min(line.size(), sizeof(text) - 1);
  std::memcpy(text, line.data(), bytes);
  text[bytes] = '\0';
}

std::string fast_temp_root() { return ::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"; }

std::string make_value(std::uint64_t seed, std::uint64_t bytes_max) {
  Random random(seed);
  std::string value(random() % (bytes_max + 1), '\0');
  for (char& byte : value) byte = static_cast<char>(random());
  return std::to_string(seed) + ":" + value;
}

}  // namespace cloakroom::faults
