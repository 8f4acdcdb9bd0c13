#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <string>
#include <vector>

#include "failure.h"
#include "siege.h"

namespace cloakroom::bench {
namespace {

constexpr std::size_t kIdle = 10'000;
constexpr std::size_t kSlow = 1'000;
constexpr useconds_t kSlowPauseUs = 100'000;
constexpr std::size_t kDeep = 1'000'000;

void say_ready() {
  fmt::print("ready\n");
  std::fflush(stdout);
}

// A server that is busy accepting may have no room in its queue for a moment.
Fd connect_patiently(const Endpoint& endpoint) {
  for (;;) {
    Fd socket = RawClient::try_connect(endpoint);
    if (socket) return socket;
    ::usleep(1000);
  }
}

// What the socket takes of it now; nothing once it is closed.
std::size_t push(const Fd& socket, std::string_view bytes, bool& open) {
  const ssize_t sent =
      ::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent >= 0) return static_cast<std::size_t>(sent);
  open = errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
  return 0;
}

// False once the other side has closed.
bool drain(const Fd& socket) {
  static std::vector<char> buffer(std::size_t{1} << 16);
  ssize_t got = 0;
  do {
    got = ::recv(socket.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  } while (got > 0);
  return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
}

std::vector<Fd> connect_many(const Endpoint& endpoint, std::size_t count) {
  std::vector<Fd> sockets;
  for (std::size_t i = 0; i < count; ++i) sockets.push_back(connect_patiently(endpoint));
  return sockets;
}

void idle(const Endpoint& endpoint) {
  const std::vector<Fd> sockets = connect_many(endpoint, kIdle);
  say_ready();
  for (;;) ::pause();
}

// Each sends one byte of a SET every tenth of a second.
void slow(const Endpoint& endpoint) {
  std::vector<Fd> sockets = connect_many(endpoint, kSlow);
  std::string command;
  append_command(command, {"SET", "siege-slow", std::string(4000, 's')});
  say_ready();
  for (std::size_t at = 0;; at = (at + 1) % command.size()) {
    for (Fd& socket : sockets) {
      bool open = true;
      (void)push(socket, std::string_view(command).substr(at, 1), open);
      if (open) open = drain(socket);
      if (!open) socket = connect_patiently(endpoint);
    }
    ::usleep(kSlowPauseUs);
  }
}

// Asks for a megabyte again and again and reads none of it.
void deaf(const Endpoint& endpoint) {
  std::string command;
  append_command(command, {"GET", kBigKey});
  bool said = false;
  for (;;) {
    const Fd socket = connect_patiently(endpoint);
    bool open = true;
    std::size_t at = 0;
    while (open) {
      at = (at + push(socket, std::string_view(command).substr(at), open)) % command.size();
      pollfd wait{.fd = socket.get(), .events = POLLOUT, .revents = 0};
      ::poll(&wait, 1, 100);
      if ((wait.revents & (POLLHUP | POLLERR)) != 0) open = false;
      if (!said) say_ready();
      said = true;
    }
  }
}

// A million commands in one piece, their answers read as they come.
void deep(const Endpoint& endpoint) {
  std::string commands;
  for (std::size_t i = 0; i < kDeep; ++i) append_command(commands, {"GET", "siege-none"});
  say_ready();
  for (;;) {
    const Fd socket = connect_patiently(endpoint);
    bool open = true;
    std::size_t at = 0;
    while (open && at < commands.size()) {
      at += push(socket, std::string_view(commands).substr(at), open);
      pollfd wait{.fd = socket.get(), .events = POLLIN | POLLOUT, .revents = 0};
      ::poll(&wait, 1, 100);
      if (open) open = drain(socket);
    }
  }
}

// Announces what never comes whole, and trickles what it can.
[[noreturn]] void announce(const Endpoint& endpoint, std::string_view head, std::string_view more) {
  say_ready();
  for (;;) {
    const Fd socket = connect_patiently(endpoint);
    bool open = true;
    (void)push(socket, head, open);
    for (int i = 0; i < 1000 && open; ++i) {
      (void)push(socket, more, open);
      if (open) open = drain(socket);
      ::usleep(1000);
    }
  }
}

void claimed_bulk(const Endpoint& endpoint) {
  announce(endpoint, "*2\r\n$3\r\nGET\r\n$536870912\r\n", std::string(16384, 'b'));
}

void claimed_array(const Endpoint& endpoint) {
  std::string elements;
  for (int i = 0; i < 1000; ++i) elements += "$1\r\na\r\n";
  announce(endpoint, "*1000000\r\n$3\r\nDEL\r\n", elements);
}

void storm(const Endpoint& endpoint) {
  std::string command;
  append_command(command, {"PING"});
  say_ready();
  for (;;) {
    const Fd socket = connect_patiently(endpoint);
    bool open = true;
    (void)push(socket, command, open);
  }
}

constexpr std::array<Attack, 7> kAttacks{{
    {"idle", "10,000 idle connections", idle},
    {"slow", "1,000 writers of a byte every 100 ms", slow},
    {"deaf", "a client that asks for megabytes and never reads", deaf},
    {"deep", "pipelines of 1,000,000 commands", deep},
    {"bulk", "a claimed bulk of 512 MiB", claimed_bulk},
    {"array", "a claimed array of 1,000,000 elements", claimed_array},
    {"storm", "connects, asks and is gone, as fast as it goes", storm},
}};

}  // namespace

const std::array<Attack, 7>& attacks() { return kAttacks; }

}  // namespace cloakroom::bench
