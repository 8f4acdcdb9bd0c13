// What walks in parts put together: owners in bounded memory, rows in order.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <thread>

#include "reading/owner_tally.h"
#include "reading/parts_in_order.h"
#include "support/random_seed.h"

namespace cloakroom::cli {
namespace {

using testing::Random;

struct Exact {
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
};
using Owners = std::map<std::string, Exact>;

// Few with much, many with little, in random order.
void add_at_random(Random& random, OwnerTally& tally, Owners& exact, int records) {
  for (int i = 0; i < records; ++i) {
    const std::uint64_t number = random() % 4 == 0 ? random() % 10 : random() % 5000;
    const std::string owner = "owner " + std::to_string(number);
    const std::uint64_t bytes = number == 7 ? 100'000 : random() % 1000;
    tally.add(owner, bytes);
    exact[owner].count += 1;
    exact[owner].bytes += bytes;
  }
}

void check_bounds(const OwnerTally& tally, const Owners& exact) {
  for (const auto by : {OwnerTally::By::kCount, OwnerTally::By::kBytes}) {
    std::map<std::string, OwnerShare> told;
    for (const OwnerShare& share : tally.top(by, SIZE_MAX)) told[share.owner] = share;
    for (const auto& [owner, real] : exact) {
      const auto found = told.find(owner);
      const OwnerShare share = found == told.end() ? OwnerShare() : found->second;
      CHECK(share.count <= real.count);
      CHECK(share.bytes <= real.bytes);
      CHECK(real.count - share.count <= tally.count_missing());
      CHECK(real.bytes - share.bytes <= tally.bytes_missing());
    }
  }
}

TEST_CASE("owner tally: with room for all it is exact, in one or put together from several") {
  CLOAKROOM_RANDOM_SEED(seed);
  Random random(seed);
  OwnerTally tally;
  OwnerTally other;
  Owners exact;
  add_at_random(random, tally, exact, 10'000);
  add_at_random(random, other, exact, 10'000);
  tally.merge(other);
  CHECK(tally.exact());
  CHECK(tally.owners() == exact.size());
  CHECK(tally.records() == 20'000);
  CHECK(tally.count_missing() == 0);
  check_bounds(tally, exact);
  const auto top = tally.top(OwnerTally::By::kBytes, 3);
  REQUIRE(top.size() == 3);
  CHECK(top[0].owner == "owner 7");
  CHECK(top[0].bytes >= top[1].bytes);
  CHECK(top[1].bytes >= top[2].bytes);
}

TEST_CASE(
    "owner tally: without room no number is too high or lower than it says, none large missed") {
  CLOAKROOM_RANDOM_SEED(seed);
  Random random(seed);
  OwnerTally tally(200);
  OwnerTally other(200);
  Owners exact;
  add_at_random(random, tally, exact, 20'000);
  add_at_random(random, other, exact, 20'000);
  tally.merge(other);
  CHECK(!tally.exact());
  CHECK(tally.records() == 40'000);
  check_bounds(tally, exact);
  // Standard error 1.15 %: five of them.
  const auto owners = static_cast<double>(exact.size());
  CHECK(static_cast<double>(tally.owners()) > owners * 0.94);
  CHECK(static_cast<double>(tally.owners()) < owners * 1.06);
  CHECK(tally.top(OwnerTally::By::kBytes, 1)[0].owner == "owner 7");
  const auto top = tally.top(OwnerTally::By::kCount, 10);
  for (const OwnerShare& share : top) CHECK(share.owner.size() == std::string("owner 0").size());
}

TEST_CASE("parts in order: what several threads find comes out as one would have found it") {
  constexpr std::size_t kParts = 16;
  constexpr int kEach = 2000;
  std::vector<int> seen;
  const auto take = [&](int& item) {
    seen.push_back(item);
    return true;
  };
  PartsInOrder<int> order(kParts, take);
  std::atomic<std::size_t> next{0};
  std::vector<std::jthread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      for (std::size_t part; (part = next++) < kParts;) {
        for (int i = 0; i < kEach; i += 10) {
          std::vector<int> batch;
          for (int j = i; j < i + 10; ++j) batch.push_back(static_cast<int>(part) * kEach + j);
          (void)order.add(part, std::move(batch));
        }
        (void)order.done(part);
      }
    });
  }
  threads.clear();
  REQUIRE(seen.size() == kParts * kEach);
  CHECK(std::is_sorted(seen.begin(), seen.end()));
}

TEST_CASE("parts in order: when no more is wanted, nobody waits and nothing more comes") {
  int taken = 0;
  const auto take = [&](int&) { return ++taken < 5; };
  PartsInOrder<int> order(2, take);
  CHECK(order.add(1, {100, 101}));
  CHECK(!order.add(0, {1, 2, 3, 4, 5, 6}));
  // Far more than is held for a part.
  for (std::size_t i = 0; i < 2 * PartsInOrder<int>::kHeldMax; ++i) CHECK(!order.add(1, {1}));
  CHECK(!order.done(0));
  CHECK(!order.done(1));
  CHECK(taken == 5);
}

}  // namespace
}  // namespace cloakroom::cli
