// What of sessions survives which fault, and what happens while the disk does not take anything.
#include <string>

#include "sessions/fake_disk_fixture.h"

namespace cloakroom::testing {

TEST_CASE("session durability: a login and all that ends a session survive a power cut at once") {
  FakeDiskFixture f({.rotate_grace = 0s});
  Session kept = f.create({.owner = "alice"});
  Session logout = f.create({.owner = "alice"});
  Session by_handle = f.create({.owner = "alice"});
  Session rotated = f.create({.owner = "bob"});
  Session revoked = f.create({.owner = "carol"});
  const std::string old_token(rotated.token());
  REQUIRE_OK(f.sessions().destroy(logout));
  f.cut_power();
  CHECK_CODE(f.sessions().load(logout.token()), kEnded);
  REQUIRE_OK(f.sessions().destroy_handle("alice", by_handle.handle()));
  f.cut_power();
  CHECK_CODE(f.sessions().load(by_handle.token()), kEnded);
  REQUIRE_OK(f.sessions().rotate(rotated));
  f.cut_power();
  CHECK_CODE(f.sessions().load(old_token), kEnded);
  REQUIRE_OK(f.sessions().load(rotated.token()));
  REQUIRE_OK(f.sessions().destroy_all("carol"));
  f.cut_power();
  CHECK_CODE(f.sessions().load(revoked.token()), kEnded);
  CHECK(f.sessions().list("alice")->size() == 1);
  CHECK(f.sessions().list("bob")->size() == 1);
  CHECK(f.sessions().list("carol")->empty());
  REQUIRE_OK(f.sessions().load(kept.token()));
  REQUIRE_OK(f.sessions().end_everyone());
  f.cut_power();
  CHECK_CODE(f.sessions().load(kept.token()), kEnded);
  CHECK_CODE(f.sessions().load(rotated.token()), kEnded);
  REQUIRE_OK(f.sessions().load(f.create().token()));
}

TEST_CASE("session durability: what the limit ended is ended after a power cut, too") {
  FakeDiskFixture f({.max_per_owner = 1});
  const Session first = f.create({.owner = "alice"});
  const Session second = f.create({.owner = "alice"});
  f.cut_power();
  CHECK_CODE(f.sessions().load(first.token()), kEnded);
  REQUIRE_OK(f.sessions().load(second.token()));
}

TEST_CASE("session durability: somebody else's logout is waited for, too") {
  FakeDiskFixture f;
  const Session session = f.create({.owner = "alice"});
  REQUIRE_OK(f.sessions().destroy(session, {.durability = Durability::kMemory}));
  CHECK_CODE(f.sessions().destroy(session), kEnded);
  f.cut_power();
  CHECK_CODE(f.sessions().load(session.token()), kEnded);
  const Session other = f.create({.owner = "alice"});
  REQUIRE_OK(f.sessions().destroy(other, {.durability = Durability::kMemory}));
  CHECK(f.sessions().destroy_all("alice")->count == 0);
  f.cut_power();
  CHECK_CODE(f.sessions().load(other.token()), kEnded);
}

TEST_CASE(
    "session durability: attributes survive the process, and a power cut once they are synced") {
  FakeDiskFixture f;
  Session session = f.create({.owner = "alice"});
  session.set("a", "1");
  REQUIRE_OK(f.sessions().save(session));
  f.kill_process();
  session = *f.sessions().load(session.token());
  CHECK(session.get("a") == "1");
  session.set("a", "2");
  REQUIRE_OK(f.sessions().save(session, {.durability = Durability::kDisk}));
  f.cut_power();
  CHECK(f.sessions().load(session.token())->get("a") == "2");
}

TEST_CASE("session durability: an event loop waits by the version instead") {
  FakeDiskFixture f;
  auto session = f.sessions().create({.owner = "alice", .durability = Durability::kMemory});
  REQUIRE_OK(session);
  Status durable(StatusCode::kIo);
  f.store().when_durable(session->version(), [&](Status status) { durable = status; });
  CHECK_OK(durable);
  const auto ended = f.sessions().destroy(*session, {.durability = Durability::kMemory});
  REQUIRE_OK(ended);
  f.store().when_durable(*ended, [&](Status status) { durable = status; });
  CHECK_OK(durable);
  f.cut_power();
  CHECK_CODE(f.sessions().load(session->token()), kEnded);
}

TEST_CASE("session durability: after a restart everything is as it was, while it warms up, too") {
  FakeDiskFixture f({.rotate_grace = 10s, .rotate_grace_uses = 2});
  Session alive = f.create({.owner = "alice", .label = "L", .schema = 4});
  Session replaced = f.create();
  const Session ended = f.create({.owner = "alice"});
  const std::string old_token(replaced.token());
  REQUIRE_OK(f.sessions().rotate(replaced));
  REQUIRE_OK(f.sessions().load(old_token));
  REQUIRE_OK(f.sessions().destroy(ended));
  f.restart();  // and with background off nothing is warm
  const auto loaded = f.sessions().load(alive.token());
  REQUIRE_OK(loaded);
  CHECK(loaded->handle() == alive.handle());
  CHECK(loaded->label() == "L");
  CHECK(loaded->schema() == 4);
  CHECK(loaded->created() == alive.created());
  CHECK_CODE(f.sessions().load(ended.token()), kEnded);
  CHECK(f.sessions().why_ended(ended.token())->owner == "alice");
  REQUIRE_OK(f.sessions().load(old_token));
  CHECK_CODE(f.sessions().load(old_token), kEnded);
  f.restart();
  CHECK(f.sessions().list("alice")->size() == 1);
  CHECK(f.sessions().destroy_all("alice")->count == 1);
}

TEST_CASE("session durability: a crash in a rotation leaves one token, never both and never none") {
  for (std::size_t keep = 0; keep < 3; ++keep) {
    FakeDiskFixture f({.rotate_grace = 0s});
    Session session = f.create({.owner = "alice"});
    const std::string old_token(session.token());
    REQUIRE_OK(f.sessions().rotate(session, {.durability = Durability::kMemory}));
    f.kill_process(keep);
    const bool by_old = f.sessions().load(old_token).ok();
    const bool by_new = f.sessions().load(session.token()).ok();
    CHECK(by_old != by_new);
    CHECK(f.sessions().list("alice")->size() == 1);
  }
}

TEST_CASE("session durability: on a disk that failed sessions are served and can be ended") {
  FakeDiskFixture f;
  Session session = f.create({.owner = "alice"});
  Session other = f.create({.owner = "alice"});
  Session third = f.create({.owner = "bob"});
  f.journal().fail_append(1);
  session.set("a", "1");
  CHECK_CODE(f.sessions().save(session), kIo);
  CHECK_CODE(f.sessions().save(session), kReadOnly);
  CHECK(session.changed());
  CHECK_CODE(f.sessions().create(), kReadOnly);
  CHECK_CODE(f.sessions().rotate(session), kReadOnly);
  f.clock.advance(5min);
  REQUIRE_OK(f.sessions().load(session.token()));
  CHECK_CODE(f.sessions().destroy(session), kReadOnly);  // says so, and it is done in memory
  CHECK_CODE(f.sessions().load(session.token()), kNotFound);
  CHECK(f.sessions().why_ended(session.token())->reason == EndReason::kLogout);
  CHECK_CODE(f.sessions().save(session), kEnded);
  CHECK_CODE(f.sessions().destroy_all("alice"), kReadOnly);
  CHECK_CODE(f.sessions().load(other.token()), kNotFound);
  CHECK(f.sessions().list("alice")->empty());
  REQUIRE_OK(f.sessions().load(third.token()));
  CHECK_CODE(f.sessions().end_everyone(), kReadOnly);
  CHECK_CODE(f.sessions().load(third.token()), kEnded);
}

TEST_CASE("session durability: a wait that fails is told, and the outcome is in doubt") {
  FakeDiskFixture f;
  const Session session = f.create({.owner = "alice"});
  f.journal().fail_wait(1);
  CHECK_CODE(f.sessions().destroy(session), kIo);
  CHECK_CODE(f.sessions().load(session.token()), kEnded);
}

TEST_CASE("session durability: a full disk refuses logins, and lets everybody log out") {
  FakeDiskFixture f;
  Session session = f.create({.owner = "alice"});
  const Session other = f.create({.owner = "alice"});
  const Session anonymous = f.create();
  f.journal().set_full(true);
  CHECK_CODE(f.sessions().create({.owner = "alice"}), kFull);
  session.set("a", "1");
  CHECK_CODE(f.sessions().save(session), kFull);
  CHECK_CODE(f.sessions().rotate(session), kFull);
  REQUIRE_OK(f.sessions().load(session.token()));
  REQUIRE_OK(f.sessions().destroy(session));
  CHECK_CODE(f.sessions().load(session.token()), kEnded);
  REQUIRE_OK(f.sessions().destroy(anonymous));
  CHECK_CODE(f.sessions().load(anonymous.token()), kEnded);
  CHECK(f.sessions().destroy_all("alice")->count == 1);
  CHECK_CODE(f.sessions().load(other.token()), kEnded);
}

TEST_CASE("session durability: a full memory refuses logins, and lets everybody log out") {
  ManualClock clock;
  Options options = quiet_options(clock);
  options.memory_limit_bytes = std::size_t{4} << 20;
  Store store = open_store(options);
  Sessions sessions = make_sessions(store);
  std::vector<Session> all;
  for (;;) {
    auto session = sessions.create({.owner = "alice"});
    if (!session) {
      CHECK_CODE(session, kFull);
      break;
    }
    all.push_back(*std::move(session));
  }
  REQUIRE(all.size() > 100);
  for (const Session& session : all) {
    REQUIRE_OK(sessions.load(session.token()));
    REQUIRE_OK(sessions.destroy(session));
    CHECK_CODE(sessions.load(session.token()), kEnded);
  }
  REQUIRE_OK(sessions.create({.owner = "alice"}));
}

}  // namespace cloakroom::testing
