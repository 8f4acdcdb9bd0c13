// INFO: what dashboards and clients' ready checks read. Lines are "name:value", sections "# Name".
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "resp/commands.h"
#include "resp/steady.h"

namespace cloakroom::resp {
namespace {

constexpr std::size_t kSample = 20'000;  // records looked at for the keyspace section

class Text {
 public:
  void section(std::string_view name) {
    if (!text_.empty()) text_ += "\r\n";
    text_ += "# ";
    text_ += name;
    text_ += "\r\n";
  }
  void line(std::string_view name, std::string_view value) {
    text_ += name;
    text_ += ':';
    text_ += value;
    text_ += "\r\n";
  }
  void line(std::string_view name, std::uint64_t value) { line(name, std::to_string(value)); }
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  std::string text_ = {};
};

std::string human(std::uint64_t bytes) {
  constexpr std::array<const char*, 5> kUnits{"B", "K", "M", "G", "T"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof(text), unit == 0 ? "%.0f%s" : "%.2f%s", value, kUnits[unit]);
  return text;
}

std::uint64_t uptime_s(const Server& server) {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(
                                        std::chrono::steady_clock::now() - server.started)
                                        .count());
}

void server_section(Call& call, Text& text, const Stats&) {
  struct utsname machine {};
  (void)::uname(&machine);
  text.section("Server");
  text.line("redis_version", "7.0.15");
  text.line("redis_git_sha1", "00000000");
  text.line("redis_git_dirty", "0");
  text.line("redis_build_id", "0");
  text.line("redis_mode", "standalone");
  text.line("server_name", "cloakroom");
  text.line("os", std::string(machine.sysname) + " " + machine.release + " " + machine.machine);
  text.line("arch_bits", sizeof(void*) * 8);
  text.line("multiplexing_api", "epoll");
  text.line("process_id", static_cast<std::uint64_t>(::getpid()));
  text.line("run_id", call.server.run_id);
  text.line("tcp_port", call.server.tcp_port.load());
  text.line("server_time_usec", static_cast<std::uint64_t>(call.store().now()) * 1000);
  text.line("uptime_in_seconds", uptime_s(call.server));
  text.line("uptime_in_days", uptime_s(call.server) / 86400);
  text.line("hz", 10);
  text.line("configured_hz", 10);
  text.line("executable", "");
  text.line("config_file", "");
  text.line("io_threads_active", call.server.options.threads > 1 ? 1 : 0);
}

void clients_section(Call& call, Text& text, const Stats&) {
  std::uint64_t subscribers = 0;
  std::size_t input = 0;
  std::size_t output = 0;
  for (const auto& client : call.server.clients.all()) {
    subscribers += client->channel_count + client->pattern_count + client->shard_count != 0 ? 1 : 0;
    input = std::max(input, client->input_bytes.load());
    output = std::max(output, client->output_bytes.load());
  }
  text.section("Clients");
  text.line("connected_clients", call.server.clients.size());
  text.line("cluster_connections", 0);
  text.line("maxclients", call.server.options.limits.clients);
  text.line("client_recent_max_input_buffer", input);
  text.line("client_recent_max_output_buffer", output);
  text.line("blocked_clients", 0);
  text.line("tracking_clients", call.server.tracking.counts().clients);
  text.line("pubsub_clients", subscribers);
  text.line("clients_in_timeout_table", 0);
}

void memory_section(Call&, Text& text, const Stats& stats) {
  struct rusage usage {};
  (void)::getrusage(RUSAGE_SELF, &usage);
  const auto resident = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
  text.section("Memory");
  text.line("used_memory", stats.memory_bytes);
  text.line("used_memory_human", human(stats.memory_bytes));
  text.line("used_memory_rss", resident);
  text.line("used_memory_rss_human", human(resident));
  text.line("used_memory_peak", resident);
  text.line("used_memory_peak_human", human(resident));
  text.line("used_memory_dataset", stats.key_value_bytes);
  text.line("used_memory_overhead",
            stats.memory_bytes - std::min(stats.memory_bytes, stats.key_value_bytes));
  text.line("used_memory_lua", 0);
  text.line("used_memory_scripts", 0);
  text.line("number_of_cached_scripts", 0);
  text.line("maxmemory", stats.memory_limit_bytes);
  text.line("maxmemory_human", human(stats.memory_limit_bytes));
  text.line("maxmemory_policy", "noeviction");
  text.line("mem_fragmentation_ratio", "1.00");
  text.line("mem_allocator", "cloakroom-slabs");
  text.line("active_defrag_running", 0);
  text.line("lazyfree_pending_objects", 0);
}

void persistence_section(Call& call, Text& text, const Stats& stats) {
  const bool keeps = !call.store().path().empty();
  text.section("Persistence");
  text.line("loading", 0);
  text.line("async_loading", 0);
  text.line("current_cow_size", 0);
  text.line("rdb_changes_since_last_save",
            stats.version_last - std::min(stats.version_last, call.server.last_save_version.load()));
  text.line("rdb_bgsave_in_progress", 0);
  text.line("rdb_last_save_time", static_cast<std::uint64_t>(call.server.last_save_s.load()));
  text.line("rdb_last_bgsave_status", stats.read_only ? "err" : "ok");
  text.line("rdb_last_bgsave_time_sec", 0);
  text.line("rdb_current_bgsave_time_sec", "-1");
  text.line("rdb_saves", stats.journal_syncs);
  text.line("aof_enabled", keeps ? 1 : 0);
  text.line("aof_rewrite_in_progress", 0);
  text.line("aof_rewrite_scheduled", 0);
  text.line("aof_last_bgrewrite_status", "ok");
  text.line("aof_last_write_status", stats.read_only ? "err" : "ok");
  text.line("aof_pending_bio_fsync", stats.version_last > stats.version_disk && keeps ? 1 : 0);
  text.line("cloakroom_warm", stats.warm ? 1 : 0);
  text.line("cloakroom_warmed_records", stats.warmed_records);
  text.line("cloakroom_journal_queue_bytes", stats.journal_queue_bytes);
  text.line("cloakroom_journal_waits", stats.journal_waits);
  text.line("cloakroom_read_only", stats.read_only ? 1 : 0);
  text.line("cloakroom_degraded", stats.degraded);
}

void stats_section(Call& call, Text& text, const Stats& stats) {
  const Server& server = call.server;
  text.section("Stats");
  text.line("total_connections_received", server.connections_received.load());
  text.line("total_commands_processed", server.commands_processed());
  text.line("instantaneous_ops_per_sec", 0);
  text.line("total_net_input_bytes", server.bytes_in.load());
  text.line("total_net_output_bytes", server.bytes_out.load());
  text.line("instantaneous_input_kbps", "0.00");
  text.line("instantaneous_output_kbps", "0.00");
  text.line("rejected_connections", server.connections_rejected.load());
  text.line("sync_full", 0);
  text.line("sync_partial_ok", 0);
  text.line("sync_partial_err", 0);
  text.line("expired_keys", stats.expired);
  text.line("expired_stale_perc", "0.00");
  text.line("expired_time_cap_reached_count", 0);
  text.line("evicted_keys", 0);
  text.line("evicted_clients", 0);
  text.line("keyspace_hits", stats.hits);
  text.line("keyspace_misses", stats.misses);
  text.line("pubsub_channels", server.pubsub.count(Listening::kChannel));
  text.line("pubsub_patterns", server.pubsub.count(Listening::kPattern));
  text.line("pubsubshard_channels", server.pubsub.count(Listening::kShard));
  const Tracking::Counts tracking = server.tracking.counts();
  text.line("tracking_total_keys", tracking.keys);
  text.line("tracking_total_items", tracking.items);
  text.line("tracking_total_prefixes", tracking.prefixes);
  text.line("latest_fork_usec", 0);
  text.line("total_forks", 0);
  text.line("total_error_replies", server.errors.load());
  text.line("acl_access_denied_auth", server.auth_failures.load());
  text.line("unexpected_error_replies", 0);
  text.line("cloakroom_unknown_scripts", server.unknown_scripts.load());
  text.line("cloakroom_events_dropped", stats.events_dropped);
  text.line("cloakroom_refused_full", stats.refused_full);
}

void replication_section(Call& call, Text& text, const Stats&) {
  text.section("Replication");
  text.line("role", "master");
  text.line("connected_slaves", 0);
  text.line("master_failover_state", "no-failover");
  text.line("master_replid", call.server.run_id);
  text.line("master_replid2", std::string(40, '0'));
  text.line("master_repl_offset", 0);
  text.line("second_repl_offset", "-1");
  text.line("repl_backlog_active", 0);
  text.line("repl_backlog_size", 0);
  text.line("repl_backlog_first_byte_offset", 0);
  text.line("repl_backlog_histlen", 0);
}

void cpu_section(Call&, Text& text, const Stats&) {
  const auto seconds = [](const struct timeval& time) {
    char value[40];
    std::snprintf(value, sizeof(value), "%lld.%06lld", static_cast<long long>(time.tv_sec),
                  static_cast<long long>(time.tv_usec));
    return std::string(value);
  };
  struct rusage usage {};
  (void)::getrusage(RUSAGE_SELF, &usage);
  text.section("CPU");
  text.line("used_cpu_sys", seconds(usage.ru_stime));
  text.line("used_cpu_user", seconds(usage.ru_utime));
  text.line("used_cpu_sys_children", "0.000000");
  text.line("used_cpu_user_children", "0.000000");
}

void commandstats_section(Call& call, Text& text, const Stats&) {
  text.section("Commandstats");
  const auto commands = CommandTable::instance().all();
  for (std::size_t i = 0; i < commands.size(); ++i) {
    std::uint64_t calls = 0;
    std::uint64_t nanoseconds = 0;
    std::uint64_t rejected = 0;
    std::uint64_t failed = 0;
    for (std::size_t thread = 0; thread < call.server.options.threads; ++thread) {
      const CommandStats& stats = call.server.stats_of(thread, i);
      calls += stats.calls.load();
      nanoseconds += stats.nanoseconds.load();
      rejected += stats.rejected.load();
      failed += stats.failed.load();
    }
    if (calls + rejected == 0) continue;
    char line[160];
    std::snprintf(
        line, sizeof(line),
        "calls=%llu,usec=%llu,usec_per_call=%.2f,rejected_calls=%llu,failed_calls=%llu",
        static_cast<unsigned long long>(calls), static_cast<unsigned long long>(nanoseconds / 1000),
        calls == 0 ? 0.0 : static_cast<double>(nanoseconds) / 1000 / static_cast<double>(calls),
        static_cast<unsigned long long>(rejected), static_cast<unsigned long long>(failed));
    text.line("cmdstat_" + std::string(commands[i].name), line);
  }
}

void errorstats_section(Call& call, Text& text, const Stats&) {
  text.section("Errorstats");
  for (const auto& [code, count] : call.server.error_counts()) {
    text.line("errorstat_" + code, "count=" + std::to_string(count));
  }
}

void modules_section(Call&, Text& text, const Stats&) { text.section("Modules"); }

void latencystats_section(Call&, Text& text, const Stats&) { text.section("Latencystats"); }

void cluster_section(Call&, Text& text, const Stats&) {
  text.section("Cluster");
  text.line("cluster_enabled", 0);
}

// Exact up to kSample records; beyond, what the sample says of all. While the store warms up a scan
// would wait for that, and clients ask INFO whether we are ready: then it is the count alone.
void keyspace_section(Call& call, Text& text, const Stats& stats) {
  struct Count {
    std::uint64_t keys = 0;
    std::uint64_t expires = 0;
    std::uint64_t ttl_ms = 0;
  };
  text.section("Keyspace");
  if (!stats.warm) {
    const std::uint64_t known = std::max(stats.records, stats.warming_records);
    return text.line("db0", "keys=" + std::to_string(known) + ",expires=0,avg_ttl=0");
  }
  std::array<Count, kDatabases> counts{};
  std::uint64_t seen = 0;
  const TimeMs now = call.store().now();
  Cursor cursor = kScanStart;
  do {
    const auto next = call.store().scan(cursor, 1024, [&](const RecordView& record) {
      ++seen;
      const auto key = database_key(record.key);
      if (!key) return;
      Count& count = counts[static_cast<std::size_t>(key->database)];
      ++count.keys;
      if (record.deadline == kNever) return;
      ++count.expires;
      count.ttl_ms += static_cast<std::uint64_t>(std::max<TimeMs>(record.deadline - now, 0));
    });
    if (!next) break;
    cursor = *next;
  } while (cursor != kScanStart && seen < kSample);
  const double scale = cursor == kScanStart || seen == 0
                           ? 1.0
                           : static_cast<double>(stats.records) / static_cast<double>(seen);
  const auto scaled = [scale](std::uint64_t n) {
    return std::to_string(static_cast<std::uint64_t>(static_cast<double>(n) * scale + 0.5));
  };
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const Count& count = counts[i];
    if (count.keys == 0) continue;
    text.line("db" + std::to_string(i),
              "keys=" + scaled(count.keys) + ",expires=" + scaled(count.expires) + ",avg_ttl=" +
                  std::to_string(count.expires == 0 ? 0 : count.ttl_ms / count.expires));
  }
}

