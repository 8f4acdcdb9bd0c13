#include "demo/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "demo/workload.h"
#include "text/output.h"

namespace cloakroom::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<const char*, kFaults> kFaultNames{"lost", "stale", "revived", "foreign",
                                                       "expiring_early"};
constexpr std::array<const char*, kFaults> kFaultTexts{
    "acknowledged sessions are missing",
    "sessions hold another value than the last one acknowledged", "erased sessions came back",
    "records belong to no session", "sessions would expire before their time"};

std::uint64_t fault_count(const CheckResult& check) {
  std::uint64_t sum = 0;
  for (const std::uint64_t count : check.faults) sum += count;
  return sum;
}

template <class Get>
std::uint64_t median_of(const DemoOutcome& outcome, Get get) {
  std::vector<std::uint64_t> values;
  for (const DemoRound& round : outcome.rounds) {
    if (round.checked) values.push_back(get(round.check));
  }
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

std::string latency(const LogHistogram& h) {
  return fmt::format("p50 {}, p99 {}, max {}", human_nanos(h.percentile(0.5)),
                     human_nanos(h.percentile(0.99)), human_nanos(h.max()));
}

std::uint64_t overhead_of(const CheckResult& check) {
  if (check.records == 0 || check.memory_bytes < check.key_value_bytes) return 0;
  return (check.memory_bytes - check.key_value_bytes) / check.records;
}

std::string memory_text(const CheckResult& check) {
  if (check.records == 0) return "none";
  return fmt::format("{} bytes a session beyond its key and value, owners included ({} in all)",
                     overhead_of(check), human_bytes(check.memory_bytes));
}

Json latency_json(const LogHistogram& h) {
  return {{"count", h.total()},
          {"p50_ns", h.percentile(0.5)},
          {"p99_ns", h.percentile(0.99)},
          {"max_ns", h.max()}};
}

Json round_json(const DemoRound& round) {
  const CheckResult& check = round.check;
  Json out{{"killed", round.killed},
           {"load_seconds", round.load_seconds},
           {"writes_acknowledged", round.writes},
           {"checked", round.checked}};
  if (!round.checked) return out;
  out["in_flight"] = check.in_flight;
  out["sessions_alive"] = check.alive;
  out["sessions_ended"] = check.ended;
  for (std::size_t i = 0; i < kFaults; ++i) out[kFaultNames[i]] = check.faults[i];
  out["open_ns"] = check.open_ns;
  out["first_read_ns"] = check.first_read_ns;
  out["warm_ns"] = check.warm_ns;
  out["reads_while_warming"] = latency_json(check.warming_get_ns);
  return out;
}

void print_next_steps(const DemoOutcome& outcome) {
  print("\n" + paint(stdout, Colour::kBold, "Next") + "\n");
  if (outcome.dir_kept) {
    for (const char* verb : {"info", "stats", "verify"}) {
      print(fmt::format("  cloakroom {} {}\n", verb, outcome.dir));
    }
    print(fmt::format("  cloakroom ls {} --limit 10\n", outcome.dir));
  } else {
    print("  cloakroom demo --dir demo-store   keeps the store, to look into with\n");
    print("  cloakroom info | ls | get | stats | verify demo-store\n");
  }
  print("  docs/index.md shows how a server of your own uses it\n");
}

}  // namespace

LoadCounts counts_of(const SharedMemory& memory) {
  LoadCounts sum;
  for (const LoadThread& thread : memory->threads) {
    sum.sessions += thread.slots_used.load();
    sum.puts += thread.puts.load();
    sum.touches += thread.touches.load();
    sum.erases += thread.erases.load();
    sum.gets += thread.gets.load();
    sum.wrong_answers += thread.wrong_answers.load();
  }
  return sum;
}

std::vector<std::string> faults_of(const DemoRound& round, const SharedMemory& memory) {
  std::vector<std::string> faults;
  const CheckResult& check = round.check;
  for (std::size_t i = 0; i < kFaults; ++i) {
    if (check.faults[i] == 0) continue;
    std::string text = fmt::format("{} {}", human_count(check.faults[i]), kFaultTexts[i]);
    for (std::size_t e = 0; e < check.example_count; ++e) {
      if (static_cast<std::size_t>(check.examples[e].fault) != i) continue;
      text += ", for one " + session_key(memory->plan.seed, check.examples[e].slot);
      break;
    }
    faults.push_back(text);
  }
  if (round.killed && check.opened_clean != 0) {
    faults.emplace_back(
        "the store says that its last stop was orderly, so the kill proved nothing");
  }
  return faults;
}

void print_demo_start(const DemoOptions& options, const std::string& dir, const DemoPlan& plan) {
  print(fmt::format(
      "A store serves sessions from {} threads and is killed with SIGKILL in the middle of it, {} "
      "{}.\nEach time another process opens it and checks every write that was acknowledged.\n\n",
      plan.threads, options.kills, options.kills == 1 ? "time" : "times"));
  print_pairs(
      {{"Store", escape_text(dir)},
       {"Load", fmt::format("about {} sessions in {} s, like those of a real site, {} times "
                            "as fast",
                            human_count(options.sessions), options.seconds, kSpeedup)},
       {"Durability", "kProcess, the default: acknowledged means that it survives kill -9"},
       {"Seed", std::to_string(plan.seed)}});
  print("\n");
  std::fflush(stdout);
}

