// Values of every type are records of the store: they and their deadlines survive its restart.
#include <string>

#include "harness.h"
#include "support/temp_dir.h"

namespace cloakroom::resp {
namespace {

// One life of a server over a store on disk.
class Life {
 public:
  Life(testing::ManualClock& clock, const std::string& path)
      : store_(testing::open_store(testing::quiet_options(clock, path))) {
    auto acl = Acl::make({}, {});
    REQUIRE_OK(acl);
    server_ = std::make_unique<Server>(store_, RespOptions{}, *std::move(acl));
    client_ = std::make_shared<FakeClient>();
    client_->user = server_->acl.initial();
    client_->authenticated = true;
    server_->clients.add(client_);
  }

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
  Store store_;
  std::unique_ptr<Server> server_;
  std::shared_ptr<FakeClient> client_;
};

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

}  // namespace cloakroom::resp
