// login_server: accounts, logins and a list of devices, on cpp-httplib.
//
//   login_server [--port N] [--data DIR] [--threads N] [--confirm-after SECONDS] [--no-sessions]
//
// Open http://localhost:8080 in two browsers. The sessions survive a restart, and kill -9. In
// earnest there is a proxy with TLS in front; browsers take the Secure cookie from http://localhost
// only.
//
// --port 0 takes a free port; the first line of the output says which. Who ends other devices must
// have given the password within --confirm-after (600). --no-sessions serves the first page to
// everybody, without sessions: for measuring what they cost.
#include <signal.h>
#include <sodium.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <thread>

#include "app.h"

namespace {

struct Arguments {
  int port = 8080;
  std::size_t threads = 8;
  std::string data = "login-data";
  std::chrono::seconds confirm_after{600};
  bool sessions = true;
};

std::optional<int> number(const char* text) {
  int value = 0;
  const char* end = text + std::strlen(text);
  const auto [at, error] = std::from_chars(text, end, value);
  if (error != std::errc() || at != end || value < 0) return std::nullopt;
  return value;
}

std::optional<Arguments> parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--no-sessions") {
      arguments.sessions = false;
      continue;
    }
    if (i + 1 == argc) return std::nullopt;
    const char* value = argv[++i];
    if (name == "--data") {
      arguments.data = value;
      continue;
    }
    const auto parsed = number(value);
    if (!parsed) return std::nullopt;
    if (name == "--port" && *parsed <= 65535) {
      arguments.port = *parsed;
    } else if (name == "--threads" && *parsed >= 1 && *parsed <= 1024) {
      arguments.threads = static_cast<std::size_t>(*parsed);
    } else if (name == "--confirm-after") {
      arguments.confirm_after = std::chrono::seconds(*parsed);
    } else {
      return std::nullopt;
    }
  }
  return arguments;
}

int fail(const cloakroom::Status& status) {
  std::fprintf(stderr, "login_server: %s\n", status.to_string().c_str());
  return 1;
}

void to_stderr(cloakroom::LogLevel, std::string_view line) {
  std::fprintf(stderr, "login_server: %.*s\n", static_cast<int>(line.size()), line.data());
}

// Serves until SIGINT or SIGTERM, which are blocked in all threads and waited for in one.
int serve(httplib::Server& server, const Arguments& arguments, const sigset_t& signals) {
  const int port = arguments.port != 0
                       ? (server.bind_to_port("127.0.0.1", arguments.port) ? arguments.port : -1)
                       : server.bind_to_any_port("127.0.0.1");
  if (port < 0) {
    std::fprintf(stderr, "login_server: cannot listen on port %d: taken?\n", arguments.port);
    return 1;
  }
  std::printf("listening on http://localhost:%d\n", port);
  std::fflush(stdout);
  std::atomic<bool> ended = false;
  std::thread stopper([&] {
    int signal = 0;
    ::sigwait(&signals, &signal);
    // A stop that comes before the start would be lost.
    while (!server.is_running() && !ended) std::this_thread::yield();
    server.stop();
  });
  const bool served = server.listen_after_bind();
  ended = true;
  if (!served) ::kill(::getpid(), SIGTERM);
  stopper.join();
  return served ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = parse(argc, argv);
  if (!arguments || ::sodium_init() < 0) {
    std::fprintf(
        stderr,
        "usage: login_server [--port N] [--data DIR] [--threads N] [--confirm-after SECONDS] "
        "[--no-sessions]\n");
    return 2;
  }
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGINT);
  ::sigaddset(&signals, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  std::error_code ignored;  // the stores say what is wrong with it
  std::filesystem::create_directory(arguments->data, ignored);
  auto users_store = cloakroom::Store::open({.path = arguments->data + "/users", .log = to_stderr});
  if (!users_store) return fail(users_store.status());
  auto sessions_store =
      cloakroom::Store::open({.path = arguments->data + "/sessions", .log = to_stderr});
  if (!sessions_store) return fail(sessions_store.status());
  cloakroom::Sessions sessions(*sessions_store);
  if (!sessions.status()) return fail(sessions.status());

  login::Users users(*users_store);
  login::App app(users, arguments->sessions ? &sessions : nullptr, arguments->confirm_after);
  httplib::Server server;
  server.new_task_queue = [&] { return new httplib::ThreadPool(arguments->threads); };
  server.set_keep_alive_max_count(10'000);
  server.set_tcp_nodelay(true);
  app.add_routes(server);
  return serve(server, *arguments, signals);
}
