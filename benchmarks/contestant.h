// A contestant: something that holds keys, values and deadlines and is measured beside the others.
//
// All of them keep what Cloakroom keeps and check what Cloakroom checks: a get compares the
// deadline with the same clock, a touch moves it. A Contestant is the shared thing; a Lane is how
// one thread reaches it (a connection to Redis, plainly a reference for tables).
#ifndef CLOAKROOM_BENCHMARKS_CONTESTANT_H_
#define CLOAKROOM_BENCHMARKS_CONTESTANT_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "cloakroom/options.h"
#include "cloakroom/store.h"
#include "dataset.h"

namespace cloakroom::bench {

// Thread safety: a lane belongs to one thread. An answer that nobody expects (an error of a disk or
// a socket) is a Failure.
class Lane {
 public:
  virtual ~Lane() = default;

  // Into a new string, as most callers write it; true when alive.
  virtual bool get(std::string_view key) = 0;
  // Into a string whose capacity is reused.
  virtual bool get_into(std::string_view key, std::string& value) = 0;
  // Looks at the value where it lies and reads its first byte.
  virtual bool visit(std::string_view key) = 0;
  // The same for many at once, by whatever means this contestant has; returns how many are alive.
  virtual std::size_t visit_many(std::span<const std::string_view> keys) = 0;

  virtual void put(std::string_view key, std::string_view value) = 0;  // lives for kTtl
  virtual bool touch(std::string_view key) = 0;                        // for kTtl from now
  virtual bool erase(std::string_view key) = 0;
};

using TtlOf = std::function<Millis(std::uint64_t index)>;

// What a contestant that removes expired records by itself is asked besides, by one thread.
class Reclaimer {
 public:
  virtual ~Reclaimer() = default;

  // Stores records first to last - 1 as fast as it can, each for ttl_of(its number) from then on.
  virtual void put_for(const Dataset& dataset, std::uint64_t first, std::uint64_t last,
                       const TtlOf& ttl_of) = 0;

  [[nodiscard]] virtual std::uint64_t held_records() = 0;  // with the dead that are not yet removed
  [[nodiscard]] virtual std::uint64_t held_bytes() = 0;    // of memory, as it counts them itself
};

class Contestant {
 public:
  virtual ~Contestant() = default;

  [[nodiscard]] virtual std::unique_ptr<Lane> lane() = 0;

  // Stores every record of the dataset, as fast as this contestant can, and returns when what it
  // has to do about that in the background is done.
  virtual void load(const Dataset& dataset);

  // The process whose resident memory is this contestant's.
  [[nodiscard]] virtual pid_t process() const;

  // The same object in that role; null when it never removes anything by itself.
  [[nodiscard]] virtual Reclaimer* reclaimer() { return nullptr; }

  // Whether an operation is so slow (a system call) that a chunk should have few of them.
  [[nodiscard]] virtual bool is_slow() const { return false; }
};

struct ContestantSetup {
  std::string directory;  // an empty one of its own, for those that need files
  Durability durability = Durability::kProcess;
  std::uint64_t sessions = 0;
  bool all_in_memory = false;  // RocksDB: no flush, so that its memory is what it needs for all
};

// The store behind the contestants "cloakroom" and "cloakroom-disk". Failure when it does not open.
[[nodiscard]] Store open_store(const ContestantSetup& setup, bool on_disk);

// The clock of all contestants, the one a Store reads.
[[nodiscard]] inline TimeMs now_ms() noexcept { return system_clock().boot_ms(); }
[[nodiscard]] inline TimeMs new_deadline() noexcept { return now_ms() + Millis(kTtl).count(); }

// Takes the first byte of a value so that the compiler cannot leave the access out.
inline void look_at(std::string_view value) noexcept {
  if (!value.empty()) asm volatile("" : : "r"(value.front()) : "memory");
}

}  // namespace cloakroom::bench

#endif  // CLOAKROOM_BENCHMARKS_CONTESTANT_H_
