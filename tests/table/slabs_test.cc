#include "table/slabs.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <cstring>
#include <mutex>
#include <thread>
#include <vector>

#include "base/epoch.h"
#include "support/random_seed.h"

using namespace cloakroom;
using cloakroom::testing::below;
using cloakroom::testing::one_in;
using cloakroom::testing::Random;

namespace {

constexpr Slabs::Use kRecords = Slabs::Use::kRecords;

// A block with a pattern of its own in all that was asked for: who writes into it is found out.
struct Block {
  Ref ref = 0;
  std::size_t bytes = 0;
  unsigned char pattern = 0;
};

Block make_block(Slabs& slabs, std::size_t bytes, Slabs::Use use, unsigned char pattern) {
  const Block block{.ref = slabs.allocate(bytes, use), .bytes = bytes, .pattern = pattern};
  std::memset(slabs.at(block.ref), pattern, bytes);
  return block;
}

bool is_intact(const Slabs& slabs, const Block& block) {
  const auto* const bytes = reinterpret_cast<const unsigned char*>(slabs.at(block.ref));
  // All bytes are the first one, and that is the pattern.
  return bytes[0] == block.pattern && std::memcmp(bytes, bytes + 1, block.bytes - 1) == 0;
}

bool is_aligned(const Slabs& slabs, const Block& block) {
  const std::size_t alignment = Slabs::block_bytes(block.bytes) % 64 == 0 ? 64 : 8;
  return reinterpret_cast<std::uintptr_t>(slabs.at(block.ref)) % alignment == 0;
}

// Mostly the sizes of sessions, sometimes any.
std::size_t random_bytes(Random& random) {
  return 1 + below(random, one_in(random, 4) ? Slabs::kBlockBytesMax : 600);
}

Block take_any(Random& random, std::vector<Block>& blocks) {
  std::swap(blocks[below(random, blocks.size())], blocks.back());
  const Block block = blocks.back();
  blocks.pop_back();
  return block;
}

}  // namespace

TEST_CASE("slabs: a block costs at most 7 bytes more, above 1 KiB at most a sixteenth") {
  std::size_t before = 0;
  for (std::size_t bytes = 1; bytes <= Slabs::kBlockBytesMax; ++bytes) {
    const std::size_t block = Slabs::block_bytes(bytes);
    REQUIRE(block >= bytes);
    REQUIRE(block - bytes <= (bytes <= 1024 ? 7 : bytes / 16));
    REQUIRE(block >= before);
    REQUIRE(block % 8 == 0);
    REQUIRE(Slabs::block_bytes(block) == block);
    if (bytes % 64 == 0) REQUIRE(block % 64 == 0);
    before = block;
  }
  CHECK(Slabs::block_bytes(Slabs::kBlockBytesMax) == Slabs::kBlockBytesMax);
}

TEST_CASE("slabs: blocks of random sizes do not overlap, and what is used is exact") {
  CLOAKROOM_RANDOM_SEED(seed);
  Random random(seed);
  Slabs slabs;
  std::vector<Block> blocks;
  std::size_t used = 0;
  for (int step = 0; step < 40'000; ++step) {
    // It grows and falls by turns, so that slabs come and go.
    const bool grow = step / 5000 % 2 == 0 ? !one_in(random, 4) : one_in(random, 4);
    if (grow || blocks.empty()) {
      const Slabs::Use use = one_in(random, 4) ? Slabs::Use::kBuckets : kRecords;
      const Block block =
          make_block(slabs, random_bytes(random), use, static_cast<unsigned char>(random()));
      REQUIRE(block.ref != 0);
      REQUIRE(is_aligned(slabs, block));
      used += Slabs::block_bytes(block.bytes);
      blocks.push_back(block);
    } else {
      const Block block = take_any(random, blocks);
      REQUIRE(is_intact(slabs, block));
      if (one_in(random, 2)) {
        slabs.free(block.ref, block.bytes);
      } else {
        slabs.free(block.ref);
      }
      used -= Slabs::block_bytes(block.bytes);
    }
    REQUIRE(slabs.used_bytes() == used);
    REQUIRE(slabs.mapped_bytes() >= used);
  }
  for (const Block& block : blocks) {
    REQUIRE(is_intact(slabs, block));
    slabs.free(block.ref);
  }
  CHECK(slabs.used_bytes() == 0);
}

