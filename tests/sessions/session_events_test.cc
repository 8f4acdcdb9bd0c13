// What subscribers are told, and why a session ended.
#include <string>

#include "sessions/sessions_fixture.h"
#include "support/temp_dir.h"

namespace cloakroom::testing {
namespace {

struct Told {
  SessionEventType type;
  EndReason reason;
  std::string handle;
  std::string owner;
  friend bool operator==(const Told&, const Told&) = default;
};

struct EventsFixture : SessionsFixture {
  using SessionsFixture::SessionsFixture;

  std::vector<Told> take() {
    store.sweep();
    sessions.deliver();
    return std::exchange(told, {});
  }

  std::vector<Told> told;
  Subscription subscription = sessions.subscribe([this](const SessionEvent& event) {
    told.push_back({event.type, event.reason, event.handle, event.owner});
    CHECK(event.when == clock.wall_ms());
  });
};

using Type = SessionEventType;

}  // namespace

TEST_CASE("session events: the life of a session is told in order") {
  EventsFixture f;
  Session session = f.create_for("alice");
  const std::string handle(session.handle());
  session.set("a", "1");
  REQUIRE_OK(f.sessions.save(session));
  REQUIRE_OK(f.sessions.load(session.token()));
  REQUIRE_OK(f.sessions.rotate(session));
  REQUIRE_OK(f.sessions.destroy(session));
  CHECK(f.take() == std::vector<Told>{{Type::kCreated, EndReason::kUnknown, handle, "alice"},
                                      {Type::kRotated, EndReason::kUnknown, handle, "alice"},
                                      {Type::kEnded, EndReason::kLogout, handle, "alice"}});
  f.clock.advance(3h);  // tombstone and replaced record go, of which nobody hears
  CHECK(f.take().empty());
}

TEST_CASE("session events: every way to end has its reason") {
  EventsFixture f({.max_per_owner = 1});
  const auto reason_of_last = [&] {
    const std::vector<Told> all = f.take();
    REQUIRE(!all.empty());
    CHECK(all.back().type == Type::kEnded);
    return all.back().reason;
  };
  Session a = f.create_for("alice");
  REQUIRE_OK(f.sessions.destroy_all("alice"));
  CHECK(reason_of_last() == EndReason::kRevoked);
  a = f.create_for("alice");
  REQUIRE_OK(f.sessions.destroy_handle("alice", a.handle()));
  CHECK(reason_of_last() == EndReason::kRevoked);
  a = f.create_for("alice");
  (void)f.take();
  (void)f.create_for("alice");
  CHECK(f.take().front() ==
        Told{Type::kEnded, EndReason::kLimit, std::string(a.handle()), "alice"});
  REQUIRE_OK(f.sessions.end_everyone());
  CHECK(f.take() == std::vector<Told>{{Type::kEnded, EndReason::kEveryone, "", ""}});
  a = f.create_for("bob");
  REQUIRE_OK(f.sessions.destroy(a, {.reason = EndReason::kRevoked}));
  CHECK(reason_of_last() == EndReason::kRevoked);
  CHECK(f.sessions.why_ended(a.token())->reason == EndReason::kRevoked);
}

TEST_CASE("session events: expiry is told once, with its reason, and why_ended knows it") {
  EventsFixture f({.idle_timeout = 10min, .lifetime = 25min});
  const Session idle = f.create_for("alice");
  const Session busy = f.create_for("bob");
  const Session unseen = f.create();
  (void)f.take();
  f.clock.advance(9min);
  REQUIRE_OK(f.sessions.load(busy.token()));
  f.clock.advance(2min);
  CHECK_CODE(f.sessions.why_ended(busy.token()), kNotFound);
  std::vector<Told> told = f.take();
  REQUIRE(told.size() == 2);
  for (const Told& one : told) CHECK(one.reason == EndReason::kIdle);
  f.clock.advance(6min);
  REQUIRE_OK(f.sessions.load(busy.token()));
  f.clock.advance(9min);
  told = f.take();
  CHECK(told ==
        std::vector<Told>{{Type::kEnded, EndReason::kLifetime, std::string(busy.handle()), "bob"}});
  const auto why = f.sessions.why_ended(idle.token());
  REQUIRE_OK(why);
  CHECK(why->reason == EndReason::kIdle);
  CHECK(why->owner == "alice");
  CHECK(f.sessions.why_ended(busy.token())->reason == EndReason::kLifetime);
  CHECK(f.sessions.why_ended(unseen.token())->reason == EndReason::kIdle);
}

TEST_CASE("session events: a record that somebody erases in the store itself was evicted") {
  EventsFixture f;
  const Session session = f.create_for("alice");
  (void)f.take();
  CHECK(*f.store.erase_owned("alice") == 1);
  CHECK_CODE(f.sessions.load(session.token()), kNotFound);
  CHECK(f.take() == std::vector<Told>{{Type::kEnded, EndReason::kEvicted,
                                       std::string(session.handle()), "alice"}});
  CHECK(f.sessions.why_ended(session.token())->reason == EndReason::kEvicted);
}

TEST_CASE("session events: those of another name, and of other records, are not told") {
  ManualClock clock;
  Store store = memory_store(clock);
  const std::vector<std::string> keys{std::string(32, 'k')};
  Sessions users = make_sessions(store, {.keys = keys, .name = "users"});
  Sessions admins = make_sessions(store, {.keys = keys, .name = "admins"});
  int told = 0;
  const auto subscription = admins.subscribe([&](const SessionEvent&) { ++told; });
  REQUIRE_OK(users.create({.idle_timeout = 1s}));
  REQUIRE_OK(store.put("admins:x", "v", {.ttl = 1s}));
  clock.advance(2s);
  store.sweep();
  admins.deliver();
  CHECK(told == 0);
}

TEST_CASE("session events: a queue that overflows says so, and nobody waited") {
  SessionsFixture f;
  std::uint64_t events = 0;
  std::uint64_t dropped = 0;
  const auto subscription = f.sessions.subscribe([&](const SessionEvent& event) {
    if (event.type == SessionEventType::kOverflow) {
      dropped += event.dropped;
    } else {
      ++events;
    }
  });
  constexpr std::uint64_t kMade = kEventQueueMax + 10;
  for (std::uint64_t i = 0; i < kMade; ++i) (void)f.create();
  f.sessions.deliver();
  (void)f.create();
  f.sessions.deliver();
  CHECK(events == kEventQueueMax + 1);
  CHECK(dropped == 10);
  CHECK(f.sessions.stats().events_dropped == 10);
}

TEST_CASE(
    "session events: with background on they come by themselves, also after the store closed") {
  std::atomic<int> told{0};
  {
    auto store = Store::open({});
    REQUIRE_OK(store);
    Sessions sessions(*store);
    REQUIRE_OK(sessions.status());
    const auto subscription = sessions.subscribe([&](const SessionEvent&) { ++told; });
    for (int i = 0; i < 100; ++i) REQUIRE_OK(sessions.create());
    REQUIRE_OK(store->close());
    CHECK_CODE(sessions.create(), kClosed);
  }
  CHECK(told <= 100);
}

}  // namespace cloakroom::testing
