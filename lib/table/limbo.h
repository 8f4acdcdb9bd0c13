// Limbo: what was taken out of the table and may still be looked at by readers.
//
// retire() puts a thing in; it is handed to the freeing function once no reader can hold it
// (base/epoch.h). Things wait in lanes, one for a thread in the usual case, so that writers do not
// meet. Every kBatch things, or kBatchBytes outside the slabs, a lane steps the epoch, which costs a
// microsecond or two, and each retire() frees an older thing, at most two, so that no write pays for
// many and what is freed can be allocated at once.
//
//   open     --kBatch of them, kBatchBytes, or collect()-->  sealed with an epoch
//   sealed   --no reader is in an older epoch-->  ready
//   ready    --one a retire(), two when there are many, or all in collect()-->  freed
//
// Thread safety: everything may be called from any thread. Nothing is freed under a lock of limbo.
#ifndef CLOAKROOM_LIB_TABLE_LIMBO_H_
#define CLOAKROOM_LIB_TABLE_LIMBO_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <vector>

#include "base/spin_lock.h"
#include "base/thread_annotations.h"
#include "table/slabs.h"

namespace cloakroom {

// A thing in limbo: a block of the slabs, or memory of operator new when `memory` is set.
struct Retired {
  enum class What : std::uint8_t { kRecord, kMovedRecord, kBuckets };
  What what = What::kRecord;
  Ref ref = 0;
  void* memory = nullptr;
  std::size_t far_bytes = 0;  // that a record has outside the slabs
};

class Limbo {
 public:
  explicit Limbo(std::function<void(const Retired&)> free) : free_(std::move(free)) {}
  ~Limbo();  // frees everything: no reader may be left
  Limbo(const Limbo&) = delete;
  Limbo& operator=(const Limbo&) = delete;

  // Never fails: without memory for the note it waits for the readers and frees at once.
  void retire(const Retired& thing) noexcept;

  // Frees what can be freed, and steps the epoch so that the rest can be freed by a later call.
  void collect() noexcept;

 private:
  static constexpr std::size_t kLanes = 16;
  static constexpr std::size_t kBatch = 256;
  // 256 values of some megabytes each would be gigabytes that no limit knows of.
  static constexpr std::size_t kBatchBytes = std::size_t{1} << 20;
  static constexpr std::size_t kFreesARetire = 2;

  struct Batch {
    std::uint64_t epoch;
    std::vector<Retired> things;
  };
  struct alignas(64) Lane {
    SpinLock lock;
    std::vector<Retired> open GUARDED_BY(lock);
    std::size_t open_bytes GUARDED_BY(lock) = 0;
    std::deque<Batch> sealed GUARDED_BY(lock);
    std::vector<Retired> ready GUARDED_BY(lock);
  };

  void seal(Lane& lane, std::vector<Retired> things) noexcept EXCLUDES(lane.lock);
  static void ripen(Lane& lane) REQUIRES(lane.lock);
  void free_after_readers(std::span<const Retired> things) noexcept;

  const std::function<void(const Retired&)> free_;
  std::array<Lane, kLanes> lanes_;
};

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_TABLE_LIMBO_H_
