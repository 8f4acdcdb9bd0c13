// The workloads that compare contestants. Each adds its tables to the report.
#ifndef CLOAKROOM_BENCHMARKS_WORKLOADS_H_
#define CLOAKROOM_BENCHMARKS_WORKLOADS_H_

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "contestant.h"
#include "dataset.h"
#include "options.h"
#include "process.h"
#include "report.h"
#include "roster.h"

namespace cloakroom::bench {

// Where the contestants have their files: --store, or a temporary directory. What was made in it
// goes at the end; so does the directory unless it was there before.
class Workspace {
 public:
  explicit Workspace(const std::string& directory);
  ~Workspace();
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  // An empty directory of this name.
  [[nodiscard]] std::string fresh(std::string_view name);

 private:
  std::optional<TempDir> temporary_;
  std::string path_;
  bool created_ = false;
  std::vector<std::string> made_;
};

// What every workload is given.
struct Bench {
  const BenchOptions& options;
  Report& report;
  Workspace& workspace;

  [[nodiscard]] std::uint64_t sessions(std::uint64_t otherwise) const {
    return options.sessions.value_or(otherwise);
  }
};

inline constexpr std::uint64_t kSessions = 1'000'000;
inline constexpr std::uint64_t kSessionsSmall = 100'000;  // where every operation is a system call

// "1,000,000"
[[nodiscard]] std::string grouped(std::uint64_t count);

// Those of `names` that were asked for and can take part; says in the report who cannot, and why.
// `always` come first, asked for or not.
[[nodiscard]] std::vector<std::string> line_up(const Bench& bench,
                                               const std::vector<std::string_view>& always,
                                               const std::vector<std::string_view>& names);

// Contestants that hold the same records side by side.
struct Entry {
  std::string name;
  std::unique_ptr<Contestant> contestant;
};
struct Race {
  Dataset dataset;
  std::vector<Entry> entries;
};
// Everyone who was asked for, loaded with --sessions records, or with `sessions` when that is
// unset.
[[nodiscard]] Race make_race(const Bench& bench, std::uint64_t sessions);

// "1,000,000 records, 350-byte values, 5 rounds"
[[nodiscard]] std::string circumstances(const Bench& bench, const Dataset& dataset);
[[nodiscard]] std::string describe(Popularity popularity);
[[nodiscard]] MeasureSettings settings_of(const BenchOptions& options, unsigned round);

struct NamedMix {
  std::string_view name;
  Mix mix;
};

// With --threads above 1 both run with one thread, too, and say how many times as much that many
// do.
void run_micro(const Bench& bench, Race& race);
void run_hot(const Bench& bench, Race& race);

// How the keys of a mix are drawn, and by how many threads; a row of its table.
struct MixCase {
  Popularity popularity;
  unsigned threads;
};
void run_mix(const Bench& bench, Race& race, std::string_view name, std::span<const MixCase> cases);

void run_expiry(const Bench& bench);
void run_flood(const Bench& bench);
void run_growth(const Bench& bench);
void run_listener(const Bench& bench);
void run_memory(const Bench& bench);
void run_durability(const Bench& bench);
void run_redis(const Bench& bench);
void run_restart(const Bench& bench);
void run_sessions(const Bench& bench);
void run_siege(const Bench& bench);
void run_touches(const Bench& bench);
void run_upkeep(const Bench& bench);

// The processes that memory, restart, listener and siege start.
int run_memory_child(const ChildOptions& options);
int run_restart_load_child(const ChildOptions& options);
int run_restart_probe_child(const ChildOptions& options);
int run_listener_child(const ChildOptions& options);
int run_siege_child(const ChildOptions& options);

// Milliseconds from the start of a redis-server on a snapshot of the dataset to its first answer,
// one for each round. In a file that needs hiredis, as everything that speaks to Redis.
class RedisRestart {
 public:
  virtual ~RedisRestart() = default;
  [[nodiscard]] virtual double first_read_ms() = 0;
};
[[nodiscard]] std::unique_ptr<RedisRestart> make_redis_restart(const std::string& directory,
                                                               const Dataset& dataset);

// A redis-server that holds the dataset, and one request of a session stack to it. Likewise.
class RedisSessions {
 public:
  virtual ~RedisSessions() = default;
  virtual void request(std::string_view key) = 0;
};
[[nodiscard]] std::unique_ptr<RedisSessions> make_redis_sessions(const std::string& directory,
                                                                 const Dataset& dataset);

}  // namespace cloakroom::bench

#endif  // CLOAKROOM_BENCHMARKS_WORKLOADS_H_
