// ACL in memory, MONITOR, and what else operators ask for.
#include <string>

#include "harness.h"

namespace cloakroom::resp {

namespace {

FakeClient& as(Harness& h, std::string_view name) {
  FakeClient& client = h.connect();
  REQUIRE(h.say(client, "AUTH " + std::string(name) + " p") == "+OK\r\n");
  return client;
}

}  // namespace

TEST_CASE("users: SETUSER makes and changes users, at once for those who are connected") {
  Harness h;
  CHECK(h.say("ACL SETUSER web on >p ~sess:* +get +set") == "+OK\r\n");
  FakeClient& web = as(h, "web");
  CHECK(h.say(web, "SET sess:1 v") == "+OK\r\n");
  CHECK(h.say(web, "DEL sess:1").starts_with("-NOPERM"));
  CHECK(h.say(web, "SET other v").starts_with("-NOPERM"));
  CHECK(h.say("ACL SETUSER web +@write -set ~other") == "+OK\r\n");
  CHECK(h.say(web, "DEL other sess:1") == ":1\r\n");
  CHECK(h.say(web, "SET other v").starts_with("-NOPERM"));
  // One wrong rule, and none counts.
  CHECK(
      h.say("ACL SETUSER web +set +nosuch") ==
      "-ERR Error in ACL SETUSER modifier '+nosuch': Unknown command or category name in ACL\r\n");
  CHECK(h.say(web, "SET other v").starts_with("-NOPERM"));
  CHECK(h.say("ACL SETUSER web reset") == "+OK\r\n");
  CHECK(h.say(web, "GET sess:1").starts_with("-NOPERM"));
  CHECK(h.say("ACL DELUSER web nosuch") == ":1\r\n");
  CHECK(web.killed);
  CHECK(h.say("ACL DELUSER default") == "-ERR The 'default' user cannot be removed\r\n");
  CHECK(h.say(h.connect(), "AUTH web p").starts_with("-WRONGPASS"));
}

TEST_CASE("users: patterns may grant reading or writing alone") {
  Harness h;
  (void)h.say("ACL SETUSER u on >p %R~r:* %W~w:* +@all");
  FakeClient& u = as(h, "u");
  const auto may = [&](std::string_view line) { return !h.say(u, line).starts_with("-NOPERM"); };
  CHECK(may("GET r:1"));
  CHECK(!may("SET r:1 v"));
  CHECK(may("SET w:1 v"));
  CHECK(!may("SET w:1 v GET"));
  CHECK(!may("GET w:1"));
  CHECK(!may("INCR w:1"));
  CHECK(!may("GETDEL w:1"));
  CHECK(may("DEL w:1"));
  CHECK(may("EXISTS w:1 r:1"));
  CHECK(!may("EXISTS other"));
  CHECK(may("COPY r:1 w:1"));
  CHECK(!may("COPY w:1 w:2"));
  CHECK(!may("RENAME w:1 w:2"));
  CHECK(may("SUNIONSTORE w:1 r:1 r:2"));
  CHECK(!may("SUNIONSTORE w:1 w:2"));
  CHECK(h.say("ACL GETUSER u").find("%R~r:* %W~w:*") != std::string::npos);
}

TEST_CASE("users: passwords come and go, and are shown as hashes alone") {
  Harness h;
  (void)h.say("ACL SETUSER u on >p >q +ping");
  CHECK(h.say(h.connect(), "AUTH u q") == "+OK\r\n");
  CHECK(h.say("ACL SETUSER u <q") == "+OK\r\n");
  CHECK(h.say(h.connect(), "AUTH u q").starts_with("-WRONGPASS"));
  CHECK(h.say("ACL SETUSER u <q")
            .ends_with("The password you are trying to remove from the user does not exist\r\n"));
  const std::string hash = "148de9c5a7a44d19e56cd9ae1a554bf67847afb0c58f6e12fa29ac7ddfca9940";
  CHECK(h.say("ACL LIST") == "*2\r\n$34\r\nuser default on nopass ~* &* +@all\r\n" +
                                 ("$" + std::to_string(37 + hash.size())) + "\r\nuser u on #" +
                                 hash + " resetchannels -@all +ping\r\n");
  CHECK(h.say("ACL SETUSER u !" + hash) == "+OK\r\n");
  CHECK(h.say("ACL SETUSER u #" + hash + " nopass") == "+OK\r\n");
  CHECK(h.say(h.connect(), "AUTH u whatever") == "+OK\r\n");
  CHECK(h.say("CONFIG SET requirepass secret") == "+OK\r\n");
  CHECK(h.server->acl.initial() == nullptr);
  CHECK(h.say("PING") == "+PONG\r\n");  // who is in stays in
  CHECK(h.say(h.connect(), "AUTH wrong").starts_with("-WRONGPASS"));
  CHECK(h.say(h.connect(), "AUTH secret") == "+OK\r\n");
  CHECK(h.say("CONFIG GET requirepass").find("secret") == std::string::npos);
  CHECK(h.say(h.first(), {"CONFIG", "SET", "requirepass", ""}) == "+OK\r\n");
  CHECK(h.server->acl.initial() != nullptr);
}

TEST_CASE("users: the log tells what was refused, the same again once") {
  Harness h;
  (void)h.say("ACL SETUSER u on >p ~a +get +multi +exec");
  FakeClient& u = as(h, "u");
  for (int i = 0; i < 3; ++i) (void)h.say(u, "GET b");
  (void)h.say(u, "SET a v");
  (void)h.say(h.connect(), "AUTH u wrong");
  const std::string log = h.say("ACL LOG");
  CHECK(log.starts_with("*3\r\n"));
  CHECK(log.find(
            ":3\r\n$6\r\nreason\r\n$3\r\nkey\r\n$7\r\ncontext\r\n$8\r\ntoplevel\r\n$6\r\nobject\r\n"
            "$1\r\nb\r\n$8\r\nusername\r\n$1\r\nu\r\n") != std::string::npos);
  CHECK(h.say("ACL LOG 1")
            .starts_with("*1\r\n*14\r\n$5\r\ncount\r\n:1\r\n$6\r\nreason\r\n$4\r\nauth\r\n"));
  CHECK(h.say("ACL LOG RESET") == "+OK\r\n");
  CHECK(h.say("ACL LOG") == "*0\r\n");
  // What a transaction has gathered is judged again when it runs.
  (void)h.say(u, "MULTI");
  (void)h.say(u, "GET a");
  (void)h.say("ACL SETUSER u -get");
  CHECK(h.say(u, "EXEC").starts_with("*1\r\n-NOPERM ACLs rules changed"));
}

TEST_CASE("users: DRYRUN, CAT and GENPASS answer as Redis does") {
  Harness h;
  (void)h.say("ACL SETUSER u +get ~z");
  CHECK(h.say("ACL DRYRUN u get z") == "+OK\r\n");
  CHECK(h.say("ACL DRYRUN u get a") ==
        "$50\r\nThis user has no permissions to access the 'a' key\r\n");
  CHECK(h.say("ACL DRYRUN u set z v") ==
        "$53\r\nThis user has no permissions to run the 'set' command\r\n");
  CHECK(h.say("ACL DRYRUN u nosuch") == "-ERR Command 'nosuch' not found\r\n");
  CHECK(h.say("ACL DRYRUN nobody get a") == "-ERR User 'nobody' not found\r\n");
  CHECK(h.say("ACL CAT").starts_with("*21\r\n$8\r\nkeyspace\r\n"));
  CHECK(h.say("ACL SETUSER u +@list -@stream") == "+OK\r\n");
  CHECK(h.say("ACL CAT nosuch") == "-ERR Unknown category 'nosuch'\r\n");
  CHECK(h.say("ACL GENPASS").starts_with("$64\r\n"));
  CHECK(h.say("ACL GENPASS 5").starts_with("$2\r\n"));
  CHECK(h.say("ACL GENPASS 0").starts_with("-ERR ACL GENPASS argument must be"));
  CHECK(h.say("ACL GETUSER nobody") == "$-1\r\n");
}

TEST_CASE("monitor: every command is shown as Redis shows it, and no password") {
  Harness h;
  FakeClient& eye = h.connect();
  FakeClient& one = h.connect();
  {
    MutexLock guard(one.card_mutex);
    one.card.address = "127.0.0.1:1234";
  }
  CHECK(h.say(eye, "MONITOR") == "+OK\r\n");
  CHECK(eye.pushed.empty());
  const auto shown = [&] {
    std::string lines;
    for (std::size_t at = 0; (at = eye.pushed.find(" [", at)) != std::string::npos;) {
      const std::size_t end = eye.pushed.find("\r\n", at);
      lines += eye.pushed.substr(at + 1, end - at - 1) + "\n";
      at = end;
    }
    eye.pushed.clear();
    return lines;
  };
  (void)h.say(one, {"sEt", "k", std::string_view("a\x01\n\t\\\"z\xff", 8)});
  CHECK(eye.pushed.starts_with("+1"));
  CHECK(shown() == "[0 127.0.0.1:1234] \"sEt\" \"k\" \"a\\x01\\n\\t\\\\\\\"z\\xff\"\n");
  (void)h.say(one, "AUTH p");
  (void)h.say(one, "AUTH u p");
  (void)h.say(one, "HELLO 2 AUTH u p SETNAME n");
  CHECK(shown() ==
        "[0 127.0.0.1:1234] \"AUTH\" \"(redacted)\"\n"
        "[0 127.0.0.1:1234] \"AUTH\" \"(redacted)\" \"(redacted)\"\n"
        "[0 127.0.0.1:1234] \"HELLO\" \"2\" \"AUTH\" \"(redacted)\" \"(redacted)\" \"SETNAME\" "
        "\"n\"\n");
  for (const char* line :
       {"CONFIG GET maxmemory", "ACL SETUSER x >secret", "CLIENT LIST", "NOSUCH"}) {
    (void)h.say(one, line);
  }
  CHECK(shown().empty());
  for (const char* line : {"SELECT 2", "MULTI", "GET k", "INCR n", "EXEC"}) (void)h.say(one, line);
  CHECK(shown() ==
        "[2 127.0.0.1:1234] \"SELECT\" \"2\"\n[2 127.0.0.1:1234] \"MULTI\"\n"
        "[2 127.0.0.1:1234] \"GET\" \"k\"\n[2 127.0.0.1:1234] \"INCR\" \"n\"\n"
        "[2 127.0.0.1:1234] \"EXEC\"\n");
  CHECK(h.say(eye, "RESET") == "+RESET\r\n");
  eye.pushed.clear();
  (void)h.say(one, "GET k");
  CHECK(eye.pushed.empty());
}

TEST_CASE("config: maxmemory is the store's limit from then on") {
  Harness h;
  CHECK(h.say("CONFIG SET maxmemory 100mb") == "+OK\r\n");
  CHECK(h.say("CONFIG GET maxmemory") == "*2\r\n$9\r\nmaxmemory\r\n$9\r\n104857600\r\n");
  CHECK(h.store.stats().memory_limit_bytes == 104857600);
  CHECK(h.say("CONFIG SET maxmemory 1k") == "+OK\r\n");
  CHECK(h.say("SET k " + std::string(2000, 'v')).starts_with("-OOM"));
  CHECK(h.say("CONFIG SET maxmemory 1x").ends_with("argument must be a memory value\r\n"));
  CHECK(h.say("CONFIG SET maxmemory 0") == "+OK\r\n");
  CHECK(h.say("SET k v") == "+OK\r\n");
  CHECK(h.say("CONFIG SET maxclients 0")
            .ends_with("argument must be between 1 and 4294967295 inclusive\r\n"));
}

TEST_CASE("clients: tracking is off until it is asked for") {
  Harness h;
  CHECK(h.say("CLIENT TRACKING OFF") == "+OK\r\n");
  CHECK(h.say("CLIENT GETREDIR") == ":-1\r\n");
  CHECK(
      h.say("CLIENT TRACKINGINFO") ==
      "*6\r\n$5\r\nflags\r\n*1\r\n$3\r\noff\r\n$8\r\nredirect\r\n:-1\r\n$8\r\nprefixes\r\n*0\r\n");
  CHECK(h.say("CLIENT CACHING YES").starts_with("-ERR CLIENT CACHING can be called only when"));
  CHECK(h.say("CLIENT UNBLOCK 7") == ":0\r\n");
  CHECK(h.say("CLIENT UNBLOCK 7 foo") ==
        "-ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR\r\n");
  CHECK(h.say("CLIENT PAUSE -1") == "-ERR timeout is negative\r\n");
  CHECK(h.say("CLIENT PAUSE 0 foo") == "-ERR CLIENT PAUSE mode must be WRITE or ALL\r\n");
}

}  // namespace cloakroom::resp