struct Section {
  std::string_view name;
  bool by_default;
  void (*write)(Call&, Text&, const Stats&);
};
constexpr Section kSections[] = {
    {"server", true, server_section},
    {"clients", true, clients_section},
    {"memory", true, memory_section},
    {"persistence", true, persistence_section},
    {"stats", true, stats_section},
    {"replication", true, replication_section},
    {"cpu", true, cpu_section},
    {"modules", true, modules_section},
    {"commandstats", false, commandstats_section},
    {"errorstats", true, errorstats_section},
    {"latencystats", false, latencystats_section},
    {"cluster", true, cluster_section},
    {"keyspace", true, keyspace_section},
};

bool wants(const Call& call, const Section& section) {
  if (call.size() == 1) return section.by_default;
  for (std::size_t i = 1; i < call.size(); ++i) {
    if (is_word(call[i], section.name) || is_word(call[i], "all") ||
        is_word(call[i], "everything") || (is_word(call[i], "default") && section.by_default)) {
      return true;
    }
  }
  return false;
}

}  // namespace

void info_command(Call& call) {
  const Stats stats = call.store().stats();
  Text text;
  for (const Section& section : kSections) {
    if (wants(call, section)) section.write(call, text, stats);
  }
  call.out.verbatim(text.text());
}

}  // namespace cloakroom::resp
