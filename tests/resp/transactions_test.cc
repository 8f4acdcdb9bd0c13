// Transactions, channels and keyspace events: what one client sees of others.
#include <string>

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

}  // namespace cloakroom::resp
