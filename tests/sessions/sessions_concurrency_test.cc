// Many threads at the same sessions: nothing is lost, nothing comes back, and no data race (run
// with ThreadSanitizer, too).
#include <atomic>
#include <string>
#include <thread>

#include "sessions/sessions_fixture.h"
#include "support/random_seed.h"

namespace cloakroom::testing {
namespace {

constexpr int kThreads = 4;

template <class F>
void in_threads(F f) {
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) threads.emplace_back(f, t);
  for (std::thread& thread : threads) thread.join();
}

}  // namespace

TEST_CASE("sessions concurrency: every acknowledged count is there, over saves and rotations") {
  SessionsFixture f({.rotate_grace = 1h, .rotate_grace_uses = 1'000'000});
  const Session made = f.create_for("alice");
  const std::string token(made.token());
  std::atomic<int> counted{0};
  std::atomic<int> rotated{0};
  std::atomic<bool> wrong{false};
  in_threads([&](int thread) {
    std::string mine = token;
    Session session;
    for (int i = 0; i < 1000; ++i) {
      if (!f.sessions.load(mine, session)) {
        wrong = true;
        return;
      }
      session.increment("n");
      session.set(text("of", static_cast<std::uint64_t>(thread)), std::to_string(i));
      if (f.sessions.save(session)) ++counted;
      if (i % 50 == thread && f.sessions.rotate(session)) {
        ++rotated;
        mine = session.token();
      }
    }
  });
  CHECK(!wrong);
  CHECK(counted == kThreads * 1000);
  CHECK(rotated > 0);
  CHECK(f.stored(token, "n") == std::to_string(kThreads * 1000));
  for (std::uint64_t t = 0; t < kThreads; ++t) CHECK(f.stored(token, text("of", t)) == "999");
  CHECK(f.count_of("alice") == 1);
}

TEST_CASE("sessions concurrency: who has seen a session end never sees it alive again") {
  CLOAKROOM_RANDOM_SEED(seed);
  SessionsFixture f;
  constexpr int kSessions = 64;
  std::vector<std::string> tokens;
  for (int i = 0; i < kSessions; ++i) {
    tokens.emplace_back(f.create_for(text("owner", static_cast<std::uint64_t>(i % 4))).token());
  }
  std::vector<std::atomic<bool>> ended(kSessions);
  std::atomic<int> back{0};
  in_threads([&](int thread) {
    Random random(seed + static_cast<std::uint64_t>(thread));
    Session session;
    for (int i = 0; i < 3000; ++i) {
      const std::uint64_t at = below(random, kSessions);
      const bool was_ended = ended[at].load();
      const bool loaded = f.sessions.load(tokens[at], session).ok();
      if (loaded && was_ended) ++back;
      if (loaded) {
        session.set("a", std::to_string(i));
        const bool ended_before_save = ended[at].load();
        if (f.sessions.save(session) && ended_before_save) ++back;
      }
      if (!one_in(random, 40)) continue;
      if (one_in(random, 8)) {
        const std::uint64_t owner = below(random, 4);
        if (f.sessions.destroy_all(text("owner", owner))) {
          for (std::uint64_t s = owner; s < kSessions; s += 4) ended[s] = true;
        }
      } else {
        (void)f.sessions.destroy(tokens[at]);
        ended[at] = true;
      }
    }
  });
  CHECK(back == 0);
  for (std::uint64_t owner = 0; owner < 4; ++owner) {
    std::size_t alive = 0;
    for (std::uint64_t s = owner; s < kSessions; s += 4) {
      alive += f.sessions.peek(tokens[s]).ok() ? 1 : 0;
    }
    CHECK(f.count_of(text("owner", owner)) == alive);
  }
}

TEST_CASE("sessions concurrency: create and end_everyone: nobody is alive of an older epoch") {
  SessionsFixture f;
  std::atomic<int> back{0};
  in_threads([&](int thread) {
    for (int i = 0; i < 300; ++i) {
      const auto session = f.sessions.create({.owner = "alice"});
      if (!session) continue;
      if (thread == 0 && i % 10 == 0) {
        (void)f.sessions.end_everyone();
        if (f.sessions.load(session->token())) ++back;
      }
      (void)f.sessions.list("alice");
    }
  });
  CHECK(back == 0);
  REQUIRE_OK(f.sessions.end_everyone());
  CHECK(f.count_of("alice") == 0);
}

}  // namespace cloakroom::testing
