#include "options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "failure.h"
#include "roster.h"

namespace cloakroom::bench {
namespace {

constexpr const char* kDescription =
    "cloakroom_bench: Cloakroom and its peers, measured in turns in the same run.\n"
    "Exit code 0: done; 1: something failed, or a replay disagrees with its file; 2: the command\n"
    "line or an input file is wrong.";

struct WorkloadName {
  const char* name;
  const char* description;
};

constexpr WorkloadName kWorkloads[] = {
    {"micro",
     "single operations: get, visit, visit_many, put, touch, erase + create, miss, and a mix of "
     "them; with --threads above 1 also how they scale"},
    {"hot", "one single key, read by one thread and by as many as there are cores"},
    {"mix-r", "90 % get, 10 % put"},
    {"mix-s", "50 % get, 40 % touch, 10 % put: what a session store sees"},
    {"mix-w", "50 % get, 50 % put"},
    {"memory", "resident bytes a record beyond key and value, each contestant in a fresh process"},
    {"durability", "put that survives nothing, the process, a power cut"},
    {"redis", "one connection to redis-server and a store on disk, everything on one core"},
    {"restart", "from the start of a process to its first read, after a clean stop and SIGKILL"},
    {"sessions",
     "Sessions::load beside a get of the store and GET + EXPIRE of Redis; logins that survive a "
     "power cut"},
    {"listener", "the Redis-protocol listener beside redis-server, over unix sockets and TCP"},
    {"siege", "an honest client of the listener, and of redis-server, while others attack"},
    {"all", "all of the above"},
    {"flood",
     "keys that collide because somebody knew the seed, against random ones, in the table inside a "
     "store (not in all)"},
    {"growth", "the tail of get and insert while a table grows from 50000 records (not in all)"},
    {"touches", "bytes written to disk for a touch, and for an overwrite (not in all)"},
    {"upkeep",
     "the tail of get during checkpoints, flush, compaction and while a store warms up (not in all)"},
    {"expiry",
     "records that expire, all at once and steadily: get meanwhile, memory, what an idle store "
     "costs; takes half a minute a round and contestant (not in all)"},
};

std::string listing(const std::vector<std::string_view>& names, std::string_view separator) {
  std::string text;
  for (const std::string_view name : names) {
    if (!text.empty()) text += separator;
    text += name;
  }
  return text;
}

void add_bench_options(CLI::App& app, BenchOptions& options) {
  // Said twice, the last one holds: tools/bench puts its own before those it was given.
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  app.add_option("--sessions", options.sessions,
                 "records held [1000000; durability, redis, listener, hot, flood 100000; growth 2000000]")
      ->check(CLI::Range(std::uint64_t{64}, std::uint64_t{1} << 32));
  app.add_option("--threads", options.threads, "threads that run operations")
      ->capture_default_str()
      ->check(CLI::Range(1U, 1024U));
  app.add_option("--seconds", options.seconds, "for each figure in each round")
      ->capture_default_str()
      ->check(CLI::Range(0.001, 3600.0));
  app.add_option("--rounds", options.rounds, "how often every contestant takes its turn")
      ->capture_default_str()
      ->check(CLI::Range(1U, 1000U));
  app.add_option("--value-bytes", options.value_bytes, "size of a value")
      ->capture_default_str()
      ->check(CLI::Range(std::size_t{1}, std::size_t{1} << 20));
  app.add_option(
         "--peers", options.peers,
         fmt::format("whom to compare with, separated by commas: {}; or tables (those in the "
                     "memory of this process), all, none; every one holds all records at "
                     "the same time, half a gigabyte a million [{}]",
                     listing(peer_names(), ", "), listing(usual_peer_names(), ",")))
      ->delimiter(',')
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_option("--store", options.store,
                 "directory for files, absent or empty [one under $TMPDIR, removed at the end]");
  app.add_option("--json", options.json, "write a JSON document to this file; - is stdout");
  app.add_option("--markdown", options.markdown, "write the tables to this file as Markdown");
  app.add_flag("--zipf", options.zipf, "ask for keys by Zipf's law, exponent 0.99 [uniformly]");
  app.add_flag("--pin", options.pin, "keep each thread on a core of its own");
}

void add_replay_options(CLI::App& app, ReplayOptions& options) {
  app.add_option("--trace", options.trace, "operation file: CSV, also compressed with zstd")
      ->required();
  app.add_option("--store", options.store,
                 "keep the store in this directory, absent or empty, and "
                 "leave it there [in memory only]");
  app.add_option("--json", options.json,
                 "write the JSON document to this file; - is stdout [stdout]");
  app.add_option("--reopen-at", options.reopen_at,
                 "close the store after this many operations and open it again; repeatable")
      ->allow_extra_args(false);
  app.add_option("--reopen", options.reopen, "do so this many times, evenly spread");
  app.add_option("--kill-at", options.kill_at,
                 "SIGKILL the process that replays soon after this many operations were "
                 "acknowledged, open the store in a new one and go on; repeatable")
      ->allow_extra_args(false);
  app.add_option("--kills", options.kills, "do so this many times, evenly spread");
}

// The processes this program starts of itself; not listed by --help.
void add_children(CLI::App& app, CommandLine& line) {
  CLI::App* replay = app.add_subcommand("child-replay", "")->group("");
  add_replay_options(*replay, line.replay);
  replay->add_option("--state-fd", line.replay.state_fd)->required();
  replay->add_flag("--after-kill", line.replay.after_kill);
  replay->add_flag("--to-be-killed", line.replay.to_be_killed);
  for (const char* name : {"child-memory", "child-restart-load", "child-restart-probe", "child-listener",
                           "child-siege"}) {
    CLI::App* child = app.add_subcommand(name, "")->group("");
    child->add_option("--contestant", line.child.contestant);
    child->add_option("--store", line.child.store);
    child->add_option("--socket", line.child.socket);
    child->add_option("--sessions", line.child.sessions);
    child->add_option("--value-bytes", line.child.value_bytes);
    child->add_option("--threads", line.child.threads);
    child->add_flag("--load-only", line.child.load_only);
  }
}

// The contestants behind a word of --peers: a name, or the name of a group.
std::vector<std::string_view> peers_behind(std::string_view word) {
  if (word == "all") return peer_names();
  if (word == "tables") return table_names();
  if (word == "none") return {};
  const std::vector<std::string_view>& known = peer_names();
  if (std::find(known.begin(), known.end(), word) != known.end()) return {word};
  throw Failure(fmt::format("--peers: there is no contestant '{}'; there are {}, tables, all, none",
                            word, listing(known, ", ")),
                kExitUsage);
}

// Turns --peers into what the workloads use; a name nobody has is a mistake.
void settle_peers(std::vector<std::string>& peers) {
  std::vector<std::string> settled;
  if (peers.empty()) settled.assign(usual_peer_names().begin(), usual_peer_names().end());
  for (const std::string& word : peers) {
    for (const std::string_view peer : peers_behind(word)) settled.emplace_back(peer);
  }
  peers = std::move(settled);
}

// CLI11 says only that a subcommand is required.
void require_workload(int argc, char** argv, const CLI::App& app) {
  const std::string_view first = argc > 1 ? argv[1] : "";
  if (first.starts_with('-')) return;
  std::vector<std::string> names;
  for (const CLI::App* workload : app.get_subcommands({})) {
    if (workload->get_name() == first) return;
    if (!workload->get_group().empty()) names.push_back(workload->get_name());
  }
  throw Failure(fmt::format("{}; there are {}",
                            first.empty() ? std::string("name a workload")
                                          : fmt::format("there is no workload '{}'", first),
                            fmt::join(names, ", ")),
                kExitUsage);
}

std::string joined(int argc, char** argv) {
  std::string text;
  for (int at = 0; at < argc; ++at) text += (at > 0 ? " " : "") + std::string(argv[at]);
  return text;
}

}  // namespace

std::optional<CommandLine> parse_command_line(int argc, char** argv, int& exit_code) {
  CommandLine line;
  line.text = joined(argc, argv);
  CLI::App app(kDescription, "cloakroom_bench");
  app.require_subcommand(1);
  for (const WorkloadName& workload : kWorkloads) {
    add_bench_options(*app.add_subcommand(workload.name, workload.description), line.bench);
  }
  add_replay_options(*app.add_subcommand("replay", "drive a store through a trace, and count"),
                     line.replay);
  add_children(app, line);
  require_workload(argc, argv, app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error) == 0 ? kExitOk : kExitUsage;
    return std::nullopt;
  }
  line.workload = app.get_subcommands().front()->get_name();
  settle_peers(line.bench.peers);
  return line;
}

}  // namespace cloakroom::bench
