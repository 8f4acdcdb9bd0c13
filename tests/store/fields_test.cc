// Records of fields: named values that change singly.
#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "support/manual_clock.h"
#include "support/random_seed.h"
#include "support/store_fixture.h"

namespace cloakroom::testing {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;
using Names = std::vector<std::string_view>;

Fields fields_of(const Store& store, std::string_view key) {
  Fields fields;
  const auto seen = store.visit_fields(key, [&](const Field& field) {
    fields.emplace_back(std::string(field.name), std::string(field.value));
  });
  if (!seen) CHECK_CODE(seen, kNotFound);
  return fields;
}

Result<Version> set(Store& store, std::string_view key, const std::vector<Field>& fields,
                    const PutOptions& options = {.keep_deadline = true}) {
  return store.set_fields(key, fields, options);
}

}  // namespace

TEST_CASE("fields: what is set is got, the others stay, the order is the first one") {
  ManualClock clock;
  Store store = memory_store(clock);
  const auto first = set(store, "k", {{"a", "1"}, {"b", "2"}});
  REQUIRE_OK(first);
  const auto second = set(store, "k", {{"c", "3"}, {"a", "a longer one"}});
  REQUIRE_OK(second);
  CHECK(*second > *first);
  CHECK(*store.get_field("k", "a") == "a longer one");
  CHECK(*store.get_field("k", "b") == "2");
  CHECK_CODE(store.get_field("k", "d"), kNotFound);
  CHECK_CODE(store.get_field("absent", "a"), kNotFound);
  CHECK(fields_of(store, "k") == Fields{{"a", "a longer one"}, {"b", "2"}, {"c", "3"}});
  CHECK(record_of(store, "k")->version == *second);
}

