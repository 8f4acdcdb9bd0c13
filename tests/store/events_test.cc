// What subscribers are told, in which order, and when they are told no more.
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "support/manual_clock.h"
#include "support/store_fixture.h"
#include "support/temp_dir.h"

namespace cloakroom::testing {
namespace {

std::vector<EventType> types_of(const std::vector<Event>& events) {
  std::vector<EventType> types;
  for (const Event& event : events) types.push_back(event.type);
  return types;
}

using Types = std::vector<EventType>;

}  // namespace

TEST_CASE("events: with background off they are delivered by sweep and not before") {
  ManualClock clock;
  Store store = memory_store(clock);
  std::vector<Event> events;
  const auto subscription = store.subscribe([&](const Event& e) { events.push_back(e); });
  REQUIRE_OK(store.put("k", "v"));
  CHECK(events.empty());
  store.sweep();
  CHECK(events.size() == 1);
  store.sweep();
  CHECK(events.size() == 1);
}

TEST_CASE("events: each change is told once, in order, with what belongs to it") {
  ManualClock clock;
  Store store = memory_store(clock);
  std::vector<Event> events;
  const auto subscription = store.subscribe([&](const Event& e) { events.push_back(e); });
  const auto created = store.put("k", "1", {.ttl = 10s, .owner = "alice"});
  clock.advance(1s);
  const auto updated = store.put("k", "2", {.ttl = 10s});
  REQUIRE_OK(store.touch("k", 20s));  // moves no value: no event
  REQUIRE_OK(store.get("k"));
  REQUIRE_OK(store.erase("k"));
  CHECK_CODE(store.erase("k"), kNotFound);
  store.sweep();
  REQUIRE(types_of(events) ==
          Types{EventType::kCreated, EventType::kUpdated, EventType::kErased});
  for (const Event& event : events) {
    CHECK(event.key == "k");
    CHECK(event.owner == "alice");
  }
  CHECK(events[0].version == *created);
  CHECK(events[0].when == clock.wall_ms() - 1000);
  CHECK(events[1].version == *updated);
  CHECK(events[1].when == clock.wall_ms());
  CHECK(events[2].version > *updated);
}

TEST_CASE("events: fields, update and erase_owned are told like everything else") {
  ManualClock clock;
  Store store = memory_store(clock);
  std::vector<Event> events;
  const auto subscription = store.subscribe([&](const Event& e) { events.push_back(e); });
  const std::vector<Field> fields{{"a", "1"}};
  const std::vector<std::string_view> names{"a", "n"};
  REQUIRE_OK(store.set_fields("f", fields, {.owner = "alice"}));
  REQUIRE_OK(store.increment_field("f", "n", 1));
  REQUIRE_OK(store.erase_fields("f", names));
  REQUIRE_OK(store.update("u", [](const RecordView*, std::string& value) {
    value = "v";
    return UpdateAction::kStore;
  }));
  REQUIRE_OK(store.update("u", [](const RecordView*, std::string&) { return UpdateAction::kLeave; }));
  REQUIRE_OK(store.update("u", [](const RecordView*, std::string&) { return UpdateAction::kErase; }));
  REQUIRE_OK(store.put("o", "v", {.owner = "alice"}));
  REQUIRE_OK(store.erase_owned("alice"));
  store.sweep();
  std::map<std::string, Types> by_key;
  for (const Event& event : events) by_key[event.key].push_back(event.type);
  CHECK(by_key["f"] == Types{EventType::kCreated, EventType::kUpdated, EventType::kErased});
  CHECK(by_key["u"] == Types{EventType::kCreated, EventType::kErased});
  CHECK(by_key["o"] == Types{EventType::kCreated, EventType::kErased});
}

TEST_CASE("events: what the sweeper reclaims is told as expired, with its last version") {
  ManualClock clock;
  Store store = memory_store(clock);
  std::vector<Event> events;
  const auto version = store.put("k", "v", {.ttl = 1s, .owner = "alice"});
  const auto subscription =
      store.subscribe([&](const Event& e) { events.push_back(e); }, event_bit(EventType::kExpired));
  clock.advance(2s);
  store.sweep();
  store.sweep();
  REQUIRE(events.size() == 1);
  CHECK(events[0].type == EventType::kExpired);
  CHECK(events[0].key == "k");
  CHECK(events[0].owner == "alice");
  CHECK(events[0].version == *version);
}

TEST_CASE("events: a new life over a dead record is a creation") {
  ManualClock clock;
  Store store = memory_store(clock);
  std::vector<Event> events;
  REQUIRE_OK(store.put("k", "v", {.ttl = 1s}));
  const auto subscription = store.subscribe([&](const Event& e) { events.push_back(e); });
  clock.advance(2s);
  REQUIRE_OK(store.put("k", "w"));
  store.sweep();
  REQUIRE(!events.empty());
  CHECK(events.back().type == EventType::kCreated);
  for (const Event& event : events) CHECK(event.type != EventType::kUpdated);
}

TEST_CASE("events: a mask lets through what it names and nothing else") {
  ManualClock clock;
  Store store = memory_store(clock);
  std::vector<Event> erased;
  std::vector<Event> both;
  const auto first =
      store.subscribe([&](const Event& e) { erased.push_back(e); }, event_bit(EventType::kErased));
  const auto second =
      store.subscribe([&](const Event& e) { both.push_back(e); },
                      event_bit(EventType::kCreated) | event_bit(EventType::kErased));
  REQUIRE_OK(store.put("k", "1"));
  REQUIRE_OK(store.put("k", "2"));
  REQUIRE_OK(store.erase("k"));
  store.sweep();
  CHECK(types_of(erased) == Types{EventType::kErased});
  CHECK(types_of(both) == Types{EventType::kCreated, EventType::kErased});
}

TEST_CASE("events: the order of one key is the order of its versions") {
  ManualClock clock;
  Store store = memory_store(clock);
  std::map<std::string, Version> last;
  std::uint64_t told = 0;
  const auto subscription = store.subscribe([&](const Event& event) {
    CHECK(event.version > last[event.key]);
    last[event.key] = event.version;
    ++told;
  });
  for (std::uint64_t i = 0; i < 2000; ++i) {
    const std::string key = text("k", i % 13);
    if (i % 7 == 0) {
      (void)store.erase(key);
    } else {
      REQUIRE_OK(store.put(key, "v"));
    }
    if (i % 100 == 0) store.sweep();
  }
  store.sweep();
  CHECK(told > 1500);
}

TEST_CASE("events: when the queue is full an overflow says how many are missing") {
  ManualClock clock;
  Store store = memory_store(clock);
  std::uint64_t delivered = 0;
  std::uint64_t dropped = 0;
  std::uint64_t overflows = 0;
  const auto subscription = store.subscribe([&](const Event& event) {
    if (event.type == EventType::kOverflow) {
      ++overflows;
      dropped += event.dropped;
      CHECK(event.dropped > 0);
    } else {
      ++delivered;
    }
  });
  std::uint64_t written = 0;
  while (store.stats().events_dropped == 0) {
    for (int i = 0; i < 1000; ++i, ++written) REQUIRE_OK(store.put("k", "v"));
    REQUIRE(written < 5'000'000);
  }
  for (int i = 0; i < 500; ++i, ++written) REQUIRE_OK(store.put("k", "v"));
  const std::uint64_t counted = store.stats().events_dropped;
  store.sweep();
  // The gap is told before the next event, whose place in the order is behind it.
  REQUIRE_OK(store.put("k", "v"));
  ++written;
  store.sweep();
  CHECK(overflows >= 1);
  CHECK(dropped == counted);
  CHECK(delivered + dropped == written);
  CHECK(store.stats().events_dropped == counted);
}

TEST_CASE("events: nothing is told after a subscription ended, by cancel or by its scope") {
  ManualClock clock;
  Store store = memory_store(clock);
  int told = 0;
  {
    const auto scoped = store.subscribe([&](const Event&) { ++told; });
    REQUIRE_OK(store.put("k", "1"));
  }
  store.sweep();
  CHECK(told == 0);
  auto cancelled = store.subscribe([&](const Event&) { ++told; });
  REQUIRE_OK(store.put("k", "2"));
  store.sweep();
  CHECK(told == 1);
  cancelled.cancel();
  REQUIRE_OK(store.put("k", "3"));
  store.sweep();
  CHECK(told == 1);
  cancelled.cancel();
  Subscription empty;
  empty.cancel();
}

TEST_CASE("events: a subscription can be moved, and ended from inside its callback") {
  ManualClock clock;
  Store store = memory_store(clock);
  std::optional<Subscription> subscription;
  int told = 0;
  subscription = store.subscribe([&](const Event&) {
    ++told;
    subscription->cancel();
  });
  Subscription moved = std::move(*subscription);
  subscription.emplace(std::move(moved));
  REQUIRE_OK(store.put("k", "1"));
  REQUIRE_OK(store.put("k", "2"));
  store.sweep();
  store.sweep();
  CHECK(told == 1);
}

TEST_CASE("events: a callback may call the store") {
  ManualClock clock;
  Store store = memory_store(clock);
  int created = 0;
  const auto subscription = store.subscribe(
      [&](const Event& event) {
        ++created;
        CHECK_VALUE(store, event.key, "v");
        if (event.key == "first") CHECK_OK(store.put("second", "v"));
      },
      event_bit(EventType::kCreated));
  REQUIRE_OK(store.put("first", "v"));
  store.sweep();
  store.sweep();
  CHECK(created == 2);
}

TEST_CASE("events: a subscription outlives its store") {
  ManualClock clock;
  Subscription subscription;
  auto told = std::make_shared<int>(0);
  {
    Store store = memory_store(clock);
    subscription = store.subscribe([told](const Event&) { ++*told; });
    REQUIRE_OK(store.put("k", "v"));
    store.sweep();
  }
  CHECK(*told == 1);
  subscription.cancel();
}

TEST_CASE("events: warming up ends with kWarm, and loading is not creating") {
  TempDir dir;
  ManualClock clock;
  const Options options = quiet_options(clock, dir.store_path());
  {
    Store store = open_store(options);
    for (std::uint64_t i = 0; i < 100; ++i) REQUIRE_OK(store.put(text("k", i), "v"));
  }
  Store store = open_store(options);
  std::vector<Event> events;
  const auto subscription = store.subscribe([&](const Event& e) { events.push_back(e); });
  warm_up(store);
  store.sweep();
  REQUIRE(types_of(events) == Types{EventType::kWarm});
  CHECK(events[0].key.empty());
}

}  // namespace cloakroom::testing
