// Transactions, channels and keyspace events: what one client sees of others.
#include <string>
#include <thread>

#include "harness.h"

namespace cloakroom::resp {

using namespace std::chrono_literals;

TEST_CASE("resp: a transaction runs what was queued, and an error inside stops nothing") {
  Harness h;
  CHECK(h.say("MULTI") == "+OK\r\n");
  CHECK(h.say("SET k v") == "+QUEUED\r\n");
  CHECK(h.say("INCR k") == "+QUEUED\r\n");
  CHECK(h.say("GET k") == "+QUEUED\r\n");
  CHECK(h.say("EXEC") ==
        "*3\r\n+OK\r\n-ERR value is not an integer or out of range\r\n$1\r\nv\r\n");
  CHECK(h.say("MULTI") == "+OK\r\n");
  CHECK(h.say("NOSUCH").starts_with("-ERR unknown command"));
  CHECK(h.say("SET k w") == "+QUEUED\r\n");
  CHECK(h.say("EXEC") == "-EXECABORT Transaction discarded because of previous errors.\r\n");
  CHECK(h.say("GET k") == "$1\r\nv\r\n");
}

TEST_CASE("resp: EXEC is refused when a watched key changed in any way") {
  Harness h;
  FakeClient& other = h.connect();
  const char* const changes[] = {"SET k w", "DEL k",         "EXPIRE k 100", "PERSIST k",
                                 "SET k v", "APPEND k more", "RENAME k l",   "FLUSHALL"};
  for (const char* change : changes) {
    INFO(change);
    CHECK(h.say(other, "SET k v EX 50") == "+OK\r\n");
    CHECK(h.say("WATCH k") == "+OK\r\n");
    (void)h.say(other, change);
    CHECK(h.say("MULTI") == "+OK\r\n");
    CHECK(h.say("SET mine 1") == "+QUEUED\r\n");
    CHECK(h.say("EXEC") == "*-1\r\n");
  }
  CHECK(h.say("WATCH k nothing") == "+OK\r\n");
  (void)h.say(other, "GET k");
  CHECK(h.say("MULTI") == "+OK\r\n");
  CHECK(h.say("EXEC") == "*0\r\n");
}

TEST_CASE("resp: a watched key that expires is a change") {
  Harness h;
  CHECK(h.say("SET k v PX 100") == "+OK\r\n");
  CHECK(h.say("WATCH k") == "+OK\r\n");
  h.clock.advance(101ms);
  CHECK(h.say("MULTI") == "+OK\r\n");
  CHECK(h.say("EXEC") == "*-1\r\n");
  FakeClient& resp3 = h.connect(3);
  CHECK(h.say(resp3, "SET k v") == "+OK\r\n");
  CHECK(h.say(resp3, "WATCH k") == "+OK\r\n");
  CHECK(h.say("SET k w") == "+OK\r\n");
  CHECK(h.say(resp3, "MULTI") == "+OK\r\n");
  CHECK(h.say(resp3, "EXEC") == "_\r\n");
}

TEST_CASE("resp: EXEC is refused when an absent watched key came and went again") {
  Harness h;
  FakeClient& other = h.connect();
  const auto exec_after = [&](auto&& change) {
    CHECK(h.say("WATCH k other") == "+OK\r\n");
    change();
    CHECK(h.say("MULTI") == "+OK\r\n");
    CHECK(h.say("SET mine 1") == "+QUEUED\r\n");
    return h.say("EXEC");
  };
  CHECK(exec_after([] {}) == "*1\r\n+OK\r\n");
  CHECK(exec_after([&] { (void)h.say(other, "SET elsewhere v"); }) == "*1\r\n+OK\r\n");
  CHECK(exec_after([&] {
          (void)h.say(other, "SET k v");
          (void)h.say(other, "DEL k");
        }) == "*-1\r\n");
  CHECK(exec_after([&] {
          (void)h.say(other, "SADD other v");
          (void)h.say(other, "SPOP other");
        }) == "*-1\r\n");
  CHECK(exec_after([&] {
          (void)h.say(other, "SET k v PX 5");
          h.clock.advance(6ms);
        }) == "*-1\r\n");
  CHECK(exec_after([&] {
          REQUIRE_OK(h.store.put("k", "of the host"));
          REQUIRE_OK(h.store.erase("k"));
        }) == "*-1\r\n");
  // What happened before the watch, or after it ended, does not count.
  (void)h.say(other, "SET k v");
  (void)h.say(other, "DEL k");
  CHECK(exec_after([] {}) == "*1\r\n+OK\r\n");
  CHECK(h.say("WATCH k") == "+OK\r\n");
  (void)h.say(other, "SET k v");
  (void)h.say(other, "DEL k");
  CHECK(h.say("UNWATCH") == "+OK\r\n");
  CHECK(exec_after([] {}) == "*1\r\n+OK\r\n");
}

TEST_CASE("resp: commands of EXEC see what those before them wrote, and nobody else does") {
  Harness h;
  (void)h.say("SET a 1");
  (void)h.say("SET t 1 PX 60000");
  (void)h.say("HSET h f 1");
  (void)h.say("MULTI");
  for (const char* line :
       {"INCR a", "APPEND a 0", "GET a", "SET b x EX 10", "RENAME b c", "TTL c", "EXISTS b", "HINCRBY h f 4",
        "HDEL h f", "EXISTS h", "HSET h g 2", "HGETALL h", "SADD s 1 2", "SMOVE s r 1", "SCARD s",
        "PERSIST t", "PTTL t", "EXPIRE t 5", "DEL a", "GET a", "SET a z NX", "SET a y XX GET", "MGET a c",
        "COPY a d", "GETDEL d", "GETEX a PX 5000", "PEXPIRE a -1", "TYPE a", "SELECT 3", "SET a three", "GET a"}) {
    CHECK(h.say(line) == "+QUEUED\r\n");
  }
  CHECK(h.say("EXEC") ==
        "*31\r\n:2\r\n:2\r\n$2\r\n20\r\n+OK\r\n+OK\r\n:10\r\n:0\r\n:5\r\n:1\r\n:0\r\n:1\r\n"
        "*2\r\n$1\r\ng\r\n$1\r\n2\r\n:2\r\n:1\r\n:1\r\n:1\r\n:-1\r\n:1\r\n:1\r\n$-1\r\n+OK\r\n"
        "$1\r\nz\r\n*2\r\n$1\r\ny\r\n$1\r\nx\r\n:1\r\n$1\r\ny\r\n$1\r\ny\r\n:1\r\n+none\r\n+OK\r\n"
        "+OK\r\n$5\r\nthree\r\n");
  CHECK(h.say("GET a") == "$5\r\nthree\r\n");  // still database 3
  CHECK(h.say("SELECT 0") == "+OK\r\n");
  CHECK(h.say("EXISTS a b c d h s r t") == ":5\r\n");
  CHECK(h.say("PTTL t") == ":5000\r\n");
  // Where something is asked of all keys, what came before is there, too.
  (void)h.say("MULTI");
  (void)h.say("SET x 1");
  (void)h.say("DBSIZE");
  (void)h.say("FLUSHALL");
  CHECK(h.say("EXEC") == "*3\r\n+OK\r\n:6\r\n+OK\r\n");
}

TEST_CASE("resp: the host's writes and those of EXEC do not undo each other") {
  Harness h;
  (void)h.say("SET n 0");
  constexpr int kEach = 1000;
  std::thread host([&] {
    for (int i = 0; i < kEach; ++i) {
      REQUIRE_OK(h.store.update("n", [](const RecordView*, std::string& value) {
        value = std::to_string(std::stoi(value) + 1);
        return UpdateAction::kStore;
      }));
    }
  });
  FakeClient& ear = h.connect(3);
  CHECK(h.say("CONFIG SET notify-keyspace-events E$") == "+OK\r\n");
  (void)h.say(ear, "SUBSCRIBE __keyevent@0__:incrby told");
  ear.pushed.clear();
  for (int i = 0; i < kEach; ++i) {
    (void)h.say("MULTI");
    (void)h.say("INCR n");
    (void)h.say("PUBLISH told x");
    REQUIRE(h.say("EXEC").starts_with("*2\r\n:"));
  }
  host.join();
  CHECK(h.say("GET n") == "$4\r\n2000\r\n");
  std::size_t events = 0;
  for (std::size_t at = ear.pushed.find(">3"); at != std::string::npos;
       at = ear.pushed.find(">3", at + 1)) {
    ++events;
  }
  CHECK(events == 2 * kEach);  // once each, however often a step was tried
}

TEST_CASE("resp: an EXEC that does not fit changes nothing") {
  Harness h;
  (void)h.say("SET a 1");
  h.store.set_memory_limit(1);
  (void)h.say("MULTI");
  (void)h.say("DEL a");
  (void)h.say("SET b 1234567890123456789012345678901234567890");
  CHECK(h.say("EXEC") ==
        "-EXECABORT Transaction discarded because of: OOM command not allowed when used memory > "
        "'maxmemory'.\r\n");
  CHECK(h.say("GET a") == "$1\r\n1\r\n");
  CHECK(h.say("MSET a 2 b 3").starts_with("-OOM"));
  CHECK(h.say("GET a") == "$1\r\n1\r\n");
}

TEST_CASE("resp: subscribers hear channels and patterns, each in its protocol") {
  Harness h;
  FakeClient& two = h.connect(2);
  FakeClient& three = h.connect(3);
  CHECK(h.say(two, "SUBSCRIBE c") == "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n");
  CHECK(
      h.say(three, "PSUBSCRIBE c* x*") ==
      ">3\r\n$10\r\npsubscribe\r\n$2\r\nc*\r\n:1\r\n>3\r\n$10\r\npsubscribe\r\n$2\r\nx*\r\n:2\r\n");
  CHECK(h.say("PUBLISH c hi") == ":2\r\n");
  CHECK(two.pushed == "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n");
  CHECK(three.pushed == ">4\r\n$8\r\npmessage\r\n$2\r\nc*\r\n$1\r\nc\r\n$2\r\nhi\r\n");
  CHECK(h.say(two, "GET k").starts_with("-ERR Can't execute 'get': only (P|S)SUBSCRIBE"));
  CHECK(h.say(three, "GET k") == "_\r\n");
  CHECK(h.say(two, "PING") == "*2\r\n$4\r\npong\r\n$0\r\n\r\n");
  CHECK(h.say(two, "UNSUBSCRIBE") == "*3\r\n$11\r\nunsubscribe\r\n$1\r\nc\r\n:0\r\n");
  CHECK(h.say("PUBLISH c again") == ":1\r\n");
  CHECK(h.say("PUBSUB NUMPAT") == ":2\r\n");
}

TEST_CASE("resp: keyspace events are published once, of the classes that were asked for") {
  Harness h;
  FakeClient& ear = h.connect(3);
  (void)h.say(ear, "PSUBSCRIBE __key*");
  const auto heard = [&] {
    h.store.sweep();
    std::string events;
    for (std::size_t at = ear.pushed.find("__:"); at != std::string::npos;
         at = ear.pushed.find("__:", at + 1)) {
      const std::size_t name = at + 3;
      events += ear.pushed.substr(name, ear.pushed.find("\r\n", name) - name) + " ";
    }
    ear.pushed.clear();
    return events;
  };
  (void)h.say("SET k v");
  CHECK(heard().empty());  // nobody asked
  CHECK(h.say("CONFIG SET notify-keyspace-events EA") == "+OK\r\n");
  (void)h.say("SET k v EX 1");
  CHECK(heard() == "set expire ");
  h.clock.advance(1001ms);
  CHECK(h.say("EXISTS k") == ":0\r\n");
  CHECK(heard() == "expired ");
  CHECK(h.say("EXISTS k") == ":0\r\n");
  CHECK(heard().empty());
  (void)h.say("HSET h f v");
  (void)h.say("HDEL h f");
  CHECK(heard() == "hset hdel del ");
  (void)h.say("DEL nothing");
  CHECK(heard().empty());
  (void)h.say("SET a 1");
  (void)h.say("RENAME a b");
  (void)h.say("DEL b");
  CHECK(heard() == "set rename_from rename_to del ");
  CHECK(h.say("CONFIG SET notify-keyspace-events Ex") == "+OK\r\n");
  (void)h.say("SET k v PX 5");
  (void)h.say("DEL k");
  CHECK(heard().empty());
  (void)h.say("SELECT 3");
  (void)h.say("SET k v PX 5");
  h.clock.advance(6ms);
  h.store.sweep();
  CHECK(ear.pushed.find("__keyevent@3__:expired") != std::string::npos);
  CHECK(ear.pushed.ends_with("$1\r\nk\r\n"));
}

TEST_CASE("resp: what died before anybody asked for its events is not told later") {
  Harness h;
  FakeClient& ear = h.connect(3);
  (void)h.say("SET seen v PX 5");
  (void)h.say("SET unseen v PX 5");
  h.clock.advance(6ms);
  CHECK(h.say("GET seen") == "$-1\r\n");
  CHECK(h.say("CONFIG SET notify-keyspace-events Ex") == "+OK\r\n");
  (void)h.say(ear, "SUBSCRIBE __keyevent@0__:expired");
  h.store.sweep();
  CHECK(ear.pushed.empty());
  (void)h.say("SET later v PX 5");
  h.clock.advance(6ms);
  h.store.sweep();
  CHECK(ear.pushed.find("later") != std::string::npos);
}

TEST_CASE("resp: an overdue key that is written again has expired, too") {
  Harness h;
  FakeClient& ear = h.connect(3);
  CHECK(h.say("CONFIG SET notify-keyspace-events Ex") == "+OK\r\n");
  (void)h.say(ear, "SUBSCRIBE __keyevent@0__:expired");
  (void)h.say("SET k v PX 5");
  h.clock.advance(6ms);
  (void)h.say("SET k w");
  h.store.sweep();
  CHECK(ear.pushed == ">3\r\n$7\r\nmessage\r\n$22\r\n__keyevent@0__:expired\r\n$1\r\nk\r\n");
}

TEST_CASE("resp: `expired` of an overdue key comes before the event of the write that meets it") {
  for (const bool background : {false, true}) {
    testing::ManualClock clock;
    Options options = testing::quiet_options(clock);
    options.background = background;
    Harness h(testing::open_store(std::move(options)), clock);
    FakeClient& ear = h.connect(3);
    CHECK(h.say("CONFIG SET notify-keyspace-events KA") == "+OK\r\n");
    (void)h.say(ear, "PSUBSCRIBE __keyspace@0__:*");
    const std::vector<std::string> writes{"SET k w",         "HSET k f v", "SADD k m",
                                          "MSET k v",        "APPEND k x", "SETNX k v",
                                          "ZADD k 1 a",      "RENAME from k", "COPY from k"};
    for (int round = 0; round < (background ? 50 : 2); ++round) {
      for (const std::string& write : writes) {
        INFO(write);
        (void)h.say("DEL k");
        (void)h.say("SET k v PX 5");
        (void)h.say("SET from v");
        h.store.deliver_events();
        ear.pushed.clear();
        clock.advance(6ms);
        (void)h.say(write);
        h.store.sweep();
        h.store.deliver_events();
        const std::size_t expired = ear.pushed.find("$7\r\nexpired");
        REQUIRE(expired != std::string::npos);
        CHECK(ear.pushed.find("$7\r\nexpired", expired + 1) == std::string::npos);
        const std::size_t of_k = ear.pushed.find("__keyspace@0__:k\r\n");
        CHECK(expired == of_k + 18);  // the first of all that is told of it
        CHECK(ear.pushed.find("__keyspace@0__:k\r\n", of_k + 1) != std::string::npos);
      }
    }
  }
}

TEST_CASE("resp: however many keys expire at once, every one is told") {
  testing::ManualClock clock;
  Options options = testing::quiet_options(clock);
  options.stripe_count = 0;
  Harness h(testing::open_store(std::move(options)), clock);
  FakeClient& ear = h.connect(3);
  CHECK(h.say("CONFIG SET notify-keyspace-events Ex") == "+OK\r\n");
  (void)h.say(ear, "SUBSCRIBE __keyevent@0__:expired");
  ear.pushed.clear();
  constexpr int kKeys = 50'000;  // more than the store queues
  for (int i = 0; i < kKeys; ++i) (void)h.say("SET k" + std::to_string(i) + " v PX 5");
  clock.advance(6ms);
  h.store.sweep();
  std::size_t told = 0;
  for (std::size_t at = ear.pushed.find(">3"); at != std::string::npos;
       at = ear.pushed.find(">3", at + 1)) {
    ++told;
  }
  CHECK(told == kKeys);
}

}  // namespace cloakroom::resp
