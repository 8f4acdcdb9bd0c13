#include "table/slabs.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <thread>
#include <utility>

#include "base/epoch.h"
#include "base/sanitizers.h"

namespace cloakroom {
namespace {

constexpr std::size_t kFineBytesMax = 1024;
constexpr std::size_t kFineStep = 8;
constexpr std::size_t kFineClasses = kFineBytesMax / kFineStep;
constexpr std::size_t kClassesADoubling = 16;
constexpr std::size_t kUnitsMax = 8;
constexpr std::size_t kBucketUnitsMax = 2;
constexpr std::size_t kBlocksMin = 8;   // in a slab, or too much is lost at its end
constexpr std::size_t kSlabsASize = 4;  // so many slabs of a class before they become larger
// A small table keeps to small pages, or each of many stores in a process would cost 2 MiB.
constexpr std::size_t kSmallChunks = 4;

void* map_pages(std::size_t bytes) noexcept {
  void* const memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

// A chunk's memory, aligned to its size so that it can be one huge page. Kept out of core dumps:
// they would hold every session.
char* map_chunk(bool huge) {
  constexpr std::size_t kBytes = Slabs::kChunkBytes;
  auto* const wide = static_cast<char*>(map_pages(2 * kBytes));
  if (wide == nullptr) throw std::bad_alloc();
  const auto address = reinterpret_cast<std::uintptr_t>(wide);
  const std::size_t before = (kBytes - address % kBytes) % kBytes;
  if (before != 0) ::munmap(wide, before);
  ::munmap(wide + before + kBytes, kBytes - before);
  char* const chunk = wide + before;
  (void)::madvise(chunk, kBytes, MADV_DONTDUMP);
  if (huge) (void)::madvise(chunk, kBytes, MADV_HUGEPAGE);  // refused where there are none
  return chunk;
}

std::size_t usual_arenas(std::size_t most) noexcept {
  return std::clamp<std::size_t>(std::bit_ceil(std::thread::hardware_concurrency()), 1, most);
}

}  // namespace

void Slabs::Unmap::operator()(Entry* entries) const noexcept {
  ::munmap(static_cast<void*>(entries), kChunkCountMax * sizeof(Entry));
}

// The entries are mapped and not allocated: what is not used of them costs nothing.
Slabs::Slabs()
    : entries_(static_cast<Entry*>(map_pages(kChunkCountMax * sizeof(Entry)))),
      chunks_(entries_.get()),
      arena_count_(usual_arenas(kArenaCountMax)),
      arenas_(std::make_unique<Arena[]>(arena_count_)) {
  if (chunks_ == nullptr) throw std::bad_alloc();
}

Slabs::~Slabs() {
  MutexLock guard(pool_);
  for (const auto& chunk : all_) {
    if (chunk == nullptr) continue;
    for (std::size_t unit = 0; unit < kUnits;) {
      const std::unique_ptr<Slab> slab(chunk->slab_at[unit]);
      unit += slab != nullptr ? slab->units : 1;
    }
    unpoison(chunk->base, kChunkBytes);
    ::munmap(chunk->base, kChunkBytes);
  }
  while (spare_count_ != 0) ::munmap(spares_[--spare_count_], kChunkBytes);
}

std::size_t Slabs::class_of(std::size_t bytes) noexcept {
  if (bytes <= kFineBytesMax) return (bytes + kFineStep - 1) / kFineStep - 1;
  const unsigned doubling = static_cast<unsigned>(std::bit_width(bytes - 1)) - 11;
  const std::size_t step = (kFineBytesMax << doubling) / kClassesADoubling;
  return kFineClasses + doubling * kClassesADoubling +
         (bytes - (kFineBytesMax << doubling) + step - 1) / step - 1;
}

std::size_t Slabs::class_bytes(std::size_t index) noexcept {
  if (index < kFineClasses) return (index + 1) * kFineStep;
  const std::size_t coarse = index - kFineClasses;
  const std::size_t base = kFineBytesMax << (coarse / kClassesADoubling);
  return base + (coarse % kClassesADoubling + 1) * (base / kClassesADoubling);
}

std::size_t Slabs::block_bytes(std::size_t bytes) noexcept { return class_bytes(class_of(bytes)); }

Slabs::Slab& Slabs::slab_of(Ref ref) const noexcept {
  const std::size_t unit = (ref & kOffsetMask) * kGrain / kUnitBytes;
  return *chunks_[ref >> kChunkShift].chunk->slab_at[unit];
}

Ref Slabs::allocate(std::size_t bytes, Use use) {
  const std::size_t index = class_of(bytes);
  const std::size_t own = this_reader().number % arena_count_;
  Arena& arena = arenas_[own];
  {
    SpinLockGuard guard(arena.lock);
    if (use == Use::kRecords && arena.recent[index].count != 0) return take_recent(arena, index);
    Slab* const slab = arena.open[static_cast<std::size_t>(use)][index];
    if (slab != nullptr) return allocate_from(arena, *slab);
  }
  adopt_slab(own, index, use);
  SpinLockGuard guard(arena.lock);
  Slab* slab = arena.open[static_cast<std::size_t>(use)][index];
  if (slab == nullptr) slab = &add_slab(arena, own, index, use);
  return allocate_from(arena, *slab);
}

Ref Slabs::take_recent(Arena& arena, std::size_t index) noexcept {
  Recent& recent = arena.recent[index];
  const Ref ref = recent.refs[--recent.count];
  arena.used_bytes += class_bytes(index);
  unpoison(at(ref), class_bytes(index));
  return ref;
}

Ref Slabs::allocate_from(Arena& arena, Slab& slab) noexcept {
  const Ref ref = take_block(slab);
  arena.used_bytes += slab.block_grains * kGrain;
  if (slab.used == slab.blocks) unlist(arena, slab);
  unpoison(at(ref), slab.block_grains * kGrain);
  return ref;
}

bool Slabs::has_room(const Arena& arena, std::size_t index, Use use) const noexcept {
  SpinLockGuard guard(arena.lock);
  return arena.open[static_cast<std::size_t>(use)][index] != nullptr;
}

// What one thread frees, another may need: a slab with room moves to the arena that has none, or
// memory would grow without end while a thread overwrites what another has written.
void Slabs::adopt_slab(std::size_t own, std::size_t index, Use use) noexcept
    NO_THREAD_SAFETY_ANALYSIS {  // it does not follow locks that are chosen at run time
  for (std::size_t other = 0; other < arena_count_; ++other) {
    if (other == own || !has_room(arenas_[other], index, use)) continue;
    Arena& from = arenas_[other];
    Arena& to = arenas_[own];
    SpinLockGuard first(own < other ? to.lock : from.lock);
    SpinLockGuard second(own < other ? from.lock : to.lock);
    move_slab(from, to, own, from.open[static_cast<std::size_t>(use)][index]);
    return;
  }
}

void Slabs::move_slab(Arena& from, Arena& to, std::size_t to_index, Slab* slab) noexcept {
  if (slab == nullptr) return;  // somebody was faster
  const std::size_t used = std::size_t{slab->used} * slab->block_grains * kGrain;
  unlist(from, *slab);
  from.used_bytes -= used;
  --from.slab_count[slab->size_class];
  slab->arena.store(static_cast<std::uint8_t>(to_index), std::memory_order_relaxed);
  to.used_bytes += used;
  ++to.slab_count[slab->size_class];
  list(to, *slab);
}

Ref Slabs::take_block(Slab& slab) noexcept {
  ++slab.used;
  if (slab.free_head == 0) return slab.first + slab.fresh++ * slab.block_grains;
  const Ref ref = slab.free_head;
  std::memcpy(&slab.free_head, at(ref), sizeof(slab.free_head));
  return ref;
}

// The sum over all arenas is right; one alone may be short of what another has too much.
void Slabs::free(Ref ref, std::size_t bytes) noexcept {
  const std::size_t index = class_of(bytes);
  Arena& arena = arenas_[this_reader().number % arena_count_];
  {
    SpinLockGuard guard(arena.lock);
    Recent& recent = arena.recent[index];
    if (recent.count < recent.refs.size() && !is_closed(ref)) {
      recent.refs[recent.count++] = ref;
      arena.used_bytes -= class_bytes(index);
      poison(at(ref) + sizeof(Ref), class_bytes(index) - sizeof(Ref));
      return;
    }
  }
  free(ref);
}

void Slabs::free(Ref ref) noexcept {
  Slab& slab = slab_of(ref);
  char* emptied = nullptr;
  while (!give_back(arenas_[slab.arena.load(std::memory_order_relaxed)], slab, ref, emptied)) {
  }
  if (emptied != nullptr) ::munmap(emptied, kChunkBytes);  // some 50 us, so under no lock
}

// False when the slab has moved to another arena. `emptied`: the memory of a chunk that is to be
// unmapped.
bool Slabs::give_back(Arena& arena, Slab& slab, Ref ref, char*& emptied) noexcept {
  SpinLockGuard guard(arena.lock);
  if (&arenas_[slab.arena.load(std::memory_order_relaxed)] != &arena) return false;
  char* const block = at(ref);
  std::memcpy(block, &slab.free_head, sizeof(slab.free_head));
  poison(block + sizeof(Ref), slab.block_grains * kGrain - sizeof(Ref));
  slab.free_head = ref;
  arena.used_bytes -= slab.block_grains * kGrain;
  --slab.used;
  // The last slab of its class stays, or a single record that comes and goes would map and unmap.
  const bool only = slab.listed && slab.previous == nullptr && slab.next == nullptr;
  if (slab.used == 0 && (slab.closed || !only)) {
    if (slab.listed) unlist(arena, slab);
    --arena.slab_count[slab.size_class];
    MutexLock pool(pool_);
    emptied = drop_slab(slab);
  } else if (!slab.listed && !slab.closed) {
    list(arena, slab);
  }
  return true;
}

void Slabs::list(Arena& arena, Slab& slab) noexcept {
  Slab*& head = arena.open[static_cast<std::size_t>(slab.use)][slab.size_class];
  slab.previous = nullptr;
  slab.next = head;
  if (head != nullptr) head->previous = &slab;
  head = &slab;
  slab.listed = true;
}

void Slabs::unlist(Arena& arena, Slab& slab) noexcept {
  Slab*& head = arena.open[static_cast<std::size_t>(slab.use)][slab.size_class];
  (slab.previous != nullptr ? slab.previous->next : head) = slab.next;
  if (slab.next != nullptr) slab.next->previous = slab.previous;
  slab.previous = slab.next = nullptr;
  slab.listed = false;
}

Slabs::Slab& Slabs::add_slab(Arena& arena, std::size_t own, std::size_t index, Use use) {
  const std::size_t bytes = class_bytes(index);
  // Buckets move to another class whenever their stripe grows: small slabs become empty sooner.
  const std::size_t most = use == Use::kBuckets ? kBucketUnitsMax : kUnitsMax;
  std::size_t units = std::min(most, std::bit_ceil(1 + arena.slab_count[index] / kSlabsASize));
  while (units < kUnitsMax && units * kUnitBytes < kBlocksMin * bytes) units *= 2;
  auto slab = std::make_unique<Slab>();
  MutexLock guard(pool_);
  const auto [chunk, unit] = take_units(units);
  slab->chunk = chunk;
  slab->first = chunk->index << kChunkShift | static_cast<Ref>(unit * kUnitBytes / kGrain);
  slab->block_grains = static_cast<std::uint32_t>(bytes / kGrain);
  slab->blocks = static_cast<std::uint32_t>(units * kUnitBytes / bytes);
  slab->size_class = static_cast<std::uint8_t>(index);
  slab->arena.store(static_cast<std::uint8_t>(own), std::memory_order_relaxed);
  slab->unit = static_cast<std::uint8_t>(unit);
  slab->units = static_cast<std::uint8_t>(units);
  slab->use = use;
  for (std::size_t i = unit; i < unit + units; ++i) {
    chunk->taken.set(i);
    chunk->slab_at[i] = slab.get();
  }
  ++arena.slab_count[index];
  list(arena, *slab);
  return *slab.release();
}

char* Slabs::drop_slab(Slab& slab) noexcept {
  Chunk& chunk = *slab.chunk;
  for (std::size_t i = slab.unit; i < std::size_t{slab.unit} + slab.units; ++i) {
    chunk.taken.reset(i);
    chunk.slab_at[i] = nullptr;
  }
  unpoison(chunk.base + slab.unit * kUnitBytes, slab.units * kUnitBytes);
  delete &slab;
  for (std::size_t& first : first_with_room_) {
    first = std::min<std::size_t>(first, chunk.index);
  }
  const bool empty = chunk.taken.count() == reserved_units(chunk);
  return empty && !is_last(chunk) ? drop_chunk(chunk) : nullptr;
}

// Invariant 5: one that is mapped alone stays.
bool Slabs::is_last(const Chunk& chunk) const noexcept {
  return !chunks_[chunk.index].closed.load(std::memory_order_relaxed) &&
         mapped_chunks_.load(std::memory_order_relaxed) == 1;
}

// Invariant 4.
std::size_t Slabs::reserved_units(const Chunk& chunk) noexcept { return chunk.index == 0 ? 1 : 0; }

// Slabs lie at multiples of their size, so that pieces fit together again.
std::optional<std::size_t> Slabs::find_units(const Chunk& chunk, std::size_t count) const noexcept {
  if (chunks_[chunk.index].closed.load(std::memory_order_relaxed)) return std::nullopt;
  for (std::size_t unit = 0; unit < kUnits; unit += count) {
    bool free = true;
    for (std::size_t i = unit; i < unit + count && free; ++i) free = !chunk.taken[i];
    if (free) return unit;
  }
  return std::nullopt;
}

// The first place that fits, so that the last chunks become empty and not all of them sparse.
std::pair<Slabs::Chunk*, std::size_t> Slabs::take_units(std::size_t count) {
  std::size_t& from = first_with_room_[static_cast<std::size_t>(std::countr_zero(count))];
  for (; from < all_.size(); ++from) {
    Chunk* const chunk = all_[from].get();
    if (chunk == nullptr) continue;
    if (const auto unit = find_units(*chunk, count)) return {chunk, *unit};
  }
  Chunk& chunk = add_chunk();
  from = std::min<std::size_t>(from, chunk.index);
  return {&chunk, *find_units(chunk, count)};
}

bool Slabs::wants_huge_pages() const noexcept {
  return mapped_chunks_.load(std::memory_order_relaxed) >= kSmallChunks;
}

Slabs::Chunk& Slabs::add_chunk() {
  auto chunk = std::make_unique<Chunk>();
  std::size_t index = 0;
  while (index < all_.size() && all_[index] != nullptr) ++index;
  if (index == kChunkCountMax) throw std::bad_alloc();
  if (index == all_.size()) all_.emplace_back();
  chunk->base = spare_count_ != 0 ? spares_[--spare_count_] : map_chunk(wants_huge_pages());
  chunk->index = static_cast<std::uint32_t>(index);
  for (std::size_t unit = 0; unit < reserved_units(*chunk); ++unit) chunk->taken.set(unit);
  chunks_[index].chunk = chunk.get();
  chunks_[index].base.store(chunk->base, std::memory_order_release);
  mapped_chunks_.fetch_add(1, std::memory_order_relaxed);
  all_[index] = std::move(chunk);
  if (on_low_ && wants_huge_pages()) on_low_();
  return *all_[index];
}

char* Slabs::drop_chunk(Chunk& chunk) noexcept {
  char* const memory = chunk.base;
  const std::size_t index = chunk.index;
  unpoison(memory, kChunkBytes);
  chunks_[index].base.store(nullptr, std::memory_order_relaxed);
  chunks_[index].chunk = nullptr;
  if (chunks_[index].closed.exchange(false, std::memory_order_relaxed)) {
    closed_chunks_.fetch_sub(1, std::memory_order_relaxed);
  }
  mapped_chunks_.fetch_sub(1, std::memory_order_relaxed);
  all_[index].reset();
  return memory;
}

void Slabs::prepare() {
  for (;;) {
    {
      MutexLock guard(pool_);
      if (spare_count_ == kSpares || !wants_huge_pages()) return;
    }
    char* const memory = map_chunk(true);
    // A write to each page; with huge pages the first one takes all of them.
    for (std::size_t offset = 0; offset < kChunkBytes; offset += 4096) {
      static_cast<volatile char*>(memory)[offset] = 0;
    }
    MutexLock guard(pool_);
    if (spare_count_ < kSpares) {
      spares_[spare_count_++] = memory;
    } else {
      ::munmap(memory, kChunkBytes);
    }
  }
}

std::size_t Slabs::used_bytes() const {
  std::size_t used = 0;
  for (std::size_t i = 0; i < arena_count_; ++i) {
    SpinLockGuard guard(arenas_[i].lock);
    used += arenas_[i].used_bytes;
  }
  return used;
}

// --- gathering -------------------------------------------------------------------------------

// All arenas are locked, in their order: a slab could move from one that comes later to one that
// was looked at already, and another chunk could take the place of one that is dropped. A chunk has
// at most 128 slabs, so this is short.
template <class F>
void Slabs::for_slabs_in(std::size_t index, F f) const
    NO_THREAD_SAFETY_ANALYSIS {  // it does not follow locks in a loop
  for (std::size_t a = 0; a < arena_count_; ++a) arenas_[a].lock.lock();
  {
    MutexLock pool(pool_);
    for (std::size_t unit = 0; unit < kUnits; ++unit) {
      if (index >= all_.size() || all_[index] == nullptr) break;  // f may have dropped it
      Slab* const slab = all_[index]->slab_at[unit];
      if (slab == nullptr || slab->unit != unit) continue;
      f(arenas_[slab->arena.load(std::memory_order_relaxed)], *slab);
    }
  }
  for (std::size_t a = arena_count_; a-- > 0;) arenas_[a].lock.unlock();
}

std::size_t Slabs::close_sparse(double share, std::size_t used_max) {
  std::size_t count = 0;
  {
    MutexLock guard(pool_);
    count = all_.size();
  }
  std::vector<std::pair<std::size_t, std::size_t>> sparse;  // bytes used, chunk
  for (std::size_t index = 0; index < count; ++index) {
    std::size_t used = 0;
    for_slabs_in(index, [&](Arena&, const Slab& slab) {
      used += std::size_t{slab.used} * slab.block_grains * kGrain;
    });
    if (static_cast<double>(used) < share * static_cast<double>(kChunkBytes)) {
      sparse.emplace_back(used, index);
    }
  }
  std::sort(sparse.begin(), sparse.end());
  std::size_t closed = 0;
  for (const auto& [used, index] : sparse) {
    if (used > used_max) break;
    used_max -= used;
    closed += close(index) ? 1 : 0;
  }
  return closed;
}

// An empty one is not closed but left to be used; that it is mapped is no waste to be gathered.
bool Slabs::close(std::size_t index) noexcept {
  char* emptied = nullptr;
  bool closed = false;
  for_slabs_in(index, [&](Arena& arena, Slab& slab) REQUIRES(arena.lock, pool_) {
    if (!chunks_[index].closed.exchange(true, std::memory_order_relaxed)) {
      closed_chunks_.fetch_add(1, std::memory_order_relaxed);
      closed = true;
    }
    slab.closed = true;
    if (slab.listed) unlist(arena, slab);
    if (slab.used != 0) return;
    --arena.slab_count[slab.size_class];  // it was kept for the next of its class
    emptied = drop_slab(slab);
  });
  if (emptied != nullptr) ::munmap(emptied, kChunkBytes);
  return_recent(index);
  return closed;
}

// To their slabs; that no more come has been seen to.
void Slabs::return_recent(std::size_t chunk) noexcept {
  for (std::size_t a = 0; a < arena_count_; ++a) {
    for (std::size_t index = 0; index < kClassCount; ++index) {
      Recent returned;
      {
        SpinLockGuard guard(arenas_[a].lock);
        Recent& recent = arenas_[a].recent[index];
        Recent kept;
        for (std::size_t i = 0; i < recent.count; ++i) {
          Recent& to = recent.refs[i] >> kChunkShift == chunk ? returned : kept;
          to.refs[to.count++] = recent.refs[i];
        }
        recent = kept;
        arenas_[a].used_bytes += returned.count * class_bytes(index);  // free() takes it off again
      }
      for (std::size_t i = 0; i < returned.count; ++i) free(returned.refs[i]);
    }
  }
}

}  // namespace cloakroom
