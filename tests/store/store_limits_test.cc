// The bounds of keys, owners, values and options, met exactly and passed by one.
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "support/manual_clock.h"
#include "support/store_fixture.h"

namespace cloakroom::testing {
namespace {

const std::string kLongestKey(kKeyBytesMax, 'k');
const std::string kTooLongKey(kKeyBytesMax + 1, 'k');
const std::string kLongestOwner(kOwnerBytesMax, 'o');
const std::string kTooLongOwner(kOwnerBytesMax + 1, 'o');

constexpr auto leave = [](const RecordView*, std::string&) { return UpdateAction::kLeave; };

}  // namespace

TEST_CASE("store: keys and owners are taken up to their limit and not one byte beyond") {
  ManualClock clock;
  Store store = memory_store(clock);
  REQUIRE_OK(store.put(kLongestKey, "v", {.owner = kLongestOwner}));
  CHECK_VALUE(store, kLongestKey, "v");
  CHECK(record_of(store, kLongestKey)->owner == kLongestOwner);
  const auto owned = store.owned_by(kLongestOwner);
  REQUIRE_OK(owned);
  CHECK(owned->size() == 1);

  const auto before = store.stats();
  std::string value;
  const std::array fields{Field{"n", "1"}};
  const std::array<std::string_view, 1> names{"n"};
  CHECK_CODE(store.get(kTooLongKey), kTooLarge);
  CHECK_CODE(store.get(kTooLongKey, value), kTooLarge);
  CHECK_CODE(store.visit(kTooLongKey, [](const RecordView&) {}), kTooLarge);
  CHECK_CODE(store.put(kTooLongKey, "v"), kTooLarge);
  CHECK_CODE(store.touch(kTooLongKey, 1s), kTooLarge);
  CHECK_CODE(store.erase(kTooLongKey), kTooLarge);
  CHECK_CODE(store.update(kTooLongKey, leave), kTooLarge);
  CHECK_CODE(store.get_field(kTooLongKey, "n"), kTooLarge);
  CHECK_CODE(store.set_fields(kTooLongKey, fields), kTooLarge);
  CHECK_CODE(store.erase_fields(kTooLongKey, names), kTooLarge);
  CHECK_CODE(store.increment_field(kTooLongKey, "n", 1), kTooLarge);
  CHECK_CODE(store.visit_fields(kTooLongKey, [](const Field&) {}), kTooLarge);
  CHECK_CODE(store.put("k", "v", {.owner = kTooLongOwner}), kTooLarge);
  CHECK_CODE(store.set_fields("k", fields, {.owner = kTooLongOwner}), kTooLarge);
  CHECK_CODE(store.owned_by(kTooLongOwner), kTooLarge);
  CHECK_CODE(store.erase_owned(kTooLongOwner), kTooLarge);
  CHECK(!record_of(store, "k"));
  CHECK(store.stats().memory_bytes == before.memory_bytes);
  CHECK(store.stats().version_last == before.version_last);
}

TEST_CASE("store: values are taken up to value_bytes_max and not one byte beyond") {
  ManualClock clock;
  Options options = quiet_options(clock);
  options.value_bytes_max = 1000;
  Store store = open_store(options);
  const std::string longest(1000, 'v');
  REQUIRE_OK(store.put("k", longest));
  CHECK_VALUE(store, "k", longest);
  CHECK_CODE(store.put("k", longest + "v"), kTooLarge);
  CHECK_CODE(store.put("new", longest + "v"), kTooLarge);
  const auto grow = [](const RecordView*, std::string& value) {
    value += "v";
    return UpdateAction::kStore;
  };
  CHECK_CODE(store.update("k", grow), kTooLarge);
  CHECK_VALUE(store, "k", longest);
  CHECK(!record_of(store, "new"));
  // Fields: the encoding takes some bytes, so 1000 of value are too many and 900 are not.
  const std::array fields{Field{"n", longest}};
  const std::array fewer{Field{"n", std::string_view(longest).substr(0, 900)}};
  CHECK_CODE(store.set_fields("f", fields), kTooLarge);
  CHECK(!record_of(store, "f"));
  REQUIRE_OK(store.set_fields("f", fewer));
  const std::array more{Field{"m", std::string_view(longest).substr(0, 200)}};
  CHECK_CODE(store.set_fields("f", more), kTooLarge);
  CHECK(*store.get_field("f", "n") == fewer[0].value);
  CHECK_CODE(store.get_field("f", "m"), kNotFound);
}

TEST_CASE("store: options out of bounds are refused by name") {
  ManualClock clock;
  const auto refused = [&](auto change) {
    Options options = quiet_options(clock);
    change(options);
    const auto store = Store::open(options);
    CHECK_CODE(store, kInvalidArgument);
    CHECK(!store.status().message().empty());
  };
  refused([](Options& o) { o.stripe_count = 3; });
  refused([](Options& o) { o.stripe_count = 131072; });
  refused([](Options& o) { o.value_bytes_max = (std::size_t{512} << 20) + 1; });
  refused([](Options& o) { o.sync_interval = -1ms; });
  refused([](Options& o) { o.touch_resolution = -2ms; });
  for (const std::size_t count : {1U, 2U, 4096U, 65536U}) {
    Options options = quiet_options(clock);
    options.stripe_count = count;
    Store store = open_store(options);
    REQUIRE_OK(store.put("k", "v"));
    CHECK_VALUE(store, "k", "v");
  }
}

TEST_CASE("store: a ttl or lifetime that is not positive is refused and changes nothing") {
  ManualClock clock;
  Store store = memory_store(clock);
  REQUIRE_OK(store.put("k", "v", {.ttl = 10s}));
  const auto before = record_of(store, "k");
  const std::array fields{Field{"n", "1"}};
  for (const Millis bad : {Millis(0), Millis(-1), Millis::min()}) {
    CHECK_CODE(store.put("k", "x", {.ttl = bad}), kInvalidArgument);
    CHECK_CODE(store.put("k", "x", {.lifetime = bad}), kInvalidArgument);
    CHECK_CODE(store.put("new", "x", {.ttl = bad}), kInvalidArgument);
    CHECK_CODE(store.touch("k", bad), kInvalidArgument);
    CHECK_CODE(store.set_fields("new", fields, {.ttl = bad}), kInvalidArgument);
  }
  CHECK(record_of(store, "k") == before);
  CHECK(!record_of(store, "new"));
}

}  // namespace cloakroom::testing
