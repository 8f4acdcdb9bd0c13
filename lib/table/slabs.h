// Slabs: the allocator of the table. Blocks of up to 16 KiB, named by 32-bit references.
//
// Why not malloc: a block costs its size and at most 7 bytes (malloc: 8 and the rounding to 16); a
// reference is half a pointer; memory comes in pieces of 2 MiB that can be huge pages; and what a
// mass expiry leaves scattered can be gathered and given back, which malloc cannot do.
//
//   chunk   2 MiB, mapped on its own; at most 16384 of them: 32 GiB a table
//   unit    16 KiB of a chunk
//   slab    1 to 8 units of one chunk, cut into blocks of one class
//   class   block sizes: every 8 bytes up to 1 KiB, then 16 to a doubling: at most 1/16 too large
//   arena   a set of slabs with a lock of its own; a thread allocates from one arena, frees to any
//   recent  a few blocks of each class that an arena's threads freed last, and take first: they are
//           in the cache of the core that wiped them, and no slab has to be looked up
//   Ref     position in units of 8 bytes: chunk (14 bits) | offset in the chunk (18 bits); 0 is
//   none
//
// A class that holds few blocks has small slabs, one that holds many has large ones, so that little
// is lost at the ends of slabs and little in slabs that are hardly used.
//
// Invariants
//   1. A block lies in one slab, a slab in one chunk. Addresses never change while a block is used.
//   2. A slab that is not full and not closed is in the list of its class and arena; others are
//   not.
//   3. A slab belongs to one arena at a time; one with room may move to an arena that has none.
//   4. Chunk 0's first unit is never given out, so no block has the reference 0.
//   5. A chunk without slabs is unmapped, unless it is the last.
//   6. No recent block lies in a closed chunk, once close() has returned.
//
// Blocks for bucket lines are apart from those for records: the former go with their stripe, the
// latter can be moved one by one. Thread safety: everything may be called from any thread. at()
// takes no lock. Lock order: arena, then pool.
#ifndef CLOAKROOM_LIB_TABLE_SLABS_H_
#define CLOAKROOM_LIB_TABLE_SLABS_H_

#include <array>
#include <atomic>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/spin_lock.h"
#include "base/thread_annotations.h"

namespace cloakroom {

using Ref = std::uint32_t;

class Slabs {
 public:
  enum class Use : std::uint8_t { kRecords, kBuckets };

  static constexpr std::size_t kBlockBytesMax = 16384;
  static constexpr std::size_t kChunkBytes = std::size_t{2} << 20;

  Slabs();
  ~Slabs();
  Slabs(const Slabs&) = delete;
  Slabs& operator=(const Slabs&) = delete;

  // What a block for `bytes` really takes. A multiple of 64 stays one. REQUIRES: 1 to 16 KiB.
  [[nodiscard]] static std::size_t block_bytes(std::size_t bytes) noexcept;

  // A block, aligned to 8, and to 64 when its size is a multiple of 64. Not zeroed. bad_alloc.
  [[nodiscard]] Ref allocate(std::size_t bytes, Use use);
  // The caller has wiped it. `bytes`: what was asked for; given for records.
  void free(Ref ref) noexcept;
  void free(Ref ref, std::size_t bytes) noexcept;

  [[nodiscard]] char* at(Ref ref) const noexcept {
    return chunks_[ref >> kChunkShift].base.load(std::memory_order_acquire) +
           std::size_t{ref & kOffsetMask} * kGrain;
  }

  // --- upkeep, by one thread at a time -------------------------------------------------------

  // Called, by whichever thread allocates, when the next chunk should be made ready. Must be quick.
  void set_low_memory_call(std::function<void()> f) { on_low_ = std::move(f); }
  // Maps and touches the chunks that will be needed next, so that no writer meets page faults.
  void prepare();

  // Bytes in mapped chunks, and of these in blocks that are allocated.
  [[nodiscard]] std::size_t mapped_bytes() const noexcept {
    return mapped_chunks_.load(std::memory_order_relaxed) * kChunkBytes;
  }
  [[nodiscard]] std::size_t used_bytes() const;

  // Gathering: closes the chunks of which less than `share` is used, the sparsest first, as long as
  // what is used in them is at most `used_max` bytes together. Nothing is allocated in a closed
  // chunk any more; its blocks are moved away by their owner, and when the last is freed the chunk
  // goes back to the system. Returns how many were closed.
  std::size_t close_sparse(double share, std::size_t used_max);
  [[nodiscard]] std::size_t closed_chunks() const noexcept {
    return closed_chunks_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] bool is_closed(Ref ref) const noexcept {
    return chunks_[ref >> kChunkShift].closed.load(std::memory_order_relaxed);
  }

 private:
  static constexpr std::size_t kGrain = 8;
  static constexpr unsigned kChunkShift = 18;
  static constexpr std::uint32_t kOffsetMask = (1U << kChunkShift) - 1;
  static constexpr std::size_t kChunkCountMax = 1U << (32 - kChunkShift);
  static constexpr std::size_t kUnitBytes = 16384;
  static constexpr std::size_t kUnits = kChunkBytes / kUnitBytes;
  static constexpr std::size_t kClassCount = 192;
  static constexpr std::size_t kUseCount = 2;
  static constexpr std::size_t kArenaCountMax = 8;
  static constexpr std::size_t kSpares = 4;  // some 8 ms of inserting at full speed

