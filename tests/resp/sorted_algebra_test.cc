// Several sorted sets at a time. What the replies are beside Redis's is the business of the
// differential test; here are the corners it cannot say by chance.
#include <string>

#include "harness.h"

namespace cloakroom::resp {

TEST_CASE("resp: ZUNIONSTORE weighs, adds up and takes plain sets as scores of 1") {
  Harness h;
  CHECK(h.say("ZADD a 1 x 2 y") == ":2\r\n");
  CHECK(h.say("SADD s y z") == ":2\r\n");
  CHECK(h.say("ZUNIONSTORE out 2 a s WEIGHTS 10 3") == ":3\r\n");
  CHECK(h.say("ZRANGE out 0 -1 WITHSCORES") ==
        "*6\r\n$1\r\nz\r\n$1\r\n3\r\n$1\r\nx\r\n$2\r\n10\r\n$1\r\ny\r\n$2\r\n23\r\n");
  CHECK(h.say("ZINTERSTORE out 2 a s AGGREGATE MAX") == ":1\r\n");
  CHECK(h.say("ZRANGE out 0 -1 WITHSCORES") == "*2\r\n$1\r\ny\r\n$1\r\n2\r\n");
  CHECK(h.say("ZDIFFSTORE out 2 a a") == ":0\r\n");
  CHECK(h.say("EXISTS out") == ":0\r\n");
}

TEST_CASE("resp: no score becomes what is not a number") {
  Harness h;
  CHECK(h.say("ZADD up inf m") == ":1\r\n");
  CHECK(h.say("ZADD down -inf m") == ":1\r\n");
  CHECK(h.say("ZUNION 2 up down WITHSCORES") == "*2\r\n$1\r\nm\r\n$1\r\n0\r\n");
  CHECK(h.say("ZUNION 1 up WEIGHTS 0 WITHSCORES") == "*2\r\n$1\r\nm\r\n$1\r\n0\r\n");
}

TEST_CASE("resp: a result may be stored under one of its sources") {
  Harness h;
  CHECK(h.say("ZADD a 1 x 2 y") == ":2\r\n");
  CHECK(h.say("ZADD b 5 y") == ":1\r\n");
  CHECK(h.say("ZINTERSTORE a 2 a b") == ":1\r\n");
  CHECK(h.say("ZSCORE a y") == "$1\r\n7\r\n");
}

TEST_CASE("resp: ZMPOP takes from the first sorted set that has any, in pairs in both protocols") {
  Harness h;
  CHECK(h.say("ZMPOP 2 none also MIN") == "*-1\r\n");
  CHECK(h.say("ZADD z 1 a 2 b 3 c") == ":3\r\n");
  CHECK(h.say("ZMPOP 2 none z MAX COUNT 2") ==
        "*2\r\n$1\r\nz\r\n*2\r\n*2\r\n$1\r\nc\r\n$1\r\n3\r\n*2\r\n$1\r\nb\r\n$1\r\n2\r\n");
  CHECK(h.say("ZMPOP 1 z MIN") == "*2\r\n$1\r\nz\r\n*1\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n");
  CHECK(h.say("EXISTS z") == ":0\r\n");
  CHECK(h.say("ZMPOP 1 z") == "-ERR wrong number of arguments for 'zmpop' command\r\n");
  CHECK(h.say("ZMPOP 9223372036854775807 z MIN") == "-ERR syntax error\r\n");
}

TEST_CASE("resp: ZRANDMEMBER gives members of the set, each once unless asked otherwise") {
  Harness h;
  CHECK(h.say("ZADD z 1 a 2 b") == ":2\r\n");
  CHECK(h.say("ZRANDMEMBER z 5").starts_with("*2\r\n"));
  CHECK(h.say("ZRANDMEMBER z -5 WITHSCORES").starts_with("*10\r\n"));
  CHECK(h.say("ZRANDMEMBER none") == "$-1\r\n");
  CHECK(h.say("ZRANDMEMBER none 3") == "*0\r\n");
  FakeClient& other = h.connect(3);
  CHECK(h.say(other, "ZRANDMEMBER z 1 WITHSCORES").starts_with("*1\r\n*2\r\n$1\r\n"));
}

}  // namespace cloakroom::resp
