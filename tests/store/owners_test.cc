// Who a record belongs to: the index agrees with the records at every moment.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "support/manual_clock.h"
#include "support/random_seed.h"
#include "support/store_fixture.h"

namespace cloakroom::testing {
namespace {

std::set<std::string> keys_owned(const Store& store, std::string_view owner) {
  const auto owned = store.owned_by(owner);
  REQUIRE_OK(owned);
  std::set<std::string> keys;
  for (const OwnedRecord& record : *owned) keys.insert(record.key);
  CHECK(keys.size() == owned->size());
  return keys;
}

using Keys = std::set<std::string>;

}  // namespace

TEST_CASE("owners: the index follows set, change, clear and erase") {
  ManualClock clock;
  Store store = memory_store(clock);
  CHECK(keys_owned(store, "alice").empty());
  REQUIRE_OK(store.put("a", "v", {.owner = "alice"}));
  REQUIRE_OK(store.put("b", "v", {.owner = "alice"}));
  REQUIRE_OK(store.put("c", "v", {.owner = "bob"}));
  REQUIRE_OK(store.put("d", "v"));
  CHECK(keys_owned(store, "alice") == Keys{"a", "b"});
  CHECK(keys_owned(store, "bob") == Keys{"c"});
  REQUIRE_OK(store.put("a", "w"));
  REQUIRE_OK(store.put("b", "w", {.owner = "bob"}));
  CHECK(keys_owned(store, "alice") == Keys{"a"});
  CHECK(keys_owned(store, "bob") == Keys{"b", "c"});
  REQUIRE_OK(store.put("b", "x", {.owner = ""}));
  CHECK(keys_owned(store, "bob") == Keys{"c"});
  REQUIRE_OK(store.erase("c"));
  CHECK(keys_owned(store, "bob").empty());
  CHECK(store.stats().owners == 1);
  CHECK(store.stats().owned_records == 1);
}

TEST_CASE("owners: the record shown is the record there is") {
  ManualClock clock;
  Store store = memory_store(clock);
  const auto version = store.put("k", "v", {.ttl = 10s, .owner = "alice"});
  REQUIRE_OK(version);
  clock.advance(1s);
  REQUIRE_OK(store.touch("k", 30s));
  const auto owned = store.owned_by("alice");
  REQUIRE_OK(owned);
  REQUIRE(owned->size() == 1);
  CHECK(owned->front().key == "k");
  CHECK(owned->front().version == *version);
  CHECK(owned->front().deadline == clock.wall_ms() + 30'000);
  CHECK(owned->front().created == clock.wall_ms() - 1000);
}

TEST_CASE("owners: nobody owns what has no owner") {
  ManualClock clock;
  Store store = memory_store(clock);
  REQUIRE_OK(store.put("k", "v"));
  const auto owned = store.owned_by("");
  if (owned) CHECK(owned->empty());
  const auto erased = store.erase_owned("");
  if (erased) CHECK(*erased == 0);
  CHECK_VALUE(store, "k", "v");
}

TEST_CASE("owners: erase_owned erases all of one owner, and spares one key when asked") {
  ManualClock clock;
  Store store = memory_store(clock);
  for (std::uint64_t i = 0; i < 200; ++i) {
    REQUIRE_OK(store.put(text("a", i), "v", {.owner = "alice"}));
    REQUIRE_OK(store.put(text("b", i), "v", {.owner = "bob"}));
  }
  auto erased = store.erase_owned("alice", "a7");
  REQUIRE_OK(erased);
  CHECK(*erased == 199);
  CHECK(keys_owned(store, "alice") == Keys{"a7"});
  CHECK(keys_owned(store, "bob").size() == 200);
  erased = store.erase_owned("alice", "b7");  // not hers: spares nothing
  REQUIRE_OK(erased);
  CHECK(*erased == 1);
  CHECK_CODE(store.get("a7"), kNotFound);
  CHECK_VALUE(store, "b7", "v");
  erased = store.erase_owned("alice");
  REQUIRE_OK(erased);
  CHECK(*erased == 0);
  erased = store.erase_owned("bob");
  REQUIRE_OK(erased);
  CHECK(*erased == 200);
  CHECK(store.stats().records == 0);
  CHECK(store.stats().owners == 0);
}

TEST_CASE("owners: fields have owners too") {
  ManualClock clock;
  Store store = memory_store(clock);
  const std::vector<Field> fields{{"n", "1"}};
  REQUIRE_OK(store.set_fields("k", fields, {.owner = "alice"}));
  REQUIRE_OK(store.set_fields("k", fields));
  REQUIRE_OK(store.increment_field("k", "n", 1));
  CHECK(keys_owned(store, "alice") == Keys{"k"});
  REQUIRE_OK(store.put("k", "bytes now"));
  CHECK(keys_owned(store, "alice") == Keys{"k"});
}

TEST_CASE("owners: what expired belongs to nobody, swept or not") {
  ManualClock clock;
  Store store = memory_store(clock);
  REQUIRE_OK(store.put("short", "v", {.ttl = 1s, .owner = "alice"}));
  REQUIRE_OK(store.put("long", "v", {.ttl = 10s, .owner = "alice"}));
  clock.advance(2s);
  CHECK(keys_owned(store, "alice") == Keys{"long"});
  CHECK(*store.erase_owned("alice", "long") == 0);
  store.sweep();
  CHECK(keys_owned(store, "alice") == Keys{"long"});
  CHECK(store.stats().owned_records == 1);
  // The key comes back for somebody else: the old owner has no claim.
  REQUIRE_OK(store.put("short", "v", {.owner = "bob"}));
  CHECK(keys_owned(store, "alice") == Keys{"long"});
  CHECK(keys_owned(store, "bob") == Keys{"short"});
}

TEST_CASE("owners: random changes agree with a model") {
  CLOAKROOM_RANDOM_SEED(seed);
  Random random(seed);
  ManualClock clock;
  Store store = memory_store(clock);
  std::map<std::string, std::string> model;  // key -> owner
  for (int step = 0; step < 10000; ++step) {
    const std::string key = text("k", below(random, 200));
    const std::string owner = text("owner", below(random, 20));
    switch (below(random, 6)) {
      case 0: {
        const std::string spared = text("k", below(random, 200));
        std::size_t expected = 0;
        std::erase_if(model, [&](const auto& item) {
          const bool goes = item.second == owner && item.first != spared;
          expected += goes ? 1 : 0;
          return goes;
        });
        const auto erased = store.erase_owned(owner, spared);
        REQUIRE_OK(erased);
        REQUIRE(*erased == expected);
        break;
      }
      case 1:
        REQUIRE(store.erase(key).ok() == (model.erase(key) == 1));
        break;
      case 2:
        REQUIRE_OK(store.put(key, "v"));
        model.try_emplace(key, "");
        break;
      default:
        REQUIRE_OK(store.put(key, "v", {.owner = owner}));
        model[key] = owner;
    }
    Keys expected;
    for (const auto& [k, o] : model) {
      if (o == owner) expected.insert(k);
    }
    REQUIRE(keys_owned(store, owner) == expected);
  }
}

}  // namespace cloakroom::testing
