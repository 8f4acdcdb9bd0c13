// Deadlines as clients ask for them: exact, on conditions, and against the wall clock.
#include <string>
#include <thread>

#include "harness.h"

namespace cloakroom::resp {

using namespace std::chrono_literals;

namespace {

std::string number(TimeMs time) { return std::to_string(time); }
std::string said(TimeMs time) { return ":" + number(time) + "\r\n"; }

}  // namespace

TEST_CASE("resp: every way to give a deadline gives it to the millisecond") {
  Harness h;
  const TimeMs at = h.store.now() + 54'321;
  for (const std::string& command :
       std::vector<std::string>{"SET k v PXAT " + number(at), "PEXPIREAT k " + number(at),
                                "PEXPIRE k 54321", "GETEX k PXAT " + number(at), "GETEX k PX 54321",
                                "SET k v PX 54321", "PSETEX k 54321 v"}) {
    INFO(command);
    (void)h.say("SET k v");
    (void)h.say(command);
    CHECK(h.say("PEXPIRETIME k") == said(at));
    CHECK(h.say("PTTL k") == ":54321\r\n");
  }
  const TimeMs second = h.store.now() / 1000 + 60;
  for (const std::string& command :
       {"SET k v EXAT " + number(second), "EXPIREAT k " + number(second),
        "GETEX k EXAT " + number(second)}) {
    INFO(command);
    (void)h.say("SET k v");
    (void)h.say(command);
    CHECK(h.say("PEXPIRETIME k") == said(second * 1000));
    CHECK(h.say("EXPIRETIME k") == said(second));
  }
  (void)h.say("COPY k c");
  (void)h.say("RENAME k r");
  CHECK(h.say("PEXPIRETIME c") == said(second * 1000));
  CHECK(h.say("PEXPIRETIME r") == said(second * 1000));
}

TEST_CASE("resp: absolute times are those of the wall clock, also when it jumps") {
  Harness h;
  (void)h.say("SET k v PX 5000");
  h.clock.jump_wall(1h);
  const TimeMs wall = h.store.wall_now();
  CHECK(h.say("PTTL k") == ":5000\r\n");
  CHECK(h.say("PEXPIRETIME k") == said(wall + 5000));
  (void)h.say("SET k v PXAT " + number(wall + 7000));
  CHECK(h.say("PTTL k") == ":7000\r\n");
  CHECK(h.say("PEXPIRETIME k") == said(wall + 7000));
  h.clock.jump_wall(-1h);
  h.clock.jump_wall(300ms);  // what a clock is corrected by every day
  CHECK(h.say("SET k v PXAT " + number(h.store.now() + 4000)) == "+OK\r\n");
  CHECK(h.say("PEXPIRETIME k") == said(h.store.now() + 4000));
}

TEST_CASE("resp: conditions of EXPIRE hold against others who move the deadline") {
  Harness h;
  // Two who only ever raise the deadline, by one each, if it is what they saw: no step is undone.
  const TimeMs begin = h.store.now() + 1'000'000;
  constexpr int kSteps = 3000;
  (void)h.say("SET k v PXAT " + number(begin));
  std::thread host([&] {
    for (int i = 1; i <= kSteps; ++i) {
      TimeMs seen = 0;
      (void)h.store.visit("k", [&](const RecordView& record) { seen = record.deadline; });
      if (seen < begin + i) (void)h.store.touch("k", {.deadline = begin + i, .if_deadline = seen});
    }
  });
  FakeClient& client = h.connect();
  TimeMs highest = 0;
  for (int i = 1; i <= kSteps; ++i) {
    (void)h.say(client, "PEXPIREAT k " + number(begin + i) + " GT");
    const std::string at = h.say(client, "PEXPIRETIME k");
    const TimeMs now = std::stoll(at.substr(1));
    REQUIRE(now >= begin + i);
    REQUIRE(now >= highest);
    highest = now;
  }
  host.join();
  CHECK(h.say("PEXPIREAT k " + number(begin + 2 * kSteps * 10) + " GT") == ":1\r\n");
  CHECK(h.say("PEXPIREAT k " + number(begin) + " GT") == ":0\r\n");
  CHECK(h.say("PEXPIREAT k 1 GT") == ":0\r\n");
  CHECK(h.say("PEXPIREAT k 1 NX") == ":0\r\n");
  CHECK(h.say("EXISTS k") == ":1\r\n");
  CHECK(h.say("PEXPIREAT k 1 LT") == ":1\r\n");
  CHECK(h.say("EXISTS k") == ":0\r\n");
  CHECK(h.say("HSET h f v") == ":1\r\n");
  CHECK(h.say("EXPIRE h -1 GT") == ":0\r\n");
  CHECK(h.say("EXPIRE h -1 NX") == ":1\r\n");
  CHECK(h.say("EXISTS h") == ":0\r\n");
}

TEST_CASE("resp: exactly one of many PERSIST says that it removed the deadline") {
  Harness h({.threads = 2});
  FakeClient& one = h.connect();
  FakeClient& two = h.connect();
  two.thread = 1;
  for (int round = 0; round < 500; ++round) {
    (void)h.say("SET k v PX 100000");
    int removed = 0;
    std::thread other([&] { removed += h.say(two, "PERSIST k") == ":1\r\n" ? 0x100 : 0; });
    const bool mine = h.say(one, "PERSIST k") == ":1\r\n";
    other.join();
    removed += mine ? 1 : 0;
    REQUIRE((removed == 1 || removed == 0x100));
  }
}

}  // namespace cloakroom::resp
