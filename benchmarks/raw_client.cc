#include "raw_client.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "failure.h"

namespace cloakroom::bench {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 18;

bool connect_unix(const Fd& socket, const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw Failure("the path of a socket is too long");
  std::copy(path.begin(), path.end(), address.sun_path);
  return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

bool connect_port(const Fd& socket, std::uint16_t port) {
  const int on = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace

void append_command(std::string& out, const std::vector<std::string_view>& words) {
  out += fmt::format("*{}\r\n", words.size());
  for (const std::string_view word : words) out += fmt::format("${}\r\n{}\r\n", word.size(), word);
}

Fd RawClient::try_connect(const Endpoint& endpoint) {
  const bool local = !endpoint.unix_socket.empty();
  Fd socket(::socket(local ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) throw Failure(fmt::format("cannot create a socket: {}", std::strerror(errno)));
  const bool connected =
      local ? connect_unix(socket, endpoint.unix_socket) : connect_port(socket, endpoint.port);
  return connected ? std::move(socket) : Fd();
}

RawClient::RawClient(const Endpoint& endpoint)
    : socket_(try_connect(endpoint)), buffer_(kBufferBytes) {
  if (!socket_) throw Failure("a server does not take a connection");
}

void RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) throw Failure("a server closed the connection of an honest client");
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void RawClient::receive(std::size_t count) {
  while (count > 0) {
    const ssize_t got =
        ::recv(socket_.get(), buffer_.data(), std::min(count, buffer_.size()), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) throw Failure("a server closed the connection of an honest client");
    if (buffer_[0] == '-') {
      throw Failure("a server answered: " +
                    std::string(buffer_.data(), static_cast<std::size_t>(got)));
    }
    count -= static_cast<std::size_t>(got);
  }
}

}  // namespace cloakroom::bench
