// CONFIG's parameters. Most exist so that those who ask are answered: stacks and dashboards read
// them, and some set them at start.
#include <algorithm>

#include "resp/glob.h"
#include "resp/server.h"
#include "resp/text.h"

namespace cloakroom::resp {
namespace {

struct Known {
  const char* name;
  const char* value;
  bool changeable;  // it may be set, is remembered, and changes nothing
};
constexpr Known kKnown[] = {
    {"activedefrag", "no", true},
    {"appendfsync", "everysec", true},
    {"appendonly", "yes", true},
    {"auto-aof-rewrite-min-size", "67108864", true},
    {"auto-aof-rewrite-percentage", "100", true},
    {"cluster-enabled", "no", false},
    {"databases", "16", false},
    {"dynamic-hz", "yes", true},
    {"hash-max-listpack-entries", "512", true},
    {"hash-max-listpack-value", "64", true},
    {"hash-max-ziplist-entries", "512", true},
    {"hash-max-ziplist-value", "64", true},
    {"hz", "10", true},
    {"latency-monitor-threshold", "0", true},
    {"lazyfree-lazy-eviction", "no", true},
    {"lazyfree-lazy-expire", "no", true},
    {"lazyfree-lazy-server-del", "no", true},
    {"lazyfree-lazy-user-del", "no", true},
    {"lfu-decay-time", "1", true},
    {"lfu-log-factor", "10", true},
    {"list-max-listpack-size", "-2", true},
    {"list-max-ziplist-size", "-2", true},
    {"lua-time-limit", "5000", true},
    {"maxmemory-policy", "noeviction", true},
    {"maxmemory-samples", "5", true},
    {"min-replicas-max-lag", "10", true},
    {"min-replicas-to-write", "0", true},
    {"no-appendfsync-on-rewrite", "no", true},
    {"notify-keyspace-events", "", true},
    {"proto-max-bulk-len", "536870912", true},
    {"rdbcompression", "yes", true},
    {"repl-backlog-size", "1048576", true},
    {"repl-timeout", "60", true},
    {"replica-read-only", "yes", true},
    {"replica-serve-stale-data", "yes", true},
    {"save", "", true},
    {"set-max-intset-entries", "512", true},
    {"slave-read-only", "yes", true},
    {"slowlog-log-slower-than", "10000", true},
    {"slowlog-max-len", "128", true},
    {"stop-writes-on-bgsave-error", "yes", true},
    {"tcp-backlog", "511", false},
    {"tcp-keepalive", "60", true},
    {"tracking-table-max-keys", "1000000", true},
    {"zset-max-listpack-entries", "128", true},
    {"zset-max-listpack-value", "64", true},
    {"zset-max-ziplist-entries", "128", true},
    {"zset-max-ziplist-value", "64", true},
};

}  // namespace

Config::Config(const RespOptions& options, std::uint64_t memory_limit) {
  for (const Known& known : kKnown) {
    parameters_[known.name] = {.value = known.value, .changeable = known.changeable};
  }
  clients_max.store(options.limits.clients);
  idle_timeout_ms.store(options.limits.idle_timeout.count());
  parameters_["maxmemory"] = {.value = std::to_string(memory_limit), .changeable = true};
  parameters_["maxclients"] = {.value = std::to_string(options.limits.clients), .changeable = true};
  parameters_["timeout"] = {.value = std::to_string(options.limits.idle_timeout.count() / 1000),
                            .changeable = true};
  parameters_["requirepass"] = {.value = "", .changeable = true};
  parameters_["port"] = {.value = std::to_string(options.tcp_port)};
  parameters_["bind"] = {.value = options.tcp_address};
  parameters_["unixsocket"] = {.value = options.unix_socket};
  parameters_["io-threads"] = {.value = std::to_string(options.threads)};
  parameters_["client-query-buffer-limit"] = {.value =
                                                  std::to_string(options.limits.command_bytes)};
  const std::string output = std::to_string(options.limits.output_bytes);
  parameters_["client-output-buffer-limit"] = {
      .value = "normal " + output + " 0 0 slave 0 0 0 pubsub " + output + " 0 0"};
}

std::vector<std::pair<std::string, std::string>> Config::matching(std::string_view pattern) const {
  std::vector<std::pair<std::string, std::string>> found;
  MutexLock guard(mutex_);
  for (const auto& [name, parameter] : parameters_) {
    if (glob_matches(pattern, name)) found.emplace_back(name, parameter.value);
  }
  return found;
}

bool Config::knows(std::string_view name) const {
  MutexLock guard(mutex_);
  return parameters_.contains(name);
}

namespace {

constexpr const char* kNoInteger = "argument couldn't be parsed into an integer";

// Of a parameter that is a number in bounds.
std::optional<std::int64_t> bounded(std::string_view value, std::int64_t least, std::int64_t most,
                                    std::string& problem) {
  const auto number = parse_int(value);
  if (!number) {
    problem = kNoInteger;
    return std::nullopt;
  }
  if (*number >= least && *number <= most) return number;
  problem = "argument must be between " + std::to_string(least) + " and " + std::to_string(most) +
            " inclusive";
  return std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> parse_memory(std::string_view text) {
  struct Unit {
    std::string_view name;
    std::uint64_t bytes;
  };
  constexpr Unit kUnits[] = {{"", 1},
                             {"b", 1},
                             {"k", 1000},
                             {"kb", 1024},
                             {"m", 1000 * 1000},
                             {"mb", 1024 * 1024},
                             {"g", 1000 * 1000 * 1000},
                             {"gb", 1024 * 1024 * 1024}};
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto number = parse_uint(text.substr(0, digits));
  const std::string unit = lower_case(text.substr(digits));
  for (const Unit& known : kUnits) {
    std::uint64_t bytes = 0;
    if (number && known.name == unit && !__builtin_mul_overflow(*number, known.bytes, &bytes)) {
      return bytes;
    }
  }
  return std::nullopt;
}

std::string Config::set(std::string_view name, std::string_view value) {
  MutexLock guard(mutex_);
  const auto found = parameters_.find(name);
  if (found == parameters_.end()) return "unknown parameter";
  if (!found->second.changeable) return "can't set immutable config";
  if (name == "slowlog-log-slower-than" || name == "slowlog-max-len") {
    const auto number = parse_int(value);
    if (!number || *number < -1) return "argument couldn't be parsed into an integer";
    if (name == "slowlog-max-len") {
      slow_keep.store(static_cast<std::size_t>(std::max<std::int64_t>(*number, 0)));
    } else {
      slow_us.store(*number);
    }
  }
  std::string problem;
  if (name == "maxclients") {
    const auto number = bounded(value, 1, UINT32_MAX, problem);
    if (!number) return problem;
    clients_max.store(static_cast<std::size_t>(*number));
  } else if (name == "timeout") {
    const auto number = bounded(value, 0, INT32_MAX, problem);
    if (!number) return problem;
    idle_timeout_ms.store(*number * 1000);
  }
  found->second.value = value;
  return {};
}

}  // namespace cloakroom::resp
