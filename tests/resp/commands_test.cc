// Commands whose answers depend on time, on other clients or on rules; what every reply looks like
// beside Redis's is the business of the differential test.
#include <set>
#include <string>

#include "harness.h"
#include "support/random_seed.h"

namespace cloakroom::resp {

using namespace std::chrono_literals;

TEST_CASE("resp: a deadline is exact, rounded to seconds for TTL, and ends the key") {
  Harness h;
  CHECK(h.say("SET k v PX 1499") == "+OK\r\n");
  CHECK(h.say("TTL k") == ":1\r\n");
  CHECK(h.say("PTTL k") == ":1499\r\n");
  h.clock.advance(1000ms);
  CHECK(h.say("TTL k") == ":0\r\n");  // alive, with less than half a second to go
  CHECK(h.say("GET k") == "$1\r\nv\r\n");
  h.clock.advance(500ms);
  CHECK(h.say("GET k") == "$-1\r\n");
  CHECK(h.say("TTL k") == ":-2\r\n");
  CHECK(h.say("SET k v EX 10") == "+OK\r\n");
  CHECK(h.say("SET k w KEEPTTL") == "+OK\r\n");
  CHECK(h.say("TTL k") == ":10\r\n");
  CHECK(h.say("SET k w") == "+OK\r\n");
  CHECK(h.say("TTL k") == ":-1\r\n");
}

TEST_CASE("resp: an absolute deadline is what was asked for, to the millisecond") {
  Harness h;
  const std::string at = std::to_string(h.store.now() + 12'345);
  CHECK(h.say("SET k v") == "+OK\r\n");
  CHECK(h.say("PEXPIREAT k " + at) == ":1\r\n");
  CHECK(h.say("PEXPIRETIME k") == ":" + at + "\r\n");
  CHECK(h.say("SET k v PXAT " + at) == "+OK\r\n");
  CHECK(h.say("PEXPIRETIME k") == ":" + at + "\r\n");
  CHECK(h.say("GETEX k PERSIST") == "$1\r\nv\r\n");
  CHECK(h.say("PEXPIRETIME k") == ":-1\r\n");
}

TEST_CASE("resp: what changes a value keeps its deadline, and RENAME carries it") {
  Harness h;
  CHECK(h.say("SET n 1 EX 100") == "+OK\r\n");
  CHECK(h.say("INCR n") == ":2\r\n");
  CHECK(h.say("APPEND n 0") == ":2\r\n");
  CHECK(h.say("RENAME n m") == "+OK\r\n");
  CHECK(h.say("TTL m") == ":100\r\n");
  CHECK(h.say("HSET h f v") == ":1\r\n");
  CHECK(h.say("EXPIRE h 50") == ":1\r\n");
  CHECK(h.say("HSET h g w") == ":1\r\n");
  CHECK(h.say("TTL h") == ":50\r\n");
  CHECK(h.say("COPY h c") == ":1\r\n");
  CHECK(h.say("TTL c") == ":50\r\n");
}

TEST_CASE("resp: no arithmetic on deadlines overflows") {
  Harness h;
  CHECK(h.say("SET k v") == "+OK\r\n");
  CHECK(h.say("EXPIRE k 9223372036854775807") ==
        "-ERR invalid expire time in 'expire' command\r\n");
  CHECK(h.say("PEXPIRE k 9223372036854775807") ==
        "-ERR invalid expire time in 'pexpire' command\r\n");
  CHECK(h.say("PEXPIREAT k 9223372036854775807") == ":1\r\n");
  CHECK(h.say("GET k") == "$1\r\nv\r\n");
  CHECK(h.say("EXPIRE k -9223372036854775808") ==
        "-ERR invalid expire time in 'expire' command\r\n");
  CHECK(h.say("SETEX k 9223372036854775807 v") ==
        "-ERR invalid expire time in 'setex' command\r\n");
  CHECK(h.say("EXPIRE k -1") == ":1\r\n");
  CHECK(h.say("EXISTS k") == ":0\r\n");
}

TEST_CASE("resp: databases do not see each other's keys, and COPY may reach over") {
  Harness h;
  CHECK(h.say("SET k zero") == "+OK\r\n");
  CHECK(h.say("COPY k k DB 5") == ":1\r\n");
  CHECK(h.say("SELECT 5") == "+OK\r\n");
  CHECK(h.say("GET k") == "$4\r\nzero\r\n");
  CHECK(h.say("SET k five") == "+OK\r\n");
  CHECK(h.say("SET other x") == "+OK\r\n");
  CHECK(h.say("DBSIZE") == ":2\r\n");
  CHECK(h.say("SELECT 0") == "+OK\r\n");
  CHECK(h.say("DBSIZE") == ":1\r\n");
  CHECK(h.say("KEYS *") == "*1\r\n$1\r\nk\r\n");
  CHECK(h.say("GET k") == "$4\r\nzero\r\n");
  CHECK(h.say("FLUSHDB") == "+OK\r\n");
  CHECK(h.say("SELECT 5") == "+OK\r\n");
  CHECK(h.say("GET k") == "$4\r\nfive\r\n");
  CHECK(h.say("FLUSHALL") == "+OK\r\n");
  CHECK(h.say("DBSIZE") == ":0\r\n");
}

TEST_CASE("resp: SCAN finds every key that is there throughout, whatever comes and goes") {
  Harness h;
  for (int i = 0; i < 500; ++i) {
    CHECK(h.say("SET stay:" + std::to_string(i) + " v") == "+OK\r\n");
  }
  std::set<std::string> seen;
  std::string cursor = "0";
  int round = 0;
  do {
    const std::string out = h.say("SCAN " + cursor + " COUNT 7 MATCH stay:*");
    std::size_t at = out.find("\r\n", 4) + 2;  // "*2\r\n$n\r\ncursor\r\n..."
    const std::size_t end = out.find("\r\n", at);
    cursor = out.substr(at, end - at);
    for (at = out.find("stay:", end); at != std::string::npos; at = out.find("stay:", at + 1)) {
      seen.insert(out.substr(at, out.find("\r\n", at) - at));
    }
    CHECK(h.say("SET go:" + std::to_string(++round) + " v") == "+OK\r\n");
    (void)h.say("DEL go:" + std::to_string(round / 2));
  } while (cursor != "0");
  CHECK(seen.size() == 500);
  CHECK(h.say("SCAN 0 COUNT 0") == "-ERR syntax error\r\n");
}

TEST_CASE("resp: keys beyond the store's limit are refused in a clear sentence") {
  Harness h;
  const std::string key(1025, 'k');
  CHECK(h.say("SET " + key + " v").starts_with("-ERR key or value is too large"));
  CHECK(h.say("GET " + key).starts_with("-ERR key or value is too large"));
  CHECK(h.say("SET " + key.substr(1) + " v") == "+OK\r\n");
}

TEST_CASE("resp: a command table row is there for every command, and COMMAND tells it") {
  Harness h;
  CHECK(h.say("COMMAND GETKEYS MSET a 1 b 2") == "*2\r\n$1\r\na\r\n$1\r\nb\r\n");
  CHECK(h.say("COMMAND GETKEYS EVALSHA sha 2 a b c") == "*2\r\n$1\r\na\r\n$1\r\nb\r\n");
  CHECK(h.say("COMMAND GETKEYS SINTERCARD 2 a b LIMIT 1") == "*2\r\n$1\r\na\r\n$1\r\nb\r\n");
  CHECK(h.say("COMMAND INFO nosuch") == "*1\r\n*-1\r\n");
  CHECK(h.say("COMMAND INFO GET").find("readonly") != std::string::npos);
  for (const Command& command : CommandTable::instance().all()) {
    INFO(command.name);
    CHECK(command.arity != 0);
    CHECK(!command.group.empty());
    CHECK(!command.summary.empty());
    CHECK((command.handler != nullptr || command.is(kContainer)));
    CHECK(command.name == lower_case(command.name));
  }
}

TEST_CASE("resp: no random bytes as arguments break a handler") {
  Harness h;
  CLOAKROOM_RANDOM_SEED(seed);
  testing::Random random(seed);
  const auto commands = CommandTable::instance().all();
  for (int i = 0; i < 20'000; ++i) {
    const Command& command = commands[testing::below(random, commands.size())];
    if (command.name == "shutdown") continue;
    std::vector<std::string> words;
    const std::size_t bar = command.name.find('|');
    words.emplace_back(command.name.substr(0, bar));
    if (bar != std::string_view::npos) words.emplace_back(command.name.substr(bar + 1));
    for (auto n = testing::below(random, 6); n > 0; --n) {
      switch (testing::below(random, 4)) {
        case 0:
          words.push_back(std::to_string(static_cast<std::int64_t>(random())));
          break;
        case 1:
          words.push_back(std::to_string(testing::below(random, 4)));
          break;
        case 2:
          words.push_back(std::string(1, static_cast<char>('a' + random() % 4)));
          break;
        default:
          words.emplace_back(testing::below(random, 12), static_cast<char>(random()));
      }
    }
    const std::vector<std::string_view> args(words.begin(), words.end());
    (void)h.say(h.first(), args);
  }
  CHECK(h.say("RESET") == "+RESET\r\n");
}

}  // namespace cloakroom::resp
