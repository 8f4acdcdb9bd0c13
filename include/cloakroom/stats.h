// A store's account of itself.
#ifndef CLOAKROOM_STATS_H_
#define CLOAKROOM_STATS_H_

#include <cstdint>
#include <string>

#include "cloakroom/record.h"

namespace cloakroom {

// A copy, taken without stopping anybody: figures that move may be of slightly different moments.
// Counters start at 0 when the store is opened. Costs some tens of microseconds: one read per
// stripe. Contains no key and no value.
struct Stats {
  // What is held. `records` counts what is in memory, expired ones not yet reclaimed included.
  std::uint64_t records = 0;
  std::uint64_t owned_records = 0;       // of these: with an owner
  std::uint64_t owners = 0;              // distinct owners
  std::uint64_t key_value_bytes = 0;     // keys + values, as given
  std::uint64_t memory_bytes = 0;        // records, buckets and owner index, exact to the allocation
  std::uint64_t memory_limit_bytes = 0;  // the limit in force

  // What happened.
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t creates = 0;
  std::uint64_t overwrites = 0;
  std::uint64_t erases = 0;
  std::uint64_t touches = 0;
  std::uint64_t touches_journaled = 0;  // of these: written to disk
  std::uint64_t expired = 0;            // reclaimed by the sweeper
  std::uint64_t refused_full = 0;       // creates and growths answered with kFull
  std::uint64_t events_dropped = 0;     // because a subscriber was slow

  // The journal. Versions: 0 in a memory-only store, except `version_last`.
  Version version_last = 0;      // the last write
  Version version_process = 0;   // survives the process up to here
  Version version_disk = 0;      // survives a power cut up to here
  std::uint64_t journal_batches = 0;
  std::uint64_t journal_syncs = 0;
  std::uint64_t journal_queue_bytes = 0;  // of the ring, not yet handed to RocksDB's log
  std::uint64_t journal_waits = 0;        // how often a writer found the ring full

  // Warming up after open: records come into memory in the background while the store serves.
  bool warm = true;
  std::uint64_t warmed_records = 0;   // brought into memory, by the background or on demand
  std::uint64_t warming_records = 0;  // there are so many on disk, about; 0: not known yet
  bool opened_clean = true;  // the last stop was orderly
  // This open was the first of a checkpoint: what ended in the original since then is alive here.
  bool opened_copy = false;
  std::uint32_t generation = 0;  // how many checkpoints lie between this store and its origin

  // Empty while all is well. Otherwise why the store is read-only, or what was lost at open.
  std::string degraded = {};
  bool read_only = false;
};

}  // namespace cloakroom

#endif  // CLOAKROOM_STATS_H_
