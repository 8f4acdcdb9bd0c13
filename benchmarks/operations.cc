// Single operations, by one thread and by several: all keys (micro), and one key (hot).
#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "machine.h"
#include "workloads.h"

namespace cloakroom::bench {
namespace {

const std::vector<NamedMix>& single_operations() {
  static const std::vector<NamedMix> all{
      {"get", {{Verb::kGet, 100}}},
      {"get, buffer reused", {{Verb::kGetInto, 100}}},
      {"visit", {{Verb::kVisit, 100}}},
      {"visit_many of 32, a key", {{Verb::kVisitMany, 100}}},
      {"put, same size", {{Verb::kPut, 100}}},
      {"touch", {{Verb::kTouch, 100}}},
      {"erase + create", {{Verb::kEraseCreate, 100}}},
      {"miss", {{Verb::kMiss, 100}}},
      {"mixed: 90 get + touch, 8 put, 1 create, 1 erase",
       {{Verb::kGetTouch, 90}, {Verb::kPut, 8}, {Verb::kCreate, 1}, {Verb::kErase, 1}}},
  };
  return all;
}

const std::vector<NamedMix>& reads() {
  static const std::vector<NamedMix> all{{"get, buffer reused", {{Verb::kGetInto, 100}}},
                                         {"visit", {{Verb::kVisit, 100}}}};
  return all;
}

// What run_operations() is to do: everything with each number of threads.
struct Task {
  std::string id;
  std::string title;
  std::span<const NamedMix> operations;
  const KeyPicker& picker;
  bool repeat;                          // see MeasureSettings
  std::vector<unsigned> thread_counts;  // 1 first
  std::string unit;
  double (*value)(const Measurement&);  // in that unit
};

std::string label_of(const Task& task, const NamedMix& operation, unsigned threads) {
  if (task.thread_counts.size() == 1) return std::string(operation.name);
  return fmt::format("{}; {} thread{}", operation.name, threads, threads == 1 ? "" : "s");
}

struct Tables {
  Section figures;
  Section scaling;  // operations a second, as a multiple of one thread's
};

// One operation in one round: everybody's turn with one thread, then with more.
void take_turns(const Bench& bench, Race& race, const Task& task, const NamedMix& operation,
                unsigned round, Tables& tables) {
  std::vector<double> alone(race.entries.size());
  for (const unsigned threads : task.thread_counts) {
    const std::string label = label_of(task, operation, threads);
    MeasureSettings settings = settings_of(bench.options, round);
    settings.threads = threads;
    settings.repeat = task.repeat;
    for (std::size_t at = 0; at < race.entries.size(); ++at) {
      const Entry& entry = race.entries[at];
      settings.what = fmt::format("{}, {}, {}", task.id, label, entry.name);
      const Measurement result =
          measure(*entry.contestant, race.dataset, task.picker, operation.mix, settings);
      tables.figures.add(label, entry.name, task.value(result), result.latencies);
      if (threads == 1) {
        alone[at] = result.ops_per_second;
      } else {
        tables.scaling.add(label, entry.name, result.ops_per_second / alone[at]);
      }
    }
  }
}

void run_operations(const Bench& bench, Race& race, const Task& task) {
  Tables tables{
      .figures =
          Section(task.id, fmt::format("{}: {}", task.id, task.title), task.unit, kCloakroom),
      .scaling = Section(
          task.id + "-scaling",
          fmt::format("{}, scaling: operations a second, as a multiple of one thread's", task.id),
          "times", kCloakroom)};
  for (unsigned round = 0; round < bench.options.rounds; ++round) {
    bench.report.progress(
        fmt::format("{}: round {} of {}", task.id, round + 1, bench.options.rounds));
    for (const NamedMix& operation : task.operations) {
      take_turns(bench, race, task, operation, round, tables);
    }
  }
  bench.report.add(tables.figures);
  if (task.thread_counts.size() > 1) bench.report.add(tables.scaling);
}

std::vector<unsigned> one_and(unsigned threads) {
  return threads > 1 ? std::vector<unsigned>{1, threads} : std::vector<unsigned>{1};
}

}  // namespace

void run_micro(const Bench& bench, Race& race) {
  const Popularity popularity = bench.options.zipf ? Popularity::kZipf : Popularity::kUniform;
  const KeyPicker picker(race.dataset.sessions(), popularity);
  run_operations(
      bench, race,
      {.id = "micro",
       .title = fmt::format("{}, {}", circumstances(bench, race.dataset), describe(popularity)),
       .operations = single_operations(),
       .picker = picker,
       .repeat = false,
       .thread_counts = one_and(bench.options.threads),
       .unit = "ns/op",
       .value = [](const Measurement& result) { return result.ns_per_op; }});
}

void run_hot(const Bench& bench, Race& race) {
  const KeyPicker picker(1, Popularity::kUniform);
  const unsigned threads =
      bench.options.threads > 1 ? bench.options.threads : describe_machine().cores;
  run_operations(bench, race,
                 {.id = "hot",
                  .title = fmt::format("one key of {}", circumstances(bench, race.dataset)),
                  .operations = reads(),
                  .picker = picker,
                  .repeat = true,
                  .thread_counts = one_and(threads),
                  .unit = "kops/s",
                  .value = [](const Measurement& result) { return result.ops_per_second / 1000; }});
}

}  // namespace cloakroom::bench
