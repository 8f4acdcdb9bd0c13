#include "table/limbo.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "base/epoch.h"
#include "support/holding_reader.h"
#include "support/random_seed.h"

using namespace cloakroom;
using cloakroom::testing::HoldingReader;
using cloakroom::testing::one_in;

namespace {

// Counts how often each thing, named by its reference, was freed.
class FreedThings {
 public:
  explicit FreedThings(std::size_t things)
      : things_(things), times_(std::make_unique<std::atomic<int>[]>(things)) {}

  void free(const Retired& thing) {
    ++times_[thing.ref];
    ++count_;
  }
  [[nodiscard]] std::function<void(const Retired&)> freeing() {
    return [this](const Retired& thing) { free(thing); };
  }
  [[nodiscard]] int times(Ref ref) const { return times_[ref]; }
  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] bool each_once() const {
    for (std::size_t i = 0; i < things_; ++i) {
      if (times_[i] != 1) return false;
    }
    return true;
  }

 private:
  const std::size_t things_;
  const std::unique_ptr<std::atomic<int>[]> times_;
  std::atomic<std::size_t> count_{0};
};

void collect_twice(Limbo& limbo) {
  limbo.collect();
  limbo.collect();
}

}  // namespace

TEST_CASE("limbo: nothing is freed while a guard that began before is held") {
  FreedThings freed(1);
  Limbo limbo(freed.freeing());
  HoldingReader reader;
  limbo.retire({.ref = 0});
  for (int i = 0; i < 5; ++i) collect_twice(limbo);
  CHECK(freed.count() == 0);
  reader.let_go();
  collect_twice(limbo);
  CHECK(freed.times(0) == 1);
}

TEST_CASE("limbo: a guard that began after the first collect does not hold up") {
  FreedThings freed(1);
  Limbo limbo(freed.freeing());
  HoldingReader before;
  limbo.retire({.ref = 0});
  limbo.collect();
  const HoldingReader after;
  before.let_go();
  limbo.collect();
  CHECK(freed.count() == 1);
}

TEST_CASE("limbo: a thread's own guard holds up too, and the inner of two does not end it") {
  FreedThings freed(1);
  Limbo limbo(freed.freeing());
  {
    const EpochGuard outer;
    limbo.retire({.ref = 0});
    { const EpochGuard inner; }
    collect_twice(limbo);
    CHECK(freed.count() == 0);
  }
  collect_twice(limbo);
  CHECK(freed.count() == 1);
}

TEST_CASE("limbo: a thread that retires frees older things by itself") {
  constexpr Ref kThings = 20'000;
  // Two batches of 256: one that fills, and one that is freed, one for each that comes.
  constexpr std::size_t kPendingMax = 2 * 256;
  FreedThings freed(kThings);
  Limbo limbo(freed.freeing());
  std::size_t most_at_once = 0;
  for (Ref ref = 0; ref < kThings; ++ref) {
    const std::size_t before = freed.count();
    limbo.retire({.ref = ref});
    most_at_once = std::max(most_at_once, freed.count() - before);
    REQUIRE(ref + 1 - freed.count() <= kPendingMax);
  }
  CHECK(most_at_once == 1);  // what is freed can be allocated at once
  collect_twice(limbo);
  CHECK(freed.each_once());
}

TEST_CASE("limbo: of what is large only a few megabytes wait") {
  constexpr Ref kThings = 1000;
  constexpr std::size_t kBytes = 400'000;
  FreedThings freed(kThings);
  Limbo limbo(freed.freeing());
  for (Ref ref = 0; ref < kThings; ++ref) {
    limbo.retire({.ref = ref, .far_bytes = kBytes});
    REQUIRE((ref + 1 - freed.count()) * kBytes <= 4'000'000);
  }
  collect_twice(limbo);
  CHECK(freed.each_once());
}

TEST_CASE("limbo: what a long reader has held up is freed in the end, by retiring alone") {
  constexpr Ref kThings = 40'000;
  FreedThings freed(kThings);
  Limbo limbo(freed.freeing());
  Ref ref = 0;
  {
    const HoldingReader reader;
    while (ref < kThings / 4) limbo.retire({.ref = ref++});
    CHECK(freed.count() == 0);
  }
  std::size_t most_at_once = 0;
  while (ref < kThings) {
    const std::size_t before = freed.count();
    limbo.retire({.ref = ref++});
    most_at_once = std::max(most_at_once, freed.count() - before);
  }
  CHECK(most_at_once == 2);  // no write pays for many
  CHECK(freed.count() >= kThings - 2 * 256);
}

TEST_CASE("limbo: goes with all that is in it") {
  FreedThings freed(1000);
  {
    Limbo limbo(freed.freeing());
    const HoldingReader reader;  // some are sealed, some are open
    for (Ref ref = 0; ref < 1000; ++ref) limbo.retire({.ref = ref});
    CHECK(freed.count() == 0);
  }
  CHECK(freed.each_once());
}

TEST_CASE("limbo: threads that retire, collect and read: each thing is freed once, and not early") {
  CLOAKROOM_RANDOM_SEED(seed);
  constexpr Ref kEach = 5000;
  constexpr unsigned kWriters = 3;
  constexpr Ref kShown = 8;
  FreedThings freed(kWriters * kEach + kShown);
  // What can be reached: a reader may not see it freed as long as its guard lasts.
  std::array<std::atomic<Ref>, kShown> shown;
  for (Ref i = 0; i < kShown; ++i) shown[i] = kWriters * kEach + i;
  std::atomic<int> early{0};
  {
    Limbo limbo(freed.freeing());
    std::atomic<unsigned> writing{kWriters};
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < kWriters; ++t) {
      threads.emplace_back([&, t] {
        testing::Random random(seed + t);
        for (Ref i = 0; i < kEach; ++i) {
          const Ref gone = shown[random() % kShown].exchange(t * kEach + i);
          limbo.retire({.ref = gone});
          if (one_in(random, 200)) limbo.collect();
        }
        --writing;
      });
    }
    for (unsigned t = 0; t < 2; ++t) {
      threads.emplace_back([&, t] {
        testing::Random random(seed + kWriters + t);
        while (writing != 0) {
          const EpochGuard guard;
          std::array<Ref, kShown> seen;
          for (Ref i = 0; i < kShown; ++i) seen[i] = shown[i];
          if (one_in(random, 4)) std::this_thread::yield();
          for (const Ref ref : seen) early += freed.times(ref);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const auto& ref : shown) limbo.retire({.ref = ref});
  }
  CHECK(early == 0);
  CHECK(freed.each_once());
}
