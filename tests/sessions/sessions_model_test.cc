// Sessions against the plainest thing that could be right: maps and a clock. Every field of every
// session is compared, over orderly restarts.
#include <algorithm>
#include <map>
#include <optional>
#include <string>

#include "sessions/attributes.h"
#include "sessions/fake_disk_fixture.h"
#include "sessions/policy.h"
#include "support/random_seed.h"

namespace cloakroom::testing {
namespace {

using Attributes = std::map<std::string, std::string>;

struct Expected {
  std::string token;
  std::string handle;
  std::string owner;
  std::string label;
  Attributes attributes;
  std::uint32_t schema = 0;
  Millis idle{0};
  Millis lifetime{0};
  TimeMs created = 0;
  TimeMs deadline = 0;
  TimeMs ends = 0;
  TimeMs authenticated_at = 0;
  bool ended = false;
};

Attributes attributes_of(const Session& session) {
  Attributes all;
  session.visit_attributes(
      [&](const Field& field) { CHECK(all.emplace(field.name, field.value).second); });
  return all;
}

class ModelRun {
 public:
  explicit ModelRun(std::uint64_t seed)
      : random_(seed), f_({.idle_timeout = 20min, .lifetime = 3h}) {}

  void run(int steps) {
    for (int step = 0; step < steps; ++step) {
      CAPTURE(step);
      one_step();
    }
    compare_all();
  }

 private:
  [[nodiscard]] TimeMs now() const { return f_.clock.wall_ms(); }
  [[nodiscard]] bool alive(const Expected& e) const { return !e.ended && now() <= e.deadline; }
  std::string name() { return text("n", below(random_, 6)); }
  Expected* pick() { return all_.empty() ? nullptr : &all_[below(random_, all_.size())]; }