TEST_CASE("slabs: when everything is freed at most one chunk stays") {
  // One size: the last slab of every class stays, and these could lie in several chunks.
  for (const std::size_t bytes : {std::size_t{8}, std::size_t{400}, Slabs::kBlockBytesMax}) {
    Slabs slabs;
    std::vector<Ref> refs;
    while (slabs.mapped_bytes() < 4 * Slabs::kChunkBytes) {
      refs.push_back(slabs.allocate(bytes, kRecords));
    }
    for (const Ref ref : refs) slabs.free(ref);
    CHECK(slabs.used_bytes() == 0);
    CHECK(slabs.mapped_bytes() <= Slabs::kChunkBytes);
  }
}

TEST_CASE("slabs: what a thread frees it is given first") {
  Slabs slabs;
  std::vector<Ref> refs;
  for (int i = 0; i < 100; ++i) refs.push_back(slabs.allocate(400, kRecords));
  const std::size_t used = slabs.used_bytes();
  slabs.free(refs[10], 400);
  slabs.free(refs[20], 397);  // of the same class
  slabs.free(refs[30], 408);
  CHECK(slabs.used_bytes() == used - 2 * 400 - 408);
  CHECK(slabs.allocate(400, Slabs::Use::kBuckets) != refs[20]);
  CHECK(slabs.allocate(400, kRecords) == refs[20]);
  CHECK(slabs.allocate(400, kRecords) == refs[10]);
  CHECK(slabs.allocate(401, kRecords) == refs[30]);
}

TEST_CASE("slabs: a chunk of which only recent blocks are left goes when it is closed") {
  Slabs slabs;
  std::vector<Ref> refs;
  while (slabs.mapped_bytes() < 4 * Slabs::kChunkBytes) {
    refs.push_back(slabs.allocate(400, kRecords));
  }
  // The first to be freed are kept at hand; they lie in the first chunk and in the last.
  for (std::size_t i = 0; i < 3; ++i) {
    slabs.free(refs[i], 400);
    slabs.free(refs[refs.size() - 1 - i], 400);
  }
  for (std::size_t i = 3; i < refs.size() - 3; ++i) slabs.free(refs[i]);
  CHECK(slabs.used_bytes() == 0);
  slabs.close_sparse(0.5, SIZE_MAX);
  CHECK(slabs.closed_chunks() == 0);
  CHECK(slabs.used_bytes() == 0);
  CHECK(slabs.mapped_bytes() <= Slabs::kChunkBytes);
}

