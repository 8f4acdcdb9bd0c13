#include "offline/ring_tail.h"

#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <vector>

#include "cloakroom/store.h"
#include "support/manual_clock.h"
#include "support/temp_dir.h"

using namespace cloakroom;
using namespace std::chrono_literals;

namespace {

struct Seen {
  RingChange::Type type = RingChange::Type::kPut;
  std::string key = {};
  std::string owner = {};
  std::string value = {};
  Version version = 0;
};

std::vector<Seen> poll(RingTail& tail, RingPoll* answer = nullptr, bool at_rest = false) {
  std::vector<Seen> seen;
  const RingPoll polled = tail.poll(
      [&](const RingChange& change) {
        seen.push_back({.type = change.type,
                        .key = std::string(change.record.key),
                        .owner = std::string(change.record.owner),
                        .value = std::string(change.record.value),
                        .version = change.version});
        return true;
      },
      at_rest);
  CHECK(polled.changes == seen.size());
  if (answer != nullptr) *answer = polled;
  return seen;
}

Store open_store(const testing::TempDir& dir, const Clock* clock = &system_clock()) {
  auto store = Store::open({.path = dir.store_path(), .background = false, .clock = clock});
  REQUIRE(store);
  return *std::move(store);
}

std::unique_ptr<RingTail> open_tail(const testing::TempDir& dir, RingTail::From from) {
  auto tail = RingTail::open(dir.store_path(), from);
  REQUIRE_MESSAGE(tail, tail.status().to_string());
  return *std::move(tail);
}

}  // namespace

TEST_CASE("ring tail: every sort of change is told once, in order, with its version") {
  const testing::TempDir dir;
  const testing::ManualClock clock;
  Store store = open_store(dir, &clock);
  REQUIRE(store.put("before", "x", {}));
  const auto tail = open_tail(dir, RingTail::From::kNow);
  CHECK(poll(*tail).empty());
  const auto put = store.put("a", "value", {.ttl = 1min, .owner = "alice"});
  REQUIRE(put);
  REQUIRE(store.touch("a", 1h));
  REQUIRE(store.touch("a", 1s));
  REQUIRE(store.erase("a"));
  const auto seen = poll(*tail);
  REQUIRE(seen.size() == 4);
  CHECK(seen[0].type == RingChange::Type::kPut);
  CHECK(seen[0].owner == "alice");
  CHECK(seen[0].value == "value");
  CHECK(seen[0].version == *put);
  CHECK(seen[1].type == RingChange::Type::kTouch);
  CHECK(seen[2].type == RingChange::Type::kShorten);
  CHECK(seen[3].type == RingChange::Type::kErase);
  for (std::size_t i = 0; i < seen.size(); ++i) {
    CHECK(seen[i].key == "a");
    if (i > 0) CHECK(seen[i].version > seen[i - 1].version);
  }
  CHECK(poll(*tail).empty());
}

TEST_CASE("ring tail: from the oldest there is what the ring still holds, also after a stop") {
  const testing::TempDir dir;
  {
    Store store = open_store(dir);
    for (int i = 0; i < 100; ++i) REQUIRE(store.put("k" + std::to_string(i), "v", {}));
    REQUIRE(store.sync());
    CHECK(poll(*open_tail(dir, RingTail::From::kOldest)).size() == 100);
    REQUIRE(store.close());
  }
  const auto seen = poll(*open_tail(dir, RingTail::From::kOldest), nullptr, true);
  REQUIRE(seen.size() == 100);
  CHECK(seen.back().key == "k99");
}

TEST_CASE("ring tail: a store that was opened anew is noticed") {
  const testing::TempDir dir;
  std::unique_ptr<RingTail> tail;
  RingPoll answer;
  {
    Store store = open_store(dir);
    tail = open_tail(dir, RingTail::From::kNow);
    REQUIRE(store.put("a", "1", {}));
    CHECK(poll(*tail, &answer).size() == 1);
    CHECK(!answer.reopened);
  }
  Store store = open_store(dir);
  REQUIRE(store.put("b", "1", {}));
  CHECK(poll(*tail, &answer).empty());
  CHECK(answer.reopened);
}

TEST_CASE("ring tail: what was written over is told as missed, the rest is all there") {
  const testing::TempDir dir;
  Store store = open_store(dir);
  const auto tail = open_tail(dir, RingTail::From::kNow);
  const std::string value(4000, 'v');
  constexpr int kWrites = 10'000;  // 40 MB, into a ring of 16 MiB
  std::vector<Version> versions;
  for (int i = 0; i < kWrites; ++i) {
    const auto put = store.put("k" + std::to_string(i), value, {});
    REQUIRE(put);
    versions.push_back(*put);
  }
  RingPoll answer;
  const auto seen = poll(*tail, &answer);
  CHECK(answer.overrun);
  REQUIRE(!seen.empty());
  CHECK(seen.size() < kWrites);
  CHECK(seen.back().key == "k" + std::to_string(kWrites - 1));
  const std::size_t missed = kWrites - seen.size();
  CHECK(answer.missed_from <= versions[0]);
  CHECK(answer.missed_to >= versions[missed - 1]);
  CHECK(answer.missed_to < seen.front().version);
  for (std::size_t i = 0; i < seen.size(); ++i) CHECK(seen[i].version == versions[missed + i]);
}

TEST_CASE("ring tail: beside writers at full speed nothing is told wrong, twice or out of order") {
  const testing::TempDir dir;
  Store store = open_store(dir);
  const auto tail = open_tail(dir, RingTail::From::kNow);
  constexpr int kThreads = 3;
  constexpr int kWrites = 20'000;
  std::vector<std::jthread> writers;
  for (int t = 0; t < kThreads; ++t) {
    writers.emplace_back([&store, t] {
      const std::string key = "k" + std::to_string(t);
      for (int i = 0; i < kWrites; ++i) (void)store.put(key, std::to_string(i), {.owner = key});
    });
  }
  std::vector<int> last(kThreads, -1);
  Version version = 0;
  std::uint64_t told = 0;
  bool overrun = false;
  const auto take = [&](const RingChange& change) {
    ++told;
    CHECK(change.version > version);
    version = change.version;
    CHECK(change.record.owner == change.record.key);
    const auto t = static_cast<std::size_t>(change.record.key.back() - '0');
    const int number = std::stoi(std::string(change.record.value));
    CHECK(number > last.at(t));
    last[t] = number;
    return true;
  };
  while (last != std::vector<int>(kThreads, kWrites - 1))
    overrun |= tail->poll(take, false).overrun;
  writers.clear();
  CHECK((overrun || told == kThreads * kWrites));
}

TEST_CASE("ring tail: no store, no ring") {
  const testing::TempDir dir;
  CHECK(RingTail::open(dir.path(), RingTail::From::kNow).code() == StatusCode::kNotFound);
}
