// A redis-server of our own: in a directory of ours, on a unix socket, ended with us.
#ifndef CLOAKROOM_BENCHMARKS_REDIS_SERVER_H_
#define CLOAKROOM_BENCHMARKS_REDIS_SERVER_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <string_view>

#include "contestant.h"
#include "dataset.h"
#include "process.h"
#include "redis_client.h"

namespace cloakroom::bench {

enum class RedisPersistence {
  kNone,            // only what SAVE is asked for
  kAppendEverysec,  // survives the process; a power cut takes up to a second or two
  kAppendAlways,    // survives a power cut
};

class RedisServer {
 public:
  // Starts it on the data that `directory` holds; does not wait until it answers.
  // With a port it listens there, too, on this machine only.
  RedisServer(std::string directory, RedisPersistence persistence, std::uint16_t port = 0);
  ~RedisServer();
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  [[nodiscard]] const std::string& socket() const noexcept { return socket_; }
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] pid_t pid() const noexcept { return child_->pid(); }

  // Asks every half millisecond until `key` is answered without an error (a server that still loads
  // answers -LOADING), at most two minutes. Returns the connection that got the answer.
  std::unique_ptr<RedisClient> wait_until_serving(std::string_view key);

  void stop();  // SHUTDOWN NOSAVE; SIGKILL when it does not end within ten seconds

 private:
  TempDir socket_directory_;  // a socket's path may have 107 bytes; the data's can be longer
  std::string socket_;
  std::uint16_t port_;
  std::unique_ptr<Child> child_;
};

// A port of this machine that nobody listens on now.
[[nodiscard]] std::uint16_t free_port();

// Stores records first to last - 1, each for ttl_of(its number) from when it is sent; pipelined.
void put_pipelined(RedisClient& client, const Dataset& dataset, std::uint64_t first,
                   std::uint64_t last, const TtlOf& ttl_of);

// The whole dataset, for kTtl.
void load_redis(RedisClient& client, const Dataset& dataset);

}  // namespace cloakroom::bench

#endif  // CLOAKROOM_BENCHMARKS_REDIS_SERVER_H_
