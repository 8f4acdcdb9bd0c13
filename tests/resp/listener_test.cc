// The listener with real sockets and threads, over stores in memory. Nobody sleeps: a client waits
// for the bytes it expects, or for the end of the connection.
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "cloakroom/resp_server.h"
#include "support/store_fixture.h"
#include "support/temp_dir.h"

namespace cloakroom::resp {
namespace {

using namespace std::chrono_literals;

// A blocking client that knows no protocol.
class Wire {
 public:
  explicit Wire(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    REQUIRE(::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
  }
  explicit Wire(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
  }
  ~Wire() {
    if (fd_ >= 0) ::close(fd_);
  }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  // False when the server has closed.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  // From now on a send() that makes no progress for so long fails.
  void limit_sending(std::chrono::seconds limit) {
    const timeval most{.tv_sec = limit.count(), .tv_usec = 0};
    REQUIRE(::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof(most)) == 0);
  }
  void end() { ::shutdown(fd_, SHUT_WR); }

  // So many bytes, or fewer when the connection ends.
  std::string receive(std::size_t bytes) {
    std::string got(bytes, '\0');
    std::size_t have = 0;
    while (have < bytes) {
      const ssize_t more = ::recv(fd_, got.data() + have, bytes - have, 0);
      if (more <= 0) break;
      have += static_cast<std::size_t>(more);
    }
    got.resize(have);
    return got;
  }
  std::string rest() {
    std::string all;
    for (;;) {
      const std::string more = receive(4096);
      all += more;
      if (more.size() < 4096) return all;
    }
  }
  // Whether exactly this comes next.
  bool expect(std::string_view bytes) { return receive(bytes.size()) == bytes; }

 private:
  int fd_;
};

class Served {
 public:
  explicit Served(RespOptions options = {}) {
    options.unix_socket = path;
    auto started = RespServer::start(store, std::move(options));
    REQUIRE_OK(started);
    server.emplace(*std::move(started));
  }

