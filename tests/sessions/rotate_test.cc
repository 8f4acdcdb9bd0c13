// A new token for the same session: what the old one is worth, and what goes along.
#include <string>

#include "sessions/sessions_fixture.h"

namespace cloakroom::testing {

TEST_CASE("rotate: the new token has the session, all of it") {
  SessionsFixture f;
  const std::vector<Field> attributes{{"cart", "[1]"}};
  Session session =
      f.create({.owner = "alice", .label = "L", .attributes = attributes, .schema = 2});
  const Session before = session;
  f.clock.advance(1min);
  REQUIRE_OK(f.sessions.rotate(session));
  CHECK(session.token() != before.token());
  CHECK(session.handle() == before.handle());
  CHECK(session.version() > before.version());
  const Session after = f.load(session.token());
  CHECK(after.owner() == "alice");
  CHECK(after.label() == "L");
  CHECK(after.get("cart") == "[1]");
  CHECK(after.schema() == 2);
  CHECK(after.created() == before.created());
  CHECK(after.authenticated_at() == before.authenticated_at());
  CHECK(after.lifetime() == before.lifetime());
  CHECK(f.count_of("alice") == 1);
}

TEST_CASE("rotate: the old token works for its grace, then it is ended and reported") {
  SessionsFixture f({.rotate_grace = 10s});
  std::vector<SessionEvent> replays;
  const auto subscription =
      f.sessions.subscribe([&](const SessionEvent& event) { replays.push_back(event); },
                           event_bit(SessionEventType::kReplayed));
  Session session = f.create_for("alice");
  const std::string old_token(session.token());
  REQUIRE_OK(f.sessions.rotate(session));
  f.clock.advance(10s);
  const Session parallel = f.load(old_token);
  CHECK(parallel.token() == old_token);
  CHECK(parallel.handle() == session.handle());
  CHECK(f.sessions.stats().graces == 1);
  f.clock.advance(1ms);
  CHECK_CODE(f.sessions.load(old_token), kEnded);
  CHECK_CODE(f.sessions.peek(old_token), kEnded);
  CHECK_CODE(f.sessions.update(old_token, [](Session& s) { s.set("a", "b"); }), kEnded);
  REQUIRE_OK(f.sessions.load(session.token()));
  f.sessions.deliver();
  REQUIRE(replays.size() == 2);  // load and update; peek only looks
  CHECK(replays[0].handle == session.handle());
  CHECK(replays[0].owner == "alice");
  CHECK(f.sessions.stats().replayed == 2);
  CHECK(f.sessions.why_ended(old_token)->reason == EndReason::kReplaced);
  CHECK_CODE(f.sessions.why_ended(session.token()), kNotFound);
}

TEST_CASE("rotate: the grace has so many uses and no more") {
  SessionsFixture f({.rotate_grace = 10s, .rotate_grace_uses = 3});
  Session session = f.create();
  const std::string old_token(session.token());
  REQUIRE_OK(f.sessions.rotate(session));
  for (int i = 0; i < 3; ++i) {
    REQUIRE_OK(f.sessions.peek(old_token));  // uses nothing up
    REQUIRE_OK(f.sessions.load(old_token));
  }
  CHECK_CODE(f.sessions.load(old_token), kEnded);
  CHECK_CODE(f.sessions.peek(old_token), kEnded);
  REQUIRE_OK(f.sessions.load(session.token()));
}

TEST_CASE("rotate: a rotation that raises privileges leaves the old token no grace") {
  SessionsFixture f;
  Session session = f.create();
  std::string old_token(session.token());
  REQUIRE_OK(f.sessions.rotate(session, {.owner = "alice"}));
  CHECK_CODE(f.sessions.load(old_token), kEnded);
  old_token = session.token();
  REQUIRE_OK(f.sessions.rotate(session, {.reauthenticated = true}));
  CHECK_CODE(f.sessions.load(old_token), kEnded);
  old_token = session.token();
  REQUIRE_OK(f.sessions.rotate(session, {.grace = 0ms}));
  CHECK_CODE(f.sessions.load(old_token), kEnded);
  old_token = session.token();
  REQUIRE_OK(f.sessions.rotate(session, {.reauthenticated = true, .grace = 5s}));
  REQUIRE_OK(f.sessions.load(old_token));
}

TEST_CASE("rotate: at a login the session gets its owner and both timeouts begin anew") {
  SessionsFixture f({.idle_timeout = 10min, .lifetime = 1h});
  const std::vector<Field> attributes{{"cart", "[1]"}};
  Session session = f.create({.attributes = attributes});
  f.clock.advance(5min);
  REQUIRE_OK(f.sessions.rotate(session, {.owner = "alice"}));
  for (const Session& one : {session, f.load(session.token())}) {
    CHECK(one.owner() == "alice");
    CHECK(one.get("cart") == "[1]");
    CHECK(one.authenticated_at() == f.clock.wall_ms());
    CHECK(one.lifetime() == f.clock.wall_ms() + Millis(1h).count());
    CHECK(one.deadline() == f.clock.wall_ms() + Millis(10min).count());
  }
  CHECK(f.count_of("alice") == 1);
  REQUIRE_OK(f.sessions.rotate(session, {.owner = ""}));
  CHECK(session.owner().empty());
  CHECK(session.authenticated_at() == 0);
  CHECK(f.count_of("alice") == 0);
}

TEST_CASE("rotate: pending changes stay pending and are saved under the new token") {
  SessionsFixture f;
  Session session = f.create();
  session.set("role", "admin");
  REQUIRE_OK(f.sessions.rotate(session));
  CHECK(session.get("role") == "admin");
  CHECK(session.changed());
  CHECK(!f.stored(session.token(), "role"));
  REQUIRE_OK(f.sessions.save(session));
  CHECK(f.stored(session.token(), "role") == "admin");
}

TEST_CASE("rotate: what other requests save meanwhile is kept") {
  SessionsFixture f;
  Session session = f.create();
  Session other = f.load(session.token());
  Session late = other;
  other.set("a", "1");
  REQUIRE_OK(f.sessions.save(other));
  REQUIRE_OK(f.sessions.rotate(session));
  CHECK(session.get("a") == "1");
  late.set("b", "2");  // its request began before the rotation
  REQUIRE_OK(f.sessions.save(late));
  CHECK(f.stored(session.token(), "b") == "2");
  f.clock.advance(11s);
  late.set("c", "3");
  REQUIRE_OK(f.sessions.save(late));  // it knows by now where the session is
  other.set("c", "4");
  CHECK_CODE(f.sessions.save(other), kEnded);
}

TEST_CASE("rotate: of two requests that rotate, one does") {
  SessionsFixture f;
  Session first = f.create();
  Session second = first;
  REQUIRE_OK(f.sessions.rotate(first));
  CHECK_CODE(f.sessions.rotate(second), kConflict);
  second = f.load(second.token());  // in its grace
  CHECK_CODE(f.sessions.rotate(second), kConflict);
  REQUIRE_OK(f.sessions.load(first.token()));
}

TEST_CASE("rotate: chains of rotations end with the graces") {
  SessionsFixture f({.rotate_grace = 10s});
  Session session = f.create();
  std::vector<std::string> tokens{std::string(session.token())};
  for (int i = 0; i < 5; ++i) {
    f.clock.advance(2s);
    REQUIRE_OK(f.sessions.rotate(session));
    tokens.emplace_back(session.token());
  }
  // Rotated 8, 6, 4, 2, 0 s ago.
  for (const std::string& token : tokens) CHECK(f.load(token).handle() == session.handle());
  f.clock.advance(5s);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    CHECK(f.sessions.load(tokens[i]).code() == (i < 2 ? StatusCode::kEnded : StatusCode::kOk));
  }
}

