// Several writes in one step: all of them or none.
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "support/manual_clock.h"
#include "support/random_seed.h"
#include "support/store_fixture.h"

namespace cloakroom::testing {

TEST_CASE("apply: stores and erases together, under one version") {
  ManualClock clock;
  Store store = memory_store(clock);
  REQUIRE_OK(store.put("old", "1", {.owner = "alice"}));
  REQUIRE_OK(store.put("kept", "1", {.ttl = 1h, .owner = "alice"}));
  const std::vector<Write> writes{
      {.key = "new", .value = "v", .options = {.ttl = 1min, .owner = "bob"}},
      {.key = "old"},
      {.key = "kept", .value = "2", .options = {.keep_deadline = true}},
      {.key = "absent"}};
  const auto version = store.apply(writes);
  REQUIRE_OK(version);
  CHECK(record_of(store, "new")->version == *version);
  CHECK(record_of(store, "kept")->version == *version);
  CHECK(record_of(store, "kept")->deadline == store.now() + 3'600'000);
  CHECK_CODE(store.get("old"), kNotFound);
  CHECK_CODE(store.get("absent"), kNotFound);
  CHECK(store.owned_by("alice")->size() == 1);
  CHECK(store.owned_by("bob")->size() == 1);
  const std::vector<Write> nothing{{.key = "absent"}};
  CHECK(*store.apply(nothing) == 0);
  CHECK(*store.apply({}) == 0);
}

TEST_CASE("apply: when one write may not be made none is") {
  ManualClock clock;
  Store store = memory_store(clock);
  const auto version = store.put("k", "v");
  REQUIRE_OK(version);
  const auto before = contents_of(store);
  const auto refused = [&](const std::vector<Write>& writes, StatusCode code) {
    const auto answer = store.apply(writes);
    CHECK(answer.code() == code);
    CHECK(contents_of(store) == before);
  };
  refused({{.key = "a", .value = "1"}, {.key = "k", .value = "2", .options = {.if_version = 0}}},
          StatusCode::kConflict);
  refused({{.key = "a", .value = "1"}, {.key = "k", .options = {.if_version = *version + 1}}},
          StatusCode::kConflict);
  refused({{.key = "a", .value = "1"}, {.key = "b", .options = {.if_version = 7}}},
          StatusCode::kConflict);
  refused({{.key = "a", .value = "1"}, {.key = "a", .value = "2"}}, StatusCode::kInvalidArgument);
  refused(
      {{.key = "a", .value = "1"}, {.key = "f", .value = "x", .options = {.kind = Kind::kFields}}},
      StatusCode::kInvalidArgument);
  const std::string large(std::size_t{17} << 20, 'x');
  refused({{.key = "a", .value = "1"}, {.key = "b", .value = large}}, StatusCode::kTooLarge);
  store.set_memory_limit(1);
  const std::string more(4096, 'x');  // than what the erased record gives back
  refused({{.key = "a", .value = more}, {.key = "k"}}, StatusCode::kFull);
  const std::vector<Write> smaller{{.key = "k", .value = ""}};
  CHECK_OK(store.apply(smaller));
  store.set_memory_limit(0);
  const std::vector<Write> both{{.key = "a", .value = "1"}, {.key = "k"}};
  CHECK_OK(store.apply(both));
}

TEST_CASE("apply: an overdue record expires before its key is written anew") {
  ManualClock clock;
  Store store = memory_store(clock);
  std::string heard;
  const Subscription ear = store.subscribe([&](const Event& event) {
    heard += std::to_string(static_cast<int>(event.type)) + event.key + " ";
  });
  REQUIRE_OK(store.put("k", "v", {.ttl = 1s}));
  clock.advance(1001ms);
  const std::vector<Write> writes{{.key = "k", .value = "w", .options = {.if_version = 0}}};
  REQUIRE_OK(store.apply(writes));
  store.deliver_events();
  CHECK(heard == "0k 3k 0k ");
}

TEST_CASE("apply: memory and owners are what the records left say, whatever groups did") {
  ManualClock clock;
  Store store = memory_store(clock);
  CLOAKROOM_RANDOM_SEED(seed);
  Random random(seed);
  for (int round = 0; round < 400; ++round) {
    std::vector<std::string> names;
    std::vector<Write> writes;
    const auto count = 1 + below(random, 40);
    for (std::uint64_t i = 0; i < 64; ++i) names.push_back(text("k", i));
    const std::string value(below(random, 300), 'v');
    const std::string owner = text("o", below(random, 4));
    for (std::uint64_t i = 0; i < 64 && writes.size() < count; ++i) {
      if (one_in(random, 2)) continue;
      Write write{.key = names[i]};
      if (!one_in(random, 3)) {
        write.value = value;
        write.options.owner = owner;
        if (one_in(random, 3)) write.options.ttl = Millis(1 + below(random, 50));
      }
      writes.push_back(write);
    }
    REQUIRE_OK(store.apply(writes));
    clock.advance(Millis(below(random, 20)));
    if (one_in(random, 10)) store.sweep();
  }
  std::size_t owned = 0;
  for (std::uint64_t i = 0; i < 4; ++i) owned += store.owned_by(text("o", i))->size();
  CHECK(owned == contents_of(store).size());
  for (std::uint64_t i = 0; i < 64; ++i) (void)store.erase(text("k", i));
  store.sweep();
  CHECK(store.stats().records == 0);
}

TEST_CASE("apply: groups of several threads over the same keys leave one of them whole") {
  ManualClock clock;
  Store store = memory_store(clock);
  constexpr std::uint64_t kKeys = 24;
  const auto run = [&](const std::string& value, bool backwards) {
    std::vector<std::string> names;
    for (std::uint64_t i = 0; i < kKeys; ++i) {
      names.push_back(text("k", backwards ? kKeys - 1 - i : i));
    }
    std::vector<Write> writes;
    for (const std::string& name : names) writes.push_back({.key = name, .value = value});
    for (int i = 0; i < 500; ++i) CHECK_OK(store.apply(writes));
  };
  std::thread other([&] { run("b", true); });
  run("a", false);
  other.join();
  const std::string first = *store.get("k0");
  for (std::uint64_t i = 1; i < kKeys; ++i) CHECK(*store.get(text("k", i)) == first);
}

}  // namespace cloakroom::testing
