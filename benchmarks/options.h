// The command line.
#ifndef CLOAKROOM_BENCHMARKS_OPTIONS_H_
#define CLOAKROOM_BENCHMARKS_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cloakroom::bench {

// What the workloads that compare contestants take.
struct BenchOptions {
  std::optional<std::uint64_t> sessions;  // unset: what the workload says
  unsigned threads = 1;
  double seconds = 0.5;
  unsigned rounds = 5;
  std::size_t value_bytes = 350;
  std::vector<std::string> peers;  // contestants other than Cloakroom in memory
  std::string store;               // directory for files; empty: a temporary one
  std::string json;
  std::string markdown;
  bool zipf = false;
  bool pin = false;
};

struct ReplayOptions {
  std::string trace;
  std::string store;  // empty: memory only
  std::string json;   // empty or "-": stdout
  std::vector<std::uint64_t> reopen_at;
  std::uint64_t reopen = 0;
  std::vector<std::uint64_t> kill_at;
  std::uint64_t kills = 0;

  // Only in the processes that replay with kills starts.
  int state_fd = -1;
  bool after_kill = false;    // the one before was killed
  bool to_be_killed = false;  // this one will be
};

// What a child of the workloads memory, restart, listener and siege is told.
struct ChildOptions {
  std::string contestant;
  std::string store;
  std::string socket;
  std::uint64_t sessions = 0;
  std::size_t value_bytes = 0;
  unsigned threads = 1;
  bool load_only = false;
};

struct CommandLine {
  std::string workload;  // as typed; the children's begin with "child-"
  BenchOptions bench;
  ReplayOptions replay;
  ChildOptions child;
  std::string text;  // all of it, to be printed with the figures
};

// Nothing when there is nothing left to do (--help, or a mistake that was printed): then
// `exit_code` says how to end.
[[nodiscard]] std::optional<CommandLine> parse_command_line(int argc, char** argv, int& exit_code);

}  // namespace cloakroom::bench

#endif  // CLOAKROOM_BENCHMARKS_OPTIONS_H_
