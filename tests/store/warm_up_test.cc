// A store serves at once after it was opened: everything is right while most of it is still on disk.
// With background off nothing warms up before the first sweep().
#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "support/manual_clock.h"
#include "support/random_seed.h"
#include "support/store_fixture.h"
#include "support/temp_dir.h"

namespace cloakroom::testing {
namespace {

// A closed store of 500 records: k0 ... k499 of values v0 ... v499, every third with an owner,
// every tenth of fields.
class WarmUp {
 public:
  WarmUp() : options_(quiet_options(clock_, dir_.store_path())) {
    Store store = open_store(options_);
    for (std::uint64_t i = 0; i < kRecords; ++i) {
      const std::string owner = i % 3 == 0 ? "alice" : "";
      if (i % 10 == 0) {
        const std::string value = text("v", i);
        const std::vector<Field> fields{{"f", value}, {"n", "41"}};
        REQUIRE_OK(store.set_fields(text("k", i), fields, {.ttl = 1h, .owner = owner}));
      } else {
        REQUIRE_OK(store.put(text("k", i), text("v", i),
                             {.ttl = 1h, .lifetime = 2h, .owner = owner}));
      }
    }
    last_ = store.stats().version_last;
  }

  // Opened and cold.
  [[nodiscard]] Store open() const {
    Store store = open_store(options_);
    CHECK(!store.stats().warm);
    return store;
  }

