// A record moves to another key in one step: what readers, the owner's list, a crash and other
// threads may and may not see of it.
#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "store/engine.h"
#include "support/fake_journal.h"
#include "support/manual_clock.h"
#include "support/random_seed.h"
#include "support/store_fixture.h"

namespace cloakroom::testing {

TEST_CASE("rename: everything of a record goes along but its key") {
  ManualClock clock;
  Store store = memory_store(clock);
  REQUIRE_OK(store.put("a", "value", {.ttl = 1h, .lifetime = 2h, .owner = "alice"}));
  const RecordCopy before = *record_of(store, "a");
  clock.advance(1s);
  const auto renamed = store.rename("a", "b");
  REQUIRE_OK(renamed);
  CHECK(!record_of(store, "a"));
  RecordCopy expected = before;
  expected.version = *renamed;
  CHECK(*record_of(store, "b") == expected);
  CHECK(*renamed > before.version);
  REQUIRE(store.owned_by("alice")->size() == 1);
  CHECK(store.owned_by("alice")->front().key == "b");
  CHECK(store.stats().records == 1);
}

TEST_CASE("rename: fields and sessions stay what they are") {
  ManualClock clock;
  Store store = memory_store(clock);
  REQUIRE_OK(store.set_fields("f", std::vector<Field>{{"n", "1"}}));
  REQUIRE_OK(store.put("s", "session", {.kind = Kind::kSession}));
  REQUIRE_OK(store.rename("f", "f2"));
  REQUIRE_OK(store.rename("s", "s2", {.leave = "alias", .leave_ttl = 10s}));
  CHECK(*store.get_field("f2", "n") == "1");
  CHECK(record_of(store, "s2")->kind == Kind::kSession);
  CHECK(record_of(store, "s")->kind == Kind::kSession);
}

TEST_CASE("rename: what is left under the old key has no owner and a deadline of its own") {
  ManualClock clock;
  Store store = memory_store(clock);
  REQUIRE_OK(store.put("a", "value", {.ttl = 1h, .owner = "alice"}));
  REQUIRE_OK(store.rename("a", "b", {.value = "new", .leave = "alias", .leave_ttl = 10s}));
  CHECK_VALUE(store, "a", "alias");
  CHECK_VALUE(store, "b", "new");
  CHECK(store.owned_by("alice")->size() == 1);
  clock.advance(11s);
  CHECK_CODE(store.get("a"), kNotFound);
  CHECK_VALUE(store, "b", "new");
}

TEST_CASE("rename: deadline and lifetime begin anew when asked to") {
  ManualClock clock;
  Store store = memory_store(clock);
  REQUIRE_OK(store.put("a", "v", {.ttl = 10s, .lifetime = 20s}));
  const RecordCopy before = *record_of(store, "a");
  clock.advance(5s);
  REQUIRE_OK(store.rename("a", "b", {.keep_deadline = false, .ttl = 30s, .lifetime = 1h}));
  const RecordCopy after = *record_of(store, "b");
  CHECK(after.created == before.created);
  CHECK(after.deadline == clock.wall_ms() + 30'000);
  CHECK(after.lifetime == clock.wall_ms() + 3'600'000);
}

TEST_CASE("rename: the record is given to another owner on its way, or to nobody") {
  ManualClock clock;
  Store store = memory_store(clock);
  REQUIRE_OK(store.put("a", "v"));
  REQUIRE_OK(store.rename("a", "b", {.owner = "alice"}));
  CHECK(record_of(store, "b")->owner == "alice");
  CHECK(store.owned_by("alice")->size() == 1);
  REQUIRE_OK(store.rename("b", "c", {.owner = "bob"}));
  CHECK(store.owned_by("alice")->empty());
  CHECK(store.owned_by("bob")->size() == 1);
  CHECK(store.stats().owned_records == 1);
  REQUIRE_OK(store.rename("c", "d", {.owner = ""}));
  CHECK(store.owned_by("bob")->empty());
  CHECK(store.stats().owned_records == 0);
  CHECK(store.stats().owners == 0);
  CHECK_CODE(store.rename("d", "e", {.owner = std::string(kOwnerBytesMax + 1, 'o')}), kTooLarge);
}

TEST_CASE("rename: is refused with a reason, and then nothing has changed") {
  ManualClock clock;
  Store store = memory_store(clock);
  REQUIRE_OK(store.put("a", "1"));
  REQUIRE_OK(store.put("b", "2", {.ttl = 1s}));
  CHECK_CODE(store.rename("a", "a"), kInvalidArgument);
  CHECK_CODE(store.rename("absent", "c"), kNotFound);
  CHECK_CODE(store.rename("a", "b"), kConflict);
  CHECK_CODE(store.rename("a", "c", {.if_version = 1'000'000}), kConflict);
  CHECK_CODE(store.rename("a", "c", {.ttl = 0s}), kInvalidArgument);
  CHECK_CODE(store.rename("a", std::string(kKeyBytesMax + 1, 'k')), kTooLarge);
  CHECK_VALUE(store, "a", "1");
  CHECK_VALUE(store, "b", "2");
  clock.advance(2s);
  CHECK_OK(store.rename("a", "b"));  // what has expired is not in the way
  CHECK_VALUE(store, "b", "1");
  CHECK(store.stats().records == 1);
}

TEST_CASE("rename: keys that share one stripe move as others do") {
  ManualClock clock;
  Options options = quiet_options(clock);
  options.stripe_count = 1;
  Store store = open_store(options);
  for (std::uint64_t i = 0; i < 200; ++i) {
    REQUIRE_OK(store.put(text("a", i), text("v", i), {.owner = "alice"}));
  }
  // Each move may make the stripe's buckets grow while the record is on its way.
  for (std::uint64_t i = 0; i < 200; ++i) {
    RenameOptions rename;
    if (i % 2 == 0) rename.leave = "left";
    REQUIRE_OK(store.rename(text("a", i), text("b", i), rename));
  }
  for (std::uint64_t i = 0; i < 200; ++i) CHECK_VALUE(store, text("b", i), text("v", i));
  CHECK(store.owned_by("alice")->size() == 200);
  CHECK(store.stats().records == 300);
}

TEST_CASE("rename: at the memory limit a record that does not grow still moves") {
  ManualClock clock;
  Options options = quiet_options(clock);
  options.memory_limit_bytes = 1 << 16;
  Store store = open_store(options);
  std::uint64_t count = 0;
  while (store.put(text("k", count), std::string(500, 'v'))) ++count;
  REQUIRE(count > 10);
  CHECK_OK(store.rename("k1", "m1"));
  CHECK_CODE(store.rename("k2", "m2", {.leave = std::string(2000, 'l')}), kFull);
  CHECK_CODE(store.rename("k2", "m2", {.value = std::string(4000, 'l')}), kFull);
  CHECK(record_of(store, "k2"));
}

// What alice had when erase_owned was called is gone when it returns, however it moved meanwhile.
TEST_CASE("rename: no record escapes erase_owned by moving") {
  CLOAKROOM_RANDOM_SEED(seed);
  constexpr std::uint64_t kMovers = 3;
  std::uint64_t moves = 0;
  for (std::uint64_t round = 0; round < 200; ++round) {
    ManualClock clock;
    Store store = memory_store(clock);
    Random random(seed + round);
    std::atomic<std::uint64_t> moved{0};
    std::atomic<bool> over{false};
    std::vector<std::thread> movers;
    for (std::uint64_t t = 0; t < kMovers; ++t) {
      REQUIRE_OK(store.put(text("k", t) + ".0", "v", {.owner = "alice"}));
    }
    for (std::uint64_t t = 0; t < kMovers; ++t) {
      movers.emplace_back([&, t] {
        for (std::uint64_t i = 0; !over.load(); ++i, ++moved) {
          const std::string base = text("k", t) + ".";
          if (!store.rename(base + std::to_string(i), base + std::to_string(i + 1))) return;
        }
      });
    }
    const std::uint64_t wanted = below(random, 30);
    while (moved.load() < wanted) std::this_thread::yield();
    const auto erased = store.erase_owned("alice");
    over = true;
    for (std::thread& mover : movers) mover.join();
    REQUIRE_OK(erased);
    REQUIRE(*erased == kMovers);
    REQUIRE(store.owned_by("alice")->empty());
    REQUIRE(store.stats().records == 0);
    moves += moved.load();
  }
  MESSAGE("moves while erased: " << moves);
  CHECK(moves > 200);
}

// Three tokens of one record, passed around in a ring by two threads in opposite directions.
TEST_CASE(
    "rename: threads that move the same records the opposite way neither block nor lose any") {
  ManualClock clock;
  Store store = memory_store(clock);
  constexpr std::uint64_t kKeys = 6;
  for (std::uint64_t i = 0; i < kKeys; i += 2) REQUIRE_OK(store.put(text("k", i), text("v", i)));
  std::atomic<std::uint64_t> moved{0};
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 2; ++t) {
    threads.emplace_back([&, t] {
      const std::uint64_t by = t == 0 ? 1 : kKeys - 1;
      for (std::uint64_t i = 0; i < 20'000; ++i) {
        if (store.rename(text("k", i % kKeys), text("k", (i + by) % kKeys))) ++moved;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(moved > 0);
  std::set<std::string> values;
  for (const auto& [key, record] : contents_of(store)) values.insert(record.value);
  CHECK(values == std::set<std::string>{"v0", "v2", "v4"});
}

TEST_CASE("rename: a crash leaves the record under one of its keys, never both and never none") {
  for (std::size_t keep = 0; keep < 3; ++keep) {
    CAPTURE(keep);
    ManualClock clock;
    auto disk = std::make_shared<FakeDisk>();
    const auto open = [&] {
      auto engine = Engine::open(
          quiet_options(clock, "fake"),
          {std::make_unique<FakeJournal>(disk), std::make_shared<Timeline>(clock, std::nullopt)});
      REQUIRE_OK(engine);
      return *std::move(engine);
    };
    auto engine = open();
    REQUIRE_OK(engine->put("a", "v", {.durability = Durability::kDisk}));
    REQUIRE_OK(engine->rename("a", "b", {.durability = Durability::kMemory}));
    auto copy = std::make_shared<FakeDisk>(*disk);
    engine.reset();
    disk = std::move(copy);
    disk->kill_process(keep);
    engine = open();
    std::string value;
    CHECK(engine->get("a", value).ok() + engine->get("b", value).ok() == 1);
    CHECK(value == "v");
  }
}

}  // namespace cloakroom::testing
