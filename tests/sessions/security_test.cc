// One case for each requirement of docs/security.md that falls on the sessions: OWASP ASVS 5.0
// chapter 7, the OWASP cheat sheet on session management, NIST SP 800-63B-4 section 5. The page
// names these cases, and a test checks that it names none that does not exist.
#include <array>
#include <bit>
#include <set>
#include <string>
#include <vector>

#include "cloakroom/sessions.h"
#include "support/manual_clock.h"
#include "support/random_seed.h"
#include "support/store_fixture.h"

namespace cloakroom::testing {
namespace {

// Sessions in memory, on a clock that stands still.
struct Web {
  explicit Web(SessionsOptions options = {}) : sessions(store, quiet(std::move(options))) {
    REQUIRE_OK(sessions.status());
  }
  static SessionsOptions quiet(SessionsOptions options) {
    options.background = false;
    return options;
  }
  Session log_in(std::string_view owner, std::string_view label = "") {
    auto session = sessions.create({.owner = owner, .label = label});
    REQUIRE_OK(session);
    return *std::move(session);
  }
  bool alive(const Session& session) { return sessions.peek(session.token()).ok(); }

  ManualClock clock;
  Store store = memory_store(clock);
  Sessions sessions;
};

// The value of a character of base64url.
int sextet(char c) {
  static constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const auto at = kAlphabet.find(c);
  REQUIRE(at != std::string_view::npos);
  return static_cast<int>(at);
}

}  // namespace

// --- ASVS 7.1, 7.2: documented, and tokens -------------------------------------------------------

TEST_CASE("asvs 7.1.2: an owner has at most so many sessions; the oldest ends, or the new one") {
  Web ending({.max_per_owner = 2});
  const Session first = ending.log_in("alice");
  ending.clock.advance(10s);
  const Session second = ending.log_in("alice");
  ending.clock.advance(10s);
  const Session third = ending.log_in("alice");
  CHECK_FALSE(ending.alive(first));
  CHECK(ending.alive(second));
  CHECK(ending.alive(third));
  CHECK(ending.sessions.why_ended(first.token())->reason == EndReason::kLimit);
  CHECK(ending.alive(ending.log_in("bob")));

  Web rejecting({.max_per_owner = 1, .at_limit = AtLimit::kReject});
  const Session only = rejecting.log_in("alice");
  CHECK_CODE(rejecting.sessions.create({.owner = "alice"}), kFull);
  CHECK(rejecting.alive(only));
}

TEST_CASE("asvs 7.2.1: a token says nothing by itself, the store decides") {
  Web web;
  const Session session = web.log_in("alice");
  Web other;  // the same program with keys and sessions of its own
  CHECK_CODE(other.sessions.load(session.token()), kNotFound);
  std::string changed(session.token());
  for (char& c : changed) {
    const char before = c;
    c = c == 'A' ? 'B' : 'A';
    CHECK_CODE(web.sessions.load(changed), kNotFound);
    c = before;
  }
  CHECK_OK(web.sessions.load(changed));
}

TEST_CASE("asvs 7.2.2: every session gets a token of its own, made when it begins") {
  Web web;
  std::set<std::string, std::less<>> tokens;
  for (int i = 0; i < 10'000; ++i) {
    const auto session = web.sessions.create();
    REQUIRE_OK(session);
    REQUIRE(session->token().size() == kTokenChars);
    tokens.emplace(session->token());
  }
  CHECK(tokens.size() == 10'000);
}

TEST_CASE("asvs 7.2.3: 256 bits of a token are random") {
  // Every one of them is set in half of the tokens. With 4096 tokens a fair bit is outside 2048 +-
  // 300 (9.4 sigma) once in 10^20 runs.
  Web web;
  constexpr int kTokens = 4096;
  std::array<int, 256> set{};
  for (int i = 0; i < kTokens; ++i) {
    const auto session = web.sessions.create();
    REQUIRE_OK(session);
    for (std::size_t bit = 0; bit < 256; ++bit) {
      const auto value = static_cast<unsigned>(sextet(session->token()[bit / 6]));
      set[bit] += static_cast<int>((value >> (5 - bit % 6)) & 1u);
    }
  }
  for (std::size_t bit = 0; bit < 256; ++bit) {
    CAPTURE(bit);
    CHECK(set[bit] > kTokens / 2 - 300);
    CHECK(set[bit] < kTokens / 2 + 300);
  }
}

TEST_CASE("asvs 7.2.4: a login gives a new token, and the old one is worthless at once") {
  Web web;
  auto session = web.sessions.create();
  REQUIRE_OK(session);
  session->set("cart", "umbrella");
  REQUIRE_OK(web.sessions.save(*session));
  const std::string planted(session->token());

  REQUIRE_OK(web.sessions.rotate(*session, {.owner = "alice"}));
  CHECK(session->token() != planted);
  CHECK_CODE(web.sessions.load(planted), kEnded);
  auto loaded = web.sessions.load(session->token());
  REQUIRE_OK(loaded);
  CHECK(loaded->owner() == "alice");
  CHECK(loaded->get("cart") == "umbrella");

  const std::string before(session->token());
  REQUIRE_OK(web.sessions.rotate(*session, {.reauthenticated = true}));
  CHECK_CODE(web.sessions.load(before), kEnded);
  CHECK_OK(web.sessions.load(session->token()));
}

// --- ASVS 7.3: timeouts --------------------------------------------------------------------------

TEST_CASE("asvs 7.3.1: without a request a session ends with its idle timeout") {
  Web web({.idle_timeout = 30min, .lifetime = 12h});
  const Session used = web.log_in("alice");
  const Session idle = web.log_in("alice");
  for (int i = 0; i < 4; ++i) {
    web.clock.advance(10min);
    REQUIRE_OK(web.sessions.load(used.token()));
  }
  // No sweep has run: it is the lookup that knows.
  CHECK_FALSE(web.sessions.load(idle.token()).ok());
  CHECK(web.sessions.list("alice")->size() == 1);
  web.clock.advance(30min + 1ms);
  CHECK_FALSE(web.sessions.load(used.token()).ok());
}

TEST_CASE("asvs 7.3.1: looking at a session does not keep it alive") {
  Web web({.idle_timeout = 30min});
  const Session session = web.log_in("alice");
  for (int i = 0; i < 3; ++i) {
    REQUIRE(web.sessions.peek(session.token()).ok());
    REQUIRE(web.sessions.list("alice").ok());
    web.clock.advance(10min);
  }
  web.clock.advance(1ms);
  CHECK_FALSE(web.alive(session));
}

TEST_CASE("asvs 7.3.2: no request, no save and no rotation moves the end of the lifetime") {
  Web web({.idle_timeout = 30min, .lifetime = 2h});
  Session session = web.log_in("alice");
  for (int i = 0; i < 6; ++i) {
    web.clock.advance(20min);
    auto loaded = web.sessions.load(session.token());
    REQUIRE_OK(loaded);
    loaded->increment("requests");
    REQUIRE_OK(web.sessions.save(*loaded));
    REQUIRE_OK(web.sessions.rotate(*loaded));
    session = *loaded;
  }
  web.clock.advance(1ms);
  CHECK_FALSE(web.sessions.load(session.token()).ok());
}

// --- ASVS 7.4: the end ---------------------------------------------------------------------------

TEST_CASE("asvs 7.4.1: after a logout nothing works any more, not even for a request on its way") {
  Web web;
  const Session session = web.log_in("alice");
  auto on_its_way = web.sessions.load(session.token());
  REQUIRE_OK(on_its_way);
  on_its_way->set("cart", "umbrella");

  REQUIRE_OK(web.sessions.destroy(session));
  CHECK_CODE(web.sessions.load(session.token()), kEnded);
  CHECK_CODE(web.sessions.peek(session.token()), kEnded);
  CHECK_CODE(web.sessions.save(*on_its_way), kEnded);
  CHECK_CODE(web.sessions.rotate(*on_its_way), kEnded);
  CHECK_CODE(web.sessions.update(session.token(), [](Session& s) { s.set("a", "b"); }), kEnded);
  CHECK_CODE(web.sessions.load(session.token()), kEnded);
  CHECK(web.sessions.list("alice")->empty());
  CHECK(web.sessions.why_ended(session.token())->reason == EndReason::kLogout);
}

TEST_CASE("asvs 7.4.2: all sessions of a user end with the account") {
  Web web;
  const Session a = web.log_in("alice");
  const Session b = web.log_in("alice");
  const Session other = web.log_in("bob");
  const auto ended = web.sessions.destroy_all("alice");
  REQUIRE_OK(ended);
  CHECK(ended->count == 2);
  CHECK_FALSE(web.alive(a));
  CHECK_FALSE(web.alive(b));
  CHECK(web.alive(other));
}

TEST_CASE("asvs 7.4.3: with a new password all other sessions end, and this one has a new token") {
  Web web;
  Session session = web.log_in("alice");
  const std::string stolen(session.token());
  const Session other = web.log_in("alice");
  REQUIRE(web.sessions.destroy_all("alice", session.token())->count == 1);
  REQUIRE_OK(web.sessions.rotate(session, {.reauthenticated = true}));
  CHECK_FALSE(web.alive(other));
  CHECK_CODE(web.sessions.load(stolen), kEnded);
  CHECK(web.alive(session));
}

TEST_CASE("asvs 7.4.5: an administrator ends the sessions of one user, or everybody's") {
  Web web;
  const Session alice = web.log_in("alice");
  const Session bob = web.log_in("bob");
  const auto anonymous = web.sessions.create();
  REQUIRE_OK(anonymous);
  REQUIRE_OK(web.sessions.destroy_all("alice"));
  CHECK_FALSE(web.alive(alice));
  CHECK(web.alive(bob));
  REQUIRE_OK(web.sessions.end_everyone());
  CHECK_FALSE(web.alive(bob));
  CHECK_FALSE(web.alive(*anonymous));
  web.clock.advance(1ms);
  CHECK(web.alive(web.log_in("bob")));
}

// --- ASVS 7.5: abuse -----------------------------------------------------------------------------

TEST_CASE("asvs 7.5.1: how long ago the user proved who they are is known, and can be asked for") {
  Web web;
  const auto anonymous = web.sessions.create();
  REQUIRE_OK(anonymous);
  CHECK_FALSE(web.sessions.require_fresh(*anonymous, 1h).ok());

  Session session = web.log_in("alice");
  web.clock.advance(10min);
  CHECK_OK(web.sessions.require_fresh(session, 10min));
  web.clock.advance(1ms);
  CHECK_CODE(web.sessions.require_fresh(session, 10min), kEnded);
  // A rotation alone proves nothing.
  REQUIRE_OK(web.sessions.rotate(session));
  CHECK_FALSE(web.sessions.require_fresh(session, 10min).ok());
  REQUIRE_OK(web.sessions.rotate(session, {.reauthenticated = true}));
  CHECK_OK(web.sessions.require_fresh(session, 10min));
  CHECK_OK(web.sessions.require_fresh(*web.sessions.load(session.token()), 10min));
}

TEST_CASE("asvs 7.5.2: a user sees all their sessions and ends any of them, and nobody else's") {
  Web web;
  const Session laptop = web.log_in("alice", "Firefox on Linux");
  web.clock.advance(5min);
  const Session phone = web.log_in("alice", "Chrome on Android");
  const Session bobs = web.log_in("bob");

  const auto list = web.sessions.list("alice", laptop.token());
  REQUIRE_OK(list);
  REQUIRE(list->size() == 2);
  for (const SessionInfo& info : *list) {
    CHECK(info.current == (info.label == "Firefox on Linux"));
    CHECK(info.created > 0);
    // A handle names, it does not open.
    CHECK_CODE(web.sessions.load(info.handle), kNotFound);
  }
  CHECK_CODE(web.sessions.destroy_handle("alice", bobs.handle()), kNotFound);
  CHECK(web.alive(bobs));
  REQUIRE_OK(web.sessions.destroy_handle("alice", phone.handle()));
  CHECK_FALSE(web.alive(phone));
  CHECK(web.sessions.list("alice")->size() == 1);
}

// --- the cheat sheet -----------------------------------------------------------------------------

TEST_CASE("owasp strict: a token that we did not make never creates a session") {
  Web web;
  const std::size_t before = web.store.stats().records;
  const std::string chosen(kTokenChars, 'A');
  CHECK_CODE(web.sessions.load(chosen), kNotFound);
  CHECK_CODE(web.sessions.update(chosen, [](Session& s) { s.set("a", "b"); }), kNotFound);
  CHECK_FALSE(web.sessions.destroy(chosen).ok());
  Session none;
  none.set("a", "b");
  CHECK_FALSE(web.sessions.save(none).ok());
  CHECK(web.store.stats().records == before);
}

TEST_CASE("owasp input: any bytes at all are a token to be refused, and nothing else") {
  CLOAKROOM_RANDOM_SEED(seed);
  Random random(seed);
  Web web;
  const Session session = web.log_in("alice");
  const std::string good(session.token());
  for (int i = 0; i < 20'000; ++i) {
    std::string token = one_in(random, 2) ? good : std::string(below(random, 100), 'x');
    for (std::size_t n = 1 + below(random, 4); n > 0 && !token.empty(); --n) {
      token[below(random, token.size())] = static_cast<char>(random());
    }
    if (one_in(random, 4)) token.append(below(random, 3), 'A');
    if (token == good) continue;
    CAPTURE(token);
    REQUIRE(web.sessions.load(token).code() == StatusCode::kNotFound);
  }
  CHECK(web.alive(session));
}

TEST_CASE("owasp repository: what the store holds is not accepted as a token") {
  Web web;
  const Session session = web.log_in("alice");
  int seen = 0;
  for (const auto& [key, record] : contents_of(web.store)) {
    ++seen;
    CHECK(key.find(session.token()) == std::string::npos);
    CHECK(record.value.find(session.token()) == std::string::npos);
    const std::string hash = key.substr(key.find(':') + 1);
    for (const std::string& form : {key, hash, hash + std::string(22, 'A'), record.value}) {
      CHECK_CODE(web.sessions.load(form), kNotFound);
    }
  }
  CHECK(seen > 0);
}

TEST_CASE("owasp renewal: a token can be renewed during a session, and its copies are found out") {
  Web web({.idle_timeout = 1h, .renewal_interval = 15min, .rotate_grace = 10s});
  Session session = web.log_in("alice");
  CHECK_FALSE(web.sessions.load(session.token())->renewal_due());
  web.clock.advance(15min + 1ms);
  auto loaded = web.sessions.load(session.token());
  REQUIRE_OK(loaded);
  CHECK(loaded->renewal_due());
  REQUIRE_OK(web.sessions.rotate(*loaded));
  CHECK_OK(web.sessions.load(session.token()));  // a request that was on its way

  std::vector<SessionEvent> events;
  const auto subscription = web.sessions.subscribe(
      [&](const SessionEvent& e) { events.push_back(e); }, event_bit(SessionEventType::kReplayed));
  web.clock.advance(10s + 1ms);
  CHECK_CODE(web.sessions.load(session.token()), kEnded);
  web.sessions.deliver();
  REQUIRE(events.size() == 1);
  CHECK(events[0].handle == loaded->handle());
  CHECK(web.alive(*loaded));
}

TEST_CASE("owasp detection: guesses are counted apart from what has ended") {
  Web web;
  const Session session = web.log_in("alice");
  REQUIRE_OK(web.sessions.destroy(session));
  CHECK_FALSE(web.sessions.load(session.token()).ok());
  CHECK_FALSE(web.sessions.load("guess").ok());
  CHECK_FALSE(web.sessions.load(std::string(kTokenChars, 'A')).ok());
  const SessionsStats stats = web.sessions.stats();
  CHECK(stats.ended == 1);
  CHECK(stats.malformed == 1);
  CHECK(stats.forged == 1);
}

TEST_CASE("owasp logging: events tell a session's life without its token") {
  Web web;
  std::vector<SessionEvent> events;
  const auto subscription =
      web.sessions.subscribe([&](const SessionEvent& e) { events.push_back(e); });
  Session session = web.log_in("alice");
  const std::string first(session.token());
  REQUIRE_OK(web.sessions.rotate(session));
  REQUIRE_OK(web.sessions.destroy(session));
  web.sessions.deliver();
  std::vector<SessionEventType> types;
  for (const SessionEvent& event : events) {
    types.push_back(event.type);
    CHECK(event.handle == session.handle());
    CHECK(event.owner == "alice");
    CHECK(event.handle != session.token());
    CHECK(event.handle.find(first.substr(0, 10)) == std::string::npos);
  }
  CHECK(types == std::vector{SessionEventType::kCreated, SessionEventType::kRotated,
                             SessionEventType::kEnded});
}

TEST_CASE("owasp logging: no message holds a token, an owner or a value") {
  Web web({.max_per_owner = 1, .at_limit = AtLimit::kReject});
  Session session = web.log_in("canary-owner");
  const std::string token(session.token());
  auto copy = web.sessions.load(token);
  REQUIRE_OK(copy);
  copy->set("canary-name", std::string(kSessionBytesMax + 1, 'c'));
  session.set("canary-name", "canary-value");
  std::vector<Status> answers = {web.sessions.save(*copy),
                                 web.sessions.create({.owner = "canary-owner"}).status()};
  REQUIRE_OK(web.sessions.destroy(session));
  answers.push_back(web.sessions.save(session));
  answers.push_back(web.sessions.rotate(session));
  answers.push_back(web.sessions.load(token).status());
  answers.push_back(web.sessions.load(token + "x").status());
  answers.push_back(web.sessions.destroy_handle("canary-owner", "canary-handle").status());
  answers.push_back(web.sessions.load_cookie("__Host-sess=" + token).status());
  answers.push_back(web.sessions.load_cookie("__Host-sess=a; __Host-sess=" + token).status());
  for (const Status& answer : answers) {
    CAPTURE(answer.to_string());
    CHECK_FALSE(answer.ok());
    CHECK(answer.message().find("canary") == std::string::npos);
    CHECK(answer.message().find(token.substr(0, 12)) == std::string::npos);
    CHECK(answer.message().find("cccc") == std::string::npos);
  }
}

TEST_CASE("asvs 16.5.3: a failing store is an error and never a visitor without session") {
  Web web;
  const Session session = web.log_in("alice");
  REQUIRE_OK(web.store.close());
  CHECK_CODE(web.sessions.load(session.token()), kClosed);
  CHECK_CODE(web.sessions.create({.owner = "alice"}), kClosed);
  CHECK_CODE(web.sessions.destroy(session), kClosed);
  CHECK_CODE(web.sessions.list("alice"), kClosed);
}

// --- NIST ----------------------------------------------------------------------------------------

TEST_CASE("nist 5.2: the presets are the bounds of the assurance levels") {
  CHECK(timeouts::kAal1.lifetime == 30 * 24h);
  CHECK(timeouts::kAal2.lifetime == 24h);
  CHECK(timeouts::kAal2.idle_timeout == 1h);
  CHECK(timeouts::kAal3.lifetime == 12h);
  CHECK(timeouts::kAal3.idle_timeout == 15min);
}

TEST_CASE("nist 5.2: a reauthentication begins both timeouts anew") {
  Web web({.idle_timeout = 15min, .lifetime = 1h});
  Session session = web.log_in("alice");
  for (int i = 0; i < 5; ++i) {
    web.clock.advance(10min);
    REQUIRE_OK(web.sessions.load(session.token()));
  }
  REQUIRE_OK(web.sessions.rotate(session, {.reauthenticated = true}));
  for (int i = 0; i < 6; ++i) {
    CAPTURE(i);
    web.clock.advance(10min);
    REQUIRE_OK(web.sessions.load(session.token()));
  }
  web.clock.advance(1ms);
  CHECK_FALSE(web.alive(session));
}

// --- cookies of sessions -------------------------------------------------------------------------

TEST_CASE("asvs 3.3: the cookie of a session has the safe attributes and nothing but the token") {
  Web web;
  const Session session = web.log_in("alice", "label");
  CHECK(web.sessions.cookie(session) ==
        "__Host-sess=" + std::string(session.token()) + "; Path=/; Secure; HttpOnly; SameSite=Lax");
  CHECK(web.sessions.end_cookie() == *delete_cookie({}));
  // What holds no session must not leave an empty cookie behind.
  CHECK(web.sessions.cookie(Session()) == web.sessions.end_cookie());
}

TEST_CASE("asvs 3.3: unsafe cookie options are refused before anybody logs in") {
  ManualClock clock;
  Store store = memory_store(clock);
  SessionsOptions options = Web::quiet({});
  options.cookie.secure = false;
  Sessions sessions(store, options);
  CHECK_CODE(sessions.status(), kInvalidArgument);
  CHECK(sessions.status().message().find("needs secure") != std::string::npos);
  CHECK_CODE(sessions.create({.owner = "alice"}), kInvalidArgument);
}

TEST_CASE("owasp cookies: a session is found in a Cookie header, and of two tokens none is taken") {
  SessionsOptions options;
  options.cookie.name = "__Host-app";
  Web web(options);
  const Session mine = web.log_in("alice");
  const Session theirs = web.log_in("mallory");
  const auto pair = [](const Session& s) { return "__Host-app=" + std::string(s.token()); };

  auto found = web.sessions.load_cookie("theme=dark; " + pair(mine) + "; x=y");
  REQUIRE_OK(found);
  CHECK(found->owner() == "alice");
  CHECK_OK(web.sessions.load_cookie(pair(mine) + "; " + pair(mine)));
  CHECK_CODE(web.sessions.load_cookie(pair(mine) + "; " + pair(theirs)), kNotFound);
  CHECK_CODE(web.sessions.load_cookie("__Host-sess=" + std::string(mine.token())), kNotFound);
  CHECK_CODE(web.sessions.load_cookie(""), kNotFound);

  const std::string a = pair(mine);
  const std::string b = pair(theirs);
  CHECK_OK(web.sessions.load_cookie(std::vector<std::string_view>{"theme=dark", a}));
  CHECK_CODE(web.sessions.load_cookie(std::vector<std::string_view>{a, b}), kNotFound);

  REQUIRE_OK(web.sessions.destroy(mine));
  CHECK_CODE(web.sessions.load_cookie(pair(mine)), kEnded);
}

}  // namespace cloakroom::testing