TEST_CASE("rotate: logout by any token that the session ever had ends it") {
  SessionsFixture f({.rotate_grace = 0s});
  Session session = f.create_for("alice");
  const std::string first(session.token());
  REQUIRE_OK(f.sessions.rotate(session));
  REQUIRE_OK(f.sessions.rotate(session));
  REQUIRE_OK(f.sessions.destroy(first));
  CHECK_CODE(f.sessions.load(session.token()), kEnded);
  CHECK(f.sessions.why_ended(session.token())->reason == EndReason::kLogout);
  CHECK(f.count_of("alice") == 0);
}

TEST_CASE("rotate: a touch that comes late gives a replaced token no more time") {
  // load() has found the session; before it touches, the token is rotated away.
  Sessions* sessions = nullptr;
  Session* rotating = nullptr;
  SessionsHooks hooks;
  hooks.between = [&] {
    if (rotating == nullptr) return;
    Session* const now = rotating;
    rotating = nullptr;
    REQUIRE_OK(sessions->rotate(*now));
  };
  SessionsFixture f({.idle_timeout = 10h, .rotate_grace = 10s}, hooks);
  sessions = &f.sessions;
  Session session = f.create();
  const std::string old_token(session.token());
  f.clock.advance(1min);
  Session copy = f.load(old_token);
  f.clock.advance(1min);
  rotating = &copy;
  REQUIRE_OK(f.sessions.load(old_token));
  REQUIRE(copy.token() != old_token);
  f.clock.advance(11s);
  CHECK_CODE(f.sessions.load(old_token), kEnded);
  REQUIRE_OK(f.sessions.load(copy.token()));
}

TEST_CASE("rotate: a session that is changed all the time is rotated all the same") {
  Sessions* sessions = nullptr;
  std::string token;
  int changes = 0;
  SessionsHooks hooks;
  hooks.between = [&] {
    if (changes == 0) return;
    --changes;
    const int rest = std::exchange(changes, 0);
    REQUIRE_OK(sessions->update(token, [](Session& s) { s.increment("n"); }));
    changes = rest;
  };
  SessionsFixture f({}, hooks);
  sessions = &f.sessions;
  Session session = f.create();
  token = session.token();
  changes = 20;
  REQUIRE_OK(f.sessions.rotate(session));
  CHECK(f.stored(session.token(), "n") == "20");
}

TEST_CASE("rotate: a negative grace is refused") {
  SessionsFixture f;
  Session session = f.create();
  CHECK_CODE(f.sessions.rotate(session, {.grace = -1ms}), kInvalidArgument);
}

}  // namespace cloakroom::testing
