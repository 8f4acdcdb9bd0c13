// Who may do what; and the rules for sessions that a listener can be told.
#include <string>

#include "harness.h"
#include "resp/crypto.h"

namespace cloakroom::resp {

using namespace std::chrono_literals;

TEST_CASE("resp: without a password nobody is asked, and AUTH says so") {
  Harness h;
  CHECK(h.say("PING") == "+PONG\r\n");
  CHECK(h.say("AUTH x").starts_with("-ERR AUTH <password> called without any password"));
}

TEST_CASE("resp: with a password everything but saying who one is waits for it") {
  Harness h({.password = "secret"});
  FakeClient& client = h.connect();
  CHECK(h.say(client, "GET k") == "-NOAUTH Authentication required.\r\n");
  CHECK(h.say(client, "HELLO 3").starts_with("-NOAUTH HELLO must be called"));
  CHECK(h.say(client, "AUTH wrong").starts_with("-WRONGPASS"));
  CHECK(h.say(client, "AUTH nobody secret").starts_with("-WRONGPASS"));
  CHECK(h.say(client, "GET k") == "-NOAUTH Authentication required.\r\n");
  CHECK(h.say(client, "HELLO 3 AUTH default secret SETNAME me").starts_with("%7\r\n"));
  CHECK(h.say(client, "GET k") == "_\r\n");
  CHECK(h.say(client, "CLIENT GETNAME") == "$2\r\nme\r\n");
  CHECK(h.say(client, "RESET") == "+RESET\r\n");
  CHECK(h.say(client, "GET k") == "-NOAUTH Authentication required.\r\n");
}

TEST_CASE("resp: who guesses passwords is closed") {
  Harness h({.password = "secret"});
  FakeClient& client = h.connect();
  for (int i = 0; i < 5; ++i) (void)h.say(client, "AUTH wrong");
  CHECK(client.closing);
}

TEST_CASE("resp: users run and touch what their lines say, and nothing else") {
  Harness h({},
            "user default off\n"
            "# the web server\n"
            "user web on >pw ~sess:* &news:* +@all -@dangerous\n"
            "user reader on #" +
                to_hex(sha256("r")) + " ~* +get +client|id\n");
  FakeClient& web = h.connect();
  CHECK_FALSE(web.authenticated);
  CHECK(h.say(web, "AUTH web pw") == "+OK\r\n");
  CHECK(h.say(web, "SET sess:1 v") == "+OK\r\n");
  CHECK(h.say(web, "SET other v").starts_with("-NOPERM"));
  CHECK(h.say(web, "MGET sess:1 other").starts_with("-NOPERM"));
  CHECK(h.say(web, "FLUSHALL").starts_with("-NOPERM"));
  CHECK(h.say(web, "KEYS *").starts_with("-NOPERM"));
  CHECK(h.say(web, "PUBLISH news:1 x") == ":0\r\n");
  CHECK(h.say(web, "PUBLISH olds x").starts_with("-NOPERM"));
  CHECK(h.say(web, "SUBSCRIBE olds").starts_with("-NOPERM"));
  CHECK(h.say(web, "PSUBSCRIBE news:1").starts_with("-NOPERM"));
  CHECK(h.say(web, "ACL WHOAMI") == "$3\r\nweb\r\n");
  CHECK(h.say(web, "EVAL return 1 other").starts_with("-"));
  FakeClient& reader = h.connect();
  CHECK(h.say(reader, "AUTH reader r") == "+OK\r\n");
  CHECK(h.say(reader, "GET sess:1") == "$1\r\nv\r\n");
  CHECK(h.say(reader, "CLIENT ID").starts_with(":"));
  CHECK(h.say(reader, "CLIENT LIST").starts_with("-NOPERM"));
  CHECK(h.say(reader, "SET sess:1 w").starts_with("-NOPERM"));
}

TEST_CASE("resp: a file of users with a rule nobody knows is refused, and no password is quoted") {
  CHECK_CODE(Acl::make("", "user a on +nosuchcommand"), kInvalidArgument);
  CHECK_CODE(Acl::make("", "usr a on"), kInvalidArgument);
  CHECK_CODE(Acl::make("", "user a on #1234"), kInvalidArgument);
  const auto bad = Acl::make("", "user a on #hunter2");
  CHECK(bad.status().message().find("hunter2") == std::string::npos);
}

TEST_CASE("resp: CLIENT KILL closes whom it names") {
  Harness h;
  FakeClient& other = h.connect();
  (void)h.first();
  CHECK(h.say("CLIENT KILL ID " + std::to_string(other.id)) == ":1\r\n");
  CHECK(other.killed);
  CHECK(h.say("CLIENT KILL 1.2.3.4:5") == "-ERR No such client\r\n");
  CHECK(h.say("CLIENT LIST").find("id=" + std::to_string(other.id)) != std::string::npos);
}

TEST_CASE("resp: CLIENT REPLY OFF and SKIP say nothing") {
  Harness h;
  CHECK(h.say("CLIENT REPLY SKIP").empty());
  CHECK(h.say("PING").empty());
  CHECK(h.say("PING") == "+PONG\r\n");
  CHECK(h.say("CLIENT REPLY OFF").empty());
  CHECK(h.say("PING").empty());
  CHECK(h.say("CLIENT REPLY ON") == "+OK\r\n");
}

TEST_CASE("resp: the scripts of locks run natively, and others are refused") {
  Harness h;
  const std::string release =
      "if redis.call(\"get\",KEYS[1]) == ARGV[1] then return redis.call(\"del\",KEYS[1]) "
      "else return 0 end";
  (void)h.say("SET lock token PX 5000");
  FakeClient& me = h.first();
  CHECK(h.say("EVALSHA b70c2384248f88e6b75b9f89241a180f856ad852 1 lock other") == ":0\r\n");
  CHECK(h.say("EVALSHA b70c2384248f88e6b75b9f89241a180f856ad852 1 lock token") == ":1\r\n");
  CHECK(h.say("GET lock") == "$-1\r\n");
  (void)h.say("SET lock token PX 5000");
  CHECK(h.say(me, {"EVAL", release, "1", "lock", "token"}) == ":1\r\n");
  CHECK(h.say(me, {"SCRIPT", "LOAD", release}) ==
        "$40\r\nb70c2384248f88e6b75b9f89241a180f856ad852\r\n");
  (void)h.say("SET lock token PX 5000");
  CHECK(h.say("EVALSHA a4e8783852e6b949f9ef3a97212805108459a890 1 lock token 1000 0") == ":1\r\n");
  CHECK(h.say("PTTL lock") == ":6000\r\n");
  CHECK(h.say("EVALSHA a4e8783852e6b949f9ef3a97212805108459a890 1 lock token 1000 1") == ":1\r\n");
  CHECK(h.say("PTTL lock") == ":1000\r\n");
  CHECK(h.say("EVALSHA " + std::string(40, '0') + " 0").starts_with("-NOSCRIPT"));
  CHECK(h.say(me, {"EVAL", "return 1", "0"}).starts_with("-ERR this server runs no Lua"));
  CHECK(h.say("SCRIPT EXISTS b70c2384248f88e6b75b9f89241a180f856ad852 x") == "*2\r\n:1\r\n:0\r\n");
}

TEST_CASE("resp: with a tombstone a request in flight cannot bring a deleted session back") {
  Harness h({.tombstones = {{"sess:", 30s}}});
  (void)h.say("SET sess:1 v");
  CHECK(h.say("DEL sess:1") == ":1\r\n");
  CHECK(h.say("SET sess:1 late EX 100") == "+OK\r\n");  // the client need not know
  CHECK(h.say("GET sess:1") == "$-1\r\n");
  CHECK(h.say("SETEX sess:1 100 late") == "+OK\r\n");
  CHECK(h.say("HSET sess:1 f v") == ":0\r\n");
  CHECK(h.say("EXISTS sess:1") == ":0\r\n");
  CHECK(h.say("KEYS *") == "*0\r\n");
  CHECK(h.say("DBSIZE") == ":0\r\n");
  (void)h.say("SET plain v");
  (void)h.say("DEL plain");
  CHECK(h.say("SET plain w") == "+OK\r\n");
  CHECK(h.say("GET plain") == "$1\r\nw\r\n");
  h.clock.advance(30'001ms);
  (void)h.say("SET sess:1 new");
  CHECK(h.say("GET sess:1") == "$3\r\nnew\r\n");
}

TEST_CASE("resp: with hashed keys the store never sees the session's name") {
  Harness h({.hash_keys = {"sess:"}, .hash_secret = "0123456789abcdef"});
  (void)h.say("SET sess:verysecret v EX 100");
  CHECK(h.say("GET sess:verysecret") == "$1\r\nv\r\n");
  CHECK(h.say("TTL sess:verysecret") == ":100\r\n");
  CHECK(h.say("MGET sess:verysecret sess:other") == "*2\r\n$1\r\nv\r\n$-1\r\n");
  for (const auto& [key, record] : testing::contents_of(h.store)) {
    CHECK(key.starts_with("sess:"));
    CHECK(key.size() == 5 + 43);
    CHECK(key.find("secret") == std::string::npos);
  }
  CHECK(h.say("DEL sess:verysecret") == ":1\r\n");
}

TEST_CASE("resp: the owner in a JSON value is the record's, and REVOKE ends all of theirs") {
  Harness h({.owner_fields = {{"sess:", "/passport/user"}}});
  FakeClient& me = h.first();
  (void)h.say(me, {"SET", "sess:1", R"({"passport":{"user":"alice"}})", "EX", "100"});
  (void)h.say(me, {"SET", "sess:2", R"({"passport":{"user":"alice"}})"});
  (void)h.say(me, {"SET", "sess:3", R"({"passport":{"user":7}})"});
  (void)h.say(me, {"SET", "sess:4", "{not json"});
  CHECK(h.say("CLOAKROOM OWNED 7") == "*1\r\n$6\r\nsess:3\r\n");
  CHECK(h.say("CLOAKROOM OWNED alice").starts_with("*2\r\n"));
  (void)h.say(me, {"SET", "sess:2", R"({"cookie":{}})"});  // logged out
  CHECK(h.say("CLOAKROOM OWNED alice") == "*1\r\n$6\r\nsess:1\r\n");
  CHECK(h.say("CLOAKROOM REVOKE alice") == ":1\r\n");
  CHECK(h.say("EXISTS sess:1 sess:2 sess:3 sess:4") == ":3\r\n");
  CHECK(h.say("CLOAKROOM REVOKE alice") == ":0\r\n");
}

}  // namespace cloakroom::resp
