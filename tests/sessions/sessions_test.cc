// The life of one session: create, load, save, destroy, and what a token that is none is told.
#include <set>
#include <string>

#include "sessions/sessions_fixture.h"

namespace cloakroom::testing {

TEST_CASE("sessions: what is created is loaded by its token") {
  SessionsFixture f;
  const std::vector<Field> attributes{{"theme", "dark"}, {"cart", "[]"}};
  const Session made = f.create(
      {.owner = "alice", .label = "Firefox on Linux", .attributes = attributes, .schema = 3});
  CHECK(made.token().size() == kTokenChars);
  CHECK(made.handle().size() == kHandleChars);
  const Session session = f.load(made.token());
  CHECK(session.token() == made.token());
  CHECK(session.handle() == made.handle());
  CHECK(session.owner() == "alice");
  CHECK(session.label() == "Firefox on Linux");
  CHECK(session.get("theme") == "dark");
  CHECK(session.get("cart") == "[]");
  CHECK(!session.get("other"));
  CHECK(session.schema() == 3);
  CHECK(session.version() == made.version());
  for (const Session& one : {made, session}) {
    CHECK(one.created() == f.clock.wall_ms());
    CHECK(one.authenticated_at() == f.clock.wall_ms());
    CHECK(one.last_seen() == f.clock.wall_ms());
    CHECK(one.deadline() == f.clock.wall_ms() + Millis(30min).count());
    CHECK(one.lifetime() == f.clock.wall_ms() + Millis(12h).count());
  }
}

TEST_CASE("sessions: no two sessions share a token, a handle or a key") {
  SessionsFixture f;
  std::set<std::string> tokens;
  std::set<std::string> handles;
  for (int i = 0; i < 2000; ++i) {
    const Session session = f.create();
    tokens.emplace(session.token());
    handles.emplace(session.handle());
  }
  CHECK(tokens.size() == 2000);
  CHECK(handles.size() == 2000);
  CHECK(f.store.stats().records == 2001);  // and the one that is common to all
}

TEST_CASE("sessions: an unknown token never creates, whatever it looks like") {
  SessionsFixture f;
  const std::string good(f.create().token());
  REQUIRE_OK(f.sessions.destroy(good));
  const auto records = f.store.stats().records;
  std::string forged = good;
  forged[3] = forged[3] == 'A' ? 'B' : 'A';
  for (const std::string& token :
       {std::string(), std::string("x"), forged, good + "A", good.substr(1), std::string(54, 'A'),
        std::string(54, '\0'), std::string(1 << 16, 'A'), std::string("../../etc/passwd")}) {
    CHECK_CODE(f.sessions.load(token), kNotFound);
    CHECK_CODE(f.sessions.peek(token), kNotFound);
    CHECK_CODE(f.sessions.update(token, [](Session& s) { s.set("a", "b"); }), kNotFound);
    CHECK_CODE(f.sessions.destroy(token), kNotFound);
    CHECK_CODE(f.sessions.why_ended(token), kNotFound);
  }
  CHECK(f.store.stats().records == records);
  CHECK(f.sessions.stats().forged > 0);
  CHECK(f.sessions.stats().malformed > 0);
}

TEST_CASE("sessions: a token that fails its proof costs no lookup") {
  SessionsFixture f;
  std::string forged(f.create().token());
  forged[10] = forged[10] == 'x' ? 'y' : 'x';
  const Stats before = f.store.stats();
  CHECK_CODE(f.sessions.load(forged), kNotFound);
  CHECK(f.store.stats().hits == before.hits);
  CHECK(f.store.stats().misses == before.misses);
  CHECK(f.sessions.stats().forged == 1);
}

TEST_CASE("sessions: what the store knows is not accepted as a token") {
  SessionsFixture f;
  const Session session = f.create_for("alice");
  for (const auto& [key, record] : contents_of(f.store)) {
    CHECK(key.find(session.token()) == std::string::npos);
    CHECK(record.value.find(session.token()) == std::string::npos);
    CHECK_CODE(f.sessions.load(key), kNotFound);
    CHECK_CODE(f.sessions.load(key.substr(key.find(':') + 1)), kNotFound);
  }
  CHECK_CODE(f.sessions.load(session.handle()), kNotFound);
}

TEST_CASE("sessions: save writes what was changed and leaves the rest") {
  SessionsFixture f;
  Session session = f.create();
  const std::string token(session.token());
  session.set("a", "1");
  session.set("b", "2");
  CHECK(session.changed());
  CHECK(!f.stored(token, "a"));
  REQUIRE_OK(f.sessions.save(session));
  CHECK(!session.changed());
  CHECK(f.stored(token, "a") == "1");
  session.erase("a");
  session.set("b", "3");
  session.set_schema(7);
  REQUIRE_OK(f.sessions.save(session));
  CHECK(!f.stored(token, "a"));
  CHECK(f.stored(token, "b") == "3");
  CHECK(f.load(token).schema() == 7);
}

TEST_CASE("sessions: nothing to save writes nothing") {
  SessionsFixture f;
  Session session = f.create();
  const Version last = f.store.stats().version_last;
  REQUIRE_OK(f.sessions.save(session));
  session.set("a", "1");
  REQUIRE_OK(f.sessions.save(session));
  CHECK(f.store.stats().version_last > last);
  const Version after = f.store.stats().version_last;
  session.set("a", "1");
  REQUIRE_OK(f.sessions.save(session));
  CHECK(f.store.stats().version_last == after);
  CHECK(session.version() == after);
}

TEST_CASE("sessions: a destroyed session is ended for everybody, with its reason") {
  SessionsFixture f;
  Session session = f.create_for("alice");
  Session other = f.load(session.token());
  REQUIRE_OK(f.sessions.destroy(session));
  CHECK_CODE(f.sessions.load(session.token()), kEnded);
  CHECK(f.sessions.load(session.token()).status().message() == "the session has ended: logout");
  CHECK_CODE(f.sessions.peek(session.token()), kEnded);
  other.set("a", "1");
  CHECK_CODE(f.sessions.save(other), kEnded);
  CHECK(other.changed());
  CHECK_CODE(f.sessions.update(session.token(), [](Session& s) { s.set("a", "1"); }), kEnded);
  CHECK_CODE(f.sessions.rotate(other), kEnded);
  CHECK_CODE(f.sessions.destroy(session.token()), kEnded);
  CHECK(f.count_of("alice") == 0);
  CHECK(f.store.owned_by("alice")->empty());
  const auto why = f.sessions.why_ended(session.token());
  REQUIRE_OK(why);
  CHECK(why->reason == EndReason::kLogout);
  CHECK(why->owner == "alice");
  CHECK(why->when == f.clock.wall_ms());
}

TEST_CASE("sessions: a tombstone is remembered for a while and then nothing is") {
  SessionsFixture f({.remember_ended = 10min});
  const Session session = f.create_for("alice");
  REQUIRE_OK(f.sessions.destroy(session));
  f.clock.advance(10min);
  CHECK_CODE(f.sessions.load(session.token()), kEnded);
  f.clock.advance(1s);
  CHECK_CODE(f.sessions.load(session.token()), kNotFound);
  Session late = session;
  late.set("a", "1");
  CHECK_CODE(f.sessions.save(late), kEnded);
  f.store.sweep();
  CHECK(f.store.stats().records == 1);
}

TEST_CASE("sessions: a session that was none is told so") {
  SessionsFixture f;
  Session none;
  CHECK(none.token().empty());
  CHECK(none.owner().empty());
  none.set("a", "1");
  CHECK_CODE(f.sessions.save(none), kNotFound);
  CHECK_CODE(f.sessions.rotate(none), kNotFound);
  CHECK_CODE(f.sessions.destroy(none), kNotFound);
  CHECK_CODE(f.sessions.require_fresh(none, 1h), kNotFound);
}

TEST_CASE("sessions: loading into a session forgets all of the one before") {
  SessionsFixture f;
  Session a = f.create({.owner = "alice", .label = "A"});
  a.set("x", "1");
  const Session b = f.create();
  REQUIRE_OK(f.sessions.load(b.token(), a));
  CHECK(a.token() == b.token());
  CHECK(a.owner().empty());
  CHECK(a.label().empty());
  CHECK(!a.has("x"));
  CHECK(!a.changed());
  CHECK_CODE(f.sessions.load("nonsense", a), kNotFound);
  CHECK(a.token().empty());
  CHECK(a.owner().empty());
  CHECK(a.handle().empty());
  CHECK(a.created() == 0);
}

TEST_CASE("sessions: without randomness nothing is created") {
  bool fails = false;
  SessionsHooks hooks;
  hooks.random = [&](std::span<unsigned char> bytes) {
    return fails ? Status(StatusCode::kIo, "getrandom failed") : random_bytes(bytes);
  };
  SessionsFixture f({}, hooks);
  Session session = f.create();
  fails = true;
  const auto records = f.store.stats().records;
  CHECK_CODE(f.sessions.create(), kIo);
  CHECK_CODE(f.sessions.rotate(session), kIo);
  CHECK(f.store.stats().records == records);
  fails = false;
  REQUIRE_OK(f.sessions.load(session.token()));
  REQUIRE_OK(f.sessions.rotate(session));
}

TEST_CASE("sessions: limits are refused and say which") {
  SessionsFixture f;
  CHECK_CODE(f.sessions.create({.label = std::string(kLabelBytesMax + 1, 'l')}), kTooLarge);
  CHECK_CODE(f.sessions.create({.owner = std::string(kOwnerBytesMax + 1, 'o')}), kTooLarge);
  const std::vector<Field> twice{{"a", "1"}, {"a", "2"}};
  CHECK_CODE(f.sessions.create({.attributes = twice}), kInvalidArgument);
  CHECK_CODE(f.sessions.create({.idle_timeout = 0ms}), kInvalidArgument);
  CHECK_CODE(f.sessions.create({.lifetime = -1ms}), kInvalidArgument);

  Session session = f.create();
  const std::string token(session.token());
  session.set(std::string(kAttributeNameBytesMax + 1, 'n'), "v");
  session.set("ok", "v");
  CHECK_CODE(f.sessions.save(session), kTooLarge);
  CHECK(!f.stored(token, "ok"));
  session = f.load(token);
  session.set("big", std::string(kSessionBytesMax, 'v'));
  CHECK_CODE(f.sessions.save(session), kTooLarge);
  session = f.load(token);
  for (std::size_t i = 0; i <= kAttributeCountMax; ++i) session.set(text("n", i), "v");
  CHECK_CODE(f.sessions.save(session), kTooLarge);
  session.erase("n0");
  REQUIRE_OK(f.sessions.save(session));
}

TEST_CASE("sessions: bad options fail the construction, and every call says why") {
  ManualClock clock;
  Store store = memory_store(clock);
  const auto refuse = [&](SessionsOptions options) {
    Sessions sessions(store, quiet_sessions(std::move(options)));
    CHECK_CODE(sessions.status(), kInvalidArgument);
    CHECK_CODE(sessions.create(), kInvalidArgument);
    CHECK_CODE(sessions.load(std::string(54, 'A')), kInvalidArgument);
    CHECK_CODE(sessions.destroy_all("alice"), kInvalidArgument);
    CHECK_CODE(sessions.end_everyone(), kInvalidArgument);
    CHECK_CODE(sessions.list("alice"), kInvalidArgument);
  };
  refuse({.idle_timeout = 0ms});
  refuse({.lifetime = 0ms});
  refuse({.renewal_interval = -1s});
  refuse({.rotate_grace = -1s});
  refuse({.remember_ended = 0s});
  refuse({.name = ""});
  refuse({.name = "a:b"});
  refuse({.name = std::string(33, 'n')});
  refuse({.keys = {"short"}});
  refuse({.keys = {std::string(32, 'k'), std::string(32, 'k')}});
  CHECK(store.stats().records == 0);
}

TEST_CASE("sessions: two names over one store do not know each other's sessions") {
  ManualClock clock;
  Store store = memory_store(clock);
  const std::vector<std::string> keys{std::string(32, 'k')};
  Sessions users = make_sessions(store, {.keys = keys, .name = "users"});
  Sessions admins = make_sessions(store, {.keys = keys, .name = "admins"});
  const auto session = users.create({.owner = "alice"});
  REQUIRE_OK(session);
  CHECK_CODE(admins.load(session->token()), kNotFound);
  CHECK(admins.stats().forged == 1);
  CHECK(admins.list("alice")->empty());
  CHECK(admins.destroy_all("alice")->count == 0);
  REQUIRE_OK(admins.end_everyone());
  REQUIRE_OK(users.load(session->token()));
}

}  // namespace cloakroom::testing
