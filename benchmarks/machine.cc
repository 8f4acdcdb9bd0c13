#include "machine.h"

#include <fmt/format.h>
#include <sched.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <fstream>
#include <span>
#include <string_view>
#include <vector>

#include "failure.h"

namespace cloakroom::bench {
namespace {

// The text behind the colon of the first line that begins with `name`.
std::string line_of(const char* path, std::string_view name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(name)) continue;
    const std::size_t text = line.find_first_not_of(" \t:", name.size());
    return text == std::string::npos ? std::string() : line.substr(text);
  }
  return {};
}

// The cores as the process found them: a thread that is pinned later must not hide the others.
const std::vector<int>& allowed_cores() {
  static const std::vector<int> cores = [] {
    cpu_set_t set;
    CPU_ZERO(&set);
    std::vector<int> found;
    if (::sched_getaffinity(0, sizeof set, &set) != 0) return found;
    for (int core = 0; core < CPU_SETSIZE; ++core) {
      if (CPU_ISSET(core, &set)) found.push_back(core);
    }
    return found;
  }();
  return cores;
}

bool use_cores(std::span<const int> cores) noexcept {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int core : cores) CPU_SET(core, &set);
  return ::sched_setaffinity(0, sizeof set, &set) == 0;
}

double seconds_of(clockid_t clock) noexcept {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

std::string compiler_name() {
#if defined(__clang__)
  return fmt::format("clang {}.{}.{}", __clang_major__, __clang_minor__, __clang_patchlevel__);
#else
  return fmt::format("g++ {}.{}.{}", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#endif
}

}  // namespace

Machine describe_machine() {
  Machine machine;
  machine.cpu = line_of("/proc/cpuinfo", "model name");
  machine.cores = static_cast<unsigned>(allowed_cores().size());
  utsname name{};
  if (::uname(&name) == 0) machine.kernel = fmt::format("{} {}", name.sysname, name.release);
  machine.memory_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                         static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  machine.compiler = compiler_name();
#if !defined(__OPTIMIZE__)
  machine.compiler += " WITHOUT OPTIMIZATION";
#endif
  return machine;
}

std::string to_string(const Machine& machine) {
  return fmt::format("{}, {} cores, {:.1f} GiB, {}, {}", machine.cpu, machine.cores,
                     static_cast<double>(machine.memory_bytes) / (1 << 30), machine.kernel,
                     machine.compiler);
}

void pin_to_core(unsigned nth) {
  const std::vector<int>& cores = allowed_cores();
  if (cores.empty()) throw Failure("cannot find out which cores this process may use");
  if (!use_cores(std::span(cores).subspan(nth % cores.size(), 1))) {
    throw Failure(fmt::format("cannot pin a thread to a core: {}", std::strerror(errno)));
  }
}

CorePin::~CorePin() { use_cores(allowed_cores()); }

double background_seconds(pid_t pid) {
  clockid_t clock = CLOCK_PROCESS_CPUTIME_ID;
  if (::clock_getcpuclockid(pid, &clock) != 0) {
    throw Failure(fmt::format("cannot read the processor time of process {}", pid));
  }
  return seconds_of(clock) - (pid == ::getpid() ? seconds_of(CLOCK_THREAD_CPUTIME_ID) : 0);
}

std::uint64_t resident_bytes(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/statm", pid));
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  if (!(file >> total >> resident)) {
    throw Failure(fmt::format("cannot read /proc/{}/statm", pid));
  }
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace cloakroom::bench
