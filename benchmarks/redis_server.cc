#include "redis_server.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "failure.h"
#include "ticks.h"

namespace cloakroom::bench {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;

std::vector<std::string> command_line(const std::string& socket, RedisPersistence persistence,
                                      std::uint16_t port) {
  const bool append = persistence != RedisPersistence::kNone;
  return {"redis-server", "--bind", "127.0.0.1", "--port", std::to_string(port), "--unixsocket", socket, "--save", "", "--appendonly",
          append ? "yes" : "no", "--appendfsync",
          persistence == RedisPersistence::kAppendAlways ? "always" : "everysec",
          // A rewrite of the log in the middle would be measured with it.
          "--auto-aof-rewrite-percentage", "0"};
}

}  // namespace

RedisServer::RedisServer(std::string directory, RedisPersistence persistence, std::uint16_t port)
    : socket_(socket_directory_.path() + "/redis.sock"), port_(port) {
  child_ =
      std::make_unique<Child>(command_line(socket_, persistence, port_),
                              Child::Settings{.quiet = true, .directory = std::move(directory)});
}

RedisServer::~RedisServer() {
  try {
    stop();
  } catch (const Failure&) {
    child_->kill();
  }
}

std::unique_ptr<RedisClient> RedisServer::wait_until_serving(std::string_view key) {
  const std::uint64_t began = monotonic_ns();
  const std::array<std::string_view, 2> get{"GET", key};
  std::unique_ptr<RedisClient> client;
  while (monotonic_ns() - began < 120 * kSecondNs) {
    if (!client) client = RedisClient::try_connect(socket_);
    if (client) {
      const RedisClient::Reply reply = client->call_raw(get);
      if (reply && !is_error(reply)) return client;
      if (!reply) client.reset();
    }
    if (const auto end = child_->poll()) throw Failure("redis-server " + to_string(*end));
    ::usleep(500);
  }
  throw Failure("redis-server did not serve within two minutes");
}

void RedisServer::stop() {
  if (child_->poll()) return;
  if (const auto client = RedisClient::try_connect(socket_)) {
    const std::array<std::string_view, 2> words{"SHUTDOWN", "NOSAVE"};
    (void)client->call_raw(words);  // A server that obeys closes the connection without an answer.
  }
  const std::uint64_t began = monotonic_ns();
  while (!child_->poll() && monotonic_ns() - began < 10 * kSecondNs) ::usleep(2000);
  child_->kill();
}

std::uint16_t free_port() {
  const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const at = reinterpret_cast<sockaddr*>(&address);
  if (::bind(socket.get(), at, size) != 0 || ::getsockname(socket.get(), at, &size) != 0) {
    throw Failure("no port is free");
  }
  return ntohs(address.sin_port);
}

void put_pipelined(RedisClient& client, const Dataset& dataset, std::uint64_t first,
                   std::uint64_t last, const TtlOf& ttl_of) {
  constexpr std::uint64_t kBatch = 500;
  std::array<char, kKeyBytes> key{};
  for (std::uint64_t begin = first; begin < last; begin += kBatch) {
    const std::uint64_t end = std::min(begin + kBatch, last);
    for (std::uint64_t index = begin; index < end; ++index) {
      write_key(index, key.data());
      const std::string ttl_ms = std::to_string(ttl_of(index).count());
      client.send({"SET", {key.data(), key.size()}, dataset.value(index), "PX", ttl_ms});
    }
    for (std::uint64_t index = begin; index < end; ++index) client.take();
  }
}

void load_redis(RedisClient& client, const Dataset& dataset) {
  put_pipelined(client, dataset, 0, dataset.sessions(), [](std::uint64_t) { return Millis(kTtl); });
}

}  // namespace cloakroom::bench