void print_round(const DemoRound& round, std::uint32_t number, std::uint32_t of) {
  const CheckResult& check = round.check;
  print(fmt::format("{}{}\n",
                    paint(stdout, Colour::kBold, fmt::format("Kill {} of {}", number, of)),
                    round.killed ? "" : paint(stdout, Colour::kRed, ": it did not take place")));
  print(fmt::format("  under load {:.1f} s: {} writes acknowledged ({} a second)\n",
                    round.load_seconds, human_count(round.writes),
                    human_count(static_cast<std::uint64_t>(static_cast<double>(round.writes) /
                                                           std::max(round.load_seconds, 0.001)))));
  if (!round.checked) return;
  print(fmt::format("  SIGKILL caught {} between call and answer\n",
                    check.in_flight == 1 ? "1 write" : human_count(check.in_flight) + " writes"));
  print(fmt::format("  reopened: first read after {}, all {} sessions in memory after {}\n",
                    human_nanos(check.first_read_ns), human_count(check.records),
                    human_nanos(check.warm_ns)));
  const std::uint64_t faults = fault_count(check);
  const std::string verdict = faults == 0
                                  ? paint(stdout, Colour::kGreen, "nothing lost, nothing came back")
                                  : paint(stdout, Colour::kRed, human_count(faults) + " faults");
  print(fmt::format("  checked: {} sessions alive, {} ended: {}\n", human_count(check.alive),
                    human_count(check.ended), verdict));
  std::fflush(stdout);
}

void print_outcome(const DemoOutcome& outcome) {
  const LoadCounts total = outcome.rounds.empty() ? LoadCounts{} : outcome.rounds.back().total;
  std::uint64_t kills = 0;
  std::uint64_t lost = 0;
  std::uint64_t faults = 0;
  for (const DemoRound& round : outcome.rounds) {
    kills += round.killed;
    lost += round.check.faults[static_cast<std::size_t>(Fault::kLost)];
    faults += fault_count(round.check);
  }
  print("\n" + paint(stdout, Colour::kBold, "Result") + "\n");
  const auto colour = faults == 0 && outcome.failures.empty() ? Colour::kGreen : Colour::kRed;
  print_pairs({
      {"  Lost", paint(stdout, colour,
                       fmt::format("{} of {} sessions, after {} acknowledged "
                                   "writes and {} kills",
                                   human_count(lost), human_count(total.sessions),
                                   human_count(total.writes()), kills))},
      {"  First read",
       human_nanos(median_of(outcome, [](const CheckResult& c) { return c.first_read_ns; })) +
           " after the open of a killed store (median)"},
      {"  All in memory",
       human_nanos(median_of(outcome, [](const CheckResult& c) { return c.warm_ns; })) +
           " (median), served meanwhile"},
      {"  get", latency(outcome.get_ns)},
      {"  put", latency(outcome.put_ns)},
      {"  touch", latency(outcome.touch_ns)},
      {"  Sessions", fmt::format("{} created, {} requests", human_count(total.sessions),
                                 human_count(total.gets))},
      {"  Memory", outcome.rounds.empty() ? "none" : memory_text(outcome.rounds.back().check)},
  });
  if (!outcome.failures.empty()) {
    print("\n" + paint(stdout, Colour::kRed, "The demo failed") + "\n");
    for (const std::string& failure : outcome.failures) print("  " + escape_text(failure) + "\n");
    if (outcome.dir_kept) print("The store is kept in " + escape_text(outcome.dir) + "\n");
    return;
  }
  print_next_steps(outcome);
}

void print_outcome_json(const DemoOutcome& outcome, const DemoPlan& plan) {
  const LoadCounts total = outcome.rounds.empty() ? LoadCounts{} : outcome.rounds.back().total;
  Json rounds = Json::array();
  for (const DemoRound& round : outcome.rounds) rounds.push_back(round_json(round));
  Json failures = Json::array();
  for (const std::string& failure : outcome.failures) failures.push_back(escape_text(failure));
  const CheckResult last = outcome.rounds.empty() ? CheckResult{} : outcome.rounds.back().check;
  const Json out{{"ok", outcome.failures.empty()},
                 {"failures", failures},
                 {"dir", outcome.dir_kept ? Json(escape_text(outcome.dir)) : Json(nullptr)},
                 {"seed", plan.seed},
                 {"threads", plan.threads},
                 {"sessions_created", total.sessions},
                 {"writes_acknowledged", total.writes()},
                 {"wrong_answers", total.wrong_answers},
                 {"get", latency_json(outcome.get_ns)},
                 {"put", latency_json(outcome.put_ns)},
                 {"touch", latency_json(outcome.touch_ns)},
                 {"memory_bytes", last.memory_bytes},
                 {"key_value_bytes", last.key_value_bytes},
                 {"overhead_bytes_per_session", overhead_of(last)},
                 {"rounds", rounds}};
  print(out.dump(2) + "\n");
}

}  // namespace cloakroom::cli
