// A redis-server of its own for a test: on a unix socket, or with TLS on a port.
#ifndef CLOAKROOM_TESTS_TOOLS_REDIS_SERVER_H_
#define CLOAKROOM_TESTS_TOOLS_REDIS_SERVER_H_

#include <doctest/doctest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "child_process.h"
#include "move/redis_client.h"
#include "support/temp_dir.h"

namespace cloakroom::testing {

// False, and the word that run_suites counts, when this machine has no redis-server.
[[nodiscard]] inline bool has_redis() {
  for (const char* const path : {"/usr/bin/redis-server", "/usr/local/bin/redis-server"}) {
    if (std::filesystem::exists(path)) return true;
  }
  MESSAGE("SKIPPED: there is no redis-server here (apt-get install redis-server)");
  return false;
}

class RedisServer {
 public:
  explicit RedisServer(const std::vector<std::string>& options = {}) {
    std::vector<std::string> command{"redis-server", "--unixsocket", socket(),      "--save", "",
                                     "--dir",        dir_.path(),    "--daemonize", "no"};
    if (options.empty() || options[0] != "--port") {
      command.insert(command.end(), {"--port", "0"});
    }
    command.insert(command.end(), options.begin(), options.end());
    process_ = std::make_unique<ChildProcess>(command);
    REQUIRE(process_->await("ready to accept connections at"));
  }

  [[nodiscard]] std::string socket() const { return dir_ / "s"; }
  [[nodiscard]] std::string url(int database = 0) const {
    return "unix://" + socket() + "?db=" + std::to_string(database);
  }
  [[nodiscard]] std::unique_ptr<cli::RedisClient> client(const std::string& password = {},
                                                         int database = 0) const {
    cli::RedisTarget target;
    target.path = socket();
    target.password = password;
    target.database = database;
    auto client = cli::RedisClient::connect(target);
    REQUIRE_MESSAGE(client, client.status().to_string());
    return *std::move(client);
  }
  void stop() {
    process_->signal(SIGTERM);
    (void)process_->wait();
  }

 private:
  const TempDir dir_;
  std::unique_ptr<ChildProcess> process_;
};

}  // namespace cloakroom::testing

#endif  // CLOAKROOM_TESTS_TOOLS_REDIS_SERVER_H_
