// make_sessions DIR shop|empty|canary|canary-killed: stores of web sessions for the tests of the
// command line.
//
// shop: ten days in the life of a shop, with people who come back, some who log out, one program
// that logs in all the time, and names that were chosen to do harm; what `report` is tried on.
//
// canary: a handful of sessions and records whose tokens and values are each a word that is nowhere
// else. They are printed, one a line; no verb may ever print one by itself. With canary-killed the
// last of them are in the ring only.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "cloakroom/sessions.h"
#include "cloakroom/store.h"
#include "support/manual_clock.h"

namespace {

using namespace std::chrono_literals;
using cloakroom::Durability;
using cloakroom::Field;
using cloakroom::Sessions;
using cloakroom::Status;
using cloakroom::Store;
using cloakroom::testing::ManualClock;

constexpr auto kDay = 24h;

int fail(const Status& status) {
  std::fprintf(stderr, "make_sessions: %s\n", status.to_string().c_str());
  return 1;
}

// --- shop ------------------------------------------------------------------------------------

class Shop {
 public:
  explicit Shop(const std::string& dir)
      : dir_(dir),
        clock_(cloakroom::system_clock().wall_ms() - cloakroom::Millis(kDays * kDay).count(),
               cloakroom::system_clock().boot_ms() + 1'000'000'000) {}

  Status run() {
    for (int day = 0; day < kDays; ++day) {
      if (Status lived = live(day); !lived) return lived;
    }
    return Status();
  }

 private:
  static constexpr int kDays = 10;
  static constexpr int kPerHour = 800;

  // One run of the server; it is restarted at night.
  Status live(int day) {
    auto store = Store::open({.path = dir_, .background = false, .clock = &clock_});
    if (!store) return store.status();
    Sessions sessions(*store, {.idle_timeout = 20h, .lifetime = 7 * kDay});
    for (int hour = 0; hour < 24; ++hour) {
      // Busy in the evening, quiet at night.
      const int busy = 2 + (hour > 7 ? 6 : 0) + (hour > 17 && hour < 23 ? 8 : 0);
      for (int i = 0; i < kPerHour * busy / 10; ++i) {
        clock_.advance(cloakroom::Millis(1h) / (kPerHour * busy / 10));
        if (Status done = one_request(sessions); !done) return done;
      }
      if (hour % 6 == 0 && day + 1 < kDays) store->sweep();
    }
    return store->close();
  }

  Status one_request(Sessions& sessions) {
    if (tokens_.empty() || random_() % 3 != 0) return arrive(sessions);
    // Those who came lately come back most.
    const std::size_t back = std::min<std::size_t>(random_() % 64 * (random_() % 64), 4000);
    const std::size_t at = tokens_.size() - 1 - std::min(back, tokens_.size() - 1);
    auto session = sessions.load(tokens_[at]);
    if (!session) return Status();
    if (random_() % 12 == 0) {
      return sessions.destroy(tokens_[at], {.durability = Durability::kProcess}).status();
    }
    session->set("cart", std::string(random_() % 400, 'c'));
    return sessions.save(*session);
  }

  Status arrive(Sessions& sessions) {
    static const std::string kOdd[] = {"<script>alert(1)</script>",
                                       "\"><img src=x onerror=alert(1)>", "O'Brien & sons",
                                       "m\xff\x1b[2Jallory", "Zoë Müller-Lüdenscheidt"};
    std::string owner = "customer-" + std::to_string(random_() % 4000);
    if (random_() % 40 == 0) owner = "price-watcher";
    if (random_() % 25 == 0) owner = kOdd[random_() % std::size(kOdd)];
    if (random_() % 5 == 0) owner.clear();
    const std::string cart(20 + random_() % 300 * (random_() % 20 == 0 ? 40 : 1), 'x');
    const Field attributes[] = {{"cart", cart}, {"language", "en"}};
    auto session = sessions.create({.owner = owner,
                                    .label = "Firefox on Linux",
                                    .attributes = attributes,
                                    .durability = Durability::kProcess});
    if (!session) return session.status();
    tokens_.emplace_back(session->token());
    return Status();
  }

  const std::string dir_;
  ManualClock clock_;
  std::mt19937 random_{20240601};
  std::vector<std::string> tokens_;
};

// --- canary ----------------------------------------------------------------------------------

class Canaries {
 public:
  explicit Canaries(Store& store) : store_(store), sessions_(store, {.rotate_grace = 1h}) {}

