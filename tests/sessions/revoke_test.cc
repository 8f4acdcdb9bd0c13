// Ending sessions of an owner: all, others, one by its handle, everyone, and the limit of how many.
#include <atomic>
#include <set>
#include <string>
#include <thread>

#include "sessions/sessions_fixture.h"

namespace cloakroom::testing {

TEST_CASE("revoke: destroy_all ends the owner's sessions and nobody else's") {
  SessionsFixture f;
  std::vector<Session> alices;
  for (int i = 0; i < 5; ++i) alices.push_back(f.create_for("alice"));
  const Session bob = f.create_for("bob");
  const Session anonymous = f.create();
  REQUIRE_OK(f.store.put("app:alice", "not a session", {.owner = "alice"}));
  const auto ended = f.sessions.destroy_all("alice");
  REQUIRE_OK(ended);
  CHECK(ended->count == 5);
  CHECK(ended->version == f.store.stats().version_last);
  for (const Session& session : alices) {
    CHECK_CODE(f.sessions.load(session.token()), kEnded);
    CHECK(f.sessions.why_ended(session.token())->reason == EndReason::kRevoked);
  }
  REQUIRE_OK(f.sessions.load(bob.token()));
  REQUIRE_OK(f.sessions.load(anonymous.token()));
  CHECK_VALUE(f.store, "app:alice", "not a session");
  CHECK(f.sessions.destroy_all("alice")->count == 0);
  CHECK_CODE(f.sessions.destroy_all(""), kInvalidArgument);
}

TEST_CASE("revoke: the session whose token is kept stays, whichever of its tokens that is") {
  SessionsFixture f;
  Session kept = f.create_for("alice");
  const std::string old_token(kept.token());
  REQUIRE_OK(f.sessions.rotate(kept));
  const Session other = f.create_for("alice");
  CHECK(f.sessions.destroy_all("alice", old_token)->count == 1);
  REQUIRE_OK(f.sessions.load(kept.token()));
  CHECK_CODE(f.sessions.load(other.token()), kEnded);
  // A token that leads nowhere keeps nothing.
  CHECK(f.sessions.destroy_all("alice", other.token())->count == 1);
  CHECK_CODE(f.sessions.load(kept.token()), kEnded);
}

TEST_CASE("revoke: one session is ended by its handle, if it is the owner's") {
  SessionsFixture f;
  Session session = f.create_for("alice");
  const Session other = f.create_for("alice");
  CHECK_CODE(f.sessions.destroy_handle("bob", session.handle()), kNotFound);
  CHECK_CODE(f.sessions.destroy_handle("", session.handle()), kNotFound);
  CHECK_CODE(f.sessions.destroy_handle("alice", ""), kNotFound);
  CHECK_CODE(f.sessions.destroy_handle("alice", session.token()), kNotFound);
  REQUIRE_OK(f.sessions.rotate(session));
  REQUIRE_OK(f.sessions.destroy_handle("alice", session.handle()));
  CHECK_CODE(f.sessions.load(session.token()), kEnded);
  CHECK_CODE(f.sessions.destroy_handle("alice", session.handle()), kNotFound);
  REQUIRE_OK(f.sessions.load(other.token()));
}

TEST_CASE("revoke: everyone is ended in one write, and who comes after is not") {
  SessionsFixture f;
  std::vector<Session> all;
  for (int i = 0; i < 50; ++i) all.push_back(i % 2 == 0 ? f.create_for("alice") : f.create());
  f.clock.advance(1s);
  const Version before = f.store.stats().version_last;
  REQUIRE_OK(f.sessions.end_everyone());
  CHECK(f.store.stats().version_last == before + 1);
  for (Session& session : all) {
    CHECK_CODE(f.sessions.load(session.token()), kEnded);
    CHECK_CODE(f.sessions.peek(session.token()), kEnded);
    session.set("a", "1");
    CHECK_CODE(f.sessions.save(session), kEnded);
    CHECK_CODE(f.sessions.rotate(session), kEnded);
    CHECK_CODE(f.sessions.destroy(session), kEnded);
  }
  CHECK(f.count_of("alice") == 0);
  const auto why = f.sessions.why_ended(all[0].token());
  REQUIRE_OK(why);
  CHECK(why->reason == EndReason::kEveryone);
  CHECK(why->when == f.clock.wall_ms());
  CHECK(why->owner == "alice");
  const Session later = f.create_for("alice");
  REQUIRE_OK(f.sessions.load(later.token()));
  CHECK(f.count_of("alice") == 1);
}

TEST_CASE("revoke: a session is not created alive by one who began before everyone was ended") {
  Sessions* sessions = nullptr;
  bool ending = false;
  SessionsHooks hooks;
  hooks.between = [&] {
    if (std::exchange(ending, false)) REQUIRE_OK(sessions->end_everyone());
  };
  SessionsFixture f({}, hooks);
  sessions = &f.sessions;
  ending = true;
  const Session session = f.create();
  CHECK_CODE(f.sessions.load(session.token()), kEnded);
}

TEST_CASE("revoke: a list shows what the user needs, the latest seen first, and no token") {
  SessionsFixture f;
  const Session phone = f.create({.owner = "alice", .label = "Phone"});
  f.clock.advance(1min);
  const Session laptop = f.create({.owner = "alice", .label = "Laptop"});
  f.clock.advance(1min);
  REQUIRE_OK(f.sessions.load(phone.token()));
  auto list = f.sessions.list("alice", laptop.token());
  REQUIRE_OK(list);
  REQUIRE(list->size() == 2);
  const SessionInfo& first = (*list)[0];
  CHECK(first.handle == phone.handle());
  CHECK(first.label == "Phone");
  CHECK(first.created == phone.created());
  CHECK(first.last_seen == f.clock.wall_ms());
  CHECK(first.deadline == f.clock.wall_ms() + Millis(30min).count());
  CHECK(first.lifetime == phone.lifetime());
  CHECK(first.authenticated_at == phone.authenticated_at());
  CHECK(!first.current);
  CHECK((*list)[1].handle == laptop.handle());
  CHECK((*list)[1].current);
  CHECK(f.sessions.list("nobody")->empty());
  CHECK(f.sessions.list("")->empty());
}

TEST_CASE("revoke: of more sessions than an owner may have, the least recently seen ends") {
  SessionsFixture f({.max_per_owner = 2});
  const Session a = f.create_for("alice");
  f.clock.advance(1min);
  const Session b = f.create_for("alice");
  f.clock.advance(1min);
  REQUIRE_OK(f.sessions.load(a.token()));
  f.clock.advance(1min);
  const Session c = f.create_for("alice");
  CHECK_CODE(f.sessions.load(b.token()), kEnded);
  CHECK(f.sessions.why_ended(b.token())->reason == EndReason::kLimit);
  REQUIRE_OK(f.sessions.load(a.token()));
  REQUIRE_OK(f.sessions.load(c.token()));
  REQUIRE_OK(f.sessions.create({.owner = "bob"}));
  for (int i = 0; i < 5; ++i) (void)f.create();  // nobody's: no limit
  Session guest = f.create();
  REQUIRE_OK(f.sessions.rotate(guest, {.owner = "alice"}));
  CHECK(f.count_of("alice") == 2);
  REQUIRE_OK(f.sessions.load(guest.token()));
  REQUIRE_OK(f.sessions.rotate(guest, {.owner = "alice"}));  // it is one of the two itself
  CHECK(f.count_of("alice") == 2);
}

TEST_CASE("revoke: at the limit a login is rejected, if that is what was asked for") {
  SessionsFixture f({.max_per_owner = 1, .at_limit = AtLimit::kReject});
  const Session first = f.create_for("alice");
  CHECK_CODE(f.sessions.create({.owner = "alice"}), kFull);
  Session guest = f.create();
  CHECK_CODE(f.sessions.rotate(guest, {.owner = "alice"}), kFull);
  REQUIRE_OK(f.sessions.load(guest.token()));
  REQUIRE_OK(f.sessions.destroy(first));
  REQUIRE_OK(f.sessions.rotate(guest, {.owner = "alice"}));
  CHECK_CODE(f.sessions.create({.owner = "alice"}), kFull);
  REQUIRE_OK(f.sessions.end_everyone());
  REQUIRE_OK(f.sessions.create({.owner = "alice"}));
}

TEST_CASE("revoke: an owner never has more sessions than the limit, however many log in at once") {
  SessionsFixture f({.max_per_owner = 3});
  std::atomic<bool> over{false};
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) {
        auto session = f.sessions.create({.owner = "alice"});
        if (!session) over = true;
        if (i % 3 == 0) (void)f.sessions.rotate(*session);
      }
    });
  }
  std::thread watcher([&] {
    while (!done) over = over || f.sessions.list("alice")->size() > 3;
  });
  for (std::thread& thread : threads) thread.join();
  done = true;
  watcher.join();
  CHECK(!over);
  CHECK(f.count_of("alice") == 3);
}