TEST_CASE("slabs: threads allocate, and free each other's blocks") {
  CLOAKROOM_RANDOM_SEED(seed);
  Slabs slabs;
  std::mutex mutex;
  std::vector<Block> shared;
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      Random random(seed + t);
      for (int step = 0; step < 10'000; ++step) {
        if (one_in(random, 2)) {
          const Block block = make_block(slabs, random_bytes(random), kRecords,
                                         static_cast<unsigned char>(random()));
          if (block.ref == 0 || !is_aligned(slabs, block)) ++wrong;
          const std::lock_guard guard(mutex);
          shared.push_back(block);
          continue;
        }
        Block block;
        {
          const std::lock_guard guard(mutex);
          if (shared.empty()) continue;
          block = take_any(random, shared);
        }
        if (!is_intact(slabs, block)) ++wrong;
        slabs.free(block.ref);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
  std::size_t used = 0;
  for (const Block& block : shared) used += Slabs::block_bytes(block.bytes);
  CHECK(slabs.used_bytes() == used);
  for (const Block& block : shared) {
    REQUIRE(is_intact(slabs, block));
    slabs.free(block.ref);
  }
  CHECK(slabs.used_bytes() == 0);
}

TEST_CASE("slabs: memory does not grow when one thread allocates what another frees") {
  Slabs slabs;
  constexpr std::size_t kBlocks = 4000;
  std::vector<Ref> refs;
  std::size_t most = 0;
  for (int round = 0; round < 60; ++round) {
    // Half of the blocks are left from the last round.
    std::thread([&] {
      while (refs.size() < kBlocks) refs.push_back(slabs.allocate(400, kRecords));
    }).join();
    most = std::max(most, slabs.mapped_bytes());
    for (std::size_t i = refs.size(); i-- > 0;) {
      if (i % 2 != 0) continue;
      slabs.free(refs[i]);
      refs[i] = refs.back();
      refs.pop_back();
    }
  }
  CHECK(most <= kBlocks * 400 + 2 * Slabs::kChunkBytes);
  for (const Ref ref : refs) slabs.free(ref);
  CHECK(slabs.used_bytes() == 0);
}

// Every block of the others' arenas has room next to it, which whoever comes next is to use: memory
// may not depend on which thread has freed.
TEST_CASE("slabs: a thread uses the room in slabs of other threads before it maps more") {
  Slabs slabs;
  constexpr std::size_t kBlocks = 20'000;
  std::vector<Ref> kept;
  for (std::size_t i = 0; i < kBlocks; ++i) kept.push_back(slabs.allocate(400, kRecords));
  const std::size_t full = slabs.mapped_bytes();
  std::size_t count = 0;
  for (std::size_t i = 0; i < kBlocks; ++i) {
    if (i % 2 == 0) {
      slabs.free(kept[i]);
    } else {
      kept[count++] = kept[i];
    }
  }
  kept.resize(count);
  const std::size_t room = kBlocks - kept.size();
  // All of them live throughout, so that they have lines, and thereby arenas, of their own.
  constexpr std::ptrdiff_t kThreads = 4;
  std::barrier turn(kThreads);
  std::atomic<std::size_t> most{0};
  std::vector<std::thread> threads;
  for (std::ptrdiff_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      (void)this_reader();
      for (std::ptrdiff_t whose = 0; whose < kThreads; ++whose) {
        turn.arrive_and_wait();
        if (whose != t) continue;
        std::vector<Ref> own;
        for (std::size_t i = 0; i < room; ++i) own.push_back(slabs.allocate(400, kRecords));
        most = std::max(most.load(), slabs.mapped_bytes());
        for (const Ref ref : own) slabs.free(ref);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(most <= full + Slabs::kChunkBytes);
  for (const Ref ref : kept) slabs.free(ref);
  CHECK(slabs.used_bytes() == 0);
}

TEST_CASE("slabs: nothing is allocated in a closed chunk, and with its last block it goes") {
  CLOAKROOM_RANDOM_SEED(seed);
  Random random(seed);
  Slabs slabs;
  std::vector<Block> blocks;
  for (int i = 0; i < 50'000; ++i) blocks.push_back(make_block(slabs, 400, kRecords, 1));
  std::vector<Block> kept;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (i % 50 == 0) {
      kept.push_back(blocks[i]);
    } else {
      slabs.free(blocks[i].ref);
    }
  }
  const std::size_t full = slabs.mapped_bytes();
  const std::size_t closed = slabs.close_sparse(0.5, full);
  CHECK(closed >= 8);
  CHECK(slabs.closed_chunks() == closed);
  CHECK(slabs.is_closed(kept[kept.size() / 2].ref));
  for (const Block& block : kept) REQUIRE(is_intact(slabs, block));

  // From the class that was closed, from others, and for buckets.
  std::vector<Block> later;
  for (int i = 0; i < 5000; ++i) {
    const std::size_t bytes = one_in(random, 2) ? 400 : 1 + below(random, 2000);
    const Slabs::Use use = one_in(random, 4) ? Slabs::Use::kBuckets : kRecords;
    later.push_back(make_block(slabs, bytes, use, static_cast<unsigned char>(random())));
    REQUIRE_FALSE(slabs.is_closed(later.back().ref));
    if (one_in(random, 3)) {
      const Block block = take_any(random, later);
      REQUIRE(is_intact(slabs, block));
      slabs.free(block.ref);
    }
  }
  const std::size_t before = slabs.mapped_bytes();
  for (const Block& block : kept) {
    REQUIRE(is_intact(slabs, block));
    slabs.free(block.ref);
  }
  CHECK(slabs.closed_chunks() == 0);
  CHECK(slabs.mapped_bytes() == before - closed * Slabs::kChunkBytes);
  for (const Block& block : later) {
    REQUIRE(is_intact(slabs, block));
    slabs.free(block.ref);
  }
  CHECK(slabs.used_bytes() == 0);
}

TEST_CASE("slabs: only what is sparse is closed, and not more than may be moved") {
  Slabs slabs;
  std::vector<Ref> refs;
  while (slabs.mapped_bytes() < 6 * Slabs::kChunkBytes)
    refs.push_back(slabs.allocate(400, kRecords));
  CHECK(slabs.close_sparse(0.0, SIZE_MAX) == 0);
  CHECK(slabs.close_sparse(1.0, 1) == 0);
  CHECK(slabs.closed_chunks() == 0);
  for (const Ref ref : refs) REQUIRE_FALSE(slabs.is_closed(ref));
  for (const Ref ref : refs) slabs.free(ref);
  // Nothing is used of what is still mapped; that is no waste to be gathered.
  CHECK(slabs.close_sparse(0.5, SIZE_MAX) <= 1);
}
