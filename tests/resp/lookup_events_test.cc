// Keyspace events of lookups: `n`, a key is new, and `m`, a key was missed.
#include <string>
#include <vector>

#include "harness.h"

namespace cloakroom::resp {
namespace {

// Hears the events of a harness as "name key" each.
class Ear {
 public:
  Ear(Harness& h, std::string_view classes) : h_(h), client_(h.connect(2)) {
    const std::string set = "CONFIG SET notify-keyspace-events " + std::string(classes);
    REQUIRE(h.say(set) == "+OK\r\n");
    (void)h.say(client_, "PSUBSCRIBE __keyevent@*");
  }

  // What was heard since, as "new a, set a".
  std::string heard() {
    std::string text;
    std::string_view left = client_.pushed;
    while (!left.empty()) {
      // *4 $8 pmessage $n pattern $n channel $n key
      std::vector<std::string> lines;
      for (int i = 0; i < 9; ++i) {
        const std::size_t end = left.find("\r\n");
        lines.emplace_back(left.substr(0, end));
        left.remove_prefix(end + 2);
      }
      text +=
          (text.empty() ? "" : ", ") + lines[6].substr(lines[6].find("__:") + 3) + " " + lines[8];
    }
    client_.pushed.clear();
    return text;
  }

  std::string after(std::string_view line) {
    (void)h_.say(line);
    return heard();
  }

 private:
  Harness& h_;
  FakeClient& client_;
};

}  // namespace

TEST_CASE("resp: that a key is new is told once, before what was done with it") {
  Harness h;
  Ear ear(h, "EAn");
  CHECK(ear.after("SET a v") == "new a, set a");
  CHECK(ear.after("SET a w") == "set a");
  CHECK(ear.after("MSET a 1 b 2 c 3") == "set a, new b, set b, new c, set c");
  CHECK(ear.after("HSET h f v") == "new h, hset h");
  CHECK(ear.after("HSET h f w") == "hset h");
  CHECK(ear.after("SETNX b v").empty());
  CHECK(ear.after("SET d v NX EX 10") == "new d, set d, expire d");
  CHECK(ear.after("SUNIONSTORE s nosuch").empty());
  CHECK(ear.after("SADD s m") == "new s, sadd s");
}

TEST_CASE("resp: a key that another one is moved or copied over is new, whatever was there") {
  Harness h;
  Ear ear(h, "EAn");
  (void)ear.after("MSET a 1 b 2");
  CHECK(ear.after("RENAME a b") == "new b, rename_from a, rename_to b");
  CHECK(ear.after("COPY b c") == "new c, copy_to c");
  CHECK(ear.after("COPY b c REPLACE") == "new c, copy_to c");
  CHECK(ear.after("MOVE b 1") == "new b, move_from b, move_to b");
  CHECK(ear.after("RENAMENX nosuch d").empty());
}

TEST_CASE("resp: a key that goes and comes again within a transaction is new") {
  Harness h;
  Ear ear(h, "EAn");
  (void)ear.after("SET k v");
  (void)h.say("MULTI");
  (void)h.say("DEL k");
  (void)h.say("SET k w");
  CHECK(ear.heard().empty());
  CHECK(ear.after("EXEC") == "del k, new k, set k");
}

TEST_CASE("resp: an overdue key that is written expires, and is new then") {
  Harness h;
  Ear ear(h, "EAn");
  (void)ear.after("SET k v PX 10");
  h.clock.advance(Millis(20));
  CHECK(ear.after("SET k w") == "expired k, new k, set k");
}

TEST_CASE("resp: a key that is read in vain is told as missed, for each time it was looked for") {
  Harness h;
  Ear ear(h, "EAm");
  CHECK(ear.after("GET a") == "keymiss a");
  CHECK(ear.after("MGET a b") == "keymiss a, keymiss b");
  CHECK(ear.after("EXISTS a a") == "keymiss a, keymiss a");
  CHECK(ear.after("TTL a") == "keymiss a");
  CHECK(ear.after("HGETALL a") == "keymiss a");
  CHECK(ear.after("GETDEL a") == "keymiss a");
  CHECK(ear.after("GETEX a EX 10") == "keymiss a");
  CHECK(ear.after("COPY a b") == "keymiss a");
  CHECK(ear.after("SET a v GET") == "keymiss a, set a");
  CHECK(ear.after("SINTERSTORE s t u") == "keymiss t, keymiss u");
}

TEST_CASE("resp: to write a key that is absent, or to ask about one, misses none") {
  Harness h;
  Ear ear(h, "EAm");
  CHECK(ear.after("SET a v NX") == "set a");
  CHECK(ear.after("SET b v XX").empty());
  CHECK(ear.after("DEL b").empty());
  CHECK(ear.after("PERSIST b").empty());
  CHECK(ear.after("EXPIRE b 10").empty());
  CHECK(ear.after("RENAME b c").empty());
  CHECK(ear.after("OBJECT ENCODING b").empty());
  CHECK(ear.after("MEMORY USAGE b").empty());
  CHECK(ear.after("INCR b") == "incrby b");
}

TEST_CASE("resp: new and missed keys go by the client's names where the store has their hashes") {
  Harness h({.hash_keys = {"sess:"}, .hash_secret = "0123456789abcdef0123456789abcdef"});
  Ear ear(h, "EAnm");
  CHECK(ear.after("GET sess:1") == "keymiss sess:1");
  CHECK(ear.after("SET sess:1 v") == "new sess:1, set sess:1");
}

}  // namespace cloakroom::resp
