// CLIENT TRACKING: clients that keep keys in caches of their own are told when these change.
#include <string>

#include "harness.h"

namespace cloakroom::resp {
namespace {

std::string invalidate(std::string_view keys) {
  return ">2\r\n$10\r\ninvalidate\r\n" + std::string(keys);
}
const std::string kOfK = invalidate("*1\r\n$1\r\nk\r\n");

std::string heard(FakeClient& client) { return std::exchange(client.pushed, {}); }

}  // namespace

TEST_CASE("tracking: a key that was read is told when it changes, once") {
  Harness h;
  FakeClient& cache = h.connect(3);
  CHECK(h.say(cache, "CLIENT TRACKING ON") == "+OK\r\n");
  CHECK(h.say(cache, "GET k") == "_\r\n");
  (void)h.say("SET k 1");
  CHECK(heard(cache) == kOfK);
  (void)h.say("SET k 2");
  CHECK(heard(cache).empty());
  (void)h.say(cache, "MGET j k");
  (void)h.say("SET other 1");
  CHECK(heard(cache).empty());
  (void)h.say("DEL k");
  CHECK(heard(cache) == kOfK);
}

TEST_CASE(
    "tracking: whatever changes a key is told: deadlines, expiry, moves, transactions, the host") {
  Harness h;
  FakeClient& cache = h.connect(3);
  (void)h.say(cache, "CLIENT TRACKING ON");
  const auto told_after = [&](std::string_view line) {
    (void)h.say(cache, "GET k");
    (void)h.say(line);
    return heard(cache) == kOfK;
  };
  CHECK(told_after("SET k 1"));
  CHECK(told_after("EXPIRE k 100"));
  CHECK(told_after("GETEX k PX 5000"));
  CHECK(told_after("PERSIST k"));
  CHECK(told_after("RENAME k other"));
  CHECK(told_after("COPY other k"));
  CHECK(told_after("HSET k f v") == false);  // of another type: nothing changed
  CHECK(h.say("MULTI") == "+OK\r\n");
  (void)h.say("INCR k");
  CHECK(told_after("EXEC"));
  (void)h.say("SET k 1 PX 10");
  (void)heard(cache);
  (void)h.say(cache, "GET k");
  h.clock.advance(Millis(20));
  (void)h.store.sweep();
  h.store.deliver_events();
  CHECK(heard(cache) == kOfK);
  (void)h.say(cache, "GET k");
  CHECK_OK(h.store.put("k", "of the host"));
  h.store.deliver_events();
  CHECK(heard(cache) == kOfK);
}

TEST_CASE("tracking: a flush is told as one message, to those who wait for prefixes, too") {
  Harness h;
  FakeClient& cache = h.connect(3);
  FakeClient& all = h.connect(3);
  (void)h.say("MSET a 1 b 2 c 3");
  (void)h.say(cache, "CLIENT TRACKING ON");
  (void)h.say(all, "CLIENT TRACKING ON BCAST");
  (void)h.say(cache, "MGET a b c");
  (void)h.say("FLUSHALL");
  CHECK(heard(cache) == invalidate("_\r\n"));
  CHECK(heard(all) == invalidate("_\r\n"));
}

TEST_CASE("tracking: with prefixes every change under them is told, of one command together") {
  Harness h;
  FakeClient& cache = h.connect(3);
  CHECK(h.say(cache, "CLIENT TRACKING ON BCAST PREFIX a PREFIX b") == "+OK\r\n");
  (void)h.say("MSET a1 1 a2 2 c 3");
  CHECK(heard(cache) == invalidate("*2\r\n$2\r\na1\r\n$2\r\na2\r\n"));
  CHECK(h.say(cache, "CLIENT TRACKING ON BCAST PREFIX ab").find("overlaps with an existing") !=
        std::string::npos);
  CHECK(h.say(cache, "CLIENT TRACKING ON BCAST PREFIX x PREFIX xy")
            .find("overlaps with another provided") != std::string::npos);
  CHECK(h.say(cache, "CLIENT TRACKING ON").find("switch BCAST") != std::string::npos);
  CHECK(h.say("INFO stats").find("tracking_total_prefixes:2\r\n") != std::string::npos);
}

TEST_CASE(
    "tracking: who wants no loop is not told of what it does itself, but of the same by others") {
  Harness h;
  FakeClient& cache = h.connect(3);
  FakeClient& prefixes = h.connect(3);
  (void)h.say(cache, "CLIENT TRACKING ON NOLOOP");
  (void)h.say(prefixes, "CLIENT TRACKING ON BCAST NOLOOP");
  (void)h.say(cache, "GET k");
  (void)h.say(cache, "SET k 1");
  CHECK(heard(cache).empty());
  CHECK(heard(prefixes) == kOfK);
  (void)h.say(prefixes, "SET k 2");
  CHECK(heard(prefixes).empty());
  (void)h.say(cache, "GET k");
  (void)h.say("SET k 3");
  CHECK(heard(cache) == kOfK);
  CHECK(heard(prefixes) == kOfK);
}

TEST_CASE("tracking: CLIENT CACHING chooses reads, one command or transaction at a time") {
  Harness h;
  FakeClient& in = h.connect(3);
  FakeClient& out = h.connect(3);
  (void)h.say(in, "CLIENT TRACKING ON OPTIN");
  (void)h.say(out, "CLIENT TRACKING ON OPTOUT");
  (void)h.say(in, "GET k");
  CHECK(h.say(out, "CLIENT CACHING NO") == "+OK\r\n");
  (void)h.say(out, "GET k");
  (void)h.say("SET k 1");
  CHECK(heard(in).empty());
  CHECK(heard(out).empty());
  CHECK(h.say(in, "CLIENT CACHING YES") == "+OK\r\n");
  (void)h.say(in, "MULTI");
  (void)h.say(in, "GET k");
  (void)h.say(in, "EXEC");
  (void)h.say(in, "GET j");
  (void)h.say(out, "GET k");
  (void)h.say("MSET j 1 k 2");
  CHECK(heard(in) == kOfK);
  CHECK(heard(out) == kOfK);
  CHECK(h.say(in, "CLIENT CACHING NO").starts_with("-ERR CLIENT CACHING NO is only valid"));
}

TEST_CASE("tracking: messages go to another client, over RESP2 as those of a channel") {
  Harness h;
  FakeClient& cache = h.connect(2);
  FakeClient& ear = h.connect(2);
  (void)h.say(ear, "SUBSCRIBE __redis__:invalidate");
  const std::string on = "CLIENT TRACKING ON REDIRECT " + std::to_string(ear.id);
  CHECK(h.say(cache, on) == "+OK\r\n");
  CHECK(h.say(cache, "CLIENT GETREDIR") == ":" + std::to_string(ear.id) + "\r\n");
  (void)h.say(cache, "GET k");
  (void)h.say("SET k 1");
  CHECK(heard(ear) == "*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n*1\r\n$1\r\nk\r\n");
  CHECK(heard(cache).empty());
  CHECK(h.say(cache, "CLIENT TRACKING ON REDIRECT 999").find("does not exist") !=
        std::string::npos);
}

TEST_CASE("tracking: that the other client has gone is told, and shown") {
  Harness h;
  FakeClient& cache = h.connect(3);
  FakeClient& ear = h.connect(3);
  (void)h.say(cache, "CLIENT TRACKING ON REDIRECT " + std::to_string(ear.id));
  (void)h.say(cache, "GET k");
  h.server->clients.remove(ear.id);
  (void)h.say("SET k 1");
  CHECK(heard(cache).starts_with(">2\r\n$21\r\ntracking-redir-broken\r\n:"));
  CHECK(h.say(cache, "CLIENT TRACKINGINFO").find("broken_redirect") != std::string::npos);
  CHECK(h.say(cache, "CLIENT INFO").find(" flags=tR ") != std::string::npos);
}

TEST_CASE("tracking: a full table forgets the keys it remembered first, and tells so") {
  Harness h;
  FakeClient& cache = h.connect(3);
  (void)h.say(cache, "CLIENT TRACKING ON");
  (void)h.say(cache, "MGET k b c");
  CHECK(h.say("CONFIG SET tracking-table-max-keys 2") == "+OK\r\n");
  CHECK(heard(cache) == kOfK);
  CHECK(h.say("INFO stats").find("tracking_total_keys:2\r\ntracking_total_items:2\r\n") !=
        std::string::npos);
  (void)h.say(cache, "GET d");
  CHECK(heard(cache) == invalidate("*1\r\n$1\r\nb\r\n"));
}

TEST_CASE("tracking: it ends with OFF, with RESET and with the client") {
  Harness h;
  FakeClient& cache = h.connect(3);
  for (const std::string_view end : {"CLIENT TRACKING OFF", "RESET"}) {
    cache.set_protocol(3);
    (void)h.say(cache, "CLIENT TRACKING ON");
    (void)h.say(cache, "GET k");
    CHECK(h.server->tracking.any());
    (void)h.say(cache, end);
    CHECK(!h.server->tracking.any());
    (void)h.say("SET k 1");
    CHECK(heard(cache).empty());
  }
  (void)h.say(cache, "CLIENT TRACKING ON");
  forget(*h.server, cache);
  CHECK(!h.server->tracking.any());
}

TEST_CASE(
    "tracking: keys whose hashes the store has are told by the client's names; no prefixes there") {
  Harness h({.hash_keys = {"s:"}, .hash_secret = "0123456789abcdef0123456789abcdef"});
  FakeClient& cache = h.connect(3);
  (void)h.say(cache, "CLIENT TRACKING ON");
  (void)h.say(cache, "GET s:1");
  (void)h.say("SET s:1 v");
  CHECK(heard(cache) == invalidate("*1\r\n$3\r\ns:1\r\n"));
  (void)h.say(cache, "CLIENT TRACKING OFF");
  CHECK(h.say(cache, "CLIENT TRACKING ON BCAST").starts_with("-ERR BCAST is not possible here"));
}

}  // namespace cloakroom::resp
