// The verbs of the command line: each takes its parsed options and answers with an exit code.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_VERBS_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_VERBS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "cloakroom/record.h"
#include "journal/store_reader.h"

namespace cloakroom::cli {

// Exit codes are part of the interface (man page, docs/operations.md).
inline constexpr int kExitOk = 0;
inline constexpr int kExitFindings = 1;    // damage found, or the key is absent, or the demo failed
inline constexpr int kExitUsage = 2;       // the command line is wrong
inline constexpr int kExitCannotOpen = 3;  // the store cannot be opened or read, or output written

struct InfoOptions {
  std::string dir;
  bool json = false;
};
[[nodiscard]] int run_info(const InfoOptions& options);

struct LsOptions {
  std::string dir;
  std::string prefix;
  std::optional<std::string> owner;
  std::optional<Kind> kind;
  std::optional<std::uint64_t> larger_than_bytes;
  std::optional<std::int64_t> expires_before_ms;
  std::uint64_t limit = 0;  // 0: all
  bool dead = false;
  bool json = false;
};
[[nodiscard]] int run_ls(const LsOptions& options);

struct GetOptions {
  std::string dir;
  std::string key;
  bool show_values = false;
  bool raw = false;
  bool dead = false;
  bool json = false;
};
[[nodiscard]] int run_get(const GetOptions& options);

struct VerifyOptions {
  std::string dir;
  bool json = false;
};
[[nodiscard]] int run_verify(const VerifyOptions& options);

struct StatsOptions {
  std::string dir;
  bool json = false;
};
[[nodiscard]] int run_stats(const StatsOptions& options);

struct DemoOptions {
  std::string dir;  // empty: a temporary one
  bool keep = false;
  double seconds = 12;  // under load, over all kills
  std::uint64_t sessions = 200'000;
  std::uint32_t kills = 3;
  std::uint32_t threads = 0;  // 0: by the machine
  std::uint64_t seed = 0;     // 0: random
  std::string sabotage;       // for the tests of the demo: a fault that it must find
  bool json = false;
};
[[nodiscard]] int run_demo(const DemoOptions& options);

// The demo's own processes, started by it (demo_worker.cc).
struct DemoWorkerOptions {
  std::string dir;
  std::string phase;  // "load" or "check"
  int fd = -1;        // the shared memory
};
[[nodiscard]] int run_demo_worker(const DemoWorkerOptions& options);

// Opens the store of a verb, or says why not and answers null (exit code 3).
[[nodiscard]] std::unique_ptr<StoreReader> open_reader(const std::string& dir);

// "a.sst, key sess:1: what is wrong; what to do", escaped.
[[nodiscard]] std::string text_of(const Finding& finding);

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_VERBS_H_
