// A listener of Cloakroom's in a process of its own, over a store on disk, as `cloakroom serve` is.
#ifndef CLOAKROOM_BENCHMARKS_LISTENER_SERVER_H_
#define CLOAKROOM_BENCHMARKS_LISTENER_SERVER_H_

#include <sys/types.h>

#include <string>

#include "process.h"
#include "raw_client.h"

namespace cloakroom::bench {

class ListenerServer {
 public:
  // Starts it over the store in `directory`, made when absent, and waits until it listens.
  explicit ListenerServer(const std::string& directory);

  [[nodiscard]] Endpoint unix_endpoint() const { return {.unix_socket = socket_}; }
  [[nodiscard]] Endpoint port_endpoint() const { return {.port = port_}; }
  [[nodiscard]] pid_t pid() const noexcept { return child_.pid(); }

 private:
  TempDir socket_directory_;  // a socket's path may have 107 bytes; the store's can be longer
  std::string socket_;
  Child child_;
  std::uint16_t port_ = 0;
};

}  // namespace cloakroom::bench

#endif  // CLOAKROOM_BENCHMARKS_LISTENER_SERVER_H_