  testing::TempDir dir;
  std::string path = dir.path() + "/s";
  Store store = testing::open_store({.memory_limit_bytes = std::size_t{256} << 20});
  std::optional<RespServer> server;
};

}  // namespace

TEST_CASE("listener: a client is answered in order, inline and pipelined") {
  Served served;
  Wire wire(served.path);
  REQUIRE(
      wire.send("PING\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\nGET k\r\n"
                "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*2\r\n$3\r\nGET\r\n$1\r\nx\r\n"
                "*2\r\n$3\r\nDEL\r\n$1\r\nk\r\nGET k\r\n"));
  CHECK(wire.expect("+PONG\r\n+OK\r\n$1\r\nv\r\n$1\r\nv\r\n$-1\r\n:1\r\n$-1\r\n"));
}

TEST_CASE("listener: a command may come byte by byte") {
  Served served;
  Wire wire(served.path);
  for (const char c : std::string("*2\r\n$4\r\nECHO\r\n$5\r\nh\r\nlo\r\n")) {
    REQUIRE(wire.send({&c, 1}));
  }
  CHECK(wire.expect("$5\r\nh\r\nlo\r\n"));
}

TEST_CASE("listener: a client that has said all it had to say is answered, then closed") {
  Served served;
  Wire wire(served.path);
  REQUIRE(wire.send("SET k v\r\nGET k\r\n"));
  wire.end();
  CHECK(wire.rest() == "+OK\r\n$1\r\nv\r\n");
}

TEST_CASE("listener: QUIT and the first protocol error are answered, then the end") {
  Served served;
  Wire quits(served.path);
  REQUIRE(quits.send("QUIT\r\nPING\r\n"));
  CHECK(quits.rest() == "+OK\r\n");
  Wire wrong(served.path);
  REQUIRE(wrong.send("PING\r\n*99999999999\r\n"));
  CHECK(wrong.rest() == "+PONG\r\n-ERR Protocol error: invalid multibulk length\r\n");
  CHECK(served.server->clients() == 0);  // neither is counted any more
}

TEST_CASE("listener: a million commands in one pipeline are answered to somebody who reads late") {
  Served served;
  Wire wire(served.path);
  constexpr int kCommands = 1'000'000;
  std::thread writer([&] {
    std::string chunk;
    for (int i = 0; i < 1000; ++i) chunk += "*1\r\n$4\r\nPING\r\n";
    for (int i = 0; i < kCommands / 1000; ++i) {
      if (!wire.send(chunk)) return;
    }
  });
  std::size_t bytes = 0;
  bool right = true;
  while (bytes < std::size_t{7} * kCommands) {
    const std::string got = wire.receive(7000);
    bytes += got.size();
    right = right && got.starts_with("+PONG\r\n+PONG\r\n");
    if (got.size() < 7000) break;
  }
  writer.join();
  CHECK(right);
  CHECK(bytes == std::size_t{7} * kCommands);
}

// As hiredis and redis-py do: their replies are far more than a socket holds.
TEST_CASE("listener: a client may write all of a long pipeline before it reads") {
  Served served;
  constexpr std::size_t kCommands = 300'000;
  Wire client(served.path);
  client.limit_sending(20s);
  std::string pipeline;
  for (std::size_t i = 0; i < kCommands; ++i) pipeline += "*1\r\n$4\r\nPING\r\n";
  REQUIRE(client.send(pipeline));
  const std::string replies = client.receive(kCommands * 7);
  REQUIRE(replies.size() == kCommands * 7);
  CHECK(replies.substr(0, 7) == "+PONG\r\n");
  CHECK(replies.substr(replies.size() - 7) == "+PONG\r\n");
}

TEST_CASE("listener: somebody who never reads holds nobody else up") {
  Served served;
  Wire honest(served.path);
  const std::string value(1'000'000, 'v');
  REQUIRE(honest.send("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000000\r\n" + value + "\r\n"));
  REQUIRE(honest.expect("+OK\r\n"));
  Wire deaf(served.path);
  std::string gets;
  for (int i = 0; i < 200; ++i) gets += "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n";
  REQUIRE(deaf.send(gets));  // asks for 200 MB, and takes none
  for (int i = 0; i < 100; ++i) {
    REQUIRE(honest.send("PING\r\n"));
    REQUIRE(honest.expect("+PONG\r\n"));
  }
  // And when it does read after all, everything is there.
  std::size_t got = 0;
  for (int i = 0; i < 200; ++i) got += deaf.receive(value.size() + 12).size();
  CHECK(got == 200 * (value.size() + 12));
}

TEST_CASE("listener: a subscriber that does not read is closed at its limit, others hear on") {
  RespOptions options;
  options.limits.output_bytes = 1 << 20;
  Served served(std::move(options));
  Wire deaf(served.path);
  REQUIRE(deaf.send("SUBSCRIBE c\r\n"));
  REQUIRE(deaf.expect("*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n"));
  Wire publisher(served.path);
  const std::string message(100'000, 'm');
  const std::string publish = "*3\r\n$7\r\nPUBLISH\r\n$1\r\nc\r\n$100000\r\n" + message + "\r\n";
  bool closed = false;
  for (int i = 0; i < 10'000 && !closed; ++i) {
    REQUIRE(publisher.send(publish));
    closed = publisher.receive(4) == ":0\r\n";
  }
  CHECK(closed);
}

TEST_CASE("listener: EXEC is alone, whatever other threads do") {
  RespOptions options;
  options.threads = 4;
  Served served(std::move(options));
  Wire(served.path).send("MSET a 0 b 0\r\n");
  std::atomic<bool> stop{false};
  std::atomic<int> torn{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      Wire wire(served.path);
      while (!stop) {
        if (!wire.send("*3\r\n$4\r\nMGET\r\n$1\r\na\r\n$1\r\nb\r\n")) return;
        // "*2\r\n$1\r\nX\r\n$1\r\nY\r\n", digits only
        const std::string got = wire.receive(18);
        if (got.size() == 18 && got[8] != got[15]) ++torn;
      }
    });
  }
  {
    Wire wire(served.path);
    // Long enough that somebody who came between would be seen.
    constexpr int kBetween = 300;
    std::string fill;
    std::string queued = "+OK\r\n";
    std::string done = "*" + std::to_string(kBetween + 2) + "\r\n+OK\r\n";
    for (int i = 0; i < kBetween; ++i) {
      fill += "SET other x\r\n";
      done += "+OK\r\n";
    }
    for (int i = 0; i < kBetween + 2; ++i) queued += "+QUEUED\r\n";
    done += "+OK\r\n";
    for (int i = 1; i < 200; ++i) {
      const std::string digit = std::to_string(i % 10);
      REQUIRE(
          wire.send("MULTI\r\nSET a " + digit + "\r\n" + fill + "SET b " + digit + "\r\nEXEC\r\n"));
      REQUIRE(wire.expect(queued + done));
    }
  }
  stop = true;
  for (auto& reader : readers) reader.join();
  CHECK(torn.load() == 0);
}

