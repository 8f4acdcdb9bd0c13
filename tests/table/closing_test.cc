// Chunks are closed while others allocate and free.
#include <doctest/doctest.h>

#include <atomic>
#include <random>
#include <thread>
#include <vector>

#include "support/random_seed.h"
#include "table/slabs.h"

using namespace cloakroom;

TEST_CASE("slabs: nothing is allocated in a chunk that was closed before, whoever moves slabs") {
  CLOAKROOM_RANDOM_SEED(seed);
  Slabs slabs;
  std::atomic<bool> done{false};
  std::atomic<std::size_t> wrong{0};
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937_64 random(seed + t);
      std::vector<Ref> mine;
      while (!done.load()) {
        const std::size_t closed_before = slabs.closed_chunks();
        if (mine.size() < 4000 && random() % 3 != 0) {
          const Ref ref = slabs.allocate(400, Slabs::Use::kRecords);
          // A chunk that is closed while we look may hold it; one that was closed before may not.
          if (closed_before == 0 && slabs.closed_chunks() == 0 && slabs.is_closed(ref)) ++wrong;
          mine.push_back(ref);
        } else if (!mine.empty()) {
          const std::size_t at = random() % mine.size();
          if (random() % 2 == 0) {
            slabs.free(mine[at], 400);
          } else {
            slabs.free(mine[at]);
          }
          mine[at] = mine.back();
          mine.pop_back();
        }
      }
      for (const Ref ref : mine) slabs.free(ref);
    });
  }
  std::size_t closed = 0;
  for (int turn = 0; turn < 1'000'000 && closed < 40; ++turn) {
    closed += slabs.close_sparse(0.9, Slabs::kChunkBytes * 4);
    std::this_thread::yield();
  }
  done.store(true);
  for (std::thread& thread : threads) thread.join();
  CHECK(closed >= 40);
  CHECK(wrong == 0);
  // Every closed chunk went when its last block did; what is idle and open may stay, but for what
  // is kept at hand.
  slabs.close_sparse(1.0, SIZE_MAX);
  CHECK(slabs.closed_chunks() == 0);
  CHECK(slabs.used_bytes() == 0);
  CHECK(slabs.mapped_bytes() <= 2 * Slabs::kChunkBytes);
}
