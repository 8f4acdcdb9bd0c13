#include "serve/serve.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>

#include "cloakroom/resp_server.h"
#include "cloakroom/store.h"
#include "exit_codes.h"
#include "text/output.h"

namespace cloakroom::cli {
namespace {

// What clients of Redis expect of a deadline over a crash: the second that its own log may lose.
// The library's default saves the disk more.
constexpr Millis kTouchResolution{1000};

constexpr int kFirstInherited = 3;  // where systemd puts sockets

int refuse(const std::string& text) {
  message(text);
  return kExitUsage;
}

// Tells systemd; without it, nothing.
void notify_manager(const std::string& state) {
  const char* const path = std::getenv("NOTIFY_SOCKET");
  sockaddr_un address{};
  if (path == nullptr || std::strlen(path) >= sizeof(address.sun_path)) return;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path, std::strlen(path));
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(path));
  (void)::sendto(fd, state.data(), state.size(), MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(&address), size);
  ::close(fd);
}

// Sockets that systemd has bound for us.
std::vector<int> inherited_sockets() {
  std::vector<int> sockets;
  const char* const pid = std::getenv("LISTEN_PID");
  const char* const count = std::getenv("LISTEN_FDS");
  if (pid == nullptr || count == nullptr || std::atol(pid) != ::getpid()) return sockets;
  for (int i = 0; i < std::atoi(count); ++i) {
    const int fd = kFirstInherited + i;
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    sockets.push_back(fd);
  }
  return sockets;
}

// The first line of a file that only its owner may read.
std::optional<std::string> secret_of(const std::string& path, std::string& problem) {
  struct stat file {};
  if (::stat(path.c_str(), &file) != 0) {
    problem = "cannot read " + path + ": " + std::strerror(errno);
    return std::nullopt;
  }
  if ((file.st_mode & 077) != 0) {
    problem = path + " may be read by others; chmod 600 it";
    return std::nullopt;
  }
  std::ifstream in(path, std::ios::binary);
  std::string line;
  if (!std::getline(in, line) || line.empty()) {
    problem = path + " is empty or cannot be read";
    return std::nullopt;
  }
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

// "PREFIX=REST", split at the last "=".
std::optional<std::pair<std::string, std::string>> split(const std::string& rule) {
  const std::size_t at = rule.rfind('=');
  if (at == std::string::npos || at == 0) return std::nullopt;
  return std::pair(rule.substr(0, at), rule.substr(at + 1));
}

std::string add_rules(const ServeOptions& given, RespOptions& options) {
  for (const std::string& rule : given.tombstones) {
    const auto parts = split(rule);
    const auto duration = parts ? parse_duration(parts->second) : std::nullopt;
    if (!duration || *duration <= 0) return "--tombstone wants PREFIX=DURATION: sess:=30s";
    options.tombstones.push_back({parts->first, Millis(*duration)});
  }
  for (const std::string& rule : given.owner_fields) {
    const auto parts = split(rule);
    if (!parts || !parts->second.starts_with('/')) {
      return "--owner-field wants PREFIX=POINTER: sess:=/passport/user";
    }
    options.owner_fields.push_back({parts->first, parts->second});
  }
  options.hash_keys = given.hash_keys;
  return {};
}

// Empty when all is well.
std::string translate(const ServeOptions& given, RespOptions& options) {
  options.unix_socket = given.unix_socket;
  options.unix_socket_mode =
      static_cast<unsigned>(std::strtoul(given.unix_mode.c_str(), nullptr, 8)) & 0777U;
  options.unix_any_user = given.unix_any_user;
  options.tcp_address = given.address;
  options.tcp_port = given.port;
  options.inherited_sockets = inherited_sockets();
  options.tls_certificate = given.tls_certificate;
  options.tls_key = given.tls_key;
  options.tls_ca = given.tls_ca;
  options.acl_file = given.users_file;
  options.insecure = given.insecure;
  options.threads = given.threads;
  options.notify_keyspace_events = given.notify;
  options.limits.clients = given.clients;
  options.limits.clients_per_address = given.clients_per_address;
  options.limits.output_bytes = given.output_bytes;
  options.limits.bulk_bytes = given.value_bytes_max;
  if (!given.idle_timeout.empty()) {
    options.limits.idle_timeout = Millis(parse_duration(given.idle_timeout).value_or(0));
  }
  if (given.durability == "disk") options.durability = Durability::kDisk;
  std::string problem;
  if (!given.password_file.empty()) {
    auto password = secret_of(given.password_file, problem);
    if (!password) return problem;
    options.password = *std::move(password);
  }
  if (!given.hash_secret_file.empty()) {
    auto secret = secret_of(given.hash_secret_file, problem);
    if (!secret) return problem;
    options.hash_secret = *std::move(secret);
  }
  return add_rules(given, options);
}

void log_line(LogLevel level, std::string_view line, bool quiet) {
  if (quiet && level == LogLevel::kInfo) return;
  // systemd reads the level from the prefix.
  const char* const prefix = level == LogLevel::kError     ? "<3>"
                             : level == LogLevel::kWarning ? "<4>"
                                                           : "<6>";
  std::fprintf(stderr, "%s%.*s\n", std::getenv("JOURNAL_STREAM") != nullptr ? prefix : "",
               static_cast<int>(line.size()), line.data());
}

std::string places(const RespOptions& options, std::uint16_t port) {
  std::string text;
  if (!options.unix_socket.empty()) text += " on " + options.unix_socket;
  if (port != 0) {
    text += (text.empty() ? " on " : " and ") + options.tcp_address + ":" + std::to_string(port) +
            (options.tls_certificate.empty() ? "" : " (TLS)");
  }
  return text;
}

// The signals that end us, blocked in every thread so that the first one waits for them.
sigset_t block_signals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGTERM);
  ::sigaddset(&signals, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  return signals;
}

}  // namespace

int run_serve(const ServeOptions& given) {
  if (given.dir.empty() != given.memory) {
    return refuse(
        "name the store's directory, or --memory; `cloakroom serve --help` shows what it takes");
  }
  RespOptions options;
  if (const std::string problem = translate(given, options); !problem.empty()) {
    return refuse(problem);
  }
  const sigset_t signals = block_signals();
  const auto log = [quiet = given.quiet](LogLevel level, std::string_view line) {
    log_line(level, line, quiet);
  };
  options.log = log;
  options.on_shutdown = [] { ::kill(::getpid(), SIGTERM); };

  auto store = Store::open({.path = given.dir,
                            .memory_limit_bytes = given.memory_limit_bytes,
                            .value_bytes_max = given.value_bytes_max,
                            .touch_resolution = kTouchResolution,
                            .tell_expired_at_open = true,
                            .log = log});
  if (!store) {
    message(text_of(store.status()));
    return kExitCannotOpen;
  }
  auto server = RespServer::start(*store, options);
  if (!server) {
    message(text_of(server.status()));
    return server.code() == StatusCode::kInvalidArgument ? kExitUsage : kExitCannotOpen;
  }
  log(LogLevel::kInfo, "ready" + places(options, server->port()));
  notify_manager("READY=1\nSTATUS=serving" + places(options, server->port()));

  int received = 0;
  (void)::sigwait(&signals, &received);
  log(LogLevel::kInfo, "stopping");
  notify_manager("STOPPING=1");
  server->stop();
  const Status closed = store->close();
  if (closed) return kExitOk;
  message("the store was not closed cleanly: " + text_of(closed));
  return kExitCannotOpen;
}

}  // namespace cloakroom::cli
