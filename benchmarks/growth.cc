// What a table that grows does to those who use it.
//
// One thread inserts until the table is forty times as large, another one reads meanwhile what was
// there before. Both time every operation: what counts is the tail, where a table that moves all
// its records at once makes somebody wait.
#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <array>
#include <optional>

#include "failure.h"
#include "interrupt.h"
#include "random_reader.h"
#include "side_thread.h"
#include "ticks.h"
#include "workloads.h"

namespace cloakroom::bench {
namespace {

constexpr std::uint64_t kSessionsGrown = 2'000'000;
constexpr std::uint64_t kHeldBefore = 50'000;
constexpr std::uint64_t kPollMask = 8191;  // how often they look up from their work

struct Tails {
  Histogram gets;
  Histogram inserts;
};

void insert_rest(Lane& lane, const Dataset& dataset, std::uint64_t held, Histogram& latencies) {
  std::array<char, kKeyBytes> key{};
  for (std::uint64_t index = held; index < dataset.sessions(); ++index) {
    if ((index & kPollMask) == 0) stop_if_interrupted();
    write_key(index, key.data());
    const std::string_view value = dataset.value(index);
    const std::uint64_t began = ticks();
    lane.put({key.data(), key.size()}, value);
    latencies.add(ticks() - began);
  }
}

void expect_complete(Lane& lane, const Dataset& dataset) {
  std::array<char, kKeyBytes> key{};
  std::string value;
  for (std::uint64_t index = 0; index < dataset.sessions(); index += 97) {
    write_key(index, key.data());
    if (lane.get_into({key.data(), key.size()}, value) && value == dataset.value(index)) continue;
    throw Failure("growth: a contestant does not hold what was inserted");
  }
}

Tails grow(Contestant& contestant, const Dataset& dataset, std::uint64_t held, bool pin) {
  contestant.load(Dataset(held, dataset.value_bytes()));
  Tails tails;
  std::optional<CorePin> pinned;
  if (pin) pinned.emplace(0);
  const std::unique_ptr<Lane> writer = contestant.lane();
  const std::unique_ptr<Lane> reader = contestant.lane();
  SideThread reading([&](const std::stop_token& stop) {
    if (pin) pin_to_core(1);
    RandomReader random(*reader, held);
    while (!stop.stop_requested()) tails.gets.add(random.read());
  });
  insert_rest(*writer, dataset, held, tails.inserts);
  reading.finish();
  expect_complete(*writer, dataset);
  return tails;
}

// What the clock itself sees while both threads do nothing: interrupts, and whoever else wants the
// cores. A tail of a contestant says something only as far as it lies above this.
Histogram noise(double seconds) {
  SideThread other([](const std::stop_token& stop) {
    while (!stop.stop_requested()) (void)ticks();
  });
  Histogram gaps;
  const std::uint64_t end = monotonic_ns() + static_cast<std::uint64_t>(seconds * 1e9);
  while (monotonic_ns() < end) {
    for (std::uint64_t count = 0; count <= kPollMask; ++count) {
      const std::uint64_t began = ticks();
      gaps.add(ticks() - began);
    }
  }
  other.finish();
  return gaps;
}

}  // namespace

void run_growth(const Bench& bench) {
  const BenchOptions& options = bench.options;
  const Dataset dataset(bench.sessions(kSessionsGrown), options.value_bytes);
  const std::uint64_t held = std::min(kHeldBefore, dataset.sessions() / 2);
  Section section(
      "growth",
      fmt::format("growth: one thread inserts from {} to {}, another reads the first {}",
                  grouped(held), circumstances(bench, dataset), grouped(held)),
      "p99.9 ns", kCloakroom);
  section.show_far_tail();
  std::vector<std::string_view> peers{kCloakroomDisk};
  peers.insert(peers.end(), table_names().begin(), table_names().end());
  const auto names = line_up(bench, {kCloakroom}, peers);
  for (unsigned round = 0; round < options.rounds; ++round) {
    for (const std::string& name : names) {
      bench.report.progress(
          fmt::format("growth: round {} of {}, {}", round + 1, options.rounds, name));
      ::malloc_trim(0);  // Everybody takes the page faults of new memory.
      const auto contestant = make_contestant(name, {.directory = bench.workspace.fresh(name),
                                                     .durability = Durability::kProcess,
                                                     .sessions = dataset.sessions(),
                                                     .all_in_memory = false});
      const Tails tails = grow(*contestant, dataset, held, options.pin);
      const Latencies gets = latencies_of(tails.gets);
      const Latencies inserts = latencies_of(tails.inserts);
      section.add("get meanwhile", name, gets.p999_ns, gets);
      section.add("insert", name, inserts.p999_ns, inserts);
    }
    const Latencies gaps = latencies_of(noise(options.seconds));
    section.add("nothing, the noise of the machine", "-", gaps.p999_ns, gaps);
  }
  bench.report.add(section);
}

}  // namespace cloakroom::bench
