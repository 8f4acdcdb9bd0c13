// Every method of a Store and every answer its header documents, on a memory-only store.
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "support/manual_clock.h"
#include "support/store_fixture.h"

namespace cloakroom::testing {
namespace {

const std::string kLongestKey(kKeyBytesMax, 'k');
const std::string kTooLongKey(2000, 'k');
const std::string kLongestOwner(kOwnerBytesMax, 'o');
const std::string kTooLongOwner(kOwnerBytesMax + 1, 'o');

constexpr auto leave = [](const RecordView*, std::string&) { return UpdateAction::kLeave; };

}  // namespace

TEST_CASE("store: an erased key is absent") {
  ManualClock clock;
  Store store = memory_store(clock);
  REQUIRE_OK(store.put("k", "v"));
  REQUIRE_OK(store.erase("k"));
  CHECK_CODE(store.get("k"), kNotFound);
  CHECK_CODE(store.erase("k"), kNotFound);
  CHECK_CODE(store.touch("k", 1s), kNotFound);
  CHECK_CODE(store.visit("k", [](const RecordView&) { FAIL("an erased record was shown"); }),
             kNotFound);
}

TEST_CASE("store: what is put is got, byte for byte") {
  ManualClock clock;
  Store store = memory_store(clock);
  const std::string bytes("\0\xff\r\n\0 ", 6);
  REQUIRE_OK(store.put(bytes, bytes));
  CHECK_VALUE(store, bytes, bytes);
  REQUIRE_OK(store.put("empty", ""));
  CHECK_VALUE(store, "empty", std::string());
  CHECK_CODE(store.get(std::string("\0\xff", 2)), kNotFound);
}

TEST_CASE("store: the empty key is a key") {
  ManualClock clock;
  Store store = memory_store(clock);
  CHECK_CODE(store.get(""), kNotFound);
  REQUIRE_OK(store.put("", "v"));
  CHECK_VALUE(store, "", "v");
  REQUIRE_OK(store.erase(""));
  CHECK_CODE(store.get(""), kNotFound);
}

TEST_CASE("store: get into a string reuses it and leaves it alone when there is nothing") {
  ManualClock clock;
  Store store = memory_store(clock);
  const auto version = store.put("k", "v");
  REQUIRE_OK(version);
  std::string value(1000, 'x');
  const char* const memory = value.data();
  const auto got = store.get("k", value);
  REQUIRE_OK(got);
  CHECK(*got == *version);
  CHECK(value == "v");
  CHECK(value.data() == memory);
  CHECK_CODE(store.get("absent", value), kNotFound);
  CHECK(value == "v");
}

TEST_CASE("store: versions grow with every write and begin above 0") {
  ManualClock clock;
  Store store = memory_store(clock);
  Version last = 0;
  for (int i = 0; i < 100; ++i) {
    const auto version = store.put(text("k", static_cast<std::uint64_t>(i) % 7), "v");
    REQUIRE_OK(version);
    CHECK(*version > last);
    last = *version;
  }
  REQUIRE_OK(store.erase("k0"));
  const auto after_erase = store.put("k0", "v");
  REQUIRE_OK(after_erase);
  CHECK(*after_erase > last);
  CHECK(record_of(store, "k0")->version == *after_erase);
  CHECK(store.stats().version_last >= *after_erase);
}

TEST_CASE("store: put with if_version has exactly the winners it should") {
  ManualClock clock;
  Store store = memory_store(clock);
  CHECK_CODE(store.put("k", "v", {.if_version = 7}), kConflict);
  CHECK(!record_of(store, "k"));
  const auto first = store.put("k", "1", {.if_version = 0});
  REQUIRE_OK(first);
  CHECK_CODE(store.put("k", "x", {.if_version = 0}), kConflict);
  CHECK_CODE(store.put("k", "x", {.if_version = *first + 1}), kConflict);
  const auto second = store.put("k", "2", {.if_version = *first});
  REQUIRE_OK(second);
  CHECK_CODE(store.put("k", "x", {.if_version = *first}), kConflict);
  CHECK_VALUE(store, "k", "2");
  CHECK(record_of(store, "k")->version == *second);
}

TEST_CASE("store: erase with if_version") {
  ManualClock clock;
  Store store = memory_store(clock);
  CHECK_CODE(store.erase("k", {.if_version = 1}), kNotFound);
  const auto version = store.put("k", "v");
  REQUIRE_OK(version);
  CHECK_CODE(store.erase("k", {.if_version = *version + 1}), kConflict);
  CHECK_CODE(store.erase("k", {.if_version = 0}), kConflict);
  CHECK_VALUE(store, "k", "v");
  CHECK_OK(store.erase("k", {.if_version = *version}));
  CHECK(!record_of(store, "k"));
}

TEST_CASE("store: put keeps a deadline when asked, else sets it anew") {
  ManualClock clock;
  Store store = memory_store(clock);
  const TimeMs start = clock.wall_ms();
  REQUIRE_OK(store.put("k", "1", {.ttl = 10s, .keep_deadline = true}));  // new: ttl counts
  CHECK(record_of(store, "k")->deadline == start + 10'000);
  clock.advance(1s);
  REQUIRE_OK(store.put("k", "2", {.ttl = 99s, .keep_deadline = true}));
  CHECK(record_of(store, "k")->deadline == start + 10'000);
  REQUIRE_OK(store.put("k", "3", {.ttl = 20s}));
  CHECK(record_of(store, "k")->deadline == start + 21'000);
  REQUIRE_OK(store.put("k", "4"));
  CHECK(record_of(store, "k")->deadline == kNever);
}

TEST_CASE("store: created is kept by overwrites and by touches, not by a new life") {
  ManualClock clock;
  Store store = memory_store(clock);
  const TimeMs start = clock.wall_ms();
  REQUIRE_OK(store.put("k", "1", {.ttl = 10s}));
  clock.advance(5s);
  REQUIRE_OK(store.put("k", "2", {.ttl = 10s}));
  REQUIRE_OK(store.touch("k", 20s));
  CHECK(record_of(store, "k")->created == start);
  clock.advance(21s);
  REQUIRE_OK(store.put("k", "3"));
  CHECK(record_of(store, "k")->created == start + 26'000);
  REQUIRE_OK(store.erase("k"));
  clock.advance(1s);
  REQUIRE_OK(store.put("k", "4"));
  CHECK(record_of(store, "k")->created == start + 27'000);
}

TEST_CASE("store: no touch, overwrite or update passes the lifetime") {
  ManualClock clock;
  Store store = memory_store(clock);
  const TimeMs bound = clock.wall_ms() + 60'000;
  REQUIRE_OK(store.put("k", "v", {.ttl = 1h, .lifetime = 60s}));
  CHECK(record_of(store, "k")->deadline == bound);
  CHECK(record_of(store, "k")->lifetime == bound);
  clock.advance(10s);
  for (const Millis ttl : {Millis(1h), kNoExpiry, Millis(Millis::max().count() - 1)}) {
    CHECK_OK(store.touch("k", ttl));
    CHECK(record_of(store, "k")->deadline == bound);
  }
  REQUIRE_OK(store.touch("k", 5s));
  CHECK(record_of(store, "k")->deadline == clock.wall_ms() + 5000);
  // An overwrite of a live record keeps the bound it has, whatever it asks for.
  REQUIRE_OK(store.put("k", "w", {.ttl = 1h, .lifetime = 2h}));
  CHECK(record_of(store, "k")->deadline == bound);
  CHECK(record_of(store, "k")->lifetime == bound);
  const auto append = [](const RecordView*, std::string& value) {
    value += "x";
    return UpdateAction::kStore;
  };
  REQUIRE_OK(store.update("k", append, {.ttl = 1h, .lifetime = 2h}));
  REQUIRE_OK(store.update("k", append, {.ttl = 1h, .keep_deadline = false}));
  CHECK(record_of(store, "k")->deadline == bound);
  CHECK(record_of(store, "k")->lifetime == bound);
  clock.advance(50s);
  CHECK_VALUE(store, "k", "wxx");
  clock.advance(1ms);
  CHECK_CODE(store.get("k"), kNotFound);
  // A new life has its own bound.
  REQUIRE_OK(store.put("k", "v", {.ttl = 1h}));
  CHECK(record_of(store, "k")->lifetime == kNever);
}

TEST_CASE("store: a lifetime without a ttl ends the record") {
  ManualClock clock;
  Store store = memory_store(clock);
  REQUIRE_OK(store.put("k", "v", {.lifetime = 60s}));
  CHECK(record_of(store, "k")->deadline == clock.wall_ms() + 60'000);
}

TEST_CASE("store: touch moves the deadline both ways and not the version") {
  ManualClock clock;
  Store store = memory_store(clock);
  const auto version = store.put("k", "v", {.ttl = 10s});
  REQUIRE_OK(version);
  clock.advance(1s);
  for (const Millis ttl : {Millis(30s), Millis(2s), Millis(1ms)}) {
    const auto touched = store.touch("k", ttl);
    REQUIRE_OK(touched);
    CHECK(*touched == *version);
    CHECK(record_of(store, "k")->deadline == clock.wall_ms() + ttl.count());
  }
  REQUIRE_OK(store.touch("k", kNoExpiry));
  CHECK(record_of(store, "k")->deadline == kNever);
  CHECK(record_of(store, "k")->version == *version);
}

TEST_CASE("store: a ttl of centuries does not overflow") {
  ManualClock clock;
  Store store = memory_store(clock);
  const auto to_the_end = Millis(kNever - clock.wall_ms());
  for (const Millis ttl :
       {Millis(Millis::max().count() - 1), to_the_end, to_the_end - 1ms, to_the_end + 1ms,
        Millis(std::int64_t{1} << 62), Millis(24h * 365 * 300)}) {
    REQUIRE_OK(store.put("k", "v", {.ttl = ttl, .lifetime = ttl}));
    CHECK(record_of(store, "k")->deadline > clock.wall_ms());
    REQUIRE_OK(store.touch("k", ttl));
    CHECK(record_of(store, "k")->deadline > clock.wall_ms());
    store.sweep();
    CHECK_VALUE(store, "k", "v");
    REQUIRE_OK(store.erase("k"));
  }
}

TEST_CASE("store: the owner is set, kept and cleared") {
  ManualClock clock;
  Store store = memory_store(clock);
  REQUIRE_OK(store.put("k", "1"));
  CHECK(record_of(store, "k")->owner.empty());
  REQUIRE_OK(store.put("k", "2", {.owner = "alice"}));
  CHECK(record_of(store, "k")->owner == "alice");
  REQUIRE_OK(store.put("k", "3"));
  CHECK(record_of(store, "k")->owner == "alice");
  REQUIRE_OK(store.put("k", "4", {.owner = "bob"}));
  CHECK(record_of(store, "k")->owner == "bob");
  REQUIRE_OK(store.put("k", "5", {.owner = ""}));
  CHECK(record_of(store, "k")->owner.empty());
  const auto store_x = [](const RecordView*, std::string& value) {
    value = "x";
    return UpdateAction::kStore;
  };
  REQUIRE_OK(store.update("k", store_x, {.keep_deadline = true, .owner = "carol"}));
  CHECK(record_of(store, "k")->owner == "carol");
  REQUIRE_OK(store.update("k", store_x));
  CHECK(record_of(store, "k")->owner == "carol");
  REQUIRE_OK(store.erase("k"));
  REQUIRE_OK(store.put("k", "6"));
  CHECK(record_of(store, "k")->owner.empty());
}

TEST_CASE("store: the kinds do not mix") {
  ManualClock clock;
  Store store = memory_store(clock);
  const std::array fields{Field{"n", "1"}};
  const std::array<std::string_view, 1> names{"n"};
  REQUIRE_OK(store.put("bytes", "v"));
  REQUIRE_OK(store.set_fields("fields", fields));

  CHECK_CODE(store.get("fields"), kWrongKind);
  std::string value = "untouched";
  CHECK_CODE(store.get("fields", value), kWrongKind);
  CHECK(value == "untouched");
  CHECK_CODE(store.update("fields", leave), kWrongKind);

  CHECK_CODE(store.get_field("bytes", "n"), kWrongKind);
  CHECK_CODE(store.set_fields("bytes", fields), kWrongKind);
  CHECK_CODE(store.erase_fields("bytes", names), kWrongKind);
  CHECK_CODE(store.increment_field("bytes", "n", 1), kWrongKind);
  CHECK_CODE(store.visit_fields("bytes", [](const Field&) { FAIL("bytes have no fields"); }),
             kWrongKind);
  CHECK_VALUE(store, "bytes", "v");

  CHECK(record_of(store, "fields")->kind == Kind::kFields);
  REQUIRE_OK(store.put("fields", "now bytes"));
  CHECK(record_of(store, "fields")->kind == Kind::kBytes);
  CHECK_VALUE(store, "fields", "now bytes");
}

TEST_CASE("store: visit shows the record whole") {
  ManualClock clock;
  Store store = memory_store(clock);
  const TimeMs now = clock.wall_ms();
  const auto version = store.put("k", "v", {.ttl = 10s, .lifetime = 20s, .owner = "alice"});
  REQUIRE_OK(version);
  int calls = 0;
  const auto seen = store.visit("k", [&](const RecordView& view) {
    ++calls;
    CHECK(view.key == "k");
    CHECK(view.value == "v");
    CHECK(view.owner == "alice");
    CHECK(view.kind == Kind::kBytes);
    CHECK(view.version == *version);
    CHECK(view.deadline == now + 10'000);
    CHECK(view.lifetime == now + 20'000);
    CHECK(view.created == now);
  });
  REQUIRE_OK(seen);
  CHECK(*seen == *version);
  CHECK(calls == 1);
}

TEST_CASE("store: visit_many shows the living and counts them") {
  ManualClock clock;
  Store store = memory_store(clock);
  std::vector<std::string> keys;
  for (std::uint64_t i = 0; i < 300; ++i) {
    keys.push_back(text("k", i));
    if (i % 3 == 0) REQUIRE_OK(store.put(keys.back(), text("v", i)));
    if (i % 3 == 1) REQUIRE_OK(store.put(keys.back(), text("v", i), {.ttl = 1s}));
  }
  clock.advance(2s);
  std::vector<std::string_view> asked(keys.begin(), keys.end());
  asked.push_back("k0");  // asked for twice, shown twice
  std::vector<int> shown(asked.size());
  const auto alive = store.visit_many(asked, [&](std::size_t i, const RecordView& view) {
    ++shown[i];
    CHECK(view.key == asked[i]);
    CHECK(view.value == "v" + std::string(asked[i].substr(1)));
  });
  REQUIRE_OK(alive);
  CHECK(*alive == 101);
  for (std::size_t i = 0; i < asked.size(); ++i) CHECK(shown[i] == (i % 3 == 0 ? 1 : 0));
  CHECK(*store.visit_many({}, [](std::size_t, const RecordView&) {}) == 0);
}

TEST_CASE("store: prefetch changes nothing, whatever it is asked for") {
  ManualClock clock;
  Store store = memory_store(clock);
  const std::string long_key(2000, 'k');
  std::vector<std::string> keys{"", long_key, "absent"};
  for (std::uint64_t i = 0; i < 100; ++i) {
    keys.push_back(text("k", i));
    if (i % 2 == 0) REQUIRE_OK(store.put(keys.back(), text("v", i), {.ttl = 1s}));
  }
  const std::vector<std::string_view> views(keys.begin(), keys.end());
  const Stats before = store.stats();
  store.prefetch(views);
  store.prefetch({});
  clock.advance(2s);  // the records are dead, and not yet swept
  store.prefetch(views);
  const Stats after = store.stats();
  CHECK(after.records == before.records);
  CHECK(after.hits + after.misses == before.hits + before.misses);
  const Store moved = std::move(store);
  store.prefetch(views);  // NOLINT(bugprone-use-after-move): a moved-from store answers too
}

TEST_CASE("store: update stores, leaves and erases") {
  ManualClock clock;
  Store store = memory_store(clock);
  const TimeMs start = clock.wall_ms();
  auto version = store.update("k",
                              [](const RecordView* current, std::string& value) {
                                CHECK(current == nullptr);
                                CHECK(value.empty());
                                value = "1";
                                return UpdateAction::kStore;
                              },
                              {.ttl = 10s, .owner = "alice"});
  REQUIRE_OK(version);
  CHECK(record_of(store, "k")->version == *version);
  CHECK(record_of(store, "k")->deadline == start + 10'000);
  CHECK(record_of(store, "k")->owner == "alice");

  clock.advance(1s);
  const auto left = store.update("k", [&](const RecordView* current, std::string& value) {
    REQUIRE(current != nullptr);
    CHECK(current->version == *version);
    CHECK(value == "1");
    value = "thrown away";
    return UpdateAction::kLeave;
  });
  REQUIRE_OK(left);
  CHECK(*left == *version);
  CHECK_VALUE(store, "k", "1");

  const auto stored = store.update("k", [](const RecordView*, std::string& value) {
    value += "2";
    return UpdateAction::kStore;
  });
  REQUIRE_OK(stored);
  CHECK(*stored > *version);
  CHECK_VALUE(store, "k", "12");
  CHECK(record_of(store, "k")->deadline == start + 10'000);

  const auto erased =
      store.update("k", [](const RecordView*, std::string&) { return UpdateAction::kErase; });
  REQUIRE_OK(erased);
  CHECK(*erased == 0);
  CHECK(!record_of(store, "k"));
  const auto absent = store.update("k", leave);
  REQUIRE_OK(absent);
  CHECK(*absent == 0);
  const auto erased_absent =
      store.update("k", [](const RecordView*, std::string&) { return UpdateAction::kErase; });
  REQUIRE_OK(erased_absent);
  CHECK(*erased_absent == 0);
}

TEST_CASE("store: update moves the deadline when told to") {
  ManualClock clock;
  Store store = memory_store(clock);
  REQUIRE_OK(store.put("k", "v", {.ttl = 10s}));
  const auto keep = [](const RecordView*, std::string&) { return UpdateAction::kStore; };
  REQUIRE_OK(store.update("k", keep, {.ttl = 30s, .keep_deadline = false}));
  CHECK(record_of(store, "k")->deadline == clock.wall_ms() + 30'000);
}

TEST_CASE("store: update with if_version does not run its function in vain") {
  ManualClock clock;
  Store store = memory_store(clock);
  const auto version = store.put("k", "v");
  REQUIRE_OK(version);
  const auto fail = [](const RecordView*, std::string&) {
    FAIL("must not run");
    return UpdateAction::kStore;
  };
  CHECK_CODE(store.update("k", fail, {.keep_deadline = true, .if_version = 0}), kConflict);
  CHECK_CODE(store.update("k", fail, {.keep_deadline = true, .if_version = *version + 1}),
             kConflict);
  CHECK_CODE(store.update("absent", fail, {.keep_deadline = true, .if_version = 1}), kConflict);
  CHECK_OK(store.update("k", leave, {.keep_deadline = true, .if_version = *version}));
}

TEST_CASE("store: a visitor that throws is passed through and nothing was changed") {
  ManualClock clock;
  Store store = memory_store(clock);
  REQUIRE_OK(store.put("k", "v"));
  const auto before = record_of(store, "k");
  const auto boom = [](const RecordView&) { throw 7; };
  CHECK_THROWS_AS((void)store.visit("k", boom), int);
  const auto spoil = [](const RecordView*, std::string& value) -> UpdateAction {
    value = "spoilt";
    throw 7;
  };
  CHECK_THROWS_AS((void)store.update("k", spoil), int);
  CHECK_THROWS_AS((void)store.update("new", spoil), int);
  // The locks are free again: every stripe takes a write.
  CHECK(record_of(store, "k") == before);
  CHECK(!record_of(store, "new"));
  for (std::uint64_t i = 0; i < 200; ++i) CHECK_OK(store.put(text("k", i), "w"));
}

TEST_CASE("store: a visitor may call the store, and its view stays as it was") {
  ManualClock clock;
  Store store = memory_store(clock);
  REQUIRE_OK(store.put("k", "v"));
  CHECK_OK(store.visit("k", [&](const RecordView& view) {
    CHECK_OK(store.put("k", "w"));
    CHECK_OK(store.touch("k", 1s));
    CHECK_VALUE(store, "k", "w");
    CHECK_OK(store.erase("k"));
    for (int i = 0; i < 3; ++i) store.sweep();
    CHECK(view.value == "v");
    CHECK(view.key == "k");
  }));
  CHECK_CODE(store.get("k"), kNotFound);
}

TEST_CASE("store: a call from inside the function of an update is refused") {
  ManualClock clock;
  Store store = memory_store(clock);
  const std::array fields{Field{"n", "1"}};
  const std::array<std::string_view, 1> names{"n"};
  const std::array<std::string_view, 1> keys{"k"};
  REQUIRE_OK(store.put("k", "v", {.owner = "alice"}));
  REQUIRE_OK(store.set_fields("f", fields));
  int rounds = 0;
  const auto check_all = [&] {
    ++rounds;
    std::string value;
    CHECK_CODE(store.get("other"), kInvalidArgument);
    CHECK_CODE(store.get("k", value), kInvalidArgument);
    CHECK_CODE(store.visit("k", [](const RecordView&) {}), kInvalidArgument);
    CHECK_CODE(store.visit_many(keys, [](std::size_t, const RecordView&) {}), kInvalidArgument);
    CHECK_CODE(store.put("other", "v"), kInvalidArgument);
    CHECK_CODE(store.touch("k", 1s), kInvalidArgument);
    CHECK_CODE(store.erase("k"), kInvalidArgument);
    CHECK_CODE(store.update("k", leave), kInvalidArgument);
    CHECK_CODE(store.get_field("f", "n"), kInvalidArgument);
    CHECK_CODE(store.set_fields("f", fields), kInvalidArgument);
    CHECK_CODE(store.erase_fields("f", names), kInvalidArgument);
    CHECK_CODE(store.increment_field("f", "n", 1), kInvalidArgument);
    CHECK_CODE(store.visit_fields("f", [](const Field&) {}), kInvalidArgument);
    CHECK_CODE(store.owned_by("alice"), kInvalidArgument);
    CHECK_CODE(store.erase_owned("alice"), kInvalidArgument);
    CHECK_CODE(store.scan(kScanStart, 1, [](const RecordView&) {}), kInvalidArgument);
    CHECK_CODE(store.sync(), kInvalidArgument);
  };
  CHECK_OK(store.update("k", [&](const RecordView*, std::string&) {
    check_all();
    return UpdateAction::kLeave;
  }));
  CHECK(rounds == 1);
  CHECK_VALUE(store, "k", "v");
  CHECK(!record_of(store, "other"));
  CHECK_OK(store.put("other", "v"));
}

TEST_CASE("store: a store that was closed or moved from answers kClosed") {
  ManualClock clock;
  const std::array fields{Field{"n", "1"}};
  const std::array<std::string_view, 1> names{"n"};
  const std::array<std::string_view, 1> keys{"k"};
  const auto check_closed = [&](Store& store) {
    std::string value;
    CHECK_CODE(store.get("k"), kClosed);
    CHECK_CODE(store.get("k", value), kClosed);
    CHECK_CODE(store.visit("k", [](const RecordView&) {}), kClosed);
    CHECK_CODE(store.visit_many(keys, [](std::size_t, const RecordView&) {}), kClosed);
    CHECK_CODE(store.put("k", "v"), kClosed);
    CHECK_CODE(store.touch("k", 1s), kClosed);
    CHECK_CODE(store.erase("k"), kClosed);
    CHECK_CODE(store.update("k", leave), kClosed);
    CHECK_CODE(store.get_field("k", "n"), kClosed);
    CHECK_CODE(store.set_fields("k", fields), kClosed);
    CHECK_CODE(store.erase_fields("k", names), kClosed);
    CHECK_CODE(store.increment_field("k", "n", 1), kClosed);
    CHECK_CODE(store.visit_fields("k", [](const Field&) {}), kClosed);
    CHECK_CODE(store.owned_by("alice"), kClosed);
    CHECK_CODE(store.erase_owned("alice"), kClosed);
    CHECK_CODE(store.scan(kScanStart, 1, [](const RecordView&) {}), kClosed);
    CHECK_CODE(store.sync(), kClosed);
    CHECK_CODE(store.checkpoint("/nowhere/at/all"), kClosed);
    StatusCode told = StatusCode::kOk;
    store.when_durable(1, [&](Status status) { told = status.code(); });
    CHECK(told == StatusCode::kClosed);
    CHECK(store.sweep() == 0);
    (void)store.stats();
    Subscription none = store.subscribe([](const Event&) {});
    none.cancel();
  };
  Store store = memory_store(clock);
  REQUIRE_OK(store.put("k", "v"));
  Store other = std::move(store);
  CHECK_VALUE(other, "k", "v");
  check_closed(store);  // NOLINT: the moved-from store is the point
  store = std::move(other);
  CHECK_VALUE(store, "k", "v");
  check_closed(other);  // NOLINT
  CHECK_OK(store.close());
  check_closed(store);
  CHECK_OK(store.close());
}

TEST_CASE("store: counters say what happened") {
  ManualClock clock;
  Store store = memory_store(clock);
  REQUIRE_OK(store.put("a", "12", {.owner = "alice"}));
  REQUIRE_OK(store.put("b", "345"));
  REQUIRE_OK(store.put("b", "6789"));
  REQUIRE_OK(store.get("a"));
  CHECK_CODE(store.get("c"), kNotFound);
  REQUIRE_OK(store.touch("a", 10s));
  REQUIRE_OK(store.erase("b"));
  const Stats stats = store.stats();
  CHECK(stats.records == 1);
  CHECK(stats.owned_records == 1);
  CHECK(stats.owners == 1);
  CHECK(stats.key_value_bytes == 3);
  CHECK(stats.creates == 2);
  CHECK(stats.overwrites == 1);
  CHECK(stats.erases == 1);
  CHECK(stats.touches == 1);
  CHECK(stats.hits >= 1);
  CHECK(stats.misses >= 1);
  CHECK(stats.warm);
  CHECK(stats.degraded.empty());
  CHECK(!stats.read_only);
  CHECK(stats.memory_bytes > 0);
}

TEST_CASE("store: a memory-only store has nothing to wait for and no checkpoint") {
  ManualClock clock;
  Store store = memory_store(clock);
  const auto version = store.put("k", "v", {.durability = Durability::kDisk});
  REQUIRE_OK(version);
  CHECK_OK(store.sync());
  int told = 0;
  store.when_durable(*version, [&](Status status) {
    CHECK_OK(status);
    ++told;
  });
  CHECK(told == 1);
  CHECK_CODE(store.checkpoint("/tmp/cloakroom-never"), kInvalidArgument);
}

}  // namespace cloakroom::testing
