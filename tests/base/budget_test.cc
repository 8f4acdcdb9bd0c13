#include "base/budget.h"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "base/epoch.h"
#include "support/random_seed.h"

using namespace cloakroom;

TEST_CASE("budget: bytes are reserved up to the limit and not past it") {
  Budget budget;
  for (const std::uint64_t unit : {1U, 1000U, 100'000U}) {
    CHECK(budget.reserve(60 * unit, 100 * unit));
    CHECK_FALSE(budget.reserve(41 * unit, 100 * unit));
    CHECK(budget.in_use() == 60 * unit);
    CHECK(budget.reserve(40 * unit, 100 * unit));
    CHECK_FALSE(budget.reserve(1, 100 * unit));
    budget.release(100 * unit);
    CHECK(budget.in_use() == 0);
  }
}

TEST_CASE("budget: what others hold as credit is no reason to refuse") {
  Budget budget;
  constexpr std::uint64_t kLimit = 1'000'000;
  std::vector<std::thread> threads;
  std::atomic<int> done{0};
  // They stay until the end, so that each has a line of its own.
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      (void)this_reader();
      CHECK(budget.reserve(10'000, kLimit));
      budget.release(10'000);
      done.fetch_add(1);
      while (done.load() < 5) std::this_thread::yield();
    });
  }
  while (done.load() < 4) std::this_thread::yield();
  CHECK(budget.in_use() == 0);
  CHECK(budget.reserve(kLimit, kLimit));
  CHECK_FALSE(budget.reserve(1, kLimit));
  done.fetch_add(1);
  for (std::thread& thread : threads) thread.join();
}

TEST_CASE("budget: a limit that is lowered holds at once, and more may be taken past it") {
  Budget budget;
  CHECK(budget.reserve(500, 1'000'000));
  CHECK_FALSE(budget.reserve(1, 500));
  CHECK_FALSE(budget.reserve(1, 100));
  budget.take(1000);
  CHECK(budget.in_use() == 1500);
  budget.release(1500);
  CHECK(budget.in_use() == 0);
}

TEST_CASE("budget: threads that take and give back never pass the limit, and it comes out even") {
  CLOAKROOM_RANDOM_SEED(seed);
  Budget budget;
  constexpr std::uint64_t kLimit = 300'000;
  std::atomic<std::uint64_t> held{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<bool> passed{false};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; ++t) {
    threads.emplace_back([&, random = testing::Random(seed + t)]() mutable {
      (void)this_reader();
      std::vector<std::uint64_t> mine;
      for (int i = 0; i < 20'000; ++i) {
        const std::uint64_t bytes = 1 + random() % 20'000;
        if (budget.reserve(bytes, kLimit)) {
          // Counted late and given up early: never more than what is really held.
          if (held.fetch_add(bytes) + bytes > kLimit) passed.store(true);
          mine.push_back(bytes);
        } else {
          refused.fetch_add(1);
        }
        if (budget.in_use() > kLimit) passed.store(true);
        if (!mine.empty() && testing::one_in(random, 2)) {
          held.fetch_sub(mine.back());
          budget.release(mine.back());
          mine.pop_back();
        }
      }
      for (const std::uint64_t bytes : mine) {
        held.fetch_sub(bytes);
        budget.release(bytes);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK_FALSE(passed.load());
  CHECK(refused.load() > 0);
  CHECK(budget.in_use() == 0);
}
