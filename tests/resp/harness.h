// Commands without sockets: a memory store, a server, and clients whose replies are strings.
#ifndef CLOAKROOM_TESTS_RESP_HARNESS_H_
#define CLOAKROOM_TESTS_RESP_HARNESS_H_

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "resp/client.h"
#include "resp/dispatcher.h"
#include "resp/server.h"
#include "resp/text.h"
#include "support/manual_clock.h"
#include "support/store_fixture.h"

namespace cloakroom::resp {

class FakeClient final : public Client {
 public:
  void push(const std::string& bytes) override { pushed += bytes; }
  void kill() override { killed = true; }

  std::string pushed = {};
  bool killed = false;
};

// One listener's worth, on a clock that stands still.
class Harness {
 public:
  explicit Harness(RespOptions options = {}, std::string_view users = {})
      : store(testing::memory_store(clock)) {
    auto acl = Acl::make(options.password, users);
    REQUIRE_OK(acl);
    server = std::make_unique<Server>(store, std::move(options), *std::move(acl));
  }
  // Over a store of another kind, and its clock.
  Harness(Store other, testing::ManualClock& other_clock)
      : clock(other_clock.wall_ms(), other_clock.boot_ms()), store(std::move(other)) {
    auto acl = Acl::make({}, {});
    REQUIRE_OK(acl);
    server = std::make_unique<Server>(store, RespOptions{}, *std::move(acl));
  }
  ~Harness() {
    for (const auto& client : clients_) forget(*server, *client);
  }
  Harness(const Harness&) = delete;
  Harness& operator=(const Harness&) = delete;

  [[nodiscard]] FakeClient& connect(int protocol = 2) {
    auto client = std::make_shared<FakeClient>();
    client->user = server->acl.initial();
    client->authenticated = client->user != nullptr;
    client->set_protocol(protocol);
    server->clients.add(client);
    clients_.push_back(client);
    return *clients_.back();
  }

  std::string say(FakeClient& client, const std::vector<std::string_view>& args) {
    std::string out;
    dispatch(*server, client, args, out);
    return out;
  }

  // Of one client that is always there. Words are parted by blanks.
  std::string say(std::string_view line) {
    if (first_ == nullptr) first_ = &connect();
    return say(*first_, line);
  }

  std::string say(FakeClient& client, std::string_view line) {
    std::vector<std::string_view> args;
    while (!line.empty()) {
      const std::size_t end = std::min(line.find(' '), line.size());
      args.push_back(line.substr(0, end));
      line.remove_prefix(std::min(end + 1, line.size()));
    }
    return say(client, args);
  }

  [[nodiscard]] FakeClient& first() {
    if (first_ == nullptr) first_ = &connect();
    return *first_;
  }

  testing::ManualClock clock;
  Store store;
  std::unique_ptr<Server> server;

 private:
  std::vector<std::shared_ptr<FakeClient>> clients_ = {};
  FakeClient* first_ = nullptr;
};

}  // namespace cloakroom::resp

#endif  // CLOAKROOM_TESTS_RESP_HARNESS_H_