  void one_step() {
    Expected* const e = pick();
    const std::uint64_t what = below(random_, 20);
    if (e == nullptr || what < 2) return create();
    if (what < 9) return load_and_save(*e);
    if (what < 11) return update(*e);
    if (what < 13) return rotate(*e);
    if (what < 14) return destroy(*e);
    if (what < 17) return f_.clock.advance(Millis(below(random_, 400'000)));
    if (what < 18) return (void)f_.store().sweep();
    if (what < 19) return f_.restart();
    compare_all();
  }

  void create() {
    if (all_.size() > 12) all_.erase(all_.begin());
    Expected e;
    if (one_in(random_, 2)) e.owner = text("owner", below(random_, 3));
    e.label = text("label", below(random_, 100));
    e.schema = static_cast<std::uint32_t>(below(random_, 5));
    e.idle = one_in(random_, 3) ? kNoExpiry : Millis(1 + below(random_, 1'200'000));
    e.lifetime = one_in(random_, 3) ? kNoExpiry : Millis(1 + below(random_, 5'000'000));
    const std::string value = std::to_string(random_());
    const Field field{.name = "n0", .value = value};
    e.attributes["n0"] = value;
    const Session session = f_.create({.owner = e.owner,
                                       .label = e.label,
                                       .idle_timeout = e.idle,
                                       .lifetime = e.lifetime,
                                       .attributes = {&field, 1},
                                       .schema = e.schema});
    e.token = session.token();
    e.handle = session.handle();
    e.created = now();
    e.authenticated_at = e.owner.empty() ? 0 : now();
    begin_anew(e);
    compare(e, session);
    all_.push_back(e);
  }

  void begin_anew(Expected& e) {
    e.ends = after(now(), e.lifetime);
    e.deadline = std::min(after(now(), e.idle), e.ends);
  }

  void slide(Expected& e) {
    const TimeMs wanted = std::min(after(now(), e.idle), e.ends);
    if (e.deadline == wanted || e.idle == kNoExpiry) return;
    if (wanted - e.deadline >= slide_step(e.idle).count()) e.deadline = wanted;
  }

  std::optional<Session> load(Expected& e) {
    auto session = f_.sessions().load(e.token);
    if (!alive(e)) {
      CHECK_CODE(session, kNotFound);
      return std::nullopt;
    }
    REQUIRE_OK(session);
    slide(e);
    compare(e, *session);
    return *std::move(session);
  }

  // The same random change to both.
  void change(Session& session, Attributes& attributes, std::uint32_t& schema) {
    const std::string at = name();
    switch (below(random_, 5)) {
      case 0:
      case 1: {
        const std::string value(below(random_, 300), static_cast<char>('a' + below(random_, 26)));
        session.set(at, value);
        attributes[at] = value;
        break;
      }
      case 2:
        session.erase(at);
        attributes.erase(at);
        break;
      case 3: {
        const auto popped = session.pop(at);
        const auto found = attributes.find(at);
        CHECK(popped.has_value() == (found != attributes.end()));
        if (found == attributes.end()) break;
        CHECK(*popped == found->second);
        attributes.erase(found);
        break;
      }
      default: {
        const auto found = attributes.find(at);
        if (found != attributes.end() && !parse_decimal(found->second)) {
          schema = static_cast<std::uint32_t>(below(random_, 100));
          session.set_schema(schema);
          break;
        }
        const std::int64_t before = found == attributes.end() ? 0 : *parse_decimal(found->second);
        if (before > (std::int64_t{1} << 62)) break;
        attributes[at] = std::to_string(before + 3);
        CHECK(session.increment(at, 3) == before + 3);
      }
    }
    CHECK(attributes_of(session) == attributes);
  }

  void load_and_save(Expected& e) {
    std::optional<Session> session = load(e);
    if (!session) return;
    Attributes attributes = e.attributes;
    std::uint32_t schema = e.schema;
    for (std::uint64_t i = below(random_, 4); i > 0; --i) change(*session, attributes, schema);
    if (one_in(random_, 6)) return;  // the request fails, and nothing is saved
    REQUIRE_OK(f_.sessions().save(*session, {.refuse_conflicts = one_in(random_, 2)}));
    e.attributes = attributes;
    e.schema = schema;
    compare(e, *session);
  }

  void update(Expected& e) {
    Attributes attributes = e.attributes;
    std::uint32_t schema = e.schema;
    const auto updated = f_.sessions().update(
        e.token, [&](Session& session) { change(session, attributes, schema); });
    if (!alive(e)) {
      CHECK_CODE(updated, kNotFound);
      return;
    }
    REQUIRE_OK(updated);
    e.attributes = attributes;
    e.schema = schema;
    compare(e, *updated);
  }

  void rotate(Expected& e) {
    std::optional<Session> session = load(e);
    if (!session) return;
    RotateOptions options{.reauthenticated = one_in(random_, 3)};
    const std::string owner = text("owner", below(random_, 3));
    if (one_in(random_, 3)) options.owner = owner;
    REQUIRE_OK(f_.sessions().rotate(*session, options));
    e.token = session->token();
    if (options.owner) e.owner = owner;
    if (options.owner || options.reauthenticated) {
      e.authenticated_at = e.owner.empty() ? 0 : now();
      begin_anew(e);
    }
    compare(e, *session);
  }

  void destroy(Expected& e) {
    const auto ended = f_.sessions().destroy(e.token);
    CHECK(ended.code() == (alive(e) ? StatusCode::kOk : StatusCode::kNotFound));
    all_.erase(all_.begin() + (&e - all_.data()));
  }

  void compare(const Expected& e, const Session& session) {
    CHECK(session.token() == e.token);
    CHECK(session.handle() == e.handle);
    CHECK(session.owner() == e.owner);
    CHECK(session.label() == e.label);
    CHECK(session.schema() == e.schema);
    CHECK(session.created() == e.created);
    CHECK(session.deadline() == e.deadline);
    CHECK(session.lifetime() == e.ends);
    CHECK(session.authenticated_at() == e.authenticated_at);
    CHECK(attributes_of(session) == e.attributes);
  }

  void compare_all() {
    std::map<std::string, std::size_t> counts;
    for (const Expected& e : all_) {
      const auto session = f_.sessions().peek(e.token);
      if (!alive(e)) {
        CHECK_CODE(session, kNotFound);
        continue;
      }
      REQUIRE_OK(session);
      compare(e, *session);
      if (e.owner.empty()) continue;
      const auto list = f_.sessions().list(e.owner);
      REQUIRE_OK(list);
      const auto listed = std::find_if(list->begin(), list->end(), [&](const SessionInfo& info) {
        return info.handle == e.handle;
      });
      REQUIRE(listed != list->end());
      CHECK(listed->label == e.label);
      CHECK(listed->deadline == e.deadline);
      CHECK(listed->lifetime == e.ends);
      CHECK(listed->created == e.created);
    }
  }

  Random random_;
  FakeDiskFixture f_;
  std::vector<Expected> all_;
};

}  // namespace

TEST_CASE("sessions model: random requests are answered as maps and a clock would") {
  CLOAKROOM_RANDOM_SEED(seed);
  for (std::uint64_t run = 0; run < 30; ++run) {
    CAPTURE(run);
    ModelRun(seed + run).run(400);
  }
}

}  // namespace cloakroom::testing
