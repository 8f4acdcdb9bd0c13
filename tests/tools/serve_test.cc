// cloakroom serve: what it refuses before it opens anything. That it serves is the listener's
// tests' business, and that clients understand it the interoperability suites'.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "cli_runner.h"
#include "support/temp_dir.h"

namespace cloakroom::testing {

TEST_CASE("serve: what is missing or unsafe is a usage error that names the remedy") {
  const TempDir dir;
  const std::string socket = dir / "s";
  const std::string open_secret = dir / "password";
  std::ofstream(open_secret) << "secret\n";
  const std::string config = dir / "config";
  std::ofstream(config) << "# comment\nno-such-option = 1\n";
  struct Case {
    Arguments arguments;
    const char* says;
  };
  const Case cases[] = {
      {{"serve", "--unix", socket}, "name the store's directory, or --memory"},
      {{"serve", "--memory"}, "nowhere to listen"},
      {{"serve", "--memory", "--port", "1", "--address", "0.0.0.0"}, "needs a password"},
      {{"serve", "--memory", "--unix", socket, "--tombstone", "x"}, "PREFIX=DURATION"},
      {{"serve", "--memory", "--unix", socket, "--owner-field", "x=y"}, "PREFIX=POINTER"},
      {{"serve", "--memory", "--unix", socket, "--hash-keys", "sess:"}, "hash_secret"},
      {{"serve", "--memory", "--unix", socket, "--password-file", open_secret}, "chmod 600"},
      {{"serve", "--memory", "--unix", socket, "--config", config}, "line 2"},
      {{"serve", "--memory", "--unix", socket, "--notify", "q"}, "KEg$lshzxetmdnA"},
  };
  for (const Case& one : cases) {
    const CliAnswer answer = run_cli(one.arguments);
    INFO(one.says);
    CHECK(answer.code == 2);
    CHECK(contains(answer.err + answer.out, one.says));
  }
}

namespace {

// Binds a socket as systemd does and hands it to a server as descriptor 3.
class Activated {
 public:
  explicit Activated(const std::string& path) : path_(path) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    const sockaddr_un address = address_of(path);
    REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
    REQUIRE(::listen(fd, 8) == 0);
    child_ = ::fork();
    if (child_ == 0) {
      // dup2() onto itself would leave the flag that closes it.
      const int kept = ::fcntl(fd, F_DUPFD, 10);
      ::dup2(kept, 3);
      ::setenv("LISTEN_FDS", "1", 1);
      ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
      const char* const program = std::getenv("CLOAKROOM_CLI");
      ::execl(program, program, "serve", "--memory", "--quiet", static_cast<char*>(nullptr));
      ::_exit(127);
    }
    ::close(fd);
  }
  ~Activated() {
    if (child_ > 0) (void)end();
  }
  Activated(const Activated&) = delete;
  Activated& operator=(const Activated&) = delete;

  // The socket is there before the server: what is said early waits for it.
  [[nodiscard]] std::string say(std::string_view line) const {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    const sockaddr_un address = address_of(path_);
    REQUIRE(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
    REQUIRE(::send(fd, line.data(), line.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(line.size()));
    ::shutdown(fd, SHUT_WR);
    std::string reply;
    char part[256];
    for (ssize_t got; (got = ::read(fd, part, sizeof(part))) > 0;) {
      reply.append(part, static_cast<std::size_t>(got));
    }
    ::close(fd);
    return reply;
  }

  [[nodiscard]] int end() {
    int state = -1;
    ::kill(child_, SIGTERM);
    ::waitpid(child_, &state, 0);
    child_ = -1;
    return state;
  }

 private:
  static sockaddr_un address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    return address;
  }

  const std::string path_;
  pid_t child_ = -1;
};

}  // namespace

TEST_CASE("serve: a socket that systemd has bound is taken over, and left behind") {
  const TempDir dir;
  const std::string path = dir / "s";
  Activated server(path);
  CHECK(server.say("SET k v\r\nGET k\r\n") == "+OK\r\n$1\r\nv\r\n");
  CHECK(server.say("GET k\r\n") == "$1\r\nv\r\n");
  CHECK(server.end() == 0);
  CHECK(::access(path.c_str(), F_OK) == 0);  // it is systemd's
}

}  // namespace cloakroom::testing
