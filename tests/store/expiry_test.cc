// What has expired is never served, what is alive is never lost, whatever the clocks do.
#include <string>
#include <vector>

#include "support/manual_clock.h"
#include "support/random_seed.h"
#include "support/store_fixture.h"
#include "support/temp_dir.h"

namespace cloakroom::testing {

TEST_CASE("expiry: a record is alive up to and including its deadline") {
  ManualClock clock;
  Store store = memory_store(clock);
  REQUIRE_OK(store.put("k", "v", {.ttl = 1000ms, .owner = "alice"}));
  clock.advance(1000ms);
  CHECK_VALUE(store, "k", "v");
  CHECK(store.owned_by("alice")->size() == 1);
  CHECK(contents_of(store).size() == 1);
  clock.advance(1ms);
  CHECK_CODE(store.get("k"), kNotFound);
  CHECK(store.owned_by("alice")->empty());
  CHECK(contents_of(store).empty());
}

TEST_CASE("expiry: a dead record counts as absent everywhere, reclaimed or not") {
  ManualClock clock;
  Store store = memory_store(clock);
  const std::vector<Field> fields{{"n", "1"}};
  const std::vector<std::string_view> names{"n"};
  const auto version = store.put("k", "v", {.ttl = 1s, .owner = "alice"});
  REQUIRE_OK(version);
  REQUIRE_OK(store.set_fields("f", fields, {.ttl = 1s, .owner = "alice"}));
  clock.advance(1001ms);

  CHECK_CODE(store.touch("k", 1h), kNotFound);
  CHECK_CODE(store.erase("k"), kNotFound);
  CHECK_CODE(store.get_field("f", "n"), kNotFound);
  CHECK_CODE(store.visit_fields("f", [](const Field&) { FAIL("dead"); }), kNotFound);
  CHECK(*store.erase_owned("alice") == 0);
  const std::vector<std::string_view> keys{"k", "f"};
  CHECK(*store.visit_many(keys, [](std::size_t, const RecordView&) { FAIL("dead"); }) == 0);
  CHECK_CODE(store.put("k", "v", {.if_version = *version}), kConflict);
  const auto seen = store.update("k", [](const RecordView* current, std::string& value) {
    CHECK(current == nullptr);
    CHECK(value.empty());
    return UpdateAction::kLeave;
  });
  REQUIRE_OK(seen);
  CHECK(*seen == 0);

  // A new life begins from nothing: no owner, no deadline, no fields of the old one.
  REQUIRE_OK(store.put("k", "new", {.keep_deadline = true, .if_version = 0}));
  CHECK(record_of(store, "k")->owner.empty());
  CHECK(record_of(store, "k")->deadline == kNever);
  const std::vector<Field> other{{"m", "2"}};
  REQUIRE_OK(store.set_fields("f", other));
  CHECK_CODE(store.get_field("f", "n"), kNotFound);
  CHECK(*store.get_field("f", "m") == "2");
  CHECK(store.owned_by("alice")->empty());
}

TEST_CASE("expiry: a dead record of bytes does not stand in the way of fields") {
  ManualClock clock;
  Store store = memory_store(clock);
  const std::vector<Field> fields{{"n", "1"}};
  REQUIRE_OK(store.put("k", "v", {.ttl = 1s}));
  clock.advance(2s);
  CHECK_CODE(store.get_field("k", "n"), kNotFound);
  CHECK_OK(store.set_fields("k", fields));
  CHECK(*store.increment_field("k", "n", 1) == 2);
}

TEST_CASE("expiry: sweep reclaims all that is dead and memory returns to the baseline") {
  ManualClock clock;
  Store store = memory_store(clock);
  const std::uint64_t baseline = store.stats().memory_bytes;
  for (std::uint64_t i = 0; i < 5000; ++i) {
    REQUIRE_OK(store.put(text("k", i), std::string(i % 400, 'v'),
                         {.ttl = Millis(1 + i % 1000), .owner = text("owner", i % 37)}));
  }
  CHECK(store.stats().records == 5000);
  CHECK(store.sweep() == 0);
  clock.advance(500ms);  // 1..499 ms are past, 500 ms is just alive
  CHECK(store.sweep() == 499 * 5);
  CHECK(store.stats().records == 5000 - 499 * 5);
  clock.advance(1s);
  store.sweep();
  const Stats stats = store.stats();
  CHECK(stats.records == 0);
  CHECK(stats.owners == 0);
  CHECK(stats.owned_records == 0);
  CHECK(stats.key_value_bytes == 0);
  CHECK(stats.expired == 5000);
  CHECK(stats.memory_bytes == baseline);
}

TEST_CASE("expiry: sweep finds what was touched to an earlier and to a later deadline") {
  ManualClock clock;
  Store store = memory_store(clock);
  REQUIRE_OK(store.put("sooner", "v", {.ttl = 1h}));
  REQUIRE_OK(store.put("later", "v", {.ttl = 1s}));
  REQUIRE_OK(store.put("never", "v", {.ttl = 1s}));
  REQUIRE_OK(store.touch("sooner", 1s));
  REQUIRE_OK(store.touch("later", 10s));
  REQUIRE_OK(store.touch("never", kNoExpiry));
  clock.advance(2s);
  CHECK(store.sweep() == 1);
  CHECK(store.stats().records == 2);
  CHECK_VALUE(store, "later", "v");
  clock.advance(10s);
  CHECK(store.sweep() == 1);
  CHECK(store.stats().records == 1);
  CHECK_VALUE(store, "never", "v");
  REQUIRE_OK(store.touch("never", 1ms));
  clock.advance(2ms);
  CHECK(store.sweep() == 1);
  CHECK(store.stats().records == 0);
}

TEST_CASE("expiry: a thousand sweeps agree with the deadlines to the millisecond") {
  CLOAKROOM_RANDOM_SEED(seed);
  Random random(seed);
  ManualClock clock;
  Store store = memory_store(clock);
  std::vector<TimeMs> deadlines(300, 0);
  for (int step = 0; step < 1000; ++step) {
    const auto i = below(random, deadlines.size());
    const Millis ttl(1 + below(random, 5000));
    if (one_in(random, 2) || !store.touch(text("k", i), ttl)) {
      REQUIRE_OK(store.put(text("k", i), "v", {.ttl = ttl}));
    }
    deadlines[i] = clock.wall_ms() + ttl.count();
    clock.advance(Millis(below(random, 40)));
    if (!one_in(random, 3)) continue;
    store.sweep();
    std::uint64_t alive = 0;
    for (const TimeMs deadline : deadlines) alive += deadline >= clock.wall_ms() ? 1 : 0;
    REQUIRE(store.stats().records == alive);
  }
}

TEST_CASE("expiry: a jump of the wall clock changes nothing while the store runs") {
  ManualClock clock;
  Store store = memory_store(clock);
  REQUIRE_OK(store.put("short", "v", {.ttl = 10s}));
  REQUIRE_OK(store.put("long", "v", {.ttl = 1h}));
  clock.jump_wall(24h);
  CHECK_VALUE(store, "short", "v");
  CHECK(store.sweep() == 0);
  clock.advance(10s);
  CHECK_VALUE(store, "short", "v");
  clock.advance(1ms);
  CHECK_CODE(store.get("short"), kNotFound);
  clock.jump_wall(-48h);
  CHECK_CODE(store.get("short"), kNotFound);
  CHECK(store.sweep() == 1);
  CHECK_VALUE(store, "long", "v");
  // What is stored after a jump still lives exactly as long as it was given.
  REQUIRE_OK(store.put("after", "v", {.ttl = 5s}));
  clock.advance(5s);
  CHECK_VALUE(store, "after", "v");
  clock.advance(1ms);
  CHECK_CODE(store.get("after"), kNotFound);
}

TEST_CASE("expiry: time that passes while the store is closed counts") {
  TempDir dir;
  ManualClock clock;
  const Options options = quiet_options(clock, dir.store_path());
  {
    Store store = open_store(options);
    REQUIRE_OK(store.put("k", "v", {.ttl = 10s}));
    clock.advance(4s);
  }
  clock.advance(6s);
  clock.set_boot(77);  // and the machine was started anew meanwhile
  {
    Store store = open_store(options);
    CHECK_VALUE(store, "k", "v");
    clock.advance(1ms);
    CHECK_CODE(store.get("k"), kNotFound);
  }
}

TEST_CASE("expiry: a jump while the store ran neither logs out nor revives after a restart") {
  for (const Millis jump : {Millis(24h), Millis(-24h), Millis(24h * 365 * 20)}) {
    CAPTURE(jump.count());
    TempDir dir;
    ManualClock clock;
    const Options options = quiet_options(clock, dir.store_path());
    {
      Store store = open_store(options);
      REQUIRE_OK(store.put("short", "v", {.ttl = 10s}));
      REQUIRE_OK(store.put("long", "v", {.ttl = 1h}));
      clock.jump_wall(jump);
      clock.advance(11s);
      CHECK_CODE(store.get("short"), kNotFound);
    }
    clock.advance(10s);
    clock.set_boot(1);
    {
      Store store = open_store(options);
      CHECK_CODE(store.get("short"), kNotFound);
      CHECK_VALUE(store, "long", "v");
      clock.advance(Millis(1h) - 21s);
      CHECK_VALUE(store, "long", "v");
      clock.advance(1ms);
      CHECK_CODE(store.get("long"), kNotFound);
      warm_up(store);
      CHECK_CODE(store.get("short"), kNotFound);
      CHECK_CODE(store.get("long"), kNotFound);
    }
  }
}

TEST_CASE("expiry: a wall clock set back while the store was closed revives nothing") {
  TempDir dir;
  ManualClock clock;
  const Options options = quiet_options(clock, dir.store_path());
  {
    Store store = open_store(options);
    REQUIRE_OK(store.put("short", "v", {.ttl = 10s}));
    REQUIRE_OK(store.put("long", "v", {.ttl = 60s}));
    clock.advance(11s);
    CHECK_CODE(store.get("short"), kNotFound);
  }
  clock.jump_wall(-1h);
  for (int restart = 0; restart < 3; ++restart) {
    Store store = open_store(options);
    CHECK_CODE(store.get("short"), kNotFound);
    CHECK_VALUE(store, "long", "v");
    clock.advance(10s);
  }
  clock.advance(20s);
  Store store = open_store(options);
  CHECK_CODE(store.get("long"), kNotFound);
}

TEST_CASE("expiry: what died is gone from the disk's view after a restart, swept or not") {
  TempDir dir;
  ManualClock clock;
  const Options options = quiet_options(clock, dir.store_path());
  {
    Store store = open_store(options);
    for (std::uint64_t i = 0; i < 200; ++i) {
      REQUIRE_OK(store.put(text("k", i), "v", {.ttl = i % 2 == 0 ? Millis(1s) : Millis(1h)}));
    }
    clock.advance(2s);
    store.sweep();
  }
  Store store = open_store(options);
  CHECK(contents_of(store).size() == 100);
  warm_up(store);
  store.sweep();
  CHECK(store.stats().records == 100);
}

TEST_CASE("expiry: what a touch brought to an early end stays ended through restarts") {
  // On disk the record itself says "never", and the touch lies elsewhere: files that are merged
  // when enough of them are there must not lose the one before the other.
  TempDir dir;
  ManualClock clock;
  const Options options = quiet_options(clock, dir.store_path());
  {
    Store store = open_store(options);
    REQUIRE_OK(store.put("shortened", "v"));
    REQUIRE_OK(store.put("long", "v", {.ttl = 24h}));
    REQUIRE_OK(store.touch("shortened", 1s));
    REQUIRE_OK(store.touch("long", 1s));
  }
  clock.advance(2s);
  for (std::uint64_t restart = 0; restart < 12; ++restart) {
    CAPTURE(restart);
    Store store = open_store(options);
    REQUIRE_CODE(store.get("shortened"), kNotFound);
    REQUIRE_CODE(store.get("long"), kNotFound);
    warm_up(store);
    REQUIRE_OK(store.put(text("other", restart), "v", {.ttl = 1h}));
    REQUIRE_OK(store.touch(text("other", restart), 2h));
  }
}

}  // namespace cloakroom::testing
