// What all connections of one listener share. No socket is known here: the commands can be run
// without any (tests, fuzzing).
//
// Thread safety: constant after construction, or with synchronization of its own, as marked.
#ifndef CLOAKROOM_LIB_RESP_SERVER_H_
#define CLOAKROOM_LIB_RESP_SERVER_H_

#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "cloakroom/resp_server.h"
#include "cloakroom/store.h"
#include "resp/absent_keys.h"
#include "resp/acl.h"
#include "resp/gate.h"
#include "resp/monitors.h"
#include "resp/notifications.h"
#include "resp/pause.h"
#include "resp/pubsub.h"
#include "resp/tracking.h"

namespace cloakroom::resp {

class Client;

// What a command has cost, of one I/O thread, which alone writes it.
struct CommandStats {
  std::atomic<std::uint64_t> calls{0};
  std::atomic<std::uint64_t> nanoseconds{0};
  std::atomic<std::uint64_t> rejected{0};
  std::atomic<std::uint64_t> failed{0};

  // Calls by how long they took: bucket i has those of less than 2^i microseconds (of 1.024 us) and
  // no less than the bucket before; the last one has the rest.
  static constexpr std::size_t kBuckets = 24;  // up to 8 seconds
  std::array<std::atomic<std::uint64_t>, kBuckets> latency{};

  void note_latency(std::uint64_t took_ns, std::uint64_t times) noexcept {
    const auto width = static_cast<std::size_t>(std::bit_width(took_ns >> 10));
    auto& bucket = latency[width < kBuckets ? width : kBuckets - 1];
    bucket.store(bucket.load(std::memory_order_relaxed) + times, std::memory_order_relaxed);
  }
};

struct SlowEntry {
  std::uint64_t id = 0;
  std::int64_t when_s = 0;
  std::uint64_t microseconds = 0;
  std::vector<std::string> args = {};
  std::string address = {};
  std::string name = {};
};

// The slowest commands of late. Keys and values are not kept: a slow log is read by more people
// than may see sessions.
class SlowLog {
 public:
  void add(SlowEntry entry, std::size_t keep);
  [[nodiscard]] std::vector<SlowEntry> newest(std::size_t count) const;
  [[nodiscard]] std::size_t size() const;
  void clear();

 private:
  mutable Mutex mutex_;
  std::deque<SlowEntry> entries_ GUARDED_BY(mutex_) = {};  // newest first
  std::uint64_t next_id_ GUARDED_BY(mutex_) = 0;
};

// All who are connected, by number.
class Clients {
 public:
  void add(const std::shared_ptr<Client>& client);  // gives it its number
  void remove(std::uint64_t id);
  [[nodiscard]] std::vector<std::shared_ptr<Client>> all() const;
  [[nodiscard]] std::shared_ptr<Client> find(std::uint64_t id) const;  // null when it has gone
  [[nodiscard]] std::size_t size() const noexcept { return count_.load(std::memory_order_relaxed); }

 private:
  mutable Mutex mutex_;
  std::map<std::uint64_t, std::weak_ptr<Client>> by_id_ GUARDED_BY(mutex_) = {};
  std::atomic<std::uint64_t> next_id_{1};
  std::atomic<std::size_t> count_{0};
};

// CONFIG's parameters: what is known, what may be set, and what is only remembered.
class Config {
 public:
  explicit Config(const RespOptions& options, std::uint64_t memory_limit);

  [[nodiscard]] std::vector<std::pair<std::string, std::string>> matching(
      std::string_view pattern) const;
  // Empty when it was set; otherwise the error's text.
  [[nodiscard]] std::string set(std::string_view name, std::string_view value);
  [[nodiscard]] bool knows(std::string_view name) const;