  Status plant() {
    Status done = plant_sessions();
    if (done) done = plant_records();
    return done;
  }

 private:
  // A word of its own, also printed.
  std::string canary() {
    std::string word = "canary" + std::to_string(++count_) + "yellow";
    std::printf("%s\n", word.c_str());
    return word;
  }
  void told(std::string_view token) {
    std::printf("%.*s\n", static_cast<int>(token.size()), token.data());
  }

  cloakroom::Result<cloakroom::Session> create(std::string_view owner) {
    const std::string secret = canary();
    const std::string json = "{\"deep\":[\"" + secret + "\"]}";
    const Field both[] = {{"cart", secret}, {"json", json}};
    auto session = sessions_.create({.owner = owner, .label = "A browser", .attributes = both});
    if (session) told(session->token());
    return session;
  }

  Status plant_sessions() {
    auto alive = create("alice");
    if (!alive) return alive.status();
    auto nobodys = create("");
    if (!nobodys) return nobodys.status();
    auto rotated = create("alice");
    if (!rotated) return rotated.status();
    if (Status done = sessions_.rotate(*rotated); !done) return done;
    told(rotated->token());
    auto ended = create("bob");
    if (!ended) return ended.status();
    return sessions_.destroy(ended->token()).status();
  }

  Status plant_records() {
    const std::string word = canary();
    Status done = store_.put("plain", word, {.ttl = 2h, .owner = "alice"}).status();
    if (done) done = store_.put("json", "{\"a\":\"" + canary() + "\"}", {.ttl = 2h}).status();
    if (done) done = store_.put("django", "gASV" + canary() + ":1abcde:" + canary(), {}).status();
    if (done) done = store_.put("php", "user|s:13:\"" + canary() + "\";", {.ttl = 2h}).status();
    const std::string first = canary();
    const std::string second = canary();
    const Field fields[] = {{"name", first}, {"mail", second}};
    if (done) done = store_.set_fields("fields", fields, {.ttl = 2h, .owner = "bob"}).status();
    const std::string member = canary();
    const std::string set = std::string("\x01\x01", 2) + static_cast<char>(member.size()) + member;
    if (done) {
      done = store_.put("set", set, {.ttl = 2h, .kind = cloakroom::Kind::kMembers}).status();
    }
    if (done) done = store_.put("gone", canary(), {.ttl = 1ms}).status();
    if (done) done = store_.put("erased", canary(), {.ttl = 1h}).status();
    if (done) done = store_.erase("erased");
    return done;
  }

  Store& store_;
  Sessions sessions_;
  int count_ = 0;
};

int make_canaries(const std::string& dir, bool killed) {
  auto store = Store::open({.path = dir, .background = false});
  if (!store) return fail(store.status());
  if (const Status planted = Canaries(*store).plant(); !planted) return fail(planted);
  std::fflush(stdout);
  if (killed) std::raise(SIGKILL);
  const Status closed = store->close();
  return closed ? 0 : fail(closed);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::string_view what = argv[2];
  if (what == "canary") return make_canaries(argv[1], false);
  if (what == "canary-killed") return make_canaries(argv[1], true);
  if (what == "empty") {
    auto store = Store::open({.path = argv[1], .background = false});
    const Status closed = store ? store->close() : store.status();
    return closed ? 0 : fail(closed);
  }
  const Status made = Shop(argv[1]).run();
  return made ? 0 : fail(made);
}
