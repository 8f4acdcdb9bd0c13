// Tables against tables: single operations, and the three mixes.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "failure.h"
#include "workloads.h"

namespace cloakroom::bench {
namespace {

struct NamedMix {
  std::string_view name;
  Mix mix;
};

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
  };
  return all;
}

const NamedMix& mix_named(std::string_view name) {
  static const std::vector<NamedMix> all{
      {"mix-r", {{Verb::kGetInto, 90}, {Verb::kPut, 10}}},
      {"mix-s", {{Verb::kGetInto, 50}, {Verb::kTouch, 40}, {Verb::kPut, 10}}},
      {"mix-w", {{Verb::kGetInto, 50}, {Verb::kPut, 50}}},
  };
  return *std::find_if(all.begin(), all.end(),
                       [&](const NamedMix& mix) { return mix.name == name; });
}

std::string_view describe(std::string_view mix) {
  if (mix == "mix-r") return "90 % get, 10 % put";
  if (mix == "mix-s") return "50 % get, 40 % touch, 10 % put";
  return "50 % get, 50 % put";
}

const char* describe(Popularity popularity) {
  return popularity == Popularity::kZipf ? "Zipf 0.99" : "uniform";
}

std::string describe(const MixCase& one) {
  return fmt::format("{}, {} thread{}", describe(one.popularity), one.threads,
                     one.threads == 1 ? "" : "s");
}

std::string circumstances(const Bench& bench, const Race& race) {
  return fmt::format("{} records, {}-byte values, {} rounds", grouped(race.dataset.sessions()),
                     race.dataset.value_bytes(), bench.options.rounds);
}

MeasureSettings settings_of(const BenchOptions& options, unsigned round) {
  return {.threads = options.threads,
          .seconds = options.seconds,
          .pin = options.pin,
          .latencies_only = false,
          .seed = round + 1};
}

}  // namespace

Workspace::Workspace(const std::string& directory) : path_(directory) {
  if (directory.empty()) {
    temporary_.emplace();
    path_ = temporary_->path();
    return;
  }
  require_absent_or_empty(directory);
  std::error_code error;
  created_ = std::filesystem::create_directory(directory, error);
  if (error) throw Failure("cannot create " + directory + ": " + error.message(), kExitUsage);
}

Workspace::~Workspace() {
  std::error_code ignored;
  for (const std::string& path : made_) std::filesystem::remove_all(path, ignored);
  if (created_) std::filesystem::remove(path_, ignored);
}

std::string Workspace::fresh(std::string_view name) {
  std::string path = path_ + "/" + std::string(name);
  make_fresh_directory(path);
  made_.push_back(path);
  return path;
}

std::string grouped(std::uint64_t count) {
  std::string digits = std::to_string(count);
  for (std::size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, 1, ',');
  }
  return digits;
}

std::vector<std::string> line_up(const Bench& bench, const std::vector<std::string_view>& always,
                                 const std::vector<std::string_view>& names) {
  std::vector<std::string> result(always.begin(), always.end());
  for (const std::string& name : result) bench.report.note(name + ": " + describe_contestant(name));
  const std::vector<std::string>& asked = bench.options.peers;
  for (const std::string_view name : names) {
    if (std::find(asked.begin(), asked.end(), name) == asked.end()) continue;
    if (const std::string why = why_missing(name); why.empty()) {
      result.emplace_back(name);
      bench.report.note(fmt::format("{}: {}", name, describe_contestant(name)));
    } else {
      bench.report.note(fmt::format("{} is left out: {}", name, why));
    }
  }
  return result;
}

Race make_race(const Bench& bench) {
  Race race{.dataset = Dataset(bench.sessions(kSessions), bench.options.value_bytes),
            .entries = {}};
  for (const std::string& name : line_up(bench, {kCloakroom}, peer_names())) {
    bench.report.progress(
        fmt::format("loading {} records into {}", grouped(race.dataset.sessions()), name));
    auto contestant = make_contestant(name, {.directory = bench.workspace.fresh(name),
                                             .durability = Durability::kProcess,
                                             .sessions = race.dataset.sessions(),
                                             .all_in_memory = false});
    contestant->load(race.dataset);
    race.entries.push_back({.name = name, .contestant = std::move(contestant)});
  }
  return race;
}

void run_micro(const Bench& bench, Race& race) {
  const MixCase one{.popularity = bench.options.zipf ? Popularity::kZipf : Popularity::kUniform,
                    .threads = bench.options.threads};
  const KeyPicker picker(race.dataset.sessions(), one.popularity);
  Section section("micro", fmt::format("micro: {}, {}", circumstances(bench, race), describe(one)),
                  "ns/op", kCloakroom);
  for (unsigned round = 0; round < bench.options.rounds; ++round) {
    bench.report.progress(fmt::format("micro: round {} of {}", round + 1, bench.options.rounds));
    for (const NamedMix& operation : single_operations()) {
      for (Entry& entry : race.entries) {
        const Measurement result = measure(*entry.contestant, race.dataset, picker, operation.mix,
                                           settings_of(bench.options, round));
        section.add(operation.name, entry.name, result.ns_per_op, result);
      }
    }
  }
  bench.report.add(section);
}

void run_mix(const Bench& bench, Race& race, std::string_view name,
             std::span<const MixCase> cases) {
  const NamedMix& mix = mix_named(name);
  Section section(std::string(name),
                  fmt::format("{} ({}): {}", name, describe(name), circumstances(bench, race)),
                  "kops/s", kCloakroom);
  std::vector<KeyPicker> pickers;
  for (const MixCase& one : cases) {
    pickers.emplace_back(race.dataset.sessions(), one.popularity);
  }
  for (unsigned round = 0; round < bench.options.rounds; ++round) {
    bench.report.progress(fmt::format("{}: round {} of {}", name, round + 1, bench.options.rounds));
    for (std::size_t at = 0; at < cases.size(); ++at) {
      MeasureSettings settings = settings_of(bench.options, round);
      settings.threads = cases[at].threads;
      for (Entry& entry : race.entries) {
        const Measurement result =
            measure(*entry.contestant, race.dataset, pickers[at], mix.mix, settings);
        section.add(describe(cases[at]), entry.name, result.ops_per_second / 1000, result);
      }
    }
  }
  bench.report.add(section);
}

}  // namespace cloakroom::bench