TEST_CASE("revoke: two logins at once do not both take the last place") {
  // While the first one counts, the second is given all the time it needs to come in between.
  Sessions* sessions = nullptr;
  std::atomic<bool> armed{false};
  std::atomic<bool> second_done{false};
  std::thread second;
  SessionsHooks hooks;
  hooks.between = [&] {
    if (!armed.exchange(false)) return;
    second = std::thread([&] {
      (void)sessions->create({.owner = "alice"});
      second_done = true;
    });
    for (int i = 0; i < 20'000 && !second_done; ++i) std::this_thread::yield();
  };
  SessionsFixture f({.max_per_owner = 2}, hooks);
  sessions = &f.sessions;
  (void)f.create_for("alice");
  Session guest = f.create();
  armed = true;
  // Its first step between is in make_room(): a rotation has none before.
  REQUIRE_OK(f.sessions.rotate(guest, {.owner = "alice"}));
  REQUIRE(second.joinable());
  second.join();
  CHECK(f.count_of("alice") == 2);
  armed = false;
}

TEST_CASE("revoke: no session escapes destroy_all by being rotated on the way") {
  // After the owner's records were listed, before they are ended one by one, each is rotated.
  Sessions* sessions = nullptr;
  std::vector<Session>* rotating = nullptr;
  SessionsHooks hooks;
  int step = 0;
  hooks.between = [&] {
    if (rotating == nullptr || ++step != 2) return;  // 1: before the list. 2: before the first end
    std::vector<Session>* const all = std::exchange(rotating, nullptr);
    for (Session& session : *all) REQUIRE_OK(sessions->rotate(session));
  };
  SessionsFixture f({.rotate_grace = 0s}, hooks);
  sessions = &f.sessions;
  std::vector<Session> all;
  for (int i = 0; i < 4; ++i) all.push_back(f.create_for("alice"));
  const std::string old_token(all[0].token());
  rotating = &all;
  step = 0;
  CHECK(f.sessions.destroy_all("alice")->count == 4);
  REQUIRE(rotating == nullptr);
  REQUIRE(all[0].token() != old_token);
  for (const Session& session : all) CHECK_CODE(f.sessions.load(session.token()), kEnded);
  CHECK(f.count_of("alice") == 0);
}

TEST_CASE(
    "revoke: a session that has gone to another owner meanwhile is not ended with the first's") {
  Sessions* sessions = nullptr;
  Session* leaving = nullptr;
  int step = 0;
  SessionsHooks hooks;
  hooks.between = [&] {
    if (leaving == nullptr || ++step != 2) return;  // 1: before it is found. 2: before it is ended
    Session* const session = std::exchange(leaving, nullptr);
    REQUIRE_OK(sessions->rotate(*session, {.owner = "bob"}));
  };
  SessionsFixture f({}, hooks);
  sessions = &f.sessions;
  Session session = f.create_for("alice");
  Session copy = session;
  leaving = &copy;
  const auto ended = f.sessions.destroy_handle("alice", session.handle());
  CHECK(leaving == nullptr);
  CHECK_CODE(ended, kNotFound);
  REQUIRE_OK(f.sessions.load(copy.token()));
  CHECK(f.count_of("bob") == 1);
}

}  // namespace cloakroom::testing