  struct Chunk;

  // Guarded by the lock of its arena, except what is constant.
  struct Slab {
    Chunk* chunk;
    Ref first;
    std::uint32_t block_grains;
    std::uint32_t blocks;
    std::uint8_t size_class;
    std::uint8_t unit;
    std::uint8_t units;
    Use use;
    // Changes only under the locks of both arenas; who waited for the wrong one's looks again.
    std::atomic<std::uint8_t> arena;

    bool listed = false;
    bool closed = false;
    std::uint32_t used = 0;
    std::uint32_t fresh = 0;  // blocks from here on were never given out
    Ref free_head = 0;        // others that are free form a list through their first four bytes
    Slab* previous = nullptr;
    Slab* next = nullptr;
  };

  // Guarded by the pool's lock, except slab_at: read by whoever holds a block of that slab.
  struct Chunk {
    char* base = nullptr;
    std::uint32_t index = 0;
    std::bitset<kUnits> taken;
    std::array<Slab*, kUnits> slab_at{};
  };

  // Free for those who allocate, used for their slab.
  struct Recent {
    std::uint32_t count = 0;
    std::array<Ref, 7> refs;
  };

  struct alignas(64) Arena {
    mutable SpinLock lock;
    std::size_t used_bytes GUARDED_BY(lock) = 0;
    std::array<std::array<Slab*, kClassCount>, kUseCount> open GUARDED_BY(lock) = {};
    std::array<std::uint32_t, kClassCount> slab_count GUARDED_BY(lock) = {};
    std::array<Recent, kClassCount> recent GUARDED_BY(lock) = {};
  };

  struct Entry {
    std::atomic<char*> base;
    Chunk* chunk;
    std::atomic<bool> closed;
  };
  struct Unmap {
    void operator()(Entry* entries) const noexcept;
  };

  static std::size_t class_of(std::size_t bytes) noexcept;
  static std::size_t class_bytes(std::size_t index) noexcept;

  [[nodiscard]] Slab& slab_of(Ref ref) const noexcept;
  Ref take_recent(Arena& arena, std::size_t index) noexcept REQUIRES(arena.lock);
  Ref allocate_from(Arena& arena, Slab& slab) noexcept REQUIRES(arena.lock);
  Ref take_block(Slab& slab) noexcept;
  void list(Arena& arena, Slab& slab) noexcept REQUIRES(arena.lock);
  void unlist(Arena& arena, Slab& slab) noexcept REQUIRES(arena.lock);
  bool has_room(const Arena& arena, std::size_t index, Use use) const noexcept;
  void adopt_slab(std::size_t own, std::size_t index, Use use) noexcept;
  void move_slab(Arena& from, Arena& to, std::size_t to_index, Slab* slab) noexcept
      REQUIRES(from.lock, to.lock);
  Slab& add_slab(Arena& arena, std::size_t own, std::size_t index, Use use) REQUIRES(arena.lock);
  bool give_back(Arena& arena, Slab& slab, Ref ref, char*& emptied) noexcept;
  char* drop_slab(Slab& slab) noexcept REQUIRES(pool_);
  bool close(std::size_t index) noexcept;
  void return_recent(std::size_t chunk) noexcept;
  // Calls f(Arena&, Slab&) under the locks of all arenas and the pool.
  template <class F>
  void for_slabs_in(std::size_t chunk, F f) const;

  bool is_last(const Chunk& chunk) const noexcept;
  static std::size_t reserved_units(const Chunk& chunk) noexcept;
  std::optional<std::size_t> find_units(const Chunk& chunk, std::size_t count) const noexcept;
  std::pair<Chunk*, std::size_t> take_units(std::size_t count) REQUIRES(pool_);
  Chunk& add_chunk() REQUIRES(pool_);
  char* drop_chunk(Chunk& chunk) noexcept REQUIRES(pool_);  // answers what is to be unmapped
  [[nodiscard]] bool wants_huge_pages() const noexcept;

  // Constant after construction.
  const std::unique_ptr<Entry, Unmap> entries_;
  Entry* const chunks_;
  const std::size_t arena_count_;
  const std::unique_ptr<Arena[]> arenas_;
  std::function<void()> on_low_;

  // Own synchronization.
  std::atomic<std::size_t> mapped_chunks_{0};
  std::atomic<std::size_t> closed_chunks_{0};

  mutable Mutex pool_;
  std::vector<std::unique_ptr<Chunk>> all_ GUARDED_BY(pool_);  // by index; null: not mapped
  // By the logarithm of a number of units: no chunk before this one has room for so many.
  std::array<std::size_t, 4> first_with_room_ GUARDED_BY(pool_) = {};
  std::array<char*, kSpares> spares_ GUARDED_BY(pool_) = {};  // chunks' memory, ready
  std::size_t spare_count_ GUARDED_BY(pool_) = 0;
};

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_TABLE_SLABS_H_
