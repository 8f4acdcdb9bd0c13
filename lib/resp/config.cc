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
  parameters_["maxmemory"] = {.value = std::to_string(memory_limit), .changeable = false};
  parameters_["maxclients"] = {.value = std::to_string(options.limits.clients)};
  parameters_["timeout"] = {.value = std::to_string(options.limits.idle_timeout.count() / 1000)};
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
  found->second.value = value;
  return {};
}

}  // namespace cloakroom::resp
