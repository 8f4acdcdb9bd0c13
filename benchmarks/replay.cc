#include "replay.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "dataset.h"
#include "failure.h"
#include "process.h"
#include "replay_state.h"
#include "replayer.h"
#include "report.h"
#include "ticks.h"
#include "trace_reader.h"

namespace cloakroom::bench {
namespace {

constexpr std::uint64_t kStuckNs = 120'000'000'000;  // no operation for so long: something is wrong

// The positions given, and `spread` more over the operations; ascending, each once. `early` moves
// the latter by a share of their distance.
std::vector<std::uint64_t> positions(const char* option, std::vector<std::uint64_t> given,
                                     std::uint64_t spread, double early, std::uint64_t operations) {
  if (spread >= operations) {
    throw Failure(
        fmt::format("{}: {} times is more than {} operations allow", option, spread, operations),
        kExitUsage);
  }
  for (std::uint64_t number = 1; number <= spread; ++number) {
    const double share = (static_cast<double>(number) - early) / static_cast<double>(spread + 1);
    given.push_back(std::max<std::uint64_t>(
        1, static_cast<std::uint64_t>(share * static_cast<double>(operations))));
  }
  std::sort(given.begin(), given.end());
  given.erase(std::unique(given.begin(), given.end()), given.end());
  if (!given.empty() && (given.front() < 1 || given.back() >= operations)) {
    throw Failure(fmt::format("{}: the trace has {} operations; name a number from 1 to {}", option,
                              operations, operations - 1),
                  kExitUsage);
  }
  return given;
}

// Replays what is left, reopening the store where asked. A process that is to be killed gets no
// orderly end: when it is done before its time comes, it waits.
void replay_rest(const Trace& trace, SharedReplayState& shared, const ReplayOptions& options,
                 const std::vector<std::uint64_t>& reopen_at) {
  Replayer replayer(trace, shared, options.store, options.after_kill);
  for (const std::uint64_t position : reopen_at) {
    if (position <= shared.state().acknowledged.load()) continue;
    replayer.run_to(position);
    replayer.reopen();
  }
  replayer.run_to(trace.lines.size());
  while (options.to_be_killed) ::pause();
  replayer.finish();
}

Child start_child(const ReplayOptions& options, const SharedReplayState& shared,
                  const std::vector<std::uint64_t>& reopen_at, bool after_kill, bool to_be_killed) {
  std::vector<std::string> arguments{"child-replay",
                                     "--trace",
                                     options.trace,
                                     "--store",
                                     options.store,
                                     "--state-fd",
                                     std::to_string(shared.fd())};
  for (const std::uint64_t position : reopen_at) {
    arguments.insert(arguments.end(), {"--reopen-at", std::to_string(position)});
  }
  if (after_kill) arguments.emplace_back("--after-kill");
  if (to_be_killed) arguments.emplace_back("--to-be-killed");
  return Child::self(arguments, {.keep_fd = shared.fd()});
}

// Waits until `position` operations are acknowledged and up to two milliseconds more, so that the
// signal comes in the middle of whatever the store does then.
void kill_behind(Child& child, const ReplayState& state, std::uint64_t position, Random& random) {
  std::uint64_t moved_ns = monotonic_ns();
  std::uint64_t seen = state.acknowledged.load();
  while (seen < position) {
    ::usleep(50);
    const std::uint64_t now = state.acknowledged.load();
    if (now != std::exchange(seen, now)) moved_ns = monotonic_ns();
    if (const auto end = child.poll()) {
      throw Failure("the process that replays " + to_string(*end), std::max(end->exit_code, 1));
    }
    if (monotonic_ns() - moved_ns > kStuckNs) {
      throw Failure(fmt::format("the replay stands still at operation {}", now));
    }
  }
  ::usleep(static_cast<useconds_t>(random.below(2000)));
  child.kill();
}

void replay_with_kills(const ReplayOptions& options, SharedReplayState& shared,
                       const std::vector<std::uint64_t>& reopen_at,
                       const std::vector<std::uint64_t>& kill_at) {
  Random random(monotonic_ns());
  bool after_kill = false;
  for (const std::uint64_t position : kill_at) {
    Child child = start_child(options, shared, reopen_at, after_kill, true);
    kill_behind(child, shared.state(), position, random);
    after_kill = true;
  }
  const ChildEnd end = start_child(options, shared, reopen_at, after_kill, false).wait();
  if (!end.clean()) {
    throw Failure("the process that replays " + to_string(end), std::max(end.exit_code, 1));
  }
}

bool agrees(const ReplayState& state) {
  const ReplayCounts& counts = state.current();
  return counts.wrong_size + counts.wrong_value + counts.unexpected_hits +
                 counts.unexpected_misses + counts.cas_conflicts + state.wrong_at_end ==
             0 &&
         state.alive_at_end == state.scanned_at_end;
}

nlohmann::ordered_json as_json(const ReplayOptions& options, const ReplayState& state,
                               std::size_t kills) {
  const ReplayCounts& counts = state.current();
  const double seconds = static_cast<double>(state.busy_ns.load()) * 1e-9;
  const std::uint64_t operations = state.acknowledged.load();
  return {{"trace", options.trace},
          {"store", options.store.empty() ? "memory" : options.store},
          {"operations", operations},
          {"gets", counts.gets},
          {"hits", counts.hits},
          {"misses", counts.misses},
          {"expired", counts.expired},
          {"wrong_size", counts.wrong_size},
          {"wrong_value", counts.wrong_value},
          {"unexpected_hits", counts.unexpected_hits},
          {"unexpected_misses", counts.unexpected_misses},
          {"touches", counts.touches},
          {"touch_misses", counts.touch_misses},
          {"sets", counts.sets},
          {"adds", counts.adds},
          {"adds_kept", counts.adds_kept},
          {"cas", counts.cas},
          {"cas_conflicts", counts.cas_conflicts},
          {"deletes", counts.deletes},
          {"alive_at_end", state.alive_at_end},
          {"scanned_at_end", state.scanned_at_end},
          {"wrong_at_end", state.wrong_at_end},
          {"reopens", state.reopens.load()},
          {"kills", kills},
          {"found_in_flight", counts.found_in_flight},
          {"agrees", agrees(state)},
          {"seconds", seconds},
          {"ops_per_second", seconds > 0 ? static_cast<double>(operations) / seconds : 0.0}};
}

// With the document in a file, stdout has the same for people.
void print_result(const std::string& target, const nlohmann::ordered_json& document) {
  write_json(target.empty() ? "-" : target, document);
  if (target.empty() || target == "-") return;
  for (const auto& [name, value] : document.items()) {
    fmt::print("{:<18} {}\n", name, value.is_string() ? value.get<std::string>() : value.dump());
  }
}

}  // namespace

int run_replay(const ReplayOptions& options) {
  // Everything that can be wrong with the request is found before anything is created.
  const Trace trace = read_trace(options.trace);
  const std::uint64_t operations = trace.lines.size();
  // A kill at the place of a reopening would come in its stead.
  const auto reopen_at =
      positions("--reopen", options.reopen_at, options.reopen, 0.382, operations);
  const auto kill_at = positions("--kills", options.kill_at, options.kills, 0, operations);
  if (options.store.empty() && !(reopen_at.empty() && kill_at.empty())) {
    throw Failure("a store in memory does not survive: name a directory with --store DIR",
                  kExitUsage);
  }
  if (!options.store.empty()) require_absent_or_empty(options.store);
  require_writable(options.json);

  SharedReplayState shared(trace.key_bytes.size());
  if (kill_at.empty()) {
    replay_rest(trace, shared, options, reopen_at);
  } else {
    replay_with_kills(options, shared, reopen_at, kill_at);
  }
  const ReplayState& state = shared.state();
  if (state.finished.load() == 0) throw Failure("the replay did not come to its end");
  print_result(options.json, as_json(options, state, kill_at.size()));
  if (agrees(state)) return kExitOk;
  fmt::print(stderr, "cloakroom_bench: the store's answers are not those of {}\n", options.trace);
  return kExitFailed;
}

int run_replay_child(const ReplayOptions& options) {
  const Trace trace = read_trace(options.trace);
  SharedReplayState shared(options.state_fd, trace.key_bytes.size());
  replay_rest(trace, shared, options, options.reopen_at);
  return kExitOk;
}

}  // namespace cloakroom::bench
