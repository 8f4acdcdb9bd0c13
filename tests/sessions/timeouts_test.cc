// The clocks of a session: idle timeout, lifetime, renewal, and what is told of them.
#include <string>

#include "sessions/policy.h"
#include "sessions/sessions_fixture.h"
#include "support/temp_dir.h"

namespace cloakroom::testing {

TEST_CASE("session timeouts: idle for longer than the timeout ends it, a load begins it anew") {
  SessionsFixture f({.idle_timeout = 10min, .lifetime = 10h});
  const std::string token(f.create().token());
  for (int i = 0; i < 5; ++i) {
    f.clock.advance(9min);
    const Session session = f.load(token);
    CHECK(session.deadline() == f.clock.wall_ms() + Millis(10min).count());
  }
  f.clock.advance(10min);
  const Session last = f.load(token);  // the last millisecond is still in it
  f.clock.advance(10min + 1ms);
  CHECK_CODE(f.sessions.load(token), kNotFound);
  CHECK_CODE(f.sessions.load(token), kNotFound);
  Session late = last;
  late.set("a", "1");
  CHECK_CODE(f.sessions.save(late), kEnded);
  CHECK_CODE(f.sessions.rotate(late), kEnded);
}

TEST_CASE("session timeouts: no load passes the lifetime") {
  SessionsFixture f({.idle_timeout = 10min, .lifetime = 1h});
  Session session = f.create_for("alice");
  const std::string token(session.token());
  for (int i = 0; i < 7; ++i) {
    f.clock.advance(8min);
    REQUIRE_OK(f.sessions.load(token));
  }
  f.clock.advance(4min);
  CHECK(f.load(token).deadline() == session.lifetime());
  f.clock.advance(1ms);
  CHECK_CODE(f.sessions.load(token), kNotFound);
  CHECK(f.count_of("alice") == 0);
}

TEST_CASE("session timeouts: neither save, peek, update nor a plain rotation moves a deadline") {
  SessionsFixture f({.idle_timeout = 10min});
  Session session = f.create();
  const TimeMs deadline = session.deadline();
  const TimeMs lifetime = session.lifetime();
  f.clock.advance(5min);
  session.set("a", "1");
  REQUIRE_OK(f.sessions.save(session));
  REQUIRE_OK(f.sessions.update(session.token(), [](Session& s) { s.set("b", "2"); }));
  REQUIRE_OK(f.sessions.rotate(session));
  CHECK(session.deadline() == deadline);
  const auto peeked = f.sessions.peek(session.token());
  REQUIRE_OK(peeked);
  CHECK(peeked->deadline() == deadline);
  CHECK(peeked->lifetime() == lifetime);
}

TEST_CASE("session timeouts: each session may have its own") {
  SessionsFixture f({.idle_timeout = 10min, .lifetime = 1h});
  const std::string quick(f.create({.idle_timeout = 1min}).token());
  const std::string brief(f.create({.lifetime = 2min}).token());
  const std::string endless(f.create({.idle_timeout = kNoExpiry, .lifetime = kNoExpiry}).token());
  f.clock.advance(61s);
  CHECK_CODE(f.sessions.load(quick), kNotFound);
  REQUIRE_OK(f.sessions.load(brief));
  f.clock.advance(60s);
  CHECK_CODE(f.sessions.load(brief), kNotFound);
  f.clock.advance(Millis(std::chrono::hours(24 * 365)));
  const Session session = f.load(endless);
  CHECK(session.deadline() == kNever);
  CHECK(session.lifetime() == kNever);
}

TEST_CASE("session timeouts: a deadline is moved when it is worth it, and never much too late") {
  SessionsFixture f({.idle_timeout = 10min});
  const std::string token(f.create().token());
  for (int i = 0; i < 99; ++i) {
    f.clock.advance(10ms);
    REQUIRE_OK(f.sessions.load(token));
  }
  CHECK(f.sessions.stats().slides == 0);
  f.clock.advance(10ms);
  REQUIRE_OK(f.sessions.load(token));
  CHECK(f.sessions.stats().slides == 1);
  CHECK(f.sessions.stats().loads == 100);
  CHECK(slide_step(10min) == 1s);
  CHECK(slide_step(32s) == 500ms);
  CHECK(slide_step(1ms) == 0ms);
}

TEST_CASE("session timeouts: last seen is when it was loaded before, to the step") {
  SessionsFixture f({.idle_timeout = 10min});
  const Session made = f.create_for("alice");
  const TimeMs start = f.clock.wall_ms();
  f.clock.advance(5min);
  CHECK(f.load(made.token()).last_seen() == start);
  f.clock.advance(5min);
  CHECK(f.load(made.token()).last_seen() == start + Millis(5min).count());
  f.clock.advance(1min);
  CHECK(f.sessions.list("alice")->front().last_seen == start + Millis(10min).count());
}

TEST_CASE("session timeouts: last seen is known where the lifetime is all that is left") {
  SessionsFixture capped({.idle_timeout = 30min, .lifetime = 30min});
  SessionsFixture endless({.idle_timeout = kNoExpiry, .lifetime = 10h});
  for (SessionsFixture* const f : {&capped, &endless}) {
    const Session made = f->create_for("alice");
    const TimeMs start = f->clock.wall_ms();
    f->clock.advance(59s);
    REQUIRE_OK(f->sessions.load(made.token()));
    CHECK(f->sessions.list("alice")->front().last_seen == start);  // noted once a minute
    f->clock.advance(20min);
    REQUIRE_OK(f->sessions.load(made.token()));
    CHECK(f->sessions.list("alice")->front().last_seen == f->clock.wall_ms());
    CHECK(f->load(made.token()).get("x") == std::nullopt);
  }
}

TEST_CASE("session timeouts: a token older than the renewal interval is due, until it is rotated") {
  SessionsFixture f({.renewal_interval = 10min});
  Session session = f.create();
  CHECK(!session.renewal_due());
  f.clock.advance(10min - 1ms);
  CHECK(!f.load(session.token()).renewal_due());
  f.clock.advance(1ms);
  CHECK(f.sessions.peek(session.token())->renewal_due());
  session = f.load(session.token());
  const std::string old_token(session.token());
  CHECK(session.renewal_due());
  REQUIRE_OK(f.sessions.rotate(session));
  CHECK(!session.renewal_due());
  CHECK(!f.load(session.token()).renewal_due());
  f.clock.advance(9s);
  CHECK(!f.load(old_token).renewal_due());  // in its grace: another request has seen to it
  f.clock.advance(10min);
  CHECK(f.load(session.token()).renewal_due());
  CHECK(!f.create({.renewal_interval = kNoExpiry}).renewal_due());
}

TEST_CASE("session timeouts: require_fresh asks when the user last proved who they are") {
  SessionsFixture f;
  Session session = f.create_for("alice");
  const Session anonymous = f.create();
  REQUIRE_OK(f.sessions.require_fresh(session, 5min));
  CHECK_CODE(f.sessions.require_fresh(anonymous, 5min), kEnded);
  f.clock.advance(5min);
  REQUIRE_OK(f.sessions.require_fresh(session, 5min));
  f.clock.advance(1ms);
  CHECK_CODE(f.sessions.require_fresh(session, 5min), kEnded);
  REQUIRE_OK(f.sessions.rotate(session));
  CHECK_CODE(f.sessions.require_fresh(session, 5min), kEnded);
  REQUIRE_OK(f.sessions.rotate(session, {.reauthenticated = true}));
  REQUIRE_OK(f.sessions.require_fresh(session, 5min));
  REQUIRE_OK(f.sessions.require_fresh(f.load(session.token()), 0min));
}

TEST_CASE("session timeouts: the presets are those of NIST and OWASP") {
  CHECK(timeouts::kAal1.lifetime == Millis(std::chrono::hours(720)));
  CHECK(timeouts::kAal1.idle_timeout == kNoExpiry);
  CHECK(timeouts::kAal2.lifetime == 24h);
  CHECK(timeouts::kAal2.idle_timeout == 1h);
  CHECK(timeouts::kAal3.lifetime == 12h);
  CHECK(timeouts::kAal3.idle_timeout == 15min);
  CHECK(timeouts::kOwaspHighValue.idle_timeout == 5min);
  SessionsFixture f(
      {.idle_timeout = timeouts::kAal3.idle_timeout, .lifetime = timeouts::kAal3.lifetime});
  const std::string token(f.create().token());
  f.clock.advance(15min + 1ms);
  CHECK_CODE(f.sessions.load(token), kNotFound);
}

TEST_CASE("session timeouts: a jump of the wall clock ends no session and revives none") {
  SessionsFixture f({.idle_timeout = 10min});
  const std::string alive(f.create().token());
  const std::string dead(f.create({.idle_timeout = 1min}).token());
  f.clock.advance(2min);
  f.clock.jump_wall(Millis(std::chrono::hours(24)));
  REQUIRE_OK(f.sessions.load(alive));
  f.clock.jump_wall(-Millis(std::chrono::hours(48)));
  REQUIRE_OK(f.sessions.load(alive));
  CHECK_CODE(f.sessions.load(dead), kNotFound);
}

}  // namespace cloakroom::testing
