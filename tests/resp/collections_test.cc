// Large sets, sorted sets and hashes: their limit, and what changes that touch little of them
// leave. That replies are Redis's is the business of the differential test.
#include <string>

#include "harness.h"

namespace cloakroom::resp {
namespace {

constexpr std::size_t kValueMax = 20'000;

Store small_store(testing::ManualClock& clock) {
  Options options = testing::quiet_options(clock);
  options.value_bytes_max = kValueMax;
  auto store = Store::open(std::move(options));
  REQUIRE_OK(store);
  return *std::move(store);
}

std::string numbered(std::string_view head, int from, int to, std::string_view between) {
  std::string line(head);
  for (int i = from; i < to; ++i) {
    line += std::string(between) + "member" + std::to_string(1000 + i);
  }
  return line;
}

// Adds until it is refused; the reply that refuses it.
std::string fill(Harness& h, std::string_view head, std::string_view between, std::string_view tail,
                 int& there) {
  std::string reply;
  for (there = 0; there < 10'000; ++there) {
    reply = h.say(numbered(head, there, there + 1, between) + std::string(tail));
    if (reply != ":1\r\n") break;
  }
  return reply;
}

}  // namespace

TEST_CASE("resp: a collection at the limit of a value says so, and keeps what it has") {
  testing::ManualClock clock;
  Harness h(small_store(clock), clock);
  struct Kind {
    std::string_view add, between, tail, count, remove;
  };
  for (const Kind& kind : {Kind{"SADD k", " ", "", "SCARD k", "SREM k member1000"},
                           Kind{"ZADD k", " 1 ", "", "ZCARD k", "ZREM k member1000"},
                           Kind{"HSET k", " ", " value", "HLEN k", "HDEL k member1000"}}) {
    CAPTURE(kind.add);
    int there = 0;
    const std::string reply = fill(h, kind.add, kind.between, kind.tail, there);
    CHECK(reply.starts_with("-ERR the collection would be larger than a value may be here"));
    CHECK(reply.find("20000") != std::string::npos);
    const std::string all = ":" + std::to_string(there) + "\r\n";
    CHECK(there > 500);
    CHECK(h.say(kind.count) == all);
    // Of a command whose members do not all fit none is there.
    const std::string many = numbered(kind.add, there, there + 500, kind.between);
    if (kind.tail.empty()) CHECK(h.say(many).starts_with("-ERR the collection would be larger"));
    CHECK(h.say(kind.count) == all);
    CHECK(h.say(kind.remove) == ":1\r\n");
    CHECK(h.say(std::string(kind.add) + std::string(kind.between) + "m" + std::string(kind.tail)) ==
          ":1\r\n");
    CHECK(h.say(kind.count) == all);
    CHECK(h.say("DEL k") == ":1\r\n");
  }
}

TEST_CASE("resp: a transaction that would make a collection too large changes nothing") {
  testing::ManualClock clock;
  Harness h(small_store(clock), clock);
  int there = 0;
  (void)fill(h, "SADD k", " ", "", there);
  CHECK(h.say("MULTI") == "+OK\r\n");
  CHECK(h.say("SET other value") == "+QUEUED\r\n");
  CHECK(h.say("SADD k one-more-that-does-not-fit") == "+QUEUED\r\n");
  CHECK(h.say("EXEC").starts_with(
      "-EXECABORT Transaction discarded because of: ERR key or value is too large"));
  CHECK(h.say("EXISTS other") == ":0\r\n");
  CHECK(h.say("SCARD k") == ":" + std::to_string(there) + "\r\n");
}

TEST_CASE("resp: one command may add, move and remove the same member") {
  Harness h;
  CHECK(h.say("ZADD z 1 a 2 b 3 a") == ":2\r\n");
  CHECK(h.say("ZRANGE z 0 -1") == "*2\r\n$1\r\nb\r\n$1\r\na\r\n");
  CHECK(h.say("ZADD z CH 5 a 3 a") == ":2\r\n");  // back where it was
  CHECK(h.say("ZSCORE z a") == "$1\r\n3\r\n");
  CHECK(h.say("ZREM z a a c") == ":1\r\n");
  CHECK(h.say("SADD s a b a") == ":2\r\n");
  CHECK(h.say("SREM s b b") == ":1\r\n");
  CHECK(h.say("HSET h a 1 b 2 a 3") == ":2\r\n");
  CHECK(h.say("HMGET h a a b c") == "*4\r\n$1\r\n3\r\n$1\r\n3\r\n$1\r\n2\r\n$-1\r\n");
  CHECK(h.say("HDEL h a a b") == ":2\r\n");
  CHECK(h.say("EXISTS h") == ":0\r\n");
}

TEST_CASE("resp: SPOP and the ends of a sorted set take from anywhere until nothing is left") {
  Harness h;
  CHECK(h.say(numbered("SADD s", 0, 300, " ")) == ":300\r\n");
  for (int left = 299; left >= 0; --left) {
    CHECK(h.say("SPOP s").starts_with("$10\r\nmember1"));
    CHECK(h.say("SCARD s") == ":" + std::to_string(left) + "\r\n");
  }
  CHECK(h.say("EXISTS s") == ":0\r\n");
  CHECK(h.say(numbered("ZADD z", 0, 300, " 7 ")) == ":300\r\n");
  CHECK(h.say("ZPOPMAX z") == "*2\r\n$10\r\nmember1299\r\n$1\r\n7\r\n");
  CHECK(h.say("ZPOPMIN z") == "*2\r\n$10\r\nmember1000\r\n$1\r\n7\r\n");
  CHECK(h.say("ZRANK z member1001") == ":0\r\n");
  CHECK(h.say("ZREVRANK z member1001") == ":297\r\n");
  CHECK(h.say("ZREMRANGEBYRANK z 1 -2") == ":296\r\n");
  CHECK(h.say("ZRANGEBYSCORE z 7 7 LIMIT 1 5") == "*1\r\n$10\r\nmember1298\r\n");
  CHECK(h.say("ZREMRANGEBYSCORE z -inf +inf") == ":2\r\n");
  CHECK(h.say("EXISTS z") == ":0\r\n");
}

}  // namespace cloakroom::resp
