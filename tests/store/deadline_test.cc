// Deadlines to the millisecond, and touches on a condition.
#include <atomic>
#include <thread>

#include "support/manual_clock.h"
#include "support/store_fixture.h"

namespace cloakroom::testing {

TEST_CASE("deadline: put and touch give exactly the deadline asked for, bounded by the lifetime") {
  ManualClock clock;
  Store store = memory_store(clock);
  const TimeMs asked = store.now() + 12'345;
  REQUIRE_OK(store.put("k", "v", {.ttl = 1s, .deadline = asked}));
  CHECK(record_of(store, "k")->deadline == asked);
  clock.advance(7ms);
  REQUIRE_OK(store.touch("k", {.deadline = asked + 1}));
  CHECK(record_of(store, "k")->deadline == asked + 1);
  REQUIRE_OK(store.touch("k", {.deadline = asked - 9}));
  CHECK(record_of(store, "k")->deadline == asked - 9);

  const TimeMs bound = store.now() + 60'000;
  REQUIRE_OK(store.put("bound", "v", {.lifetime = 1min, .deadline = bound + 1}));
  CHECK(record_of(store, "bound")->deadline == bound);
  REQUIRE_OK(store.touch("bound", {.deadline = bound + 5}));
  CHECK(record_of(store, "bound")->deadline == bound);
  REQUIRE_OK(store.touch("bound", {.deadline = bound - 5}));
  CHECK(record_of(store, "bound")->deadline == bound - 5);

  // A kept deadline is not changed by one that is given.
  REQUIRE_OK(store.put("k", "w", {.deadline = asked + 99, .keep_deadline = true}));
  CHECK(record_of(store, "k")->deadline == asked - 9);
}

TEST_CASE("deadline: one that is past ends the record, and an event says so once") {
  ManualClock clock;
  Store store = memory_store(clock);
  int expired = 0;
  const Subscription ear =
      store.subscribe([&](const Event&) { ++expired; }, event_bit(EventType::kExpired));
  for (const TimeMs past : {store.now() - 1, TimeMs{0}, TimeMs{-5}, INT64_MIN}) {
    REQUIRE_OK(store.put("k", "v"));
    REQUIRE_OK(store.touch("k", {.deadline = past}));
    CHECK_CODE(store.get("k"), kNotFound);
    CHECK_CODE(store.touch("k", 1h), kNotFound);
    REQUIRE_OK(store.put("l", "v", {.deadline = past}));
    CHECK_CODE(store.get("l"), kNotFound);
    expired = 0;
    store.sweep();
    CHECK(expired == 2);
  }
}

TEST_CASE("deadline: a touch on a condition that does not hold changes nothing") {
  ManualClock clock;
  Store store = memory_store(clock);
  const auto version = store.put("k", "v", {.ttl = 10s});
  REQUIRE_OK(version);
  const TimeMs deadline = record_of(store, "k")->deadline;
  CHECK_CODE(store.touch("k", {.ttl = 1h, .if_version = *version + 1}), kConflict);
  CHECK_CODE(store.touch("k", {.ttl = 1h, .if_deadline = deadline + 1}), kConflict);
  CHECK_CODE(store.touch("k", {.ttl = 1s, .if_deadline = kNever}), kConflict);
  CHECK(record_of(store, "k")->deadline == deadline);
  CHECK(*store.touch("k", {.ttl = 20s, .if_version = *version, .if_deadline = deadline}) ==
        *version);
  CHECK(*store.touch("k", {.ttl = 5s, .if_version = *version}) == *version);
  CHECK_CODE(store.touch("none", {.ttl = 1s, .if_deadline = kNever}), kNotFound);
  CHECK_CODE(store.touch("k", {.ttl = 0s}), kInvalidArgument);
}

TEST_CASE("deadline: of two who touch by what they saw, one does not undo the other") {
  ManualClock clock;
  Store store = memory_store(clock);
  const TimeMs start = store.now() + 1'000'000;
  REQUIRE_OK(store.put("k", "v", {.deadline = start}));
  constexpr int kEach = 2000;
  const auto add_one = [&](int n) {
    for (int i = 0; i < n; ++i) {
      for (;;) {
        const TimeMs seen = record_of(store, "k")->deadline;
        if (store.touch("k", {.deadline = seen + 1, .if_deadline = seen})) break;
      }
    }
  };
  std::thread other([&] { add_one(kEach); });
  add_one(kEach);
  other.join();
  CHECK(record_of(store, "k")->deadline == start + 2 * kEach);
}

TEST_CASE("deadline: the wall clock is told as it is, whatever the store's time") {
  ManualClock clock;
  const Store store = memory_store(clock);
  CHECK(store.wall_now() == store.now());
  clock.jump_wall(1h);
  CHECK(store.wall_now() == store.now() + 3'600'000);
}

}  // namespace cloakroom::testing
