#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <vector>

#include "failure.h"
#include "interrupt.h"
#include "machine.h"
#include "options.h"
#include "replay.h"
#include "ticks.h"
#include "workloads.h"

namespace cloakroom::bench {
namespace {

// What a mix is run with: what was asked for, or in `all` both ways of drawing keys, and besides
// the threads asked for as many as there are cores.
std::vector<MixCase> mix_cases(const BenchOptions& options, bool all) {
  if (!all) {
    return {{options.zipf ? Popularity::kZipf : Popularity::kUniform, options.threads}};
  }
  std::vector<MixCase> cases;
  for (const unsigned threads : {options.threads, describe_machine().cores}) {
    if (!cases.empty() && threads <= options.threads) break;
    cases.push_back({Popularity::kUniform, threads});
    cases.push_back({Popularity::kZipf, threads});
  }
  return cases;
}

// The workloads that share tables of a million records, loaded once.
void run_tables(const Bench& bench, std::string_view workload) {
  const bool all = workload == "all";
  const std::vector<MixCase> cases = mix_cases(bench.options, all);
  Race race = make_race(bench, workload == "hot" ? kSessionsSmall : kSessions);
  if (all || workload == "micro") run_micro(bench, race);
  if (all || workload == "hot") run_hot(bench, race);
  for (const std::string_view name : {"mix-r", "mix-s", "mix-w"}) {
    if (all || workload == name) run_mix(bench, race, name, cases);
  }
}

void run_listeners(const Bench& bench, std::string_view workload) {
#if CLOAKROOM_BENCH_LISTENER
  const bool all = workload == "all";
  if (all || workload == "listener") run_listener(bench);
  if (all || workload == "siege") run_siege(bench);
#else
  (void)bench;
  if (workload == "listener" || workload == "siege") {
    throw Failure("this build has no listener: install libhiredis-dev, configure with -Dresp=true");
  }
#endif
}

int run_bench(const CommandLine& line) {
  catch_interrupts();
  const std::string& workload = line.workload;
  Workspace workspace(line.bench.store);
  Report report({.json = line.bench.json, .markdown = line.bench.markdown}, line.text);
  const Bench bench{.options = line.bench, .report = report, .workspace = workspace};
  const bool all = workload == "all";
  (void)ns_per_tick();
  if (all || workload == "micro" || workload == "hot" || workload.starts_with("mix-")) {
    run_tables(bench, workload);
  }
  if (workload == "expiry") run_expiry(bench);
  if (workload == "flood") run_flood(bench);
  if (workload == "growth") run_growth(bench);
  if (workload == "touches") run_touches(bench);
  if (workload == "upkeep") run_upkeep(bench);
  if (all || workload == "memory") run_memory(bench);
  if (all || workload == "durability") run_durability(bench);
  if (all || workload == "redis") run_redis(bench);
  if (all || workload == "restart") run_restart(bench);
  if (all || workload == "sessions") run_sessions(bench);
  run_listeners(bench, workload);
  report.finish();
  return kExitOk;
}

int run(int argc, char** argv) {
  int exit_code = kExitOk;
  const auto line = parse_command_line(argc, argv, exit_code);
  if (!line) return exit_code;
  if (line->workload == "replay") return run_replay(line->replay);
  if (line->workload == "child-replay") return run_replay_child(line->replay);
  if (line->workload == "child-memory") return run_memory_child(line->child);
  if (line->workload == "child-restart-load") return run_restart_load_child(line->child);
#if CLOAKROOM_BENCH_LISTENER
  if (line->workload == "child-listener") return run_listener_child(line->child);
  if (line->workload == "child-siege") return run_siege_child(line->child);
#endif
  if (line->workload == "child-restart-probe") return run_restart_probe_child(line->child);
  return run_bench(*line);
}

}  // namespace
}  // namespace cloakroom::bench

int main(int argc, char** argv) {
  // A server that ends while we write to it is an answer, not a reason to die.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return cloakroom::bench::run(argc, argv);
  } catch (const cloakroom::bench::Failure& failure) {
    fmt::print(stderr, "cloakroom_bench: {}\n", failure.what());
    return failure.exit_code();
  } catch (const std::exception& error) {
    fmt::print(stderr, "cloakroom_bench: {}\n", error.what());
    return cloakroom::bench::kExitFailed;
  }
}
