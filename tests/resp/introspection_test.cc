// What the server tells of itself: HELP, COMMAND, statistics; and who is told nothing.
#include <string>

#include "harness.h"

namespace cloakroom::resp {

TEST_CASE("resp: every container of commands has HELP, and HELP takes no arguments") {
  Harness h;
  for (const Command& command : CommandTable::instance().all()) {
    if (!command.is(kContainer) || command.name == "cloakroom") continue;
    const std::string help = h.say(std::string(command.name) + " HELP");
    CHECK_MESSAGE(help.ends_with("+HELP\r\n+    Print this help.\r\n"), command.name);
    CHECK(h.say(std::string(command.name) + " HELP more") ==
          "-ERR wrong number of arguments for '" + std::string(command.name) +
              "|help' command\r\n");
  }
}

TEST_CASE("resp: COMMAND LIST tells subcommands, too, and filters") {
  Harness h;
  CHECK(h.say("COMMAND LIST").find("client|list") != std::string::npos);
  CHECK(h.say("COMMAND LIST FILTERBY PATTERN GETD*") == "*1\r\n$6\r\ngetdel\r\n");
  CHECK(h.say("COMMAND LIST FILTERBY MODULE any") == "*0\r\n");
  CHECK(h.say("COMMAND LIST FILTERBY ACLCAT nosuch") == "*0\r\n");
  CHECK(h.say("COMMAND LIST FILTERBY nosuch any") == "-ERR syntax error\r\n");
  CHECK(h.say("COMMAND GETKEYS EVAL text 0") == "*0\r\n");
}

TEST_CASE("resp: an error inside a transaction counts once, as its command's") {
  Harness h;
  CHECK(h.say("SET k v") == "+OK\r\n");
  CHECK(h.say("CONFIG RESETSTAT") == "+OK\r\n");
  CHECK(h.say("MULTI") == "+OK\r\n");
  CHECK(h.say("INCR k") == "+QUEUED\r\n");
  CHECK(h.say("EXEC").starts_with("*1\r\n-ERR "));
  CHECK(h.say("INFO errorstats").find("errorstat_ERR:count=1") != std::string::npos);
  const std::string stats = h.say("INFO commandstats");
  CHECK(stats.find("cmdstat_exec:calls=1") != std::string::npos);
  CHECK(stats.find("failed_calls=1", stats.find("cmdstat_incr:")) <
        stats.find("\r\n", stats.find("cmdstat_incr:")));
  CHECK(stats.find("failed_calls=0", stats.find("cmdstat_exec:")) <
        stats.find("\r\n", stats.find("cmdstat_exec:")));
}

TEST_CASE("resp: LATENCY HISTOGRAM counts every call, of subcommands each for itself") {
  Harness h;
  FakeClient& client = h.connect(3);
  (void)h.say(client, "CONFIG RESETSTAT");
  (void)h.say(client, "SET k v");
  (void)h.say(client, "SET k w");
  (void)h.say(client, "CLIENT ID");
  CHECK(h.say(client, "LATENCY HISTOGRAM set nosuch")
            .starts_with("%1\r\n$3\r\nset\r\n%2\r\n$5\r\ncalls\r\n:2\r\n$14\r\nhistogram_usec\r\n%"));
  CHECK(h.say(client, "LATENCY HISTOGRAM client").starts_with("%1\r\n$9\r\nclient|id\r\n"));
  (void)h.say(client, "CONFIG RESETSTAT");
  CHECK(h.say(client, "LATENCY HISTOGRAM set") == "%0\r\n");
}

TEST_CASE("resp: a client that wants no replies hears what it subscribes to") {
  Harness h;
  FakeClient& quiet = h.connect(3);
  CHECK(h.say(quiet, "CLIENT REPLY OFF").empty());
  CHECK(h.say(quiet, "SET k v").empty());
  CHECK(h.say(quiet, "SUBSCRIBE c") == ">3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n");
  CHECK(h.say(quiet, "UNSUBSCRIBE c") == ">3\r\n$11\r\nunsubscribe\r\n$1\r\nc\r\n:0\r\n");
  CHECK(h.say(quiet, "CLIENT REPLY ON") == "+OK\r\n");
  CHECK(h.say(quiet, "CLIENT REPLY SKIP").empty());
  CHECK(h.say(quiet, "SUBSCRIBE c") == ">3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n");
  CHECK(h.say(quiet, "PING") == "+PONG\r\n");
}

TEST_CASE("resp: sharded channels are a world of their own") {
  Harness h;
  FakeClient& ear = h.connect(3);
  CHECK(h.say(ear, "SUBSCRIBE c").ends_with(":1\r\n"));
  CHECK(h.say(ear, "SSUBSCRIBE c d") ==
        ">3\r\n$10\r\nssubscribe\r\n$1\r\nc\r\n:1\r\n"
        ">3\r\n$10\r\nssubscribe\r\n$1\r\nd\r\n:2\r\n");
  CHECK(h.say("PUBLISH c m") == ":1\r\n");
  CHECK(h.say("SPUBLISH c m") == ":1\r\n");
  CHECK(ear.pushed ==
        ">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n"
        ">3\r\n$8\r\nsmessage\r\n$1\r\nc\r\n$1\r\nm\r\n");
  CHECK(h.say("PUBSUB SHARDNUMSUB c d e") ==
        "*6\r\n$1\r\nc\r\n:1\r\n$1\r\nd\r\n:1\r\n$1\r\ne\r\n:0\r\n");
  CHECK(h.say("PUBSUB SHARDCHANNELS d*") == "*1\r\n$1\r\nd\r\n");
  CHECK(h.say("PUBSUB CHANNELS") == "*1\r\n$1\r\nc\r\n");
  CHECK(h.say(ear, "UNSUBSCRIBE") == ">3\r\n$11\r\nunsubscribe\r\n$1\r\nc\r\n:0\r\n");
  CHECK(h.say(ear, "SUNSUBSCRIBE c") == ">3\r\n$12\r\nsunsubscribe\r\n$1\r\nc\r\n:1\r\n");
  CHECK(h.say(ear, "RESET") == "+RESET\r\n");
  CHECK(h.say("SPUBLISH d m") == ":0\r\n");
}

TEST_CASE("resp: there are no functions, and none can be found or stopped") {
  Harness h;
  CHECK(h.say("FUNCTION FLUSH") == "+OK\r\n");
  CHECK(h.say("FUNCTION FLUSH ASYNC") == "+OK\r\n");
  CHECK(h.say("FUNCTION FLUSH LATER") ==
        "-ERR FUNCTION FLUSH only supports SYNC|ASYNC option\r\n");
  CHECK(h.say("FUNCTION LIST WITHCODE") == "*0\r\n");
  CHECK(h.say("FUNCTION KILL") == "-NOTBUSY No scripts in execution right now.\r\n");
  CHECK(h.say("SCRIPT KILL") == "-NOTBUSY No scripts in execution right now.\r\n");
}

TEST_CASE("resp: INFO tells how much was written since the last SAVE") {
  Harness h;
  CHECK(h.say("INFO persistence").find("rdb_changes_since_last_save:0\r\n") != std::string::npos);
  CHECK(h.say("SET k v") == "+OK\r\n");
  CHECK(h.say("INFO persistence").find("rdb_changes_since_last_save:0\r\n") == std::string::npos);
  CHECK(h.say("SAVE") == "+OK\r\n");
  CHECK(h.say("INFO persistence").find("rdb_changes_since_last_save:0\r\n") != std::string::npos);
}

}  // namespace cloakroom::resp
