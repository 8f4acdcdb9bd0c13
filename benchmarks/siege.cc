// An honest client of a listener while others misbehave: its p99 beside what it is when they are
// not there, whether it keeps its connection, and how much memory the server takes.
#include "siege.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <optional>
#include <string>

#include "base/priority.h"
#include "failure.h"
#include "interrupt.h"
#include "listener_server.h"
#include "redis_server.h"
#include "ticks.h"
#include "workloads.h"

namespace cloakroom::bench {
namespace {

// The largest the process ever was.
std::uint64_t peak_bytes(pid_t pid) {
  std::ifstream status(fmt::format("/proc/{}/status", pid));
  std::string word;
  std::uint64_t kib = 0;
  while (status >> word) {
    if (word == "VmHWM:") status >> kib;
  }
  return kib << 10;
}

// The peak counts from now on.
void forget_peak(pid_t pid) { std::ofstream(fmt::format("/proc/{}/clear_refs", pid)) << "5"; }

void allow_many_files() {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

// GET and SET in turns, over one connection that must last.
class HonestClient {
 public:
  explicit HonestClient(const Endpoint& endpoint) : client_(endpoint) {
    append_command(set_, {"SET", "siege-honest", std::string(350, 'h'), "EX", "86400"});
    append_command(get_, {"GET", "siege-honest"});
  }

  Histogram work(double seconds) {
    Histogram latencies;
    const std::uint64_t end = monotonic_ns() + static_cast<std::uint64_t>(seconds * 1e9);
    while (monotonic_ns() < end) {
      stop_if_interrupted();
      const std::uint64_t began = ticks();
      client_.send(set_);
      client_.receive(std::string_view("+OK\r\n").size());
      const std::uint64_t between = ticks();
      client_.send(get_);
      client_.receive(std::string_view("$350\r\n\r\n").size() + 350);
      latencies.add(between - began);
      latencies.add(ticks() - between);
    }
    return latencies;
  }

 private:
  RawClient client_;
  std::string set_;
  std::string get_;
};

struct Besieged {
  std::string_view name;
  Endpoint endpoint;
  pid_t pid;
};

class Siege {
 public:
  explicit Siege(const Bench& bench) : bench_(bench) {
    const CorePin pin(0);
    listener_.emplace(bench.workspace.fresh("siege"));
    servers_.push_back({kCloakroomDisk, listener_->unix_endpoint(), listener_->pid()});
    if (line_up(bench, {}, {kRedis}).size() == 1) {
      redis_.emplace(bench.workspace.fresh("siege-redis"), RedisPersistence::kAppendEverysec);
      const auto client = redis_->wait_until_serving("any");
      client->call({"CONFIG", "SET", "maxclients", "16384"});
      servers_.push_back({kRedis, {.unix_socket = redis_->socket()}, redis_->pid()});
    }
    for (const Besieged& server : servers_) {
      RedisClient(server.endpoint.unix_socket).call({"SET", kBigKey, std::string(kBigBytes, 'b')});
    }
  }

  void round(Section& latency, Section& memory) {
    // The honest client has the other core; who attacks takes what it leaves.
    const CorePin pin(std::min(1U, describe_machine().cores - 1));
    for (const Besieged& server : servers_) {
      HonestClient client(server.endpoint);
      add(latency, "quiet", server, client.work(bench_.options.seconds));
      for (const Attack& attack : attacks()) {
        forget_peak(server.pid);
        Child attacker = Child::self({"child-siege", "--contestant", std::string(attack.name),
                                      "--socket", server.endpoint.unix_socket},
                                     {.capture = true});
        if (!attacker.read_line()) throw Failure("an attacker " + to_string(attacker.wait()));
        add(latency, attack.what, server, client.work(bench_.options.seconds));
        memory.add(attack.what, server.name,
                   static_cast<double>(peak_bytes(server.pid)) / (1 << 20));
        attacker.kill();
        (void)client.work(0.1);
      }
    }
  }

 private:
  void add(Section& section, std::string_view what, const Besieged& server, const Histogram& ticks) {
    const Latencies latencies = latencies_of(ticks);
    section.add(what, server.name, latencies.p99_ns, latencies);
  }

  const Bench& bench_;
  std::optional<ListenerServer> listener_;
  std::optional<RedisServer> redis_;
  std::vector<Besieged> servers_;
};

}  // namespace

void run_siege(const Bench& bench) {
  allow_many_files();
  Siege siege(bench);
  Section latency("siege",
                  fmt::format("siege: an honest client's GET and SET over one connection that is "
                              "never lost, while others attack, unix socket, {} rounds",
                              bench.options.rounds),
                  "p99 in ns", kRedis);
  Section memory("siege-memory", "siege: the most memory the server took meanwhile", "MiB", kRedis);
  for (unsigned round = 0; round < bench.options.rounds; ++round) {
    bench.report.progress(fmt::format("siege: round {} of {}", round + 1, bench.options.rounds));
    siege.round(latency, memory);
  }
  bench.report.add(latency);
  bench.report.add(memory);
}

int run_siege_child(const ChildOptions& options) {
  give_way(19);
  const auto found = std::find_if(attacks().begin(), attacks().end(), [&](const Attack& attack) {
    return attack.name == options.contestant;
  });
  if (found == attacks().end()) throw Failure("there is no attack " + options.contestant);
  found->run({.unix_socket = options.socket});
  return kExitFailed;
}

}  // namespace cloakroom::bench
