#include "base/epoch.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <latch>
#include <thread>
#include <vector>

#include "support/holding_reader.h"

using namespace cloakroom;
using cloakroom::testing::HoldingReader;

TEST_CASE("epoch: a guard that began before holds up what is out of reach, until it ends") {
  HoldingReader reader;
  const std::uint64_t epoch = advance_epoch();
  CHECK(oldest_epoch() < epoch);
  CHECK(oldest_epoch() < advance_epoch());
  reader.let_go();
  CHECK(oldest_epoch() >= epoch);
}

TEST_CASE("epoch: a guard that began after holds nothing up") {
  const std::uint64_t epoch = advance_epoch();
  const HoldingReader reader;
  CHECK(oldest_epoch() >= epoch);
  CHECK(oldest_epoch() != epoch::kNobody);
}

TEST_CASE("epoch: the oldest of several guards counts") {
  HoldingReader first;
  const std::uint64_t between = advance_epoch();
  HoldingReader second;
  const std::uint64_t after = advance_epoch();
  CHECK(between < after);
  CHECK(oldest_epoch() < between);
  first.let_go();
  CHECK(oldest_epoch() >= between);
  CHECK(oldest_epoch() < after);
  second.let_go();
  CHECK(oldest_epoch() >= after);
}

TEST_CASE("epoch: guards nest, and the outermost counts") {
  std::uint64_t epoch = 0;
  {
    const EpochGuard outer;
    epoch = advance_epoch();
    {
      const EpochGuard inner;
      CHECK(this_reader().depth == 2);
      CHECK(oldest_epoch() < epoch);
    }
    CHECK(this_reader().depth == 1);
    CHECK(oldest_epoch() < epoch);
    {
      const EpochGuard again;  // must not be taken for one that began after
      CHECK(oldest_epoch() < epoch);
    }
  }
  CHECK(this_reader().depth == 0);
  CHECK(oldest_epoch() >= epoch);
}

TEST_CASE("epoch: threads that run at the same time have lines of their own") {
  constexpr std::ptrdiff_t kThreads = 12;
  std::latch all_have_one(kThreads);
  std::vector<std::uint32_t> numbers(kThreads);
  std::vector<std::thread> threads;
  for (std::uint32_t& number : numbers) {
    threads.emplace_back([&number, &all_have_one] {
      number = this_reader().number;
      all_have_one.arrive_and_wait();
      if (this_reader().number != number) number = UINT32_MAX;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(std::count(numbers.begin(), numbers.end(), UINT32_MAX) == 0);
  std::sort(numbers.begin(), numbers.end());
  CHECK(std::adjacent_find(numbers.begin(), numbers.end()) == numbers.end());
}

TEST_CASE("epoch: a thread takes over the line of one that has ended") {
  // Other tests may have left many lines, but these threads need only one of them.
  std::uint32_t first = 0;
  std::thread([&] { first = this_reader().number; }).join();
  for (int i = 0; i < 200; ++i) {
    std::uint32_t number = UINT32_MAX;
    bool clean = false;
    std::thread([&] {
      const EpochGuard guard;
      number = this_reader().number;
      clean = this_reader().depth == 1;
    }).join();
    REQUIRE(number == first);
    REQUIRE(clean);
  }
}