TEST_CASE("listener: increments of many clients on many threads are all counted") {
  RespOptions options;
  options.threads = 3;
  Served served(std::move(options));
  std::vector<std::thread> clients;
  for (int i = 0; i < 6; ++i) {
    clients.emplace_back([&] {
      Wire wire(served.path);
      for (int n = 0; n < 300; ++n) {
        if (!wire.send("INCR n\r\nHINCRBY h f 1\r\n")) return;
        (void)wire.receive(1);
        while (wire.receive(1) != "\n") {
        }
        while (wire.receive(1) != "\n") {
        }
      }
    });
  }
  for (auto& client : clients) client.join();
  Wire wire(served.path);
  REQUIRE(wire.send("GET n\r\nHGET h f\r\n"));
  CHECK(wire.expect("$4\r\n1800\r\n$4\r\n1800\r\n"));
}

TEST_CASE("listener: stop answers what was read, and the socket's file goes") {
  Served served;
  Wire wire(served.path);
  REQUIRE(wire.send("SET k v\r\n"));
  REQUIRE(wire.expect("+OK\r\n"));
  served.server->stop();
  CHECK(wire.rest().empty());
  CHECK(::access(served.path.c_str(), F_OK) != 0);
  CHECK_VALUE(served.store, "k", "v");
  served.server->stop();  // again is nothing
}

TEST_CASE("listener: the unix socket is nobody else's, and a stale one is replaced") {
  Served served;
  struct stat file {};
  REQUIRE(::stat(served.path.c_str(), &file) == 0);
  CHECK((file.st_mode & 0777) == 0600);
  CHECK_CODE(RespServer::start(served.store, {.unix_socket = served.path}), kIo);
  Wire wire(served.path);  // the refused one has taken nothing away
  REQUIRE(wire.send("PING\r\n"));
  CHECK(wire.expect("+PONG\r\n"));
}

TEST_CASE("listener: processes of other users are refused at the unix socket, unless asked for") {
  if (::geteuid() != 0) return;  // only root can be somebody else
  for (const bool any : {false, true}) {
    Served served({.unix_socket_mode = any ? 0666U : 0600U, .unix_any_user = any});
    // Not even a mode that somebody sets afterwards helps.
    REQUIRE(::chmod(served.path.c_str(), 0666) == 0);
    REQUIRE(::chmod(served.dir.path().c_str(), 0755) == 0);
    int answer[2];
    REQUIRE(::pipe(answer) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
      constexpr uid_t kNobody = 65534;
      char got[64] = "";
      const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      std::memcpy(address.sun_path, served.path.data(), served.path.size());
      if (::setuid(kNobody) == 0 &&
          ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
        (void)::send(fd, "PING\r\n", 6, MSG_NOSIGNAL);
        (void)!::read(fd, got, sizeof(got) - 1);
      }
      (void)!::write(answer[1], got, sizeof(got));
      ::_exit(0);
    }
    char got[64] = "";
    REQUIRE(::read(answer[0], got, sizeof(got)) == sizeof(got));
    ::close(answer[0]);
    ::close(answer[1]);
    int state = 0;
    ::waitpid(child, &state, 0);
    CHECK(std::string_view(got).starts_with(any ? "+PONG" : "-DENIED"));
    Wire own(served.path);
    REQUIRE(own.send("PING\r\n"));
    CHECK(own.expect("+PONG\r\n"));
  }
}

TEST_CASE("listener: paused clients wait, and go on when the pause ends") {
  Served served({.threads = 2});
  Wire boss(served.path);
  Wire other(served.path);
  const auto say = [](Wire& wire, std::string_view bytes, std::string_view reply) {
    REQUIRE(wire.send(bytes));
    CHECK(wire.expect(reply));
  };
  say(boss, "CLIENT PAUSE 100000 WRITE\r\n", "+OK\r\n");
  say(other, "GET k\r\n", "$-1\r\n");
  // What comes behind a write waits with it, also the transaction that writes.
  REQUIRE(other.send("GET k\r\nSET k v\r\nGET k\r\n"));
  CHECK(other.expect("$-1\r\n"));
  Wire third(served.path);
  REQUIRE(third.send("MULTI\r\n"));
  CHECK(third.expect("+OK\r\n"));
  REQUIRE(third.send("SET l v\r\n"));  // Redis, too, makes this one wait
  say(boss, "EXISTS k l\r\n", ":0\r\n");
  say(boss, "CLIENT UNPAUSE\r\n", "+OK\r\n");
  CHECK(other.expect("+OK\r\n$1\r\nv\r\n"));
  CHECK(third.expect("+QUEUED\r\n"));
  // All commands, for a time that ends by itself.
  say(boss, "CLIENT PAUSE 30\r\n", "+OK\r\n");
  say(other, "GET k\r\n", "$1\r\nv\r\n");
  // One that is shorter or milder does not cut a pause short.
  say(boss, "CLIENT PAUSE 100000 ALL\r\n", "+OK\r\n");
  REQUIRE(other.send("GET k\r\n"));
  say(boss, "CLIENT UNPAUSE\r\n", "+OK\r\n");
  CHECK(other.expect("$1\r\nv\r\n"));
  // Nobody who waits keeps the server from stopping, or leaves anything behind.
  say(boss, "CLIENT PAUSE 100000 ALL\r\n", "+OK\r\n");
  REQUIRE(other.send("GET k\r\n"));
  served.server->stop();
}

