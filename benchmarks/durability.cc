// What survival costs: puts at the three levels, and one connection to Redis beside them.
#include <fmt/format.h>

#include <array>

#include "machine.h"
#include "workloads.h"

namespace cloakroom::bench {
namespace {

struct Level {
  Durability durability;
  std::string_view name;
};

constexpr std::array<Level, 3> kLevels{{{Durability::kMemory, "memory"},
                                        {Durability::kProcess, "process"},
                                        {Durability::kDisk, "disk"}}};

// What each contestant has at a level: RocksDB has no memory level with a log, Redis no log there.
constexpr std::string_view describe(std::string_view contestant, Durability level) {
  if (contestant == kRocksdb) return level == Durability::kDisk ? "log, sync" : "log";
  if (contestant == kRedis) {
    if (level == Durability::kMemory) return "no log";
    return level == Durability::kDisk ? "appendfsync always" : "appendfsync everysec";
  }
  if (level == Durability::kMemory) return "kMemory";
  return level == Durability::kDisk ? "kDisk" : "kProcess";
}

struct LevelEntry {
  const Level* level;
  std::string name;
  std::unique_ptr<Contestant> contestant;
};

std::vector<LevelEntry> make_entries(const Bench& bench, const Dataset& dataset,
                                     const std::vector<std::string>& names) {
  std::vector<LevelEntry> entries;
  for (const Level& level : kLevels) {
    for (const std::string& name : names) {
      if (name == kRocksdb && level.durability == Durability::kMemory) continue;
      const std::string label = fmt::format("{}-{}", name, level.name);
      bench.report.progress(fmt::format("loading {} records into {}", dataset.sessions(), label));
      auto contestant = make_contestant(name, {.directory = bench.workspace.fresh(label),
                                               .durability = level.durability,
                                               .sessions = dataset.sessions(),
                                               .all_in_memory = false});
      contestant->load(dataset);
      entries.push_back({.level = &level, .name = name, .contestant = std::move(contestant)});
    }
  }
  return entries;
}

}  // namespace

void run_durability(const Bench& bench) {
  const BenchOptions& options = bench.options;
  const Dataset dataset(bench.sessions(kSessionsSmall), options.value_bytes);
  const KeyPicker picker(dataset.sessions(), Popularity::kUniform);
  const Mix puts{{Verb::kPut, 100}};
  Section section("durability",
                  fmt::format("durability: put that survives a level, {} records, {} thread{}, {} "
                              "rounds",
                              grouped(dataset.sessions()), options.threads,
                              options.threads == 1 ? "" : "s", options.rounds),
                  "kops/s", kCloakroomDisk);
  const auto names = line_up(bench, {kCloakroomDisk}, {kRocksdb, kRedis});
  std::vector<LevelEntry> entries = make_entries(bench, dataset, names);
  for (unsigned round = 0; round < options.rounds; ++round) {
    bench.report.progress(fmt::format("durability: round {} of {}", round + 1, options.rounds));
    for (LevelEntry& entry : entries) {
      const Measurement result =
          measure(*entry.contestant, dataset, picker, puts,
                  {.what = fmt::format("durability, {}-{}", entry.name, entry.level->name),
                   .threads = options.threads,
                   .seconds = options.seconds,
                   .pin = options.pin,
                   .latencies_only = true,
                   .repeat = false,
                   .seed = round + 1});
      section.add(entry.level->name, entry.name, result.ops_per_second / 1000, result.latencies);
    }
  }
  for (const std::string& name : names) {
    bench.report.note(fmt::format("durability of {}: memory is {}, process is {}, disk is {}", name,
                                  describe(name, Durability::kMemory),
                                  describe(name, Durability::kProcess),
                                  describe(name, Durability::kDisk)));
  }
  bench.report.add(section);
}

void run_redis(const Bench& bench) {
  const BenchOptions& options = bench.options;
  const auto names = line_up(bench, {kCloakroomDisk}, {kRedis});
  // Before anything is started: threads and the server inherit the core.
  const CorePin pin(0);
  const Dataset dataset(bench.sessions(kSessionsSmall), options.value_bytes);
  const KeyPicker picker(dataset.sessions(), Popularity::kUniform);
  std::vector<Entry> entries;
  for (const std::string& name : names) {
    auto contestant = make_contestant(name, {.directory = bench.workspace.fresh(name),
                                             .durability = Durability::kProcess,
                                             .sessions = dataset.sessions(),
                                             .all_in_memory = false});
    contestant->load(dataset);
    entries.push_back({.name = name, .contestant = std::move(contestant)});
  }
  Section section("redis",
                  fmt::format("redis: one client, client and server on one core, unix socket, "
                              "appendfsync everysec against kProcess, {} records, {} rounds",
                              grouped(dataset.sessions()), options.rounds),
                  "p50 in ns", kCloakroomDisk);
  const MeasureSettings base{.what = {},
                             .threads = 1,
                             .seconds = options.seconds,
                             .pin = false,
                             .latencies_only = true,
                             .repeat = false,
                             .seed = 1};
  for (unsigned round = 0; round < options.rounds; ++round) {
    bench.report.progress(fmt::format("redis: round {} of {}", round + 1, options.rounds));
    for (const auto& [label, verb] : {std::pair{"get", Verb::kGetInto}, {"put", Verb::kPut}}) {
      for (Entry& entry : entries) {
        MeasureSettings settings = base;
        settings.what = fmt::format("redis, {}, {}", label, entry.name);
        settings.seed = round + 1;
        const Measurement result =
            measure(*entry.contestant, dataset, picker, {{verb, 100}}, settings);
        section.add(label, entry.name, result.latencies.p50_ns, result.latencies);
      }
    }
  }
  bench.report.add(section);
}

}  // namespace cloakroom::bench
