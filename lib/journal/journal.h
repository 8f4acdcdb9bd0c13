// Journal: everything that makes writes survive, as the engine sees it.
//
// This is one of the two seams of the house (the other is Clock): the engine knows no file, no
// thread and no RocksDB, only this. MemoryJournal serves memory-only stores, RocksJournal the rest,
// and tests/support/fake_journal.h lets ThreadSanitizer judge the engine without RocksDB.
//
// Contract with the engine, which every implementation keeps:
//   1. append() is called under the key's stripe lock, before the table is changed. The order of
//      appends of one key is therefore the order of the table. If it fails nothing is changed.
//   2. Versions grow by at least 1 with every append, over all threads.
//   3. What survives is a prefix: if version v is found after a crash, so is every u < v.
//   4. wait() is called under no lock.
//   5. read() and load() see the state as of open for every key that was not appended since;
//      the engine never asks for others.
#ifndef CLOAKROOM_LIB_JOURNAL_JOURNAL_H_
#define CLOAKROOM_LIB_JOURNAL_JOURNAL_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "cloakroom/options.h"
#include "cloakroom/record.h"
#include "cloakroom/status.h"

namespace cloakroom {

// One change, borrowed from the caller for the duration of append().
struct Mutation {
  // kPut: all of the record; its version is assigned. kErase: the key. kTouch: the key, the version
  // it belongs to and the later deadline the disk grants it. kShorten: all of the record with its
  // nearer deadline; it keeps its version.
  enum class Type : std::uint8_t { kPut = 1, kErase = 2, kTouch = 3, kShorten = 4 };
  Type type = Type::kPut;
  RecordView record = {};
};

// Durable positions and counters, for Stats.
struct JournalStats {
  Version version_last = 0;
  Version version_process = 0;
  Version version_disk = 0;
  std::uint64_t batches = 0;
  std::uint64_t syncs = 0;
  std::uint64_t queue_bytes = 0;
  std::uint64_t waits = 0;
  std::string degraded;  // why it is read-only, or what was lost at open
  bool read_only = false;
  bool opened_clean = true;
  bool opened_copy = false;
  std::uint32_t generation = 0;
};

class Journal {
 public:
  virtual ~Journal() = default;

  // Does anything survive? If not, touches need not be told at all. Constant.
  [[nodiscard]] virtual bool keeps() const noexcept { return true; }

  // An append of about so many bytes will come soon; called under no lock. Waits, with a bound, for
  // room in a queue that is full: kBusy when none came. Else it asks for the line that all writers
  // meet on, so that its way from another core overlaps with what the caller does before.
  virtual Status expect_append(std::size_t bytes) {
    (void)bytes;
    return Status();
  }

  // Takes the change and gives it the next version, which becomes the record's own for kPut.
  // Does not block on the disk, unless others filled the queue since expect_append(): then it waits
  // as that does. kReadOnly once latched.
  virtual Result<Version> append(const Mutation& mutation) = 0;

  // The same for several changes of different keys, under the locks of all their stripes: after a
  // crash all of them are found or none. They share one version.
  virtual Result<Version> append_group(std::span<const Mutation> group) = 0;

  // For changes nobody waits for and that may be skipped (deletes of what has expired): refuses
  // instead of blocking when the queue is half full. Returns whether it took the change.
  virtual bool try_append(const Mutation& mutation) = 0;

  // Returns when `version` survives what `level` says. kIo when that failed, or had failed before.
  virtual Status wait(Version version, Durability level) = 0;

  // See Store::when_durable.
  virtual void when_durable(Version version, std::function<void(Status)> f) = 0;

  // wait(everything appended so far, kDisk).
  virtual Status sync() = 0;

  // kFull when the disk has no room for growth, kReadOnly when latched; cheap, called per write.
  virtual Status admit_growth() = 0;

  // The record of `key` as of open: kNotFound, or `f` is called with it.
  virtual Status read(std::string_view key, FunctionRef<void(const RecordView&)> f) = 0;

  // Divides the state as of open into at most `parts` parts for load(), of about the same size;
  // returns how many. Once, before any load().
  virtual std::size_t begin_load(std::size_t parts) = 0;

  // Hands over up to `count` records of a part, in key order, continuing where the last call for it
  // ended. Returns how many; fewer than `count` means the end, and no call may follow. kCorruption: a damaged record was
  // skipped, call again to go on. kIo: the rest cannot be read. One caller at a time for each part.
  virtual Result<std::size_t> load(std::size_t part, std::size_t count,
                                   FunctionRef<void(const RecordView&)> f) = 0;

  // No more read() or load() will come: releases what pins the state of open.
  virtual void end_load() = 0;

  // See Store::checkpoint.
  virtual Result<Version> checkpoint(const std::string& dir) = 0;

  // Decides for a record on disk whose deadline has passed whether it may be dropped: true when
  // the table does not hold this version alive. Set once, before any append; may be called from
  // any thread until close().
  virtual void set_dead_check(std::function<bool(std::string_view key, Version version)> f) = 0;

  // Makes everything durable and marks the stop as clean. No call may follow.
  virtual Status close() = 0;

  // How many records load() will hand over, about; 0 when that is not known.
  [[nodiscard]] virtual std::uint64_t load_estimate() { return 0; }

  [[nodiscard]] virtual JournalStats stats() const = 0;
};

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_JOURNAL_JOURNAL_H_
