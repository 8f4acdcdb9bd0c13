#include "listener_server.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "cloakroom/resp_server.h"
#include "cloakroom/store.h"
#include "failure.h"
#include "workloads.h"

namespace cloakroom::bench {

ListenerServer::ListenerServer(const std::string& directory)
    : socket_(socket_directory_.path() + "/cloakroom.sock"),
      child_(Child::self({"child-listener", "--store", directory, "--socket", socket_},
                         {.capture = true})) {
  const auto line = child_.read_line();
  if (!line) throw Failure("the process that listens " + to_string(child_.wait()));
  port_ = static_cast<std::uint16_t>(std::stoul(*line));
}

int run_listener_child(const ChildOptions& options) {
  auto store = Store::open({.path = options.store});
  if (!store) throw Failure("listener: " + store.status().to_string());
  RespOptions settings{.unix_socket = options.socket, .tcp_any_port = true};
  settings.limits.clients = 16 * 1024;
  settings.limits.clients_per_address = 0;
  const auto server = RespServer::start(*store, settings);
  if (!server) throw Failure("listener: " + server.status().to_string());
  fmt::print("{}\n", server->port());
  std::fflush(stdout);
  for (;;) ::pause();  // its parent ends it
}

}  // namespace cloakroom::bench
