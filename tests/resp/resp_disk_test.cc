// Values of every type are records of the store: they and their deadlines survive its restart.
#include <string>
#include <utility>

#include "harness.h"
#include "support/temp_dir.h"

namespace cloakroom::resp {
namespace {

// One life of a server over a store on disk.
class Life {
 public:
  Life(testing::ManualClock& clock, const std::string& path, const RespOptions& options = {})
      : store_(testing::open_store(keeping_expired(clock, path))) {
    auto acl = Acl::make({}, {});
    REQUIRE_OK(acl);
    server_ = std::make_unique<Server>(store_, options, *std::move(acl));
    client_ = connect(2);
  }
  ~Life() {
    if (ear_ != nullptr) forget(*server_, *ear_);
  }
  Life(const Life&) = delete;
  Life& operator=(const Life&) = delete;

  // What somebody hears who listens to all keyspace events from the beginning.
  void listen() {
    ear_ = connect(3);
    std::string out;
    const std::vector<std::string_view> args{"PSUBSCRIBE", "__keyevent@*"};
    dispatch(*server_, *ear_, args, out);
  }
  [[nodiscard]] std::string heard() { return std::exchange(ear_->pushed, {}); }
  [[nodiscard]] Store& store() { return store_; }

  std::string say(std::string_view line) {
    std::vector<std::string_view> args;
    while (!line.empty()) {
      const std::size_t end = std::min(line.find(' '), line.size());
      args.push_back(line.substr(0, end));
      line.remove_prefix(std::min(end + 1, line.size()));
    }
    std::string out;
    dispatch(*server_, *client_, args, out);
    return out;
  }

 private:
  static Options keeping_expired(testing::ManualClock& clock, const std::string& path) {
    Options options = testing::quiet_options(clock, path);
    options.tell_expired_at_open = true;
    return options;
  }

  std::shared_ptr<FakeClient> connect(int protocol) {
    auto client = std::make_shared<FakeClient>();
    client->user = server_->acl.initial();
    client->authenticated = true;
    client->set_protocol(protocol);
    server_->clients.add(client);
    return client;
  }

  Store store_;
  std::unique_ptr<Server> server_;
  std::shared_ptr<FakeClient> client_;
  std::shared_ptr<FakeClient> ear_;
};

std::size_t count(std::string_view text, std::string_view word) {
  std::size_t found = 0;
  for (std::size_t at = text.find(word); at != std::string_view::npos;
       at = text.find(word, at + 1)) {
    ++found;
  }
  return found;
}

}  // namespace

TEST_CASE("resp: values of every type and their deadlines survive a restart") {
  testing::ManualClock clock;
  const testing::TempDir dir;
  {
    Life life(clock, dir.store_path());
    CHECK(life.say("SET s v EX 100") == "+OK\r\n");
    CHECK(life.say("HSET h f v g w") == ":2\r\n");
    CHECK(life.say("SADD set b a") == ":2\r\n");
    CHECK(life.say("ZADD z 2 b 1 a") == ":2\r\n");
    CHECK(life.say("PEXPIRE h 5000") == ":1\r\n");
    CHECK(life.say("SELECT 7") == "+OK\r\n");
    CHECK(life.say("SET s seven") == "+OK\r\n");
  }
  clock.advance(Millis(4000));
  Life life(clock, dir.store_path());
  CHECK(life.say("TTL s") == ":96\r\n");
  CHECK(life.say("HGETALL h") == "*4\r\n$1\r\nf\r\n$1\r\nv\r\n$1\r\ng\r\n$1\r\nw\r\n");
  CHECK(life.say("PTTL h") == ":1000\r\n");
  CHECK(life.say("SMEMBERS set") == "*2\r\n$1\r\na\r\n$1\r\nb\r\n");
  CHECK(life.say("ZRANGE z 0 -1 WITHSCORES") ==
        "*4\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\nb\r\n$1\r\n2\r\n");
  CHECK(life.say("SELECT 7") == "+OK\r\n");
  CHECK(life.say("GET s") == "$5\r\nseven\r\n");
}

TEST_CASE("resp: keys that expired while the server was down are told once after the restart") {
  testing::ManualClock clock;
  const testing::TempDir dir;
  const RespOptions options{.notify_keyspace_events = "Ex"};
  for (const bool clean : {true, false}) {
    {
      Life life(clock, dir.store_path(), options);
      for (int i = 0; i < 300; ++i) (void)life.say("SET k" + std::to_string(i) + " v PX 500");
      (void)life.say("SADD s m");
      (void)life.say("PEXPIRE s 700");
      (void)life.say("SET alive v PX 100000");
      if (clean) life.store().sweep();
    }
    clock.advance(Millis(1000));
    Life life(clock, dir.store_path(), options);
    life.listen();
    // The first who looks makes it expire, and with it whatever else is in memory.
    CHECK(life.say("EXISTS k7") == ":0\r\n");
    std::string heard = life.heard();
    CHECK(count(heard, "$2\r\nk7\r\n") == 1);
    CHECK(life.say("SET k8 again") == "+OK\r\n");
    testing::warm_up(life.store());
    life.store().sweep();
    heard += life.heard();
    CHECK(count(heard, ":expired\r\n") == 301);
    CHECK(count(heard, "$1\r\ns\r\n") == 1);
    CHECK(life.say("GET k8") == "$5\r\nagain\r\n");
    CHECK(life.say("DBSIZE") == ":2\r\n");
    life.store().sweep();
    CHECK(life.heard().empty());
    CHECK(life.say("FLUSHALL") == "+OK\r\n");
  }
}

TEST_CASE("resp: deadlines are the asked millisecond after a restart, too") {
  testing::ManualClock clock;
  const testing::TempDir dir;
  const auto at = [&](int i) { return std::to_string(clock.wall_ms() + 100'000'017 + i); };
  std::vector<std::string> asked;
  {
    Life life(clock, dir.store_path());
    for (int i = 0; i < 5; ++i) asked.push_back(at(i * 1001));
    CHECK(life.say("SET k0 v PXAT " + asked[0]) == "+OK\r\n");
    for (int i = 1; i < 5; ++i) {
      CHECK(life.say("SET k" + std::to_string(i) + " v PX 99999") == "+OK\r\n");
      clock.advance(Millis(3));
      const std::string key = "k" + std::to_string(i);
      CHECK(life.say(i % 2 == 0 ? "GETEX " + key + " PXAT " + asked[static_cast<std::size_t>(i)]
                                : "PEXPIREAT " + key + " " + asked[static_cast<std::size_t>(i)])
                .find('-') == std::string::npos);
    }
  }
  clock.advance(Millis(4321));
  Life life(clock, dir.store_path());
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK(life.say("PEXPIRETIME k" + std::to_string(i)) == ":" + asked[i] + "\r\n");
  }
}

}  // namespace cloakroom::resp
