// Listening sockets: bound with care, handed out as file descriptors.
#ifndef CLOAKROOM_LIB_RESP_SOCKETS_H_
#define CLOAKROOM_LIB_RESP_SOCKETS_H_

#include <cstdint>
#include <string>

#include "cloakroom/status.h"

namespace cloakroom::resp {

// A listening socket at `path` with this mode from its first moment on: it is bound in a directory
// only we can enter and moved to its place then. What a dead process left there is replaced; a
// socket that answers, or another file, is not.
[[nodiscard]] Result<int> listen_unix(const std::string& path, unsigned mode);

// A listening TCP socket. Port 0: the system chooses.
[[nodiscard]] Result<int> listen_tcp(const std::string& address, std::uint16_t port);

// The TCP port a socket is bound to; 0 when it is of another family.
[[nodiscard]] std::uint16_t port_of(int socket) noexcept;

[[nodiscard]] bool is_loopback_address(const std::string& address) noexcept;

// Of a connected socket.
struct Peer {
  std::string address = {};  // without port; "" of a unix socket
  std::string name = {};     // "127.0.0.1:50312", "[::1]:50312", or the path with ":0"
  std::string local_name = {};
  bool local = false;  // a unix socket or loopback
};
[[nodiscard]] Peer peer_of(int socket, const std::string& unix_path);

// No delay, keepalive after a minute. For TCP; harmless for others.
void tune(int socket) noexcept;

// False for a connection through a unix socket of a process of another user, which is not root
// either: the kernel says who it is.
[[nodiscard]] bool is_own_peer(int socket) noexcept;

}  // namespace cloakroom::resp

#endif  // CLOAKROOM_LIB_RESP_SOCKETS_H_
