#include "workloads.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "failure.h"

namespace cloakroom::bench {

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

Race make_race(const Bench& bench, std::uint64_t sessions) {
  Race race{.dataset = Dataset(bench.sessions(sessions), bench.options.value_bytes), .entries = {}};
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

std::string circumstances(const Bench& bench, const Dataset& dataset) {
  return fmt::format("{} records, {}-byte values, {} round{}", grouped(dataset.sessions()),
                     dataset.value_bytes(), bench.options.rounds,
                     bench.options.rounds == 1 ? "" : "s");
}

MeasureSettings settings_of(const BenchOptions& options, unsigned round) {
  return {.what = {},
          .threads = options.threads,
          .seconds = options.seconds,
          .pin = options.pin,
          .latencies_only = false,
          .repeat = false,
          .seed = round + 1};
}

std::string describe(Popularity popularity) {
  return popularity == Popularity::kZipf ? "Zipf 0.99" : "uniform";
}

}  // namespace cloakroom::bench
