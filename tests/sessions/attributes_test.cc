// Attributes: how a session shows its own changes, and how those of several requests come together.
#include <map>
#include <string>
#include <thread>

#include "sessions/sessions_fixture.h"

namespace cloakroom::testing {
namespace {

using Attributes = std::vector<std::pair<std::string, std::string>>;

Attributes attributes_of(const Session& session) {
  Attributes all;
  session.visit_attributes([&](const Field& field) { all.emplace_back(field.name, field.value); });
  return all;
}

}  // namespace

TEST_CASE("attributes: a session shows its own changes before they are saved") {
  SessionsFixture f;
  const std::vector<Field> given{{"a", "1"}, {"b", "2"}, {"c", "3"}};
  Session session = f.create({.attributes = given});
  session.set("b", "20");
  session.erase("a");
  session.set("d", "4");
  session.set("d", "40");
  CHECK(!session.has("a"));
  CHECK(session.get("b") == "20");
  const Attributes expected{{"b", "20"}, {"c", "3"}, {"d", "40"}};
  CHECK(attributes_of(session) == expected);
  REQUIRE_OK(f.sessions.save(session));
  CHECK(attributes_of(session) == expected);
  CHECK(attributes_of(f.load(session.token())) == expected);
  session.set("a", "again");
  session.erase("zz");  // was not there: nothing to do, and no harm
  REQUIRE_OK(f.sessions.save(session));
  CHECK(attributes_of(f.load(session.token())).back().first == "a");
}

TEST_CASE("attributes: names and values are bytes, of any content") {
  SessionsFixture f;
  Session session = f.create();
  const std::string name("\0n\xff", 3);
  const std::string value("\r\n\0;\x80", 5);
  session.set(name, value);
  session.set("", "empty name");
  session.set("empty value", "");
  REQUIRE_OK(f.sessions.save(session));
  session = f.load(session.token());
  CHECK(session.get(name) == value);
  CHECK(session.get("") == "empty name");
  CHECK(session.get("empty value") == "");
}

TEST_CASE("attributes: a value may be set from a view of the session itself") {
  SessionsFixture f;
  Session session = f.create();
  session.set("a", std::string(100, 'a'));
  session.set("b", *session.get("a"));
  session.set("a", session.get("b")->substr(0, 50));
  session.set("a", session.get("a")->substr(10));
  CHECK(session.get("a") == std::string(40, 'a'));
  CHECK(session.get("b") == std::string(100, 'a'));
}

TEST_CASE("attributes: what is popped is shown once") {
  SessionsFixture f;
  Session session = f.create();
  session.set("flash", "saved");
  REQUIRE_OK(f.sessions.save(session));
  session = f.load(session.token());
  CHECK(session.pop("flash") == "saved");
  CHECK(!session.pop("flash"));
  REQUIRE_OK(f.sessions.save(session));
  CHECK(!f.stored(session.token(), "flash"));
  session.set("x", "1");
  CHECK(session.pop("x") == "1");
  CHECK(!session.has("x"));
}

TEST_CASE("attributes: counters of several requests all count") {
  SessionsFixture f;
  Session session = f.create();
  CHECK(session.increment("n") == 1);
  CHECK(session.increment("n", 4) == 5);
  REQUIRE_OK(f.sessions.save(session));
  Session a = f.load(session.token());
  Session b = f.load(session.token());
  CHECK(a.increment("n") == 6);
  CHECK(b.increment("n", 10) == 15);
  REQUIRE_OK(f.sessions.save(a));
  REQUIRE_OK(f.sessions.save(b, {.refuse_conflicts = true}));
  CHECK(b.get("n") == "16");
  CHECK(f.stored(session.token(), "n") == "16");
}

TEST_CASE("attributes: a counter on what was set here counts on that") {
  SessionsFixture f;
  Session session = f.create();
  session.set("n", "5");
  CHECK(session.increment("n", -7) == -2);
  REQUIRE_OK(f.sessions.save(session));
  CHECK(f.stored(session.token(), "n") == "-2");
  session.erase("n");
  CHECK(session.increment("n") == 1);
  REQUIRE_OK(f.sessions.save(session));
  CHECK(f.stored(session.token(), "n") == "1");
}

TEST_CASE("attributes: a counter on what is no number changes nothing") {
  SessionsFixture f;
  Session session = f.create();
  for (const char* const value : {"five", "", " 1", "1 ", "0x10", "9223372036854775808"}) {
    session.set("n", value);
    REQUIRE_OK(f.sessions.save(session));
    CHECK(session.increment("n") == 1);
    CHECK_CODE(f.sessions.save(session), kInvalidArgument);
    CHECK(f.stored(session.token(), "n") == value);
    session = f.load(session.token());
  }
  session.set("n", "9223372036854775807");
  REQUIRE_OK(f.sessions.save(session));
  CHECK(session.increment("n") == std::numeric_limits<std::int64_t>::max());
  CHECK_CODE(f.sessions.save(session), kInvalidArgument);
  CHECK(f.stored(session.token(), "n") == "9223372036854775807");
}

TEST_CASE("attributes: two requests that change different attributes both win") {
  SessionsFixture f;
  Session a = f.create();
  Session b = f.load(a.token());
  a.set("a", "1");
  b.set("b", "2");
  REQUIRE_OK(f.sessions.save(a, {.refuse_conflicts = true}));
  REQUIRE_OK(f.sessions.save(b, {.refuse_conflicts = true}));
  CHECK(f.stored(a.token(), "a") == "1");
  CHECK(f.stored(a.token(), "b") == "2");
  CHECK(b.get("a") == "1");  // save shows what is stored
}

TEST_CASE("attributes: of two that change the same one the last wins, or is told on request") {
  SessionsFixture f;
  Session a = f.create();
  Session b = f.load(a.token());
  Session c = f.load(a.token());
  a.set("x", "a");
  b.set("x", "b");
  c.erase("x");
  REQUIRE_OK(f.sessions.save(a));
  CHECK_CODE(f.sessions.save(b, {.refuse_conflicts = true}), kConflict);
  CHECK(f.stored(a.token(), "x") == "a");
  CHECK(b.get("x") == "b");
  REQUIRE_OK(f.sessions.save(b));
  CHECK(f.stored(a.token(), "x") == "b");
  CHECK_CODE(f.sessions.save(c, {.refuse_conflicts = true}), kConflict);
  CHECK(f.sessions.stats().saves_refused == 2);
}

TEST_CASE("attributes: update changes the session as it is, and all of many threads count") {
  SessionsFixture f;
  const std::string token(f.create().token());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 500; ++i) {
        const auto updated = f.sessions.update(token, [&](Session& session) {
          session.set("n",
                      std::to_string(std::stoi(std::string(session.get("n").value_or("0"))) + 1));
          session.set(text("thread", static_cast<std::uint64_t>(t)), std::to_string(i));
        });
        if (!updated) FAIL("update failed");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(f.stored(token, "n") == "2000");
  for (std::uint64_t t = 0; t < 4; ++t) CHECK(f.stored(token, text("thread", t)) == "499");
}

TEST_CASE("attributes: update sees the session, returns it, and may leave it alone") {
  SessionsFixture f;
  const Session session = f.create({.owner = "alice", .label = "L"});
  const Version last = f.store.stats().version_last;
  auto updated = f.sessions.update(session.token(), [&](Session& current) {
    CHECK(current.owner() == "alice");
    CHECK(current.label() == "L");
    CHECK(current.token() == session.token());
    CHECK(current.handle() == session.handle());
  });
  REQUIRE_OK(updated);
  CHECK(f.store.stats().version_last == last);
  CHECK(updated->token() == session.token());
  updated = f.sessions.update(session.token(), [](Session& current) { current.set("a", "1"); });
  CHECK(updated->get("a") == "1");
  CHECK(!updated->changed());
}

TEST_CASE("attributes: a call from inside update is refused, and so is nothing else harmed") {
  SessionsFixture f;
  const std::string token(f.create().token());
  REQUIRE_OK(f.sessions.update(token, [&](Session& current) {
    CHECK_CODE(f.sessions.load(token), kInvalidArgument);
    CHECK_CODE(f.sessions.create(), kInvalidArgument);
    CHECK_CODE(f.sessions.save(current), kOk);  // nothing to save, nothing asked
    current.set("a", "1");
    CHECK_CODE(f.sessions.save(current), kInvalidArgument);
  }));
  CHECK(f.stored(token, "a") == "1");
}

TEST_CASE("attributes: a session is a value") {
  SessionsFixture f;
  Session a = f.create({.owner = "alice", .label = "L"});
  a.set("x", "1");
  const std::string token(a.token());
  Session copy = a;
  Session moved = std::move(a);
  for (const Session& one : {copy, moved}) {
    CHECK(one.token() == token);
    CHECK(one.owner() == "alice");
    CHECK(one.label() == "L");
    CHECK(one.get("x") == "1");
    CHECK(one.changed());
  }
  CHECK(a.token().empty());  // NOLINT: what is left behind is no session
  CHECK(a.owner().empty());
  CHECK(!a.changed());
  copy.set("x", "2");
  CHECK(moved.get("x") == "1");
  copy = std::move(moved);
  CHECK(copy.get("x") == "1");
}

}  // namespace cloakroom::testing