TEST_CASE("listener: CONFIG SET maxclients and timeout take effect at once") {
  Served served;
  Wire boss(served.path);
  REQUIRE(boss.send("CONFIG SET maxclients 1\r\nCONFIG GET maxclients\r\n"));
  CHECK(boss.expect("+OK\r\n*2\r\n$10\r\nmaxclients\r\n$1\r\n1\r\n"));
  Wire refused(served.path);
  CHECK(refused.receive(4096) == "-ERR max number of clients reached\r\n");
  REQUIRE(boss.send("CONFIG SET maxclients 100 timeout 1\r\n"));
  CHECK(boss.expect("+OK\r\n"));
  Wire idle(served.path);
  CHECK(idle.receive(1).empty());  // closed, sooner or later
}

TEST_CASE("listener: what is not safe is refused before anything is opened") {
  Store store = testing::open_store({});
  CHECK_CODE(RespServer::start(store, {}), kInvalidArgument);
  CHECK_CODE(RespServer::start(store, {.tcp_address = "0.0.0.0", .tcp_any_port = true}),
             kInvalidArgument);
  CHECK_CODE(
      RespServer::start(store, {.tcp_address = "0.0.0.0", .tcp_any_port = true, .password = "p"}),
      kInvalidArgument);
  CHECK_OK(
      RespServer::start(store, {.tcp_address = "0.0.0.0", .tcp_any_port = true, .insecure = true}));
  CHECK_CODE(RespServer::start(store, {.unix_socket = "/tmp/none", .unix_socket_mode = 0660}),
             kInvalidArgument);
  CHECK_CODE(RespServer::start(store, {.tcp_any_port = true, .hash_keys = {"sess:"}}),
             kInvalidArgument);
  CHECK_CODE(RespServer::start(store, {.tcp_any_port = true, .tls_certificate = "/nonexistent"}),
             kIo);
}

TEST_CASE("listener: TCP serves like the unix socket, and too many of one address are told") {
  RespOptions options;
  options.tcp_any_port = true;
  options.limits.clients_per_address = 2;
  Served served(std::move(options));
  Wire one(served.server->port());
  Wire two(served.server->port());
  for (Wire* wire : {&one, &two}) {
    REQUIRE(wire->send("PING\r\n"));
    REQUIRE(wire->expect("+PONG\r\n"));
  }
  Wire three(served.server->port());
  CHECK(three.rest() == "-ERR max number of clients reached\r\n");
}

TEST_CASE("listener: a stranger is granted little before the password") {
  RespOptions options;
  options.password = "secret";
  Served served(std::move(options));
  Wire wire(served.path);
  REQUIRE(wire.send("*11\r\n"));
  CHECK(wire.rest() == "-ERR Protocol error: unauthenticated multibulk length\r\n");
  Wire known(served.path);
  REQUIRE(known.send("AUTH secret\r\n"));
  REQUIRE(known.expect("+OK\r\n"));
  REQUIRE(known.send("*12\r\n$3\r\nDEL\r\n"));
  for (int i = 0; i < 11; ++i) REQUIRE(known.send("$1\r\nx\r\n"));
  CHECK(known.expect(":0\r\n"));
}

TEST_CASE("listener: connections that come and go at once leave nothing behind") {
  RespOptions options;
  options.threads = 2;
  Served served(std::move(options));
  std::vector<std::thread> storms;
  for (int i = 0; i < 4; ++i) {
    storms.emplace_back([&] {
      for (int n = 0; n < 200; ++n) {
        Wire wire(served.path);
        (void)wire.send(n % 2 == 0 ? "SUBSCRIBE a b\r\n" : "*2\r\n$3\r\nGE");
      }
    });
  }
  for (auto& storm : storms) storm.join();
  Wire wire(served.path);
  for (;;) {
    REQUIRE(wire.send("PUBSUB NUMSUB a\r\n"));
    if (wire.receive(15).ends_with(":0\r\n")) break;
  }
  served.server->stop();
  CHECK(served.server->clients() == 0);
}

}  // namespace cloakroom::resp
