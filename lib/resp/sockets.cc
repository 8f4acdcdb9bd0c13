#include "resp/sockets.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace cloakroom::resp {
namespace {

constexpr int kBacklog = 511;
constexpr int kKeepAliveSeconds = 60;

class Descriptor {
 public:
  explicit Descriptor(int fd) noexcept : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] int take() noexcept {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }

 private:
  int fd_;
};

Status failed(const std::string& what) {
  return Status(StatusCode::kIo, what + ": " + std::strerror(errno));
}

bool fill(sockaddr_un& address, const std::string& path) noexcept {
  address = {};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) return false;
  std::memcpy(address.sun_path, path.data(), path.size());
  return true;
}

// Is the place free, or left by a process that is gone?
Status check_place(const std::string& path, const sockaddr_un& address) {
  struct stat there {};
  if (::lstat(path.c_str(), &there) != 0) return Status();
  if (!S_ISSOCK(there.st_mode)) {
    return Status(StatusCode::kIo, path + " is there and is no socket; remove it or name another");
  }
  const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    return Status(StatusCode::kIo, path + " is in use: another process answers there");
  }
  return Status();
}

std::string text_of(const sockaddr_storage& address, socklen_t size, bool with_port) {
  char host[NI_MAXHOST] = "";
  char port[NI_MAXSERV] = "";
  if (::getnameinfo(reinterpret_cast<const sockaddr*>(&address), size, host, sizeof(host), port,
                    sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return "?";
  }
  if (!with_port) return host;
  const std::string name(host);
  return (address.ss_family == AF_INET6 ? "[" + name + "]" : name) + ":" + port;
}

}  // namespace

Result<int> listen_unix(const std::string& path, unsigned mode) {
  sockaddr_un address{};
  if (!fill(address, path)) {
    return Status(StatusCode::kInvalidArgument,
                  "the path of the unix socket is empty or longer than 107 bytes");
  }
  if (Status place = check_place(path, address); !place) return place;
  const std::size_t slash = path.rfind('/');
  std::string directory =
      (slash == std::string::npos ? "" : path.substr(0, slash + 1)) + ".crXXXXXX";
  if (::mkdtemp(directory.data()) == nullptr) {
    return failed("cannot create a directory beside " + path);
  }
  const std::string hidden = directory + "/s";
  Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  Status outcome;
  if (!fill(address, hidden)) {
    outcome = Status(StatusCode::kInvalidArgument, "the path of the unix socket is too long");
  } else if (fd.get() < 0 ||
             ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
             ::chmod(hidden.c_str(), mode) != 0 || ::listen(fd.get(), kBacklog) != 0 ||
             ::rename(hidden.c_str(), path.c_str()) != 0) {
    outcome = failed("cannot listen on " + path);
    ::unlink(hidden.c_str());
  }
  ::rmdir(directory.c_str());
  if (!outcome) return outcome;
  return fd.take();
}

Result<int> listen_tcp(const std::string& address, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) {
    return Status(StatusCode::kInvalidArgument,
                  "'" + address + "' is no address; give a numeric one, such as 127.0.0.1 or ::1");
  }
  Descriptor fd(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  const bool listens = fd.get() >= 0 && ::bind(fd.get(), found->ai_addr, found->ai_addrlen) == 0 &&
                       ::listen(fd.get(), kBacklog) == 0;
  ::freeaddrinfo(found);
  if (!listens) return failed("cannot listen on " + address + " port " + std::to_string(port));
  return fd.take();
}

std::uint16_t port_of(int socket) noexcept {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  if (address.ss_family == AF_INET) {
    return ntohs(reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
  }
  if (address.ss_family == AF_INET6) {
    return ntohs(reinterpret_cast<const sockaddr_in6*>(&address)->sin6_port);
  }
  return 0;
}

bool is_loopback_address(const std::string& address) noexcept {
  return address.starts_with("127.") || address == "::1" || address == "localhost" ||
         address.starts_with("::ffff:127.");
}

Peer peer_of(int socket, const std::string& unix_path) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  Peer peer;
  if (::getpeername(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
      address.ss_family == AF_UNIX) {
    peer.name = unix_path + ":0";
    peer.local_name = peer.name;
    peer.local = true;
    return peer;
  }
  peer.address = text_of(address, size, false);
  peer.name = text_of(address, size, true);
  peer.local = is_loopback_address(peer.address);
  size = sizeof(address);
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0) {
    peer.local_name = text_of(address, size, true);
  }
  return peer;
}

bool is_own_peer(int socket) noexcept {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0 &&
      address.ss_family != AF_UNIX) {
    return true;
  }
  ucred peer{};
  size = sizeof(peer);
  return ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
         (peer.uid == ::geteuid() || peer.uid == 0);
}

void tune(int socket) noexcept {
  const int on = 1;
  const int seconds = kKeepAliveSeconds;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  ::setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof(seconds));
}

}  // namespace cloakroom::resp
