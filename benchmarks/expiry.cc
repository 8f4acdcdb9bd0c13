#include "expiry.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "interrupt.h"

namespace cloakroom::bench {
namespace {

// An empty contestant for each turn: what the turn before left behind is no part of it.
template <class Part>
void take_turns(const Bench& bench, const Dataset& dataset, const std::vector<std::string>& names,
                std::string_view what, Part part) {
  for (const std::string& name : names) {
    bench.report.progress(fmt::format("expiry: {}, {}", what, name));
    // A log would be measured with it; cloakroom-disk has no choice.
    const auto contestant = make_contestant(name, {.directory = bench.workspace.fresh(name),
                                                   .durability = Durability::kMemory,
                                                   .sessions = dataset.sessions(),
                                                   .all_in_memory = false});
    part(ExpiryTurn{.bench = bench, .name = name, .contestant = *contestant, .dataset = dataset});
  }
}

}  // namespace

void sleep_until_ms(TimeMs when) {
  constexpr TimeMs kLongestMs = 100;  // so that Ctrl-C is heard
  for (TimeMs now = now_ms(); now < when; now = now_ms()) {
    stop_if_interrupted();
    ::usleep(static_cast<useconds_t>(std::min(when - now, kLongestMs) * 1000));
  }
}

void run_expiry(const Bench& bench) {
  const Dataset dataset(bench.sessions(kSessions), bench.options.value_bytes);
  const auto names = line_up(bench, {kCloakroom}, {kCloakroomDisk, kRedis});
  MassTables mass = make_mass_tables(bench, dataset);
  Section steady("expiry-steady",
                 "expiry, steady: dead records as a share of those held, about 5,000 die a second",
                 "%", kCloakroom);
  Section idle("expiry-idle",
               fmt::format("expiry, idle: what the background takes of one core, {}",
                           circumstances(bench, dataset)),
               "% of a core", kCloakroom);
  for (unsigned round = 0; round < bench.options.rounds; ++round) {
    bench.report.progress(fmt::format("expiry: round {} of {}", round + 1, bench.options.rounds));
    take_turns(bench, dataset, names, "all at once",
               [&](const ExpiryTurn& turn) { run_mass_expiry(turn, mass); });
    take_turns(bench, dataset, names, "steadily",
               [&](const ExpiryTurn& turn) { run_steady_expiry(turn, steady); });
    take_turns(bench, dataset, names, "idle",
               [&](const ExpiryTurn& turn) { run_idle(turn, idle); });
  }
  for (const Section* table : {&mass.latencies, &mass.times, &mass.memory, &steady, &idle}) {
    bench.report.add(*table);
  }
}

}  // namespace cloakroom::bench
