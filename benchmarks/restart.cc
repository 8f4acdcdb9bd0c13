// From the start of a process to its first answer.
//
// The time runs from just before fork() to the first value in hand, so it holds exec, dynamic
// linking, opening and the read. The files are in the page cache, as after a restart of the
// process; after a boot of the machine they would come from the disk.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <thread>

#include "failure.h"
#include "ticks.h"
#include "workloads.h"

namespace cloakroom::bench {
namespace {

constexpr double kMsPerNs = 1e-6;
constexpr std::uint64_t kWarmLimitNs = 300'000'000'000;

std::vector<std::string> child_arguments(const char* verb, const std::string& directory,
                                         const Dataset& dataset, unsigned threads) {
  return {verb,
          "--store",
          directory,
          "--sessions",
          std::to_string(dataset.sessions()),
          "--value-bytes",
          std::to_string(dataset.value_bytes()),
          "--threads",
          std::to_string(threads)};
}

void expect_clean(const ChildEnd& end, const char* what) {
  if (!end.clean()) throw Failure(fmt::format("the process that {} {}", what, to_string(end)));
}

void populate(const std::string& directory, const Dataset& dataset) {
  auto arguments = child_arguments("child-restart-load", directory, dataset, 1);
  arguments.emplace_back("--load-only");
  expect_clean(Child::self(arguments, {}).wait(), "fills the store");
}

// Overwrites records in `threads` threads for some seconds, then SIGKILL.
void load_and_kill(const Bench& bench, const std::string& directory, const Dataset& dataset) {
  Child child = Child::self(child_arguments("child-restart-load", directory, dataset,
                                            std::max(2U, bench.options.threads)),
                            {.capture = true});
  if (!child.read_line()) expect_clean(child.wait(), "writes until it is killed");
  ::usleep(static_cast<useconds_t>(std::clamp(bench.options.seconds, 0.2, 10.0) * 1e6));
  if (const auto end = child.poll()) expect_clean(*end, "writes until it is killed");
  child.kill();
}

struct Probe {
  double first_read_ms = 0;
  double warm_ms = 0;
};

Probe probe(const std::string& directory, const Dataset& dataset) {
  const auto arguments = child_arguments("child-restart-probe", directory, dataset, 1);
  const std::uint64_t began = monotonic_ns();
  Child child = Child::self(arguments, {.capture = true});
  const auto first = child.read_line();
  const auto warm = child.read_line();
  expect_clean(child.wait(), "opens the store");
  if (!first || !warm) throw Failure("the process that opens the store said nothing");
  return {.first_read_ms = static_cast<double>(std::stoull(*first) - began) * kMsPerNs,
          .warm_ms = static_cast<double>(std::stoull(*warm) - began) * kMsPerNs};
}

void say(std::uint64_t number) {
  fmt::print("{}\n", number);
  std::fflush(stdout);
}

// One thread of the load that ends with SIGKILL: overwrites records at random, for ever.
void overwrite_for_ever(Contestant& contestant, const Dataset& dataset, std::uint64_t seed) {
  const std::unique_ptr<Lane> lane = contestant.lane();
  Random random(seed);
  std::array<char, kKeyBytes> key{};
  for (std::uint64_t number = 0;; ++number) {
    write_key(random.below(dataset.sessions()), key.data());
    lane->put({key.data(), key.size()}, dataset.value(number));
  }
}

}  // namespace

void run_restart(const Bench& bench) {
  const Dataset dataset(bench.sessions(kSessions), bench.options.value_bytes);
  const std::string directory = bench.workspace.fresh("restart");
  bench.report.progress(
      fmt::format("restart: filling a store with {} records", grouped(dataset.sessions())));
  populate(directory, dataset);
  std::unique_ptr<RedisRestart> redis;
  if (line_up(bench, {}, {kRedis}).size() == 1) {
    if constexpr (kHasRedis) {
      redis = make_redis_restart(bench.workspace.fresh("restart-redis"), dataset);
    }
  }
  Section section("restart",
                  fmt::format("restart: from the start of a process, files in the page cache, {} "
                              "records, {} rounds",
                              grouped(dataset.sessions()), bench.options.rounds),
                  "ms", kCloakroomDisk);
  for (unsigned round = 0; round < bench.options.rounds; ++round) {
    bench.report.progress(fmt::format("restart: round {} of {}", round + 1, bench.options.rounds));
    const Probe clean = probe(directory, dataset);
    section.add("first read, clean stop", kCloakroomDisk, clean.first_read_ms);
    if (redis) section.add("first read, clean stop", kRedis, redis->first_read_ms());
    load_and_kill(bench, directory, dataset);
    const Probe killed = probe(directory, dataset);
    section.add("first read, SIGKILL under load", kCloakroomDisk, killed.first_read_ms);
    section.add("fully warm, clean stop", kCloakroomDisk, clean.warm_ms);
    section.add("fully warm, SIGKILL under load", kCloakroomDisk, killed.warm_ms);
  }
  bench.report.add(section);
}

int run_restart_load_child(const ChildOptions& options) {
  const Dataset dataset(options.sessions, options.value_bytes);
  auto contestant = make_contestant(kCloakroomDisk, {.directory = options.store,
                                                     .durability = Durability::kProcess,
                                                     .sessions = options.sessions,
                                                     .all_in_memory = false});
  if (options.load_only) {
    contestant->load(dataset);
    return kExitOk;
  }
  say(monotonic_ns());
  std::vector<std::thread> threads;
  for (unsigned number = 0; number < options.threads; ++number) {
    threads.emplace_back(
        [&, number] { overwrite_for_ever(*contestant, dataset, monotonic_ns() + number); });
  }
  for (std::thread& thread : threads) thread.join();
  return kExitFailed;
}

int run_restart_probe_child(const ChildOptions& options) {
  std::array<char, kKeyBytes> key{};
  write_key(options.sessions / 2, key.data());
  const Store store = open_store({.directory = options.store,
                                  .durability = Durability::kProcess,
                                  .sessions = options.sessions,
                                  .all_in_memory = false},
                                 true);
  const auto value = store.get({key.data(), key.size()});
  const std::uint64_t now = monotonic_ns();
  if (!value) check(value.status(), "the first read");
  if (value->size() != options.value_bytes) throw Failure("the first read brought another value");
  say(now);
  while (!store.stats().warm) {
    if (monotonic_ns() - now > kWarmLimitNs) throw Failure("not warm after five minutes");
    ::usleep(500);
  }
  say(monotonic_ns());
  return kExitOk;
}

}  // namespace cloakroom::bench
