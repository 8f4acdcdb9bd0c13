// One client as the commands see it: who it is, what it has chosen, what it waits for. The bytes
// are the connection's (connection.h), which derives from this.
//
// Thread safety: everything is the connection's own thread's, except push(), kill(), the atomics
// and what `card_mutex` guards, which any thread may use: CLIENT LIST and KILL, publishers.
#ifndef CLOAKROOM_LIB_RESP_CLIENT_H_
#define CLOAKROOM_LIB_RESP_CLIENT_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "cloakroom/record.h"
#include "resp/absent_keys.h"
#include "resp/tracking.h"

namespace cloakroom::resp {

struct Command;
struct User;
class Step;

// A command of a transaction, waiting for EXEC.
struct Queued {
  const Command* command = nullptr;
  std::vector<std::string> args = {};
};

// A key as WATCH found it.
struct Watched {
  std::string key = {};  // the store's
  Version version = 0;
  TimeMs deadline = kNever;
  std::unique_ptr<AbsentKeys::Watch> absent = nullptr;  // if it was: notices when it comes
};

enum class ReplyMode : std::uint8_t { kOn, kOff, kSkipNext, kSkip };

class Client {
 public:
  Client() = default;
  virtual ~Client() = default;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Sends `bytes` between replies; from any thread. Closes the client when too much waits.
  virtual void push(const std::string& bytes) = 0;
  // Closes it soon, from any thread; what it was answered before is not sent.
  virtual void kill() = 0;
  // What held its commands back is over; from any thread.
  virtual void resume() {}
  // Closes it once everything is sent; from its own thread.
  void close_after_reply() noexcept { closing = true; }

  [[nodiscard]] int protocol() const noexcept { return protocol_.load(std::memory_order_relaxed); }
  void set_protocol(int protocol) noexcept { protocol_.store(protocol, std::memory_order_relaxed); }
  [[nodiscard]] std::size_t subscriptions() const noexcept {
    return channels.size() + patterns.size() + shards.size();
  }

  [[nodiscard]] bool listens() const noexcept {
    return channel_count.load(std::memory_order_relaxed) != 0 ||
           pattern_count.load(std::memory_order_relaxed) != 0 ||
           shard_count.load(std::memory_order_relaxed) != 0;
  }
  // Must what it reads be remembered (tracking.h)?
  [[nodiscard]] bool tracks_reads() const noexcept {
    return (tracking.load(std::memory_order_relaxed) & (kTracks | kTracksPrefixes)) == kTracks;
  }

  // --- of its own thread --------------------------------------------------------------------
  std::size_t thread = 0;  // which I/O thread
  std::shared_ptr<const User> user = {};
  std::uint64_t user_generation = 0;  // of the users, when `user` was looked up
  bool authenticated = false;
  bool closing = false;
  bool local = false;  // unix socket or loopback
  ReplyMode reply_mode = ReplyMode::kOn;

  bool in_multi = false;
  bool multi_failed = false;
  std::vector<Queued> queue = {};
  std::size_t queue_bytes = 0;
  std::vector<Watched> watched = {};
  Step* step = nullptr;  // what its commands are part of just now

  std::set<std::string> channels = {};
  std::set<std::string> patterns = {};
  std::set<std::string> shards = {};
  unsigned auth_failures = 0;
  // When its last command ended, or its batch was taken up: when the next one begins. A clock costs
  // as much as the lookup of a key.
  std::chrono::steady_clock::time_point clock = std::chrono::steady_clock::now();
  std::shared_ptr<void> address_slot = {};  // counts it among those of its address

  // --- any thread -----------------------------------------------------------------------------
  std::uint64_t id = 0;  // constant once it is registered
  std::chrono::steady_clock::time_point connected = std::chrono::steady_clock::now();
  std::atomic<int> database{0};
  std::atomic<const Command*> last_command{nullptr};
  std::atomic<std::int64_t> last_active_ms{0};  // steady
  std::atomic<int> queued{-1};                  // commands in MULTI; -1: not in one
  std::atomic<std::size_t> channel_count{0};
  std::atomic<std::size_t> pattern_count{0};
  std::atomic<std::size_t> shard_count{0};
  std::atomic<std::size_t> output_bytes{0};
  std::atomic<std::size_t> input_bytes{0};
  std::atomic<bool> no_evict{false};
  std::atomic<bool> monitors{false};
  std::atomic<std::uint32_t> tracking{0};           // TrackingFlag
  std::atomic<std::uint64_t> tracking_redirect{0};  // a client's number; 0: itself

  struct Card {
    std::string address = {};
    std::string local_address = {};
    std::string name = {};
    std::string user_name = "default";
    std::string library_name = {};
    std::string library_version = {};
  };
  mutable Mutex card_mutex;
  Card card GUARDED_BY(card_mutex) = {};

  [[nodiscard]] Card card_copy() const {
    MutexLock guard(card_mutex);
    return card;
  }

 private:
  std::atomic<int> protocol_{2};
};

}  // namespace cloakroom::resp

#endif  // CLOAKROOM_LIB_RESP_CLIENT_H_
