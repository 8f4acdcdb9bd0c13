// What the figures were measured on, and where on it.
#ifndef CLOAKROOM_BENCHMARKS_MACHINE_H_
#define CLOAKROOM_BENCHMARKS_MACHINE_H_

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace cloakroom::bench {

struct Machine {
  std::string cpu;
  unsigned cores = 0;  // those this process may use
  std::string kernel;
  std::uint64_t memory_bytes = 0;
  std::string compiler;
};

[[nodiscard]] Machine describe_machine();

// "AMD EPYC, 2 cores, 23.4 GiB, Linux 6.1.0-18-amd64, g++ 12.2.0"
[[nodiscard]] std::string to_string(const Machine& machine);

// Keeps the calling thread, and what it starts from now on, on the nth core this process may use.
// Failure when that is refused.
void pin_to_core(unsigned nth);

// The same as long as this lives; then the thread may use every core again.
class CorePin {
 public:
  explicit CorePin(unsigned nth) { pin_to_core(nth); }
  ~CorePin();
  CorePin(const CorePin&) = delete;
  CorePin& operator=(const CorePin&) = delete;
};

// Seconds of processor time that a process has used; of this one, without the calling thread's.
[[nodiscard]] double background_seconds(pid_t pid);

// Resident bytes of a process.
[[nodiscard]] std::uint64_t resident_bytes(pid_t pid);

}  // namespace cloakroom::bench

#endif  // CLOAKROOM_BENCHMARKS_MACHINE_H_
