// Redis over a unix socket; every lane is a connection.
#include <array>
#include <utility>
#include <vector>

#include "contestant.h"
#include "failure.h"
#include "process.h"
#include "redis_client.h"
#include "redis_server.h"
#include "roster.h"

namespace cloakroom::bench {
namespace {

class RedisLane final : public Lane {
 public:
  explicit RedisLane(const std::string& socket)
      : client_(socket), ttl_ms_(std::to_string(Millis(kTtl).count())) {}

  bool get(std::string_view key) override {
    std::string copy;
    return get_into(key, copy);
  }

  bool get_into(std::string_view key, std::string& value) override {
    const RedisClient::Reply reply = client_.call({"GET", key});
    if (is_nil(reply)) return false;
    value.assign(text_of(reply));
    return true;
  }

  bool visit(std::string_view key) override {
    const RedisClient::Reply reply = client_.call({"GET", key});
    look_at(text_of(reply));
    return !is_nil(reply);
  }

  std::size_t visit_many(std::span<const std::string_view> keys) override {
    std::vector<std::string_view> words{"MGET"};
    words.insert(words.end(), keys.begin(), keys.end());
    return present_in(client_.call(words));
  }

  void put(std::string_view key, std::string_view value) override {
    client_.call({"SET", key, value, "PX", ttl_ms_});
  }

  bool touch(std::string_view key) override {
    return number_of(client_.call({"PEXPIRE", key, ttl_ms_})) == 1;
  }

  bool erase(std::string_view key) override { return number_of(client_.call({"DEL", key})) == 1; }

 private:
  RedisClient client_;
  std::string ttl_ms_;
};

RedisPersistence persistence_for(Durability durability) {
  switch (durability) {
    case Durability::kMemory:
      return RedisPersistence::kNone;
    case Durability::kProcess:
      return RedisPersistence::kAppendEverysec;
    case Durability::kDisk:
      return RedisPersistence::kAppendAlways;
  }
  return RedisPersistence::kNone;
}

class RedisContestant final : public Contestant, public Reclaimer {
 public:
  explicit RedisContestant(const ContestantSetup& setup)
      : server_(setup.directory, persistence_for(setup.durability)),
        client_(server_.wait_until_serving("any")) {}

  std::unique_ptr<Lane> lane() override { return std::make_unique<RedisLane>(server_.socket()); }

  void load(const Dataset& dataset) override { load_redis(*client_, dataset); }

  Reclaimer* reclaimer() override { return this; }

  void put_for(const Dataset& dataset, std::uint64_t first, std::uint64_t last,
               const TtlOf& ttl_of) override {
    put_pipelined(*client_, dataset, first, last, ttl_of);
  }

  std::uint64_t held_records() override {
    return static_cast<std::uint64_t>(number_of(client_->call({"DBSIZE"})));
  }

  std::uint64_t held_bytes() override {
    constexpr std::string_view kName = "used_memory:";
    const RedisClient::Reply info = client_->call({"INFO", "memory"});
    const std::size_t at = text_of(info).find(kName);
    if (at == std::string_view::npos) throw Failure("redis-server does not tell its used_memory");
    return std::stoull(std::string(text_of(info).substr(at + kName.size(), 20)));
  }

  pid_t process() const override { return server_.pid(); }
  bool is_slow() const override { return true; }

 private:
  RedisServer server_;
  std::unique_ptr<RedisClient> client_;
};

}  // namespace

// From "Redis server v=7.0.15 sha=...".
std::string redis_version() {
  Child child({"redis-server", "--version"}, {.capture = true});
  const std::string line = child.read_line().value_or("");
  child.wait();
  const std::size_t at = line.find("v=");
  if (at == std::string::npos) return "of unknown version";
  return line.substr(at + 2, line.find(' ', at) - at - 2);
}

std::unique_ptr<Contestant> make_redis(const ContestantSetup& setup) {
  return std::make_unique<RedisContestant>(setup);
}

}  // namespace cloakroom::bench