  static constexpr std::uint64_t kRecords = 500;
  TempDir dir_;
  ManualClock clock_;
  Options options_;
  Version last_ = 0;
};

}  // namespace

TEST_CASE_FIXTURE(WarmUp, "warm-up: reads find what is still on disk") {
  Store store = open();
  std::string value;
  for (std::uint64_t i = 1; i < kRecords; i += 7) {
    const std::string key = text("k", i);
    if (i % 10 == 0) {
      CHECK(*store.get_field(key, "f") == text("v", i));
      CHECK_CODE(store.get(key), kWrongKind);
    } else {
      CHECK_VALUE(store, key, text("v", i));
      REQUIRE_OK(store.get(key, value));
      CHECK(value == text("v", i));
    }
    CHECK(record_of(store, key)->owner == (i % 3 == 0 ? "alice" : ""));
  }
  CHECK_CODE(store.get("absent"), kNotFound);
  std::vector<std::string> keys;
  for (std::uint64_t i = 0; i < kRecords + 100; ++i) keys.push_back(text("k", i));
  const std::vector<std::string_view> views(keys.begin(), keys.end());
  CHECK(*store.visit_many(views, [](std::size_t, const RecordView&) {}) == kRecords);
}

TEST_CASE_FIXTURE(WarmUp, "warm-up: writes build on what is still on disk") {
  Store store = open();
  const auto cold = record_of(store, "k1");
  CHECK_CODE(store.put("k2", "x", {.if_version = 0}), kConflict);
  const auto version = store.put("k1", "new", {.keep_deadline = true, .if_version = cold->version});
  REQUIRE_OK(version);
  CHECK(*version > last_);
  CHECK(record_of(store, "k1")->deadline == cold->deadline);
  CHECK(record_of(store, "k1")->lifetime == cold->lifetime);
  CHECK(record_of(store, "k1")->created == cold->created);
  // A key nobody asked for before: the overwrite must find owner, bound and age on disk.
  REQUIRE_OK(store.put("k3", "new", {.ttl = 10h}));
  CHECK(record_of(store, "k3")->owner == "alice");
  CHECK(record_of(store, "k3")->created == cold->created);
  CHECK(record_of(store, "k3")->lifetime == cold->lifetime);
  CHECK(record_of(store, "k3")->deadline == cold->lifetime);
  REQUIRE_OK(store.touch("k4", 90min));
  CHECK(record_of(store, "k4")->deadline == clock_.wall_ms() + Millis(90min).count());
  REQUIRE_OK(store.update("k5", [](const RecordView* current, std::string& value) {
    REQUIRE(current != nullptr);
    value += "+";
    return UpdateAction::kStore;
  }));
  CHECK_VALUE(store, "k5", "v5+");
  CHECK(*store.increment_field("k10", "n", 1) == 42);
  const std::vector<std::string_view> names{"f"};
  CHECK(*store.erase_fields("k20", names) == 1);
  CHECK(*store.get_field("k20", "n") == "41");
  warm_up(store);
  CHECK_VALUE(store, "k1", "new");
  CHECK_VALUE(store, "k3", "new");
  CHECK_VALUE(store, "k5", "v5+");
  CHECK(*store.get_field("k10", "n") == "42");
  CHECK_CODE(store.get_field("k20", "f"), kNotFound);
  CHECK(record_of(store, "k4")->deadline == clock_.wall_ms() + Millis(90min).count());
}

TEST_CASE_FIXTURE(WarmUp, "warm-up: what is erased while cold never comes back") {
  {
    Store store = open();
    CHECK_OK(store.erase("k1"));
    CHECK_CODE(store.erase("k1"), kNotFound);
    CHECK_CODE(store.get("k1"), kNotFound);
    REQUIRE_OK(store.get("k2"));
    CHECK_OK(store.erase("k2"));
    REQUIRE_OK(store.put("k4", "x"));
    CHECK_OK(store.erase("k4"));
    REQUIRE_OK(store.update(
        "k5", [](const RecordView*, std::string&) { return UpdateAction::kErase; }));
    CHECK_OK(store.erase("k499"));  // late in the loader's way
    const std::vector<std::string_view> names{"f", "n"};
    CHECK(*store.erase_fields("k30", names) == 2);
    for (int pass = 0; pass < 3; ++pass) {
      for (const char* key : {"k1", "k2", "k4", "k5", "k499", "k30"}) CHECK(!record_of(store, key));
      store.sweep();
    }
    warm_up(store);
    for (const char* key : {"k1", "k2", "k4", "k5", "k499", "k30"}) CHECK(!record_of(store, key));
    CHECK(store.stats().records == kRecords - 6);
  }
  Store store = open();
  for (const char* key : {"k1", "k2", "k4", "k5", "k499", "k30"}) CHECK(!record_of(store, key));
}

TEST_CASE_FIXTURE(WarmUp, "warm-up: owners and scans are complete at once") {
  {
    Store store = open();
    CHECK(store.owned_by("alice")->size() == (kRecords + 2) / 3);
  }
  {
    Store store = open();
    CHECK(contents_of(store).size() == kRecords);
  }
  {
    Store store = open();
    CHECK(*store.erase_owned("alice", "k0") == (kRecords + 2) / 3 - 1);
    CHECK(!record_of(store, "k3"));
  }
  Store store = open();
  CHECK(!record_of(store, "k3"));
  CHECK(record_of(store, "k0"));
  CHECK(store.owned_by("alice")->size() == 1);
}

TEST_CASE_FIXTURE(WarmUp, "warm-up: what expires while cold is not served and not loaded to stay") {
  clock_.advance(30min);
  Store store = open();
  REQUIRE_OK(store.touch("k1", 2h));  // up to its lifetime
  clock_.advance(31min);
  CHECK_CODE(store.get("k2"), kNotFound);
  CHECK_CODE(store.touch("k4", 1h), kNotFound);
  CHECK_CODE(store.get_field("k10", "f"), kNotFound);
  CHECK_VALUE(store, "k1", "v1");
  REQUIRE_OK(store.put("k7", "new life"));
  CHECK(record_of(store, "k7")->created == clock_.wall_ms());
  CHECK(record_of(store, "k7")->lifetime == kNever);
  warm_up(store);
  store.sweep();
  CHECK(store.stats().records == 2);
  CHECK(store.owned_by("alice")->empty());
}

TEST_CASE_FIXTURE(WarmUp, "warm-up: a close in the middle of it loses nothing") {
  {
    Store store = open();
    REQUIRE_OK(store.put("k1", "changed"));
    REQUIRE_OK(store.touch("k4", 90min));
    REQUIRE_OK(store.erase("k2"));
  }
  {
    Store store = open();  // closed cold, without a single call
  }
  Store store = open();
  const auto contents = contents_of(store);
  CHECK(contents.size() == kRecords - 1);
  CHECK(contents.at("k1").value == "changed");
  CHECK(contents.at("k4").deadline == clock_.wall_ms() + Millis(90min).count());
  CHECK(contents.at("k499").value == "v499");
  CHECK(!contents.contains("k2"));
}

TEST_CASE_FIXTURE(WarmUp, "warm-up: a checkpoint of a cold store is complete") {
  {
    Store store = open();
    REQUIRE_OK(store.put("k1", "changed"));
    REQUIRE_OK(store.checkpoint(dir_ / "copy"));
  }
  Store copy = open_store(quiet_options(clock_, dir_ / "copy"));
  CHECK(contents_of(copy).size() == kRecords);
  CHECK_VALUE(copy, "k1", "changed");
}

TEST_CASE_FIXTURE(WarmUp, "warm-up: figures say how far it is") {
  Store store = open();
  CHECK(store.stats().opened_clean);
  warm_up(store);
  CHECK(store.stats().warmed_records == kRecords);
  CHECK(store.stats().records == kRecords);
  CHECK(store.stats().owners == 1);
  store.sweep();
  CHECK(store.stats().expired == 0);
  for (std::uint64_t i = 0; i < kRecords; ++i) CHECK(record_of(store, text("k", i)));
}

TEST_CASE_FIXTURE(WarmUp, "warm-up: a memory limit below what is on disk keeps all of it readable") {
  options_.memory_limit_bytes = 20'000;
  Store store = open_store(options_);
  for (std::uint64_t i = 1; i < kRecords; i += 10) CHECK_VALUE(store, text("k", i), text("v", i));
  CHECK(contents_of(store).size() == kRecords);
  CHECK_CODE(store.put("new", std::string(1000, 'v')), kFull);
  CHECK_OK(store.erase("k1"));
}

TEST_CASE("warm-up: random calls on a cold store agree with a model") {
  CLOAKROOM_RANDOM_SEED(seed);
  Random random(seed);
  TempDir dir;
  ManualClock clock;
  const Options options = quiet_options(clock, dir.store_path());
  std::map<std::string, std::string> model;
  for (int restart = 0; restart < 15; ++restart) {
    Store store = open_store(options);
    const std::uint64_t calls = below(random, 200);
    for (std::uint64_t i = 0; i < calls; ++i) {
      const std::string key = text("k", below(random, 80));
      const auto held = model.find(key);
      switch (below(random, 4)) {
        case 0: {
          const auto got = store.get(key);
          REQUIRE(got.ok() == (held != model.end()));
          if (got) REQUIRE(*got == held->second);
          break;
        }
        case 1:
          REQUIRE(store.erase(key).ok() == (model.erase(key) == 1));
          break;
        case 2:
          if (one_in(random, 10)) store.sweep();
          break;
        default: {
          const std::string value = text("v", random());
          REQUIRE_OK(store.put(key, value));
          model[key] = value;
        }
      }
    }
    if (one_in(random, 3)) warm_up(store);
    if (!one_in(random, 3)) continue;
    std::map<std::string, std::string> found;
    for (const auto& [key, record] : contents_of(store)) found[key] = record.value;
    REQUIRE(found == model);
  }
}

}  // namespace cloakroom::testing
