// The server: CONFIG, TIME, SLOWLOG and what monitoring asks.
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "resp/commands.h"
#include "resp/glob.h"

namespace cloakroom::resp {
namespace {

// --- CONFIG -------------------------------------------------------------------------------------

void config_get(Call& call) {
  std::map<std::string, std::string> found;
  for (std::size_t i = 2; i < call.size(); ++i) {
    for (auto& [name, value] : call.server.config.matching(lower_case(call[i]))) {
      found.insert_or_assign(std::move(name), std::move(value));
    }
  }
  const std::string pattern = "notify-keyspace-events";
  for (auto& [name, value] : found) {
    if (name == pattern) value = notify_letters(call.server.notifications.classes());
  }
  call.out.map(found.size());
  for (const auto& [name, value] : found) {
    call.out.bulk(name);
    call.out.bulk(value);
  }
}

// Empty when it was set.
std::string set_one(Call& call, const std::string& name, std::string_view value) {
  if (name == "notify-keyspace-events") {
    const auto classes = parse_notify_classes(value);
    if (!classes) return "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.";
    call.server.notifications.set_classes(*classes);
    return {};
  }
  if (name == "maxmemory") {
    const auto bytes = parse_memory(value);
    if (!bytes) return "argument must be a memory value";
    call.store().set_memory_limit(*bytes);
    return call.server.config.set(name, std::to_string(*bytes));
  }
  if (name == "tracking-table-max-keys") {
    const auto most = parse_uint(value);
    if (!most) return "argument couldn't be parsed into an integer";
    call.server.tracking.set_keys_max(*most);
    return call.server.config.set(name, value);
  }
  if (name == "requirepass") {
    call.server.acl.set_default_password(value);
    return {};  // it is kept as a hash alone
  }
  return call.server.config.set(name, value);
}

void monitor(Call& call) {
  call.out.ok();
  if (!call.client.monitors.exchange(true)) call.server.monitors.add(call.client);
}

void config_set(Call& call) {
  if (call.size() % 2 != 0) {
    return call.error("ERR wrong number of arguments for 'config|set' command");
  }
  std::vector<std::string> names;
  for (std::size_t i = 2; i < call.size(); i += 2) {
    names.push_back(lower_case(call[i]));
    if (!call.server.config.knows(names.back())) {
      return call.error("ERR Unknown option or number of arguments for CONFIG SET - '" +
                        std::string(call[i]) + "'");
    }
    if (std::count(names.begin(), names.end(), names.back()) > 1) {
      return call.error("ERR CONFIG SET failed (possibly related to argument '" + names.back() +
                        "') - duplicate parameter");
    }
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string problem = set_one(call, names[i], call[3 + 2 * i]);
    if (problem.empty()) continue;
    return call.error("ERR CONFIG SET failed (possibly related to argument '" + names[i] + "') - " +
                      problem);
  }
  call.out.ok();
}

void config_resetstat(Call& call) {
  call.server.reset_stats();
  call.out.ok();
}

void config_rewrite(Call& call) { call.error("ERR The server is running without a config file"); }

// --- time and role
// --------------------------------------------------------------------------------

void time_(Call& call) {
  struct timeval now {};
  (void)::gettimeofday(&now, nullptr);
  call.out.array(2);
  call.out.bulk_integer(now.tv_sec);
  call.out.bulk_integer(now.tv_usec);
}

void role(Call& call) {
  call.out.array(3);
  call.out.bulk("master");
  call.out.integer(0);
  call.out.array(0);
}

// --- SLOWLOG and LATENCY
// --------------------------------------------------------------------------

void slowlog_get(Call& call) {
  std::int64_t count = 10;
  if (call.size() == 3) {
    const auto given = parse_int(call[2]);
    if (!given || *given < -1) {
      return call.error("ERR count should be greater than or equal to -1");
    }
    count = *given;
  } else if (call.size() > 3) {
    return call.error("ERR wrong number of arguments for 'slowlog|get' command");
  }
  const auto entries =
      call.server.slow_log.newest(count < 0 ? SIZE_MAX : static_cast<std::size_t>(count));
  call.out.array(entries.size());
  for (const SlowEntry& entry : entries) {
    call.out.array(6);
    call.out.integer(static_cast<std::int64_t>(entry.id));
    call.out.integer(entry.when_s);
    call.out.integer(static_cast<std::int64_t>(entry.microseconds));
    call.out.array(entry.args.size());
    for (const std::string& arg : entry.args) call.out.bulk(arg);
    call.out.bulk(entry.address);
    call.out.bulk(entry.name);
  }
}

void slowlog_len(Call& call) {
  call.out.integer(static_cast<std::int64_t>(call.server.slow_log.size()));
}

void slowlog_reset(Call& call) {
  call.server.slow_log.clear();
  call.out.ok();
}

// Of one command over all I/O threads.
struct Histogram {
  std::uint64_t calls = 0;
  std::array<std::uint64_t, CommandStats::kBuckets> buckets{};
};

Histogram histogram_of(Server& server, const Command& command) {
  Histogram sum;
  const std::size_t index = CommandTable::instance().index_of(command);
  for (std::size_t thread = 0; thread < std::max(1U, server.options.threads); ++thread) {
    const CommandStats& stats = server.stats_of(thread, index);
    for (std::size_t i = 0; i < sum.buckets.size(); ++i) {
      sum.buckets[i] += stats.latency[i].load(std::memory_order_relaxed);
    }
  }
  for (const std::uint64_t bucket : sum.buckets) sum.calls += bucket;
  return sum;
}

// Upper bounds in microseconds, and how many calls were at most so long.
void tell_histogram(Reply& out, const Histogram& histogram) {
  out.map(2);
  out.bulk("calls");
  out.integer(static_cast<std::int64_t>(histogram.calls));
  out.bulk("histogram_usec");
  out.map(static_cast<std::size_t>(std::count_if(histogram.buckets.begin(), histogram.buckets.end(),
                                                 [](std::uint64_t n) { return n != 0; })));
  std::uint64_t so_far = 0;
  for (std::size_t i = 0; i < histogram.buckets.size(); ++i) {
    if (histogram.buckets[i] == 0) continue;
    so_far += histogram.buckets[i];
    out.integer(std::int64_t{1} << i);
    out.integer(static_cast<std::int64_t>(so_far));
  }
}

// Of all commands that were called, or of those named and their subcommands.
void latency_histogram(Call& call) {
  const CommandTable& table = CommandTable::instance();
  std::vector<const Command*> wanted;
  for (std::size_t i = 2; i < call.size(); ++i) {
    const Command* const named = table.find(lower_case(call[i]));
    if (named == nullptr) continue;
    wanted.push_back(named);
    const auto subcommands = table.subcommands_of(*named);
    wanted.insert(wanted.end(), subcommands.begin(), subcommands.end());
  }
  for (const Command& command : table.all()) {
    if (call.size() == 2) wanted.push_back(&command);
  }
  std::vector<std::pair<std::string_view, Histogram>> called;
  for (const Command* const command : wanted) {
    const Histogram histogram = histogram_of(call.server, *command);
    if (histogram.calls != 0) called.emplace_back(command->name, histogram);
  }
  call.out.map(called.size());
  for (const auto& [name, histogram] : called) {
    call.out.bulk(name);
    tell_histogram(call.out, histogram);
  }
}

void empty_list(Call& call) { call.out.array(0); }
void zero(Call& call) { call.out.integer(0); }

// --- saving
// ---------------------------------------------------------------------------------------

bool sync(Call& call) {
  const Status synced = call.store().sync();
  if (!synced) {
    call.fail(synced);
    return false;
  }
  call.server.last_save_s.store(std::time(nullptr));
  call.server.last_save_version.store(call.store().stats().version_last);
  return true;
}

void save(Call& call) {
  if (sync(call)) call.out.ok();
}

void bgsave(Call& call) {
  if (call.size() > 2 || (call.size() == 2 && !is_word(call[1], "schedule"))) {
    return call.error(kSyntaxError);
  }
  if (sync(call)) call.out.simple("Background saving started");
}

// The journal is rewritten all the time; what was written is on disk when this answers.
void bgrewriteaof(Call& call) {
  if (sync(call)) call.out.simple("Background append only file rewriting started");
}

void lastsave(Call& call) { call.out.integer(call.server.last_save_s.load()); }

void shutdown(Call& call) {
  for (std::size_t i = 1; i < call.size(); ++i) {
    const bool known = is_word(call[i], "nosave") || is_word(call[i], "save") ||
                       is_word(call[i], "now") || is_word(call[i], "force");
    if (!known) return call.error(kSyntaxError);
  }
  if (!call.server.options.on_shutdown) {
    return call.error("ERR SHUTDOWN is not allowed here; stop the process that embeds the server");
  }
  call.client.close_after_reply();
  call.server.options.on_shutdown();
}

// --- others -----------------------------------------------------------------------------

void cluster(Call& call) { call.error("ERR This instance has cluster support disabled"); }

void lolwut(Call& call) { call.out.verbatim("Cloakroom, which speaks as Redis ver. 7.0.15\n"); }

constexpr std::uint32_t kAdminFlags = kAdmin | kNoScript | kLoading | kStale | kDangerous;
constexpr std::uint32_t kInfoFlags = kLoading | kStale;

constexpr Command kCommands[] = {
    {"info", -1, kInfoFlags | kDangerous, 0, 0, 0, "server", "1.0.0", "About the server",
     info_command},
    {"config", -2, kContainer | kAdminFlags, 0, 0, 0, "server", "2.0.0", "Parameters", nullptr},
    {"config|get", -3, kAdminFlags, 0, 0, 0, "server", "2.0.0", "Values of parameters", config_get},
    {"config|set", -4, kAdminFlags, 0, 0, 0, "server", "2.0.0", "Change parameters", config_set},
    {"config|resetstat", 2, kAdminFlags, 0, 0, 0, "server", "2.0.0", "Count anew",
     config_resetstat},
    {"config|rewrite", 2, kAdminFlags, 0, 0, 0, "server", "2.8.0", "Not possible here",
     config_rewrite},
    {"monitor", 1, kAdminFlags | kNoMulti, 0, 0, 0, "server", "1.0.0",
     "Be shown every command that is run", monitor},
    {"time", 1, kInfoFlags | kFast, 0, 0, 0, "server", "2.6.0", "The time of day", time_},
    {"role", 1, kInfoFlags | kFast | kAdmin | kNoScript, 0, 0, 0, "server", "2.8.12",
     "The role in replication: master", role},
    {"slowlog", -2, kContainer | kAdminFlags, 0, 0, 0, "server", "2.2.12", "Slow commands",
     nullptr},
    {"slowlog|get", -2, kAdminFlags, 0, 0, 0, "server", "2.2.12", "The slowest of late",
     slowlog_get},
    {"slowlog|len", 2, kAdminFlags, 0, 0, 0, "server", "2.2.12", "How many there are", slowlog_len},
    {"slowlog|reset", 2, kAdminFlags, 0, 0, 0, "server", "2.2.12", "Forget them", slowlog_reset},
    {"latency", -2, kContainer | kAdminFlags, 0, 0, 0, "server", "2.8.13", "Latency", nullptr},
    {"latency|latest", 2, kAdminFlags, 0, 0, 0, "server", "2.8.13", "Spikes; none are kept",
     empty_list},
    {"latency|history", 3, kAdminFlags, 0, 0, 0, "server", "2.8.13", "Spikes; none are kept",
     empty_list},
    {"latency|histogram", -2, kAdminFlags, 0, 0, 0, "server", "7.0.0",
     "How long commands took, in powers of two", latency_histogram},
    {"latency|reset", -2, kAdminFlags, 0, 0, 0, "server", "2.8.13", "Forget spikes", zero},
    {"save", 1, kAdminFlags | kNoMulti, 0, 0, 0, "server", "1.0.0", "Sync the journal", save},
    {"bgsave", -1, kAdminFlags, 0, 0, 0, "server", "1.0.0", "Sync the journal", bgsave},
    {"bgrewriteaof", 1, kAdminFlags, 0, 0, 0, "server", "1.0.0", "Sync the journal", bgrewriteaof},
    {"lastsave", 1, kInfoFlags | kFast | kAdmin | kDangerous, 0, 0, 0, "server", "1.0.0",
     "When SAVE was last said", lastsave},
    {"shutdown", -1, kAdminFlags | kNoMulti, 0, 0, 0, "server", "1.0.0", "Stop the server",
     shutdown},
    {"cluster", -2, kInfoFlags, 0, 0, 0, "cluster", "3.0.0", "There is no cluster", cluster},
    {"lolwut", -1, kReadOnly | kFast, 0, 0, 0, "server", "5.0.0", "The version", lolwut},
};

}  // namespace

std::span<const Command> server_commands() { return kCommands; }

}  // namespace cloakroom::resp
