// A scan sees every key that is present throughout, whatever else happens.
#include <atomic>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "support/manual_clock.h"
#include "support/random_seed.h"
#include "support/store_fixture.h"

namespace cloakroom::testing {

TEST_CASE("scan: an empty store is complete at once") {
  ManualClock clock;
  Store store = memory_store(clock);
  const auto next =
      store.scan(kScanStart, 10, [](const RecordView&) { FAIL("there is nothing to see"); });
  REQUIRE_OK(next);
  CHECK(contents_of(store).empty());
}

TEST_CASE("scan: everything alive is seen, with what belongs to it") {
  ManualClock clock;
  Store store = memory_store(clock);
  std::map<std::string, RecordCopy> expected;
  for (std::uint64_t i = 0; i < 3000; ++i) {
    const std::string key = text("k", i);
    REQUIRE_OK(store.put(key, text("v", i),
                         {.ttl = i % 5 == 0 ? Millis(1s) : Millis(1h), .owner = text("o", i % 9)}));
    if (i % 5 != 0) expected[key] = *record_of(store, key);
  }
  clock.advance(2s);
  for (const std::size_t count : {std::size_t{1}, std::size_t{7}, std::size_t{100000}}) {
    CHECK(contents_of(store, count) == expected);
  }
}

TEST_CASE("scan: about `count` records a call, and it always comes to an end") {
  ManualClock clock;
  Store store = memory_store(clock);
  for (std::uint64_t i = 0; i < 2000; ++i) REQUIRE_OK(store.put(text("k", i), "v"));
  Cursor cursor = kScanStart;
  int calls = 0;
  std::set<Cursor> cursors;
  do {
    int seen = 0;
    const auto next = store.scan(cursor, 50, [&](const RecordView&) { ++seen; });
    REQUIRE_OK(next);
    CHECK(seen <= 200);
    cursor = *next;
    CHECK(cursors.insert(cursor).second);
    ++calls;
  } while (cursor != kScanStart);
  CHECK(calls >= 10);
}

TEST_CASE("scan: a foreign cursor is refused") {
  ManualClock clock;
  Store store = memory_store(clock);
  REQUIRE_OK(store.put("k", "v"));
  const auto never = [](const RecordView&) { FAIL("nothing to show"); };
  CHECK_CODE(store.scan(~Cursor{0}, 10, never), kInvalidArgument);
  CHECK_CODE(store.scan(~Cursor{0} - 1, 10, never), kInvalidArgument);
  CHECK_CODE(store.scan(Cursor{1} << 63, 10, never), kInvalidArgument);
}

TEST_CASE("scan: its visitor may call the store, also about the record it sees") {
  ManualClock clock;
  Store store = memory_store(clock);
  for (std::uint64_t i = 0; i < 500; ++i) REQUIRE_OK(store.put(text("k", i), "v"));
  Cursor cursor = kScanStart;
  do {
    const auto next = store.scan(cursor, 20, [&](const RecordView& view) {
      const std::string key(view.key);
      CHECK(view.value == "v");
      CHECK_VALUE(store, key, "v");
      CHECK_OK(store.erase(key));
      CHECK(view.key == key);  // a copy: erasing does not pull it away
      CHECK(view.value == "v");
    });
    REQUIRE_OK(next);
    cursor = *next;
  } while (cursor != kScanStart);
  CHECK(store.stats().records == 0);
}

TEST_CASE("scan: keys that stay are seen while others come, go and the table grows") {
  CLOAKROOM_RANDOM_SEED(seed);
  Random random(seed);
  for (int round = 0; round < 20; ++round) {
    ManualClock clock;
    Options options = quiet_options(clock);
    options.stripe_count = std::size_t{1} << below(random, 5);
    Store store = open_store(options);
    std::set<std::string> staying;
    for (std::uint64_t i = 0; i < 500; ++i) {
      staying.insert(text("stay", i));
      REQUIRE_OK(store.put(text("stay", i), "v"));
    }
    std::set<std::string> seen;
    std::uint64_t fresh = 0;
    Cursor cursor = kScanStart;
    do {
      const auto next = store.scan(cursor, 1 + below(random, 60), [&](const RecordView& view) {
        seen.insert(std::string(view.key));
      });
      REQUIRE_OK(next);
      cursor = *next;
      for (std::uint64_t i = below(random, 80); i > 0; --i) {
        REQUIRE_OK(store.put(text("new", fresh++), "v"));
        if (one_in(random, 3)) (void)store.erase(text("new", below(random, fresh)));
        if (one_in(random, 5)) REQUIRE_OK(store.put(text("stay", below(random, 500)), "w"));
      }
    } while (cursor != kScanStart);
    for (const std::string& key : staying) REQUIRE(seen.contains(key));
  }
}

TEST_CASE("scan: keys that stay are seen under concurrent writers") {
  ManualClock clock;
  Store store = memory_store(clock);
  constexpr std::uint64_t kStaying = 1000;
  for (std::uint64_t i = 0; i < kStaying; ++i) REQUIRE_OK(store.put(text("stay", i), "v"));
  std::atomic<bool> stop{false};
  std::vector<std::thread> writers;
  for (std::uint64_t t = 0; t < 2; ++t) {
    writers.emplace_back([&store, &stop, t] {
      Random random(t);
      for (std::uint64_t i = 0; !stop.load(); ++i) {
        const std::string key = text("t", t) + text("new", i % 5000);
        (void)(one_in(random, 3) ? store.erase(key).ok() : store.put(key, "v").ok());
        (void)store.put(text("stay", below(random, kStaying)), "w").ok();
      }
    });
  }
  for (int scan = 0; scan < 30; ++scan) {
    std::uint64_t seen = 0;
    for (const auto& [key, record] : contents_of(store, 100)) seen += key.starts_with("stay") ? 1 : 0;
    CHECK(seen == kStaying);
  }
  stop.store(true);
  for (std::thread& writer : writers) writer.join();
}

}  // namespace cloakroom::testing