  std::atomic<std::int64_t> slow_us{10'000};  // slowlog-log-slower-than; negative: never
  std::atomic<std::size_t> slow_keep{128};
  std::atomic<std::size_t> clients_max{0};          // maxclients
  std::atomic<std::int64_t> idle_timeout_ms{0};     // timeout

 private:
  struct Parameter {
    std::string value = {};
    bool changeable = false;
  };
  mutable Mutex mutex_;
  std::map<std::string, Parameter, std::less<>> parameters_ GUARDED_BY(mutex_) = {};
};

// "100mb" and the like, as CONFIG SET takes them.
[[nodiscard]] std::optional<std::uint64_t> parse_memory(std::string_view text);

// Scripts that were shown by their text, by the SHA-1 of it. Bounded.
class LoadedScripts {
 public:
  void add(const std::string& sha, std::size_t script);
  [[nodiscard]] std::optional<std::size_t> find(const std::string& sha) const;
  void clear();

 private:
  mutable Mutex mutex_;
  std::map<std::string, std::size_t> by_sha_ GUARDED_BY(mutex_) = {};
};

class Server {
 public:
  Server(Store& store, RespOptions options, Acl acl);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // --- constant after construction ------------------------------------------------------------
  Store& store;
  const RespOptions options;
  const std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
  const std::string run_id;  // 40 hexadecimal digits
  std::atomic<std::uint16_t> tcp_port{0};

  // --- with synchronization of their own ------------------------------------------------------
  Acl acl;
  AclLog acl_log;
  Gate gate;
  PubSub pubsub;
  Notifications notifications;
  AbsentKeys absent_keys;
  Monitors monitors;
  Pause pause;
  Config config;
  Clients clients;
  Tracking tracking;
  SlowLog slow_log;
  LoadedScripts loaded_scripts;
  std::atomic<std::uint64_t> connections_received{0};
  std::atomic<std::uint64_t> connections_rejected{0};
  std::atomic<std::uint64_t> bytes_in{0};
  std::atomic<std::uint64_t> bytes_out{0};
  std::atomic<std::uint64_t> unknown_scripts{0};
  std::atomic<std::uint64_t> auth_failures{0};
  std::atomic<std::int64_t> last_save_s{0};
  std::atomic<Version> last_save_version{0};
  std::atomic<std::uint64_t> errors{0};

  [[nodiscard]] CommandStats& stats_of(std::size_t thread, std::size_t command) noexcept {
    return stats_[thread * commands_ + command];
  }
  [[nodiscard]] std::uint64_t commands_processed() const noexcept;
  void reset_stats() noexcept;

  // How far the wall clock, of which clients speak, is ahead of the store's time, in whole seconds;
  // 0 for less than one. So absolute times come back to the millisecond, over restarts too, unless
  // the wall clock jumps.
  [[nodiscard]] TimeMs wall_offset() const noexcept;

  // Databases that were written to; what DBSIZE need not look for.
  void note_database(int database) noexcept {
    const std::uint32_t bit = 1U << database;
    if ((databases_.load(std::memory_order_relaxed) & bit) == 0) {
      databases_.fetch_or(bit, std::memory_order_relaxed);
    }
  }
  [[nodiscard]] std::uint32_t databases() const noexcept {
    return databases_.load(std::memory_order_relaxed);
  }
  // Set once a full scan has told which databases hold keys.
  std::atomic<bool> databases_known{false};

  void count_error(std::string_view code);
  [[nodiscard]] std::map<std::string, std::uint64_t> error_counts() const;

  void log(LogLevel level, std::string_view line) const {
    if (options.log) options.log(level, line);
  }

 private:
  mutable std::atomic<TimeMs> wall_offset_{0};
  std::atomic<std::uint32_t> databases_{1};
  std::size_t commands_;
  std::unique_ptr<CommandStats[]> stats_;
  mutable Mutex errors_mutex_;
  std::map<std::string, std::uint64_t> error_counts_ GUARDED_BY(errors_mutex_) = {};
};

}  // namespace cloakroom::resp

#endif  // CLOAKROOM_LIB_RESP_SERVER_H_
