#include "index/events.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace cloakroom;

TEST_CASE("event bus: in order, by mask, and only while subscribed") {
  EventBus bus(false);
  CHECK_FALSE(bus.wanted(EventType::kErased));
  std::vector<std::string> seen;
  {
    const Subscription subscription = bus.subscribe(
        [&](const Event& event) { seen.push_back(event.key); }, event_bit(EventType::kErased));
    CHECK(bus.wanted(EventType::kErased));
    bus.publish(EventType::kErased, "a", "", 1, 0);
    bus.publish(EventType::kCreated, "not asked for", "", 2, 0);
    bus.publish(EventType::kErased, "b", "", 3, 0);
    bus.deliver();
  }
  bus.publish(EventType::kErased, "late", "", 4, 0);
  bus.deliver();
  CHECK(seen == std::vector<std::string>{"a", "b"});
}

TEST_CASE("event bus: a full queue drops, counts, and says so before the next event") {
  EventBus bus(false);
  std::size_t events = 0;
  std::uint64_t told = 0;
  const Subscription subscription = bus.subscribe(
      [&](const Event& event) {
        if (event.type == EventType::kOverflow) told += event.dropped;
        else ++events;
      },
      kAllEvents);
  for (std::size_t i = 0; i < kEventQueueMax + 5; ++i) {
    bus.publish(EventType::kCreated, "k", "", 1, 0);
  }
  bus.deliver();
  CHECK(events == kEventQueueMax);
  CHECK(bus.dropped() == 5);
  CHECK(told == 0);
  bus.publish(EventType::kCreated, "k", "", 1, 0);
  bus.deliver();
  CHECK(told == 5);
  CHECK(events == kEventQueueMax + 1);
}

TEST_CASE("event bus: a subscriber may end its subscription from inside the call") {
  EventBus bus(false);
  Subscription subscription;
  int calls = 0;
  subscription = bus.subscribe(
      [&](const Event&) {
        ++calls;
        subscription.cancel();
      },
      kAllEvents);
  bus.publish(EventType::kCreated, "k", "", 1, 0);
  bus.publish(EventType::kCreated, "k", "", 2, 0);
  bus.deliver();
  CHECK(calls == 1);
}

TEST_CASE("event bus: the dispatcher delivers everything before it stops") {
  EventBus bus(true);
  std::atomic<int> calls{0};
  const Subscription subscription = bus.subscribe([&](const Event&) { ++calls; }, kAllEvents);
  for (int i = 0; i < 100; ++i) bus.publish(EventType::kCreated, "k", "", 1, 0);
  bus.stop();
  CHECK(calls == 100);
}

TEST_CASE("event bus: a callback may deliver; the call around it goes on") {
  EventBus bus(false);
  int calls = 0;
  const Subscription subscription = bus.subscribe(
      [&](const Event&) {
        if (++calls == 1) bus.publish(EventType::kCreated, "second", "", 2, 0);
        bus.deliver();
      },
      kAllEvents);
  bus.publish(EventType::kCreated, "first", "", 1, 0);
  bus.deliver();
  CHECK(calls == 2);
}

TEST_CASE("event bus: nothing is queued for subscribers that are gone") {
  EventBus bus(false);
  bus.subscribe([](const Event&) {}, kAllEvents).cancel();
  bus.deliver();
  CHECK_FALSE(bus.wanted(EventType::kCreated));
  for (std::size_t i = 0; i < kEventQueueMax + 5; ++i) {
    bus.publish(EventType::kCreated, "k", "", 1, 0);
  }
  CHECK(bus.dropped() == 0);
}

TEST_CASE("event bus: what a record held is told to nobody unless somebody asks") {
  EventBus bus(false);
  std::vector<std::string> seen;
  const auto keep = [&](const Event& event) { seen.push_back(event.value); };
  const RecordView record{.key = "k", .value = "held", .kind = Kind::kSession, .lifetime = 7};
  const Subscription plain = bus.subscribe(keep, kAllEvents);
  bus.publish_last(EventType::kExpired, record, 0);
  bus.deliver();
  {
    const Subscription values =
        bus.subscribe([](const Event&) {}, event_bit(EventType::kExpired) | kLastValues);
    bus.publish_last(EventType::kExpired, record, 0);
    bus.deliver();
  }
  bus.deliver();
  bus.publish_last(EventType::kExpired, record, 0);
  bus.deliver();
  CHECK(seen == std::vector<std::string>{"", "held", ""});
}