TEST_CASE("fields: names and values are bytes, empty ones included") {
  ManualClock clock;
  Store store = memory_store(clock);
  const std::string odd("\0\xff\n", 3);
  REQUIRE_OK(set(store, "k", {{"", "no name"}, {odd, odd}, {"no value", ""}}));
  CHECK(*store.get_field("k", "") == "no name");
  CHECK(*store.get_field("k", odd) == odd);
  CHECK(*store.get_field("k", "no value") == "");
  const std::string large(100'000, 'x');
  REQUIRE_OK(set(store, "k", {{"large", large}}));
  CHECK(*store.get_field("k", "large") == large);
  CHECK(*store.get_field("k", odd) == odd);
}

TEST_CASE("fields: a name given twice in one call has its last value") {
  ManualClock clock;
  Store store = memory_store(clock);
  REQUIRE_OK(set(store, "k", {{"a", "1"}, {"b", "2"}, {"a", "3"}}));
  CHECK(fields_of(store, "k") == Fields{{"a", "3"}, {"b", "2"}});
}

TEST_CASE("fields: erasing counts, and the record goes with its last field") {
  ManualClock clock;
  Store store = memory_store(clock);
  REQUIRE_OK(set(store, "k", {{"a", "1"}, {"b", "2"}, {"c", "3"}}, {.owner = "alice"}));
  const auto before = record_of(store, "k");
  auto erased = store.erase_fields("k", Names{"x", "y"});
  REQUIRE_OK(erased);
  CHECK(*erased == 0);
  CHECK(record_of(store, "k") == before);
  erased = store.erase_fields("k", Names{"b", "x", "b"});
  REQUIRE_OK(erased);
  CHECK(*erased == 1);
  CHECK(fields_of(store, "k") == Fields{{"a", "1"}, {"c", "3"}});
  CHECK(record_of(store, "k")->version > before->version);
  erased = store.erase_fields("k", Names{"a", "c"});
  REQUIRE_OK(erased);
  CHECK(*erased == 2);
  CHECK(!record_of(store, "k"));
  CHECK(store.owned_by("alice")->empty());
  CHECK(store.stats().records == 0);
}

TEST_CASE("fields: erasing in a record that is absent erases nothing") {
  ManualClock clock;
  Store store = memory_store(clock);
  const auto erased = store.erase_fields("absent", Names{"a"});
  if (erased) CHECK(*erased == 0);
  if (!erased) CHECK_CODE(erased, kNotFound);
  CHECK(!record_of(store, "absent"));
}

TEST_CASE("fields: no record is left without a field") {
  ManualClock clock;
  Store store = memory_store(clock);
  (void)set(store, "k", {});
  CHECK(!record_of(store, "k"));
  REQUIRE_OK(set(store, "k", {{"a", "1"}}));
  (void)set(store, "k", {});
  CHECK(fields_of(store, "k") == Fields{{"a", "1"}});
}

TEST_CASE("fields: a live record keeps its deadline unless told otherwise") {
  ManualClock clock;
  Store store = memory_store(clock);
  const TimeMs start = clock.wall_ms();
  REQUIRE_OK(set(store, "k", {{"a", "1"}}, {.ttl = 10s, .lifetime = 60s, .owner = "alice"}));
  CHECK(record_of(store, "k")->deadline == start + 10'000);
  CHECK(record_of(store, "k")->owner == "alice");
  clock.advance(1s);
  REQUIRE_OK(set(store, "k", {{"a", "2"}}));
  REQUIRE_OK(store.increment_field("k", "n", 1));
  REQUIRE_OK(store.erase_fields("k", Names{"n"}));
  CHECK(record_of(store, "k")->deadline == start + 10'000);
  CHECK(record_of(store, "k")->lifetime == start + 60'000);
  CHECK(record_of(store, "k")->owner == "alice");
  CHECK(record_of(store, "k")->created == start);
  REQUIRE_OK(set(store, "k", {{"a", "3"}}, {.ttl = 20s, .keep_deadline = false}));
  CHECK(record_of(store, "k")->deadline == start + 21'000);
  REQUIRE_OK(set(store, "k", {{"a", "4"}}, {.ttl = 1h, .keep_deadline = false}));
  CHECK(record_of(store, "k")->deadline == start + 60'000);
  REQUIRE_OK(set(store, "k", {{"a", "5"}}, {.keep_deadline = true, .owner = ""}));
  CHECK(record_of(store, "k")->owner.empty());
}

TEST_CASE("fields: if_version holds for every change") {
  ManualClock clock;
  Store store = memory_store(clock);
  CHECK_CODE(set(store, "k", {{"a", "1"}}, {.if_version = 3}), kConflict);
  const auto version = set(store, "k", {{"a", "1"}}, {.if_version = 0});
  REQUIRE_OK(version);
  CHECK_CODE(set(store, "k", {{"a", "2"}}, {.if_version = 0}), kConflict);
  CHECK_CODE(set(store, "k", {{"a", "2"}}, {.if_version = *version + 1}), kConflict);
  CHECK_CODE(store.erase_fields("k", Names{"a"}, {.if_version = *version + 1}), kConflict);
  CHECK_CODE(store.increment_field("k", "n", 1, {.if_version = *version + 1}), kConflict);
  CHECK(fields_of(store, "k") == Fields{{"a", "1"}});
  CHECK_OK(store.increment_field("k", "n", 1, {.if_version = *version}));
}

TEST_CASE("fields: increment adds, creates, and refuses what is not a number") {
  ManualClock clock;
  Store store = memory_store(clock);
  CHECK(*store.increment_field("k", "n", 5) == 5);
  CHECK(*store.increment_field("k", "n", -7) == -2);
  CHECK(*store.get_field("k", "n") == "-2");
  CHECK(*store.increment_field("k", "zero", 0) == 0);
  CHECK(*store.get_field("k", "zero") == "0");
  for (const char* text : {"", "abc", "1.5", "1e3", "0x10", "12 ", "9223372036854775808",
                           "-9223372036854775809", "99999999999999999999999"}) {
    CAPTURE(text);
    REQUIRE_OK(set(store, "k", {{"bad", text}}));
    const auto before = record_of(store, "k");
    CHECK_CODE(store.increment_field("k", "bad", 1), kInvalidArgument);
    CHECK(record_of(store, "k") == before);
  }
}

TEST_CASE("fields: increment refuses to overflow at both ends") {
  ManualClock clock;
  Store store = memory_store(clock);
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  constexpr auto kMin = std::numeric_limits<std::int64_t>::min();
  CHECK(*store.increment_field("k", "max", kMax) == kMax);
  CHECK(*store.increment_field("k", "min", kMin) == kMin);
  CHECK_CODE(store.increment_field("k", "max", 1), kInvalidArgument);
  CHECK_CODE(store.increment_field("k", "max", kMax), kInvalidArgument);
  CHECK_CODE(store.increment_field("k", "min", -1), kInvalidArgument);
  CHECK_CODE(store.increment_field("k", "min", kMin), kInvalidArgument);
  CHECK(*store.get_field("k", "max") == std::to_string(kMax));
  CHECK(*store.get_field("k", "min") == std::to_string(kMin));
  CHECK(*store.increment_field("k", "max", kMin) == -1);
  CHECK(*store.increment_field("k", "min", kMax) == -1);
}

TEST_CASE("fields: a refused increment creates no record") {
  ManualClock clock;
  Store store = memory_store(clock);
  CHECK_CODE(store.increment_field("k", "n", 1, {.if_version = 9}), kConflict);
  CHECK(!record_of(store, "k"));
}

TEST_CASE("fields: visit shows the encoded record, visit_fields its fields") {
  ManualClock clock;
  Store store = memory_store(clock);
  const auto version = set(store, "k", {{"a", "1"}});
  REQUIRE_OK(version);
  const auto record = record_of(store, "k");
  REQUIRE(record);
  CHECK(record->kind == Kind::kFields);
  CHECK(!record->value.empty());
  const auto visited = store.visit_fields("k", [](const Field&) {});
  REQUIRE_OK(visited);
  CHECK(*visited == *version);
  CHECK_CODE(store.visit_fields("absent", [](const Field&) {}), kNotFound);
}

TEST_CASE("fields: random changes agree with a model") {
  CLOAKROOM_RANDOM_SEED(seed);
  Random random(seed);
  ManualClock clock;
  Store store = memory_store(clock);
  Fields model;  // in the order first set
  const auto find = [&](const std::string& name) {
    return std::find_if(model.begin(), model.end(), [&](const auto& f) { return f.first == name; });
  };
  for (int step = 0; step < 5000; ++step) {
    std::array<std::string, 3> names;
    std::array<std::string, 3> values;
    for (std::size_t i = 0; i < 3; ++i) {
      names[i] = text("n", below(random, 12));
      values[i] = std::string(below(random, 300), static_cast<char>('a' + below(random, 26)));
    }
    if (one_in(random, 3)) {
      std::size_t expected = 0;
      for (const std::string& name : names) {
        const auto found = find(name);
        if (found == model.end()) continue;
        model.erase(found);
        ++expected;
      }
      const auto erased = store.erase_fields("k", Names{names[0], names[1], names[2]});
      if (erased) REQUIRE(*erased == expected);
      if (!erased) REQUIRE(expected == 0);
    } else {
      std::vector<Field> fields;
      for (std::size_t i = 0; i < 3; ++i) {
        fields.push_back({names[i], values[i]});
        const auto found = find(names[i]);
        if (found != model.end()) {
          found->second = values[i];
        } else {
          model.emplace_back(names[i], values[i]);
        }
      }
      REQUIRE_OK(store.set_fields("k", fields));
    }
    REQUIRE(fields_of(store, "k") == model);
    REQUIRE(record_of(store, "k").has_value() == !model.empty());
  }
}

}  // namespace cloakroom::testing
