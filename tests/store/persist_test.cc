// What was stored is there again after the store was closed and opened, to the last figure.
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "support/manual_clock.h"
#include "support/random_seed.h"
#include "support/store_fixture.h"
#include "support/temp_dir.h"

namespace cloakroom::testing {
namespace {

using Contents = std::map<std::string, RecordCopy>;

// A bit of everything: owners, fields, deadlines, lifetimes, touches, overwrites, erases.
void write_variety(Store& store, ManualClock& clock) {
  const std::string large(70'000, 'L');
  for (std::uint64_t i = 0; i < 300; ++i) {
    const std::string key = text("k", i);
    PutOptions options;
    if (i % 2 == 0) options.ttl = Millis(1000 + static_cast<Millis::rep>(i) * 777);
    if (i % 3 == 0) options.lifetime = Millis(5'000'000);
    const std::string owner = text("owner", i % 7);
    if (i % 5 != 0) options.owner = owner;
    if (i % 11 == 0) {
      const std::string a = text("v", i);
      const std::string b(100, 'b');
      const std::vector<Field> fields{{"a", a}, {"", ""}, {"b", b}};
      REQUIRE_OK(store.set_fields(key, fields, options));
    } else {
      REQUIRE_OK(store.put(key, i % 50 == 1 ? large : text("value", i), options));
    }
    clock.advance(3ms);
    if (i % 4 == 0) REQUIRE_OK(store.put(text("k", i / 2), "overwritten"));
    if (i % 6 == 0) REQUIRE_OK(store.touch(key, Millis(2'000'000 + static_cast<Millis::rep>(i))));
    if (i % 13 == 0) REQUIRE_OK(store.erase(text("k", i / 3)));
  }
  REQUIRE_OK(store.put("", "the empty key", {.owner = std::string("\0\xff", 2)}));
}

}  // namespace

TEST_CASE("persist: after a clean stop everything is there, exactly") {
  TempDir dir;
  ManualClock clock;
  const Options options = quiet_options(clock, dir.store_path());
  Contents before;
  Version last = 0;
  {
    Store store = open_store(options);
    write_variety(store, clock);
    before = contents_of(store);
    last = store.stats().version_last;
    CHECK_OK(store.close());
  }
  for (int restart = 0; restart < 3; ++restart) {
    Store store = open_store(options);
    CHECK(store.stats().opened_clean);
    CHECK(store.stats().version_last >= last);
    CHECK(contents_of(store) == before);
    CHECK(store.stats().degraded.empty());
    for (std::uint64_t o = 0; o < 7; ++o) {
      std::set<std::string> expected;
      for (const auto& [key, record] : before) {
        if (record.owner == text("owner", o)) expected.insert(key);
      }
      const auto owned = store.owned_by(text("owner", o));
      REQUIRE_OK(owned);
      std::set<std::string> found;
      for (const OwnedRecord& record : *owned) {
        found.insert(record.key);
        CHECK(record.version == before[record.key].version);
        CHECK(record.deadline == before[record.key].deadline);
        CHECK(record.created == before[record.key].created);
      }
      CHECK(found == expected);
    }
  }
}

TEST_CASE("persist: the destructor closes cleanly too") {
  TempDir dir;
  ManualClock clock;
  const Options options = quiet_options(clock, dir.store_path());
  { REQUIRE_OK(open_store(options).put("k", "v", {.durability = Durability::kMemory})); }
  Store store = open_store(options);
  CHECK(store.stats().opened_clean);
  CHECK_VALUE(store, "k", "v");
}

TEST_CASE("persist: versions keep growing over restarts") {
  TempDir dir;
  ManualClock clock;
  const Options options = quiet_options(clock, dir.store_path());
  Version last = 0;
  for (int restart = 0; restart < 5; ++restart) {
    Store store = open_store(options);
    for (int i = 0; i < 3; ++i) {
      const auto version = store.put(text("k", static_cast<std::uint64_t>(i)), "v");
      REQUIRE_OK(version);
      CHECK(*version > last);
      last = *version;
    }
    REQUIRE_OK(store.erase("k0"));  // the last write may be one that leaves no record
  }
}

TEST_CASE("persist: a touch's deadline is exact after a clean stop") {
  TempDir dir;
  ManualClock clock;
  Options options = quiet_options(clock, dir.store_path());
  options.touch_resolution = 60s;
  TimeMs deadline = 0;
  {
    Store store = open_store(options);
    REQUIRE_OK(store.put("k", "v", {.ttl = 10s}));
    for (int i = 0; i < 20; ++i) {
      clock.advance(137ms);
      REQUIRE_OK(store.touch("k", 10s));
    }
    deadline = clock.wall_ms() + 10'000;
    REQUIRE_OK(store.put("shorter", "v", {.ttl = 10s}));
    REQUIRE_OK(store.touch("shorter", 1s));
  }
  Store store = open_store(options);
  CHECK(record_of(store, "k")->deadline == deadline);
  CHECK(record_of(store, "shorter")->deadline == clock.wall_ms() + 1000);
  clock.advance(1001ms);
  CHECK_CODE(store.get("shorter"), kNotFound);
  warm_up(store);
  CHECK_CODE(store.get("shorter"), kNotFound);
  CHECK(record_of(store, "k")->deadline == deadline);
}

TEST_CASE("persist: touches within what the disk grants are not written") {
  TempDir dir;
  ManualClock clock;
  Options options = quiet_options(clock, dir.store_path());
  options.touch_resolution = 1000ms;
  Store store = open_store(options);
  REQUIRE_OK(store.put("k", "v", {.ttl = 10s}));
  for (int i = 0; i < 1000; ++i) {
    clock.advance(10ms);
    REQUIRE_OK(store.touch("k", 10s));
  }
  const Stats stats = store.stats();
  CHECK(stats.touches == 1000);
  CHECK(stats.touches_journaled >= 5);
  CHECK(stats.touches_journaled <= 20);
  CHECK(record_of(store, "k")->deadline == clock.wall_ms() + 10'000);
}

TEST_CASE("persist: unless told otherwise a touch grants the disk up to a tenth of its ttl more") {
  TempDir dir;
  TempDir copy;
  ManualClock clock;
  Options options = quiet_options(clock, dir.store_path());
  Store store = open_store(options);
  REQUIRE_OK(store.put("k", "v", {.ttl = 30min}));
  for (int i = 0; i < 20; ++i) {
    clock.advance(30s);
    REQUIRE_OK(store.touch("k", 30min));
  }
  const TimeMs deadline = clock.wall_ms() + 1'800'000;
  CHECK(record_of(store, "k")->deadline == deadline);
  CHECK(store.stats().touches_journaled <= 7);
  // What a process that dies now leaves behind.
  REQUIRE_OK(store.sync());
  std::filesystem::copy(dir.store_path(), copy.store_path(),
                        std::filesystem::copy_options::recursive);
  options.path = copy.store_path();
  Store again = open_store(options);
  CHECK(record_of(again, "k")->deadline >= deadline);
  CHECK(record_of(again, "k")->deadline <= deadline + 180'000);
  REQUIRE_OK(store.close());
  options.path = dir.store_path();
  CHECK(record_of(open_store(options), "k")->deadline == deadline);
}

TEST_CASE("persist: an overwrite is not given the deadline of the record before it") {
  TempDir dir;
  ManualClock clock;
  Options options = quiet_options(clock, dir.store_path());
  options.touch_resolution = 0ms;
  {
    Store store = open_store(options);
    REQUIRE_OK(store.put("overwritten", "v", {.ttl = 10s}));
    REQUIRE_OK(store.touch("overwritten", 1h));
    REQUIRE_OK(store.put("overwritten", "w", {.ttl = 5s}));
    REQUIRE_OK(store.put("renewed", "v", {.ttl = 10s}));
    REQUIRE_OK(store.touch("renewed", 1h));
    REQUIRE_OK(store.erase("renewed"));
    REQUIRE_OK(store.put("renewed", "w", {.ttl = 5s}));
  }
  Store store = open_store(options);
  CHECK(record_of(store, "overwritten")->deadline == clock.wall_ms() + 5000);
  CHECK(record_of(store, "renewed")->deadline == clock.wall_ms() + 5000);
}

TEST_CASE("persist: several stores live in one process") {
  TempDir dir;
  ManualClock clock;
  std::vector<Store> stores;
  for (std::uint64_t i = 0; i < 4; ++i) {
    stores.push_back(open_store(quiet_options(clock, dir / text("store", i))));
    REQUIRE_OK(stores.back().put("k", text("v", i)));
  }
  for (std::uint64_t i = 0; i < 4; ++i) CHECK_VALUE(stores[i], "k", text("v", i));
  stores.clear();
  for (std::uint64_t i = 0; i < 4; ++i) {
    Store store = open_store(quiet_options(clock, dir / text("store", i)));
    CHECK_VALUE(store, "k", text("v", i));
  }
}

TEST_CASE("persist: a checkpoint holds what its version covers and nothing later") {
  TempDir dir;
  ManualClock clock;
  Options options = quiet_options(clock, dir.store_path());
  options.touch_resolution = 1000ms;
  Store store = open_store(options);
  write_variety(store, clock);
  const Contents before = contents_of(store);
  const Version last = store.stats().version_last;
  const auto version = store.checkpoint(dir / "copy");
  REQUIRE_OK(version);
  CHECK(*version >= last);
  REQUIRE_OK(store.put("later", "v"));
  REQUIRE_OK(store.erase("k1"));

  Store copy = open_store(quiet_options(clock, dir / "copy"));
  CHECK(contents_of(copy).size() == before.size());
  for (const auto& [key, record] : before) {
    const auto found = record_of(copy, key);
    REQUIRE(found);
    CHECK(found->value == record.value);
    CHECK(found->owner == record.owner);
    CHECK(found->kind == record.kind);
    CHECK(found->version == record.version);
    CHECK(found->created == record.created);
    CHECK(found->lifetime == record.lifetime);
    // The copy is of a running store: a touch is exact to within touch_resolution, never shorter.
    CHECK(found->deadline >= record.deadline);
    if (record.deadline != kNever) CHECK(found->deadline <= record.deadline + 1000);
  }
  CHECK(!record_of(copy, "later"));
  // They are two stores now: what is written to one does not show in the other.
  REQUIRE_OK(copy.put("only here", "v"));
  CHECK(!record_of(store, "only here"));
  CHECK_VALUE(store, "later", "v");
}

TEST_CASE("persist: a rename that is still in the ring is found whole by the next open") {
  ManualClock clock;
  TempDir dir;
  TempDir copy;
  const std::string large(2'000'000, 'L');  // does not go through the ring
  {
    Store store = open_store(quiet_options(clock, dir.store_path()));
    REQUIRE_OK(store.put("a", "v", {.ttl = 1h, .owner = "alice"}));
    REQUIRE_OK(store.put("c", large, {.owner = "alice"}));
    REQUIRE_OK(store.sync());
    REQUIRE_OK(store.rename("a", "b", {.leave = "alias", .leave_ttl = 1min}));
    REQUIRE_OK(store.rename("c", "d"));
    // What a process that dies now leaves behind.
    std::filesystem::copy(dir.store_path(), copy.store_path(),
                          std::filesystem::copy_options::recursive);
  }
  Store store = open_store(quiet_options(clock, copy.store_path()));
  CHECK(!store.stats().opened_clean);
  CHECK_VALUE(store, "a", "alias");
  CHECK_VALUE(store, "b", "v");
  CHECK(record_of(store, "b")->owner == "alice");
  CHECK(!record_of(store, "c"));
  CHECK_VALUE(store, "d", large);
  CHECK(store.owned_by("alice")->size() == 2);
}

TEST_CASE("persist: a rename while the store is cold is right then and later") {
  ManualClock clock;
  TempDir dir;
  const Options options = quiet_options(clock, dir.store_path());
  {
    Store store = open_store(options);
    REQUIRE_OK(store.put("a", "1", {.owner = "alice"}));
    REQUIRE_OK(store.put("b", "2"));
  }
  Store store = open_store(options);
  REQUIRE(!store.stats().warm);
  CHECK_CODE(store.rename("a", "b"), kConflict);
  CHECK_CODE(store.rename("x", "y"), kNotFound);
  REQUIRE_OK(store.rename("a", "c"));
  CHECK_CODE(store.get("a"), kNotFound);
  warm_up(store);
  CHECK_CODE(store.get("a"), kNotFound);
  CHECK_VALUE(store, "c", "1");
  CHECK(store.owned_by("alice")->size() == 1);
  REQUIRE_OK(store.close());
  store = open_store(options);
  CHECK(contents_of(store).size() == 2);
}

TEST_CASE("persist: a restored checkpoint says once that ended sessions are alive in it") {
  TempDir dir;
  ManualClock clock;
  std::vector<std::string> warnings;
  Options options = quiet_options(clock, dir / "copy");
  options.log = [&](LogLevel level, std::string_view line) {
    if (level == LogLevel::kWarning) warnings.emplace_back(line);
  };
  {
    Store store = open_store(quiet_options(clock, dir.store_path()));
    REQUIRE_OK(store.put("k", "v"));
    REQUIRE_OK(store.checkpoint(dir / "copy"));
    REQUIRE_OK(store.erase("k"));
    CHECK_FALSE(store.stats().opened_copy);
    CHECK(store.stats().generation == 0);
  }
  {
    Store copy = open_store(options);
    CHECK_VALUE(copy, "k", "v");
    CHECK(copy.stats().opened_copy);
    CHECK(copy.stats().generation == 1);
    REQUIRE(warnings.size() == 1);
    CHECK(warnings[0].find("copy") != std::string::npos);
    REQUIRE_OK(copy.erase("k"));
  }
  const Store again = open_store(options);
  CHECK_FALSE(again.stats().opened_copy);
  CHECK(again.stats().generation == 1);
  CHECK(warnings.size() == 1);
}

TEST_CASE("persist: a checkpoint of a checkpoint, closed and opened") {
  TempDir dir;
  ManualClock clock;
  Store store = open_store(quiet_options(clock, dir.store_path()));
  REQUIRE_OK(store.put("k", "v"));
  REQUIRE_OK(store.checkpoint(dir / "one"));
  {
    Store one = open_store(quiet_options(clock, dir / "one"));
    REQUIRE_OK(one.put("one", "v"));
    REQUIRE_OK(one.checkpoint(dir / "two"));
  }
  Store two = open_store(quiet_options(clock, dir / "two"));
  CHECK_VALUE(two, "k", "v");
  CHECK_VALUE(two, "one", "v");
}

TEST_CASE("persist: a checkpoint refuses a place that is taken or cannot be") {
  TempDir dir;
  ManualClock clock;
  Store store = open_store(quiet_options(clock, dir.store_path()));
  REQUIRE_OK(store.put("k", "v"));
  std::filesystem::create_directory(dir / "taken");
  for (const char* name : {"taken", "no/such/parent"}) {
    const auto refused = store.checkpoint(dir / name);
    CHECK(!refused);
    CHECK(refused.status().message().find(dir / name) != std::string::npos);
  }
  CHECK(std::filesystem::is_empty(dir / "taken"));
  CHECK(!std::filesystem::exists(dir / "no"));
  REQUIRE_OK(store.put("k", "w"));
  CHECK_OK(store.checkpoint(dir / "free"));
}

TEST_CASE("persist: sync and durability levels move the marks") {
  TempDir dir;
  ManualClock clock;
  Store store = open_store(quiet_options(clock, dir.store_path()));
  const auto memory = store.put("m", "v", {.durability = Durability::kMemory});
  REQUIRE_OK(memory);
  const auto process = store.put("p", "v", {.durability = Durability::kProcess});
  REQUIRE_OK(process);
  CHECK(store.stats().version_process >= *process);
  CHECK(store.stats().version_disk < *process);
  const auto disk = store.put("d", "v", {.durability = Durability::kDisk});
  REQUIRE_OK(disk);
  CHECK(store.stats().version_disk >= *disk);
  REQUIRE_OK(store.put("p", "w"));
  CHECK_OK(store.sync());
  const Stats stats = store.stats();
  CHECK(stats.version_disk == stats.version_last);
  CHECK(stats.version_process == stats.version_last);
  CHECK(stats.journal_queue_bytes == 0);
  REQUIRE_OK(store.put("e", "v"));
  CHECK_OK(store.erase("e", {.durability = Durability::kDisk}));
  CHECK(store.stats().version_disk == store.stats().version_last);
}

TEST_CASE("persist: the default durability of the options holds for writes without their own") {
  TempDir dir;
  ManualClock clock;
  Options options = quiet_options(clock, dir.store_path());
  options.durability = Durability::kDisk;
  Store store = open_store(options);
  const auto version = store.put("k", "v");
  REQUIRE_OK(version);
  CHECK(store.stats().version_disk >= *version);
}

TEST_CASE("persist: when_durable tells once, and at once when there is nothing to wait for") {
  TempDir dir;
  ManualClock clock;
  Store store = open_store(quiet_options(clock, dir.store_path()));
  const auto version = store.put("k", "v");
  REQUIRE_OK(version);
  int told = 0;
  const auto tell = [&](Status status) {
    CHECK_OK(status);
    CHECK(store.stats().version_disk >= *version);
    CHECK_VALUE(store, "k", "v");  // it may call the store
    ++told;
  };
  store.when_durable(*version, tell);
  CHECK(told == 1);
  store.when_durable(*version, tell);
  CHECK(told == 2);
  CHECK_OK(store.sync());
  store.sweep();
  CHECK(told == 2);
}

TEST_CASE("persist: with background off a sweep commits and syncs") {
  TempDir dir;
  ManualClock clock;
  Store store = open_store(quiet_options(clock, dir.store_path()));
  const auto version = store.put("k", "v", {.durability = Durability::kMemory});
  REQUIRE_OK(version);
  clock.advance(1s);
  store.sweep();
  CHECK(store.stats().version_disk >= *version);
}

TEST_CASE("persist: the files are for their owner alone") {
  TempDir dir;
  ManualClock clock;
  Store store = open_store(quiet_options(clock, dir.store_path()));
  REQUIRE_OK(store.put("k", "v", {.durability = Durability::kDisk}));
  REQUIRE_OK(store.checkpoint(dir / "copy"));
  namespace fs = std::filesystem;
  constexpr auto kOthers = fs::perms::group_all | fs::perms::others_all;
  for (const std::string& root : {dir.store_path(), dir / "copy"}) {
    CHECK((fs::status(root).permissions() & kOthers) == fs::perms::none);
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
      CAPTURE(entry.path().string());
      CHECK((entry.status().permissions() & kOthers) == fs::perms::none);
    }
  }
}

TEST_CASE("persist: random stores come back after many restarts") {
  CLOAKROOM_RANDOM_SEED(seed);
  Random random(seed);
  TempDir dir;
  ManualClock clock;
  Options options = quiet_options(clock, dir.store_path());
  Contents expected;
  for (int restart = 0; restart < 12; ++restart) {
    options.stripe_count = std::size_t{1} << below(random, 10);  // no business of the disk
    options.touch_resolution = Millis(below(random, 3) * 5000);
    Store store = open_store(options);
    REQUIRE(contents_of(store) == expected);
    for (int i = 0; i < 300; ++i) {
      const std::string key = text("k", below(random, 150));
      if (one_in(random, 4)) {
        (void)store.erase(key);
      } else if (one_in(random, 3)) {
        (void)store.touch(key, Millis(1'000'000 + below(random, 1'000'000)));
      } else {
        REQUIRE_OK(store.put(key, std::string(below(random, 500), 'v'),
                             {.ttl = Millis(500'000 + below(random, 1'000'000)),
                              .lifetime = Millis(3'000'000),
                              .owner = text("o", below(random, 5))}));
      }
    }
    clock.advance(Millis(below(random, 1000)));
    expected = contents_of(store);
    for (auto& [key, record] : expected) record.deadline = record_of(store, key)->deadline;
  }
}

}  // namespace cloakroom::testing
