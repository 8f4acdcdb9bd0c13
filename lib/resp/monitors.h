// Monitors: clients that asked to be shown every command as it is run (MONITOR).
//
// A line is a status reply: +1700000000.123456 [0 127.0.0.1:50000] "set" "k" "v"
// Commands of operators are not shown, and of AUTH and HELLO no password.
//
// Thread safety: all methods from any thread. While nobody monitors a command pays one atomic load.
#ifndef CLOAKROOM_LIB_RESP_MONITORS_H_
#define CLOAKROOM_LIB_RESP_MONITORS_H_

#include <atomic>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"

namespace cloakroom::resp {

class Client;
struct Command;

class Monitors {
 public:
  void add(Client& client);     // which may be one already
  void remove(Client& client);  // or none

  [[nodiscard]] bool any() const noexcept { return count_.load(std::memory_order_relaxed) != 0; }

  // Shows `line` to all of them.
  void show(const std::string& line);

 private:
  Mutex mutex_;
  std::vector<Client*> clients_ GUARDED_BY(mutex_) = {};
  std::atomic<std::size_t> count_{0};
};

// Is it a command that monitors may see?
[[nodiscard]] bool is_monitored(const Command& command) noexcept;

// The line for a command that this client has said.
[[nodiscard]] std::string monitor_line(const Client& client, const Command& command,
                                       std::span<const std::string_view> args);

}  // namespace cloakroom::resp

#endif  // CLOAKROOM_LIB_RESP_MONITORS_H_
