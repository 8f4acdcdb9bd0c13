// The listener beside redis-server, both with every write surviving the process: one connection
// that waits for each answer, and fifty that send sixteen commands at a time.
#include <fmt/format.h>

#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "failure.h"
#include "interrupt.h"
#include "listener_server.h"
#include "redis_server.h"
#include "ticks.h"
#include "workloads.h"

namespace cloakroom::bench {
namespace {

constexpr std::size_t kConnections = 50;
constexpr std::size_t kDepth = 16;

enum class Ask : std::uint8_t { kGet, kSet, kGetex };
struct NamedAsk {
  std::string_view name;
  Ask ask;
};
constexpr NamedAsk kAsks[] = {{"GET", Ask::kGet}, {"SET", Ask::kSet}, {"GETEX", Ask::kGetex}};

// Makes commands and knows how long their answers are.
class Asker {
 public:
  Asker(const Dataset& dataset, std::uint64_t seed) : dataset_(dataset), random_(seed) {}

  // Appends a command for a random session; returns the bytes of its answer.
  std::size_t append(std::string& out, Ask ask) {
    write_key(random_.below(dataset_.sessions()), key_.data());
    const std::string_view key(key_.data(), key_.size());
    if (ask == Ask::kSet) {
      append_command(out, {"SET", key, dataset_.value(random_.next() >> 32), "EX", "86400"});
      return std::string_view("+OK\r\n").size();
    }
    if (ask == Ask::kGet) append_command(out, {"GET", key});
    if (ask == Ask::kGetex) append_command(out, {"GETEX", key, "EX", "86400"});
    return fmt::format("${}\r\n\r\n", dataset_.value_bytes()).size() + dataset_.value_bytes();
  }

 private:
  const Dataset& dataset_;
  Random random_;
  std::array<char, kKeyBytes> key_{};
};

Histogram wait_for_each(const Endpoint& endpoint, Asker& asker, Ask ask, double seconds) {
  RawClient client(endpoint);
  Histogram latencies;
  std::string command;
  const std::uint64_t end = monotonic_ns() + static_cast<std::uint64_t>(seconds * 1e9);
  while (monotonic_ns() < end) {
    stop_if_interrupted();
    for (int i = 0; i < 64; ++i) {
      command.clear();
      const std::size_t answer = asker.append(command, ask);
      const std::uint64_t began = ticks();
      client.send(command);
      client.receive(answer);
      latencies.add(ticks() - began);
    }
  }
  return latencies;
}

// Commands a second.
double send_many(const Endpoint& endpoint, Asker& asker, Ask ask, double seconds) {
  std::vector<RawClient> clients;
  for (std::size_t i = 0; i < kConnections; ++i) clients.emplace_back(endpoint);
  std::string commands;
  std::size_t answer = 0;
  std::uint64_t done = 0;
  const std::uint64_t began = monotonic_ns();
  const std::uint64_t end = began + static_cast<std::uint64_t>(seconds * 1e9);
  while (monotonic_ns() < end) {
    stop_if_interrupted();
    for (RawClient& client : clients) {
      commands.clear();
      for (std::size_t i = 0; i < kDepth; ++i) answer = asker.append(commands, ask);
      client.send(commands);
    }
    for (RawClient& client : clients) client.receive(answer * kDepth);
    done += kConnections * kDepth;
  }
  return static_cast<double>(done) * 1e9 / static_cast<double>(monotonic_ns() - began);
}

struct Server {
  std::string_view name;
  Endpoint local;
  Endpoint port;
};

class ListenerRace {
 public:
  ListenerRace(const Bench& bench, const Dataset& dataset) : bench_(bench), dataset_(dataset) {
    const CorePin pin(0);
    listener_.emplace(bench.workspace.fresh("listener"));
    servers_.push_back({kCloakroomDisk, listener_->unix_endpoint(), listener_->port_endpoint()});
    if (line_up(bench, {}, {kRedis}).size() == 1) {
      redis_.emplace(bench.workspace.fresh("listener-redis"), RedisPersistence::kAppendEverysec,
                     free_port());
      redis_->wait_until_serving("any");
      servers_.push_back({kRedis, {.unix_socket = redis_->socket()}, {.port = redis_->port()}});
    }
    for (const Server& server : servers_) {
      RedisClient client(server.local.unix_socket);
      load_redis(client, dataset);
    }
  }

  void round(Section& one, Section& many, unsigned number) {
    for (const unsigned core : {0U, 1U}) {
      if (core >= describe_machine().cores) break;
      const CorePin pin(core);
      for (const bool local : {true, false}) {
        const std::string where = fmt::format("{}, {} core", local ? "unix" : "TCP",
                                              core == 0 ? "the server's" : "another");
        for (const NamedAsk& ask : kAsks) add_latencies(one, where, local, ask, number);
        if (core == 1) add_rates(many, local ? "unix" : "TCP", local, number);
      }
    }
  }

 private:
  void add_latencies(Section& section, const std::string& where, bool local, const NamedAsk& ask,
                     unsigned number) {
    for (const Server& server : servers_) {
      Asker asker(dataset_, number + 1);
      const Histogram ticks = wait_for_each(local ? server.local : server.port, asker, ask.ask,
                                            bench_.options.seconds);
      const Latencies latencies = latencies_of(ticks);
      section.add(fmt::format("{}, {}", ask.name, where), server.name, latencies.p50_ns, latencies);
    }
  }

  void add_rates(Section& section, std::string_view where, bool local, unsigned number) {
    for (const NamedAsk& ask : kAsks) {
      for (const Server& server : servers_) {
        Asker asker(dataset_, number + 1);
        const double rate = send_many(local ? server.local : server.port, asker, ask.ask,
                                      bench_.options.seconds);
        section.add(fmt::format("{}, {}", ask.name, where), server.name, rate / 1000);
      }
    }
  }

  const Bench& bench_;
  const Dataset& dataset_;
  std::optional<ListenerServer> listener_;
  std::optional<RedisServer> redis_;
  std::vector<Server> servers_;
};

}  // namespace

void run_listener(const Bench& bench) {
  const Dataset dataset(bench.sessions(kSessionsSmall), bench.options.value_bytes);
  ListenerRace race(bench, dataset);
  Section one("listener",
              fmt::format("listener: one connection that waits for each answer, servers on one "
                          "core, appendfsync everysec against kProcess, {}",
                          circumstances(bench, dataset)),
              "p50 in ns", kRedis);
  Section many("listener-pipelined",
               fmt::format("listener: {} connections, {} commands at a time, servers with all "
                           "their threads on one core and the client on another, {}",
                           kConnections, kDepth, circumstances(bench, dataset)),
               "kops/s", kRedis);
  for (unsigned round = 0; round < bench.options.rounds; ++round) {
    bench.report.progress(fmt::format("listener: round {} of {}", round + 1, bench.options.rounds));
    race.round(one, many, round);
  }
  bench.report.add(one);
  bench.report.add(many);
}

}  // namespace cloakroom::bench
