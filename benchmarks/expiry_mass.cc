// Expiry, all at once. On a line of time, with D the first deadline:
//
//   load | quiet: before | D: during, 2 s (the last deadline at D + 1 s) | after | until all are
//   gone
//
// One thread reads live records at random all the time; its latencies are told apart by window.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>

#include "expiry.h"
#include "failure.h"
#include "machine.h"
#include "random_reader.h"
#include "side_thread.h"

namespace cloakroom::bench {
namespace {

constexpr std::uint64_t kLive = 100'000;
constexpr TimeMs kSpreadMs = 1000;  // the deadlines lie in one second
constexpr TimeMs kDuringMs = 2000;
constexpr TimeMs kPollMs = 5;
constexpr TimeMs kPatienceMs = 20'000;  // then what is still held is told in a note

enum Window : std::size_t { kNone, kBefore, kDuring, kAfter, kWindows };
constexpr std::array<const char*, kWindows> kWindowNames{"", "get before", "get while they expire",
                                                         "get after"};

// Parts of the dying records, by when they are gone.
struct Milestone {
  const char* name;
  double share;
};
constexpr std::array<Milestone, 3> kMilestones{
    {{"until 90 % are gone", 0.9}, {"until 99 % are gone", 0.99}, {"until all are gone", 1}}};

struct Mass {
  std::uint64_t live;  // records 0 to live - 1 stay
  std::uint64_t dying;
  TimeMs quiet_ms;
  TimeMs deadline;  // the first one
};

struct Reads {
  std::atomic<std::size_t> window{kNone};
  std::array<Histogram, kWindows> latencies;
};

// Loads both kinds; from how long the live ones take it knows when the others can be complete.
Mass load(const ExpiryTurn& turn, Reclaimer& reclaimer) {
  const double quiet_seconds = std::clamp(4 * turn.bench.options.seconds, 0.5, 10.0);
  Mass mass{.live = std::min(kLive, turn.dataset.sessions()),
            .dying = turn.dataset.sessions(),
            .quiet_ms = static_cast<TimeMs>(quiet_seconds * 1000),
            .deadline = 0};
  const TimeMs began = now_ms();
  reclaimer.put_for(turn.dataset, 0, mass.live, [](std::uint64_t) { return Millis(kTtl); });
  const double live_ms = static_cast<double>(now_ms() - began + 1);
  const double load_ms =
      2 * live_ms * static_cast<double>(mass.dying) / static_cast<double>(mass.live);
  mass.deadline = now_ms() + static_cast<TimeMs>(load_ms) + 500 + mass.quiet_ms;
  reclaimer.put_for(turn.dataset, mass.live, mass.live + mass.dying, [&](std::uint64_t index) {
    const auto spread = static_cast<TimeMs>(mix(index) % static_cast<std::uint64_t>(kSpreadMs));
    return Millis(std::max<TimeMs>(1, mass.deadline + spread - now_ms()));
  });
  if (now_ms() > mass.deadline - mass.quiet_ms) {
    throw Failure("expiry: " + turn.name + " took more than twice as long to load as it began");
  }
  return mass;
}

Window window_at(const Mass& mass, TimeMs now) {
  if (now < mass.deadline) return kBefore;
  if (now < mass.deadline + kDuringMs) return kDuring;
  return now < mass.deadline + kDuringMs + mass.quiet_ms ? kAfter : kNone;
}

// Looks on until all are gone, at most kPatienceMs; returns when each milestone was seen (in
// milliseconds from the first deadline; negative: not).
std::array<double, kMilestones.size()> watch(const Mass& mass, Reclaimer& reclaimer, Reads& reads) {
  std::array<double, kMilestones.size()> seen_ms;
  seen_ms.fill(-1);
  while (true) {
    const TimeMs now = now_ms();
    const Window window = window_at(mass, now);
    reads.window.store(window, std::memory_order_relaxed);
    const double gone =
        static_cast<double>(mass.live + mass.dying) - static_cast<double>(reclaimer.held_records());
    for (std::size_t at = 0; at < kMilestones.size(); ++at) {
      if (seen_ms[at] < 0 && gone >= kMilestones[at].share * static_cast<double>(mass.dying)) {
        seen_ms[at] = static_cast<double>(now_ms() - mass.deadline);
      }
    }
    const bool done = seen_ms.back() >= 0 || now > mass.deadline + kPatienceMs;
    if (done && window == kNone) return seen_ms;
    sleep_until_ms(now + kPollMs);
  }
}

// Held or not, none of them may be handed out.
void expect_dead(Lane& lane, const Mass& mass) {
  std::array<char, kKeyBytes> key{};
  std::string value;
  for (std::uint64_t index = mass.live; index < mass.live + mass.dying; index += 101) {
    write_key(index, key.data());
    if (!lane.get_into({key.data(), key.size()}, value)) continue;
    throw Failure("expiry: a record was read after its deadline");
  }
}

void add_memory(const ExpiryTurn& turn, Reclaimer& reclaimer, const char* when, Section& table) {
  constexpr double kMib = 1 << 20;
  table.add(fmt::format("own count, {}", when), turn.name,
            static_cast<double>(reclaimer.held_bytes()) / kMib);
  table.add(fmt::format("resident, {}", when), turn.name,
            static_cast<double>(resident_bytes(turn.contestant.process())) / kMib);
}

}  // namespace

MassTables make_mass_tables(const Bench& bench, const Dataset& dataset) {
  const std::string what =
      fmt::format("all expire within one second, {}", circumstances(bench, dataset));
  return {.latencies = Section("expiry-get",
                               fmt::format("expiry, get: of {} other records while {}",
                                           grouped(std::min(kLive, dataset.sessions())), what),
                               "p99.9 ns", kCloakroom),
          .times =
              Section("expiry-time", fmt::format("expiry, time: from the first deadline; {}", what),
                      "ms", kCloakroom),
          .memory =
              Section("expiry-memory", fmt::format("expiry, memory: {}", what), "MiB", kCloakroom)};
}

void run_mass_expiry(const ExpiryTurn& turn, MassTables& tables) {
  Reclaimer& reclaimer = *turn.contestant.reclaimer();
  const Mass mass = load(turn, reclaimer);
  const std::unique_ptr<Lane> lane = turn.contestant.lane();
  Reads reads;
  SideThread reading([&](const std::stop_token& stop) {
    RandomReader random(*lane, mass.live);
    while (!stop.stop_requested()) {
      reads.latencies[reads.window.load(std::memory_order_relaxed)].add(random.read());
    }
  });
  sleep_until_ms(mass.deadline - mass.quiet_ms);
  add_memory(turn, reclaimer, "before", tables.memory);
  const auto seen_ms = watch(mass, reclaimer, reads);
  reading.finish();
  expect_dead(*lane, mass);
  const std::uint64_t held = reclaimer.held_records();
  if (seen_ms.back() < 0) {
    turn.bench.report.note(fmt::format("expiry: {} still held {} dead records {} s after",
                                       turn.name, grouped(held - mass.live), kPatienceMs / 1000));
  }
  add_memory(turn, reclaimer, "after", tables.memory);
  for (const Window window : {kBefore, kDuring, kAfter}) {
    const Latencies latencies = latencies_of(reads.latencies[window]);
    tables.latencies.add(kWindowNames[window], turn.name, latencies.p999_ns, latencies);
  }
  for (std::size_t at = 0; at < kMilestones.size(); ++at) {
    if (seen_ms[at] >= 0) tables.times.add(kMilestones[at].name, turn.name, seen_ms[at]);
  }
}

}  // namespace cloakroom::bench
