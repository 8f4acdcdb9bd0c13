// StoreWriter: a new store on disk, made in bulk from records that exist already.
//
// For tools: import and repair. Unlike Store::put it keeps what a record has: version, time of
// creation, deadline, lifetime, owner and kind. It starts no thread of ours, writes no log and
// holds no more in memory than a few buffers, however many records come.
//
//   create()   DIR.partial is made, a database in it
//   add() ...  records, in any order; of a key that comes again the last one counts
//   finish()   flushed, merged, superblock and ring beside it, all synced; then DIR.partial becomes
//              DIR by one rename: what stands there is whole, or it is not there
//   ~          without finish(): DIR.partial is removed, unless save_point() was called
//
// A long run can be taken up again: save_point(note) makes what was added so far durable, together
// with a note of the caller's that says how far that is, and reopen() hands the note back. After a
// kill more may be there than the note says: added again it is the same.
//
// What a store holds beside its records, and where it comes from here:
//   deadlines granted by touches   joined into the records by whoever reads them (StoreReader)
//   head, superblock mark          StoreSeed; the last version is at least that of every record
//   store id, generation, created  StoreSeed
//   sessions' epoch, tombstones, aliases, what the listener keeps for itself: records like others
//   the ledger                     not made here; `repair` copies it (ledger_files.h)
//   statistics                     in memory only, in no store on disk
//   the key file of Sessions       beside the store, not in it; whoever moves a store moves it too
//
// A process that is killed leaves DIR.partial, which create() for the same DIR takes away. Two
// writers of one DIR exclude each other by a lock. Not thread-safe.
#ifndef CLOAKROOM_LIB_OFFLINE_STORE_WRITER_H_
#define CLOAKROOM_LIB_OFFLINE_STORE_WRITER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cloakroom/record.h"
#include "cloakroom/status.h"

namespace cloakroom {

// What the new store is, besides its records.
struct StoreSeed {
  std::string store_id = {};     // 32 hex digits; empty: a new one
  std::uint32_t generation = 0;  // differs from that of every other store with this id
  bool copy = false;             // the first open says that ended sessions may live in it
  TimeMs created = 0;            // wall time; 0: now
  TimeMs store_time = 0;         // store time, and wall time, of one and the same moment: the
  TimeMs wall_time = 0;          // records' deadlines are in this store time; both 0: now
  Version version_last = 0;      // the store gives out higher versions than this
};

class StoreWriter {
 public:
  // kIo when DIR exists, its parent does not, or another writer is at work there; kInvalidArgument
  // for a store id that is none.
  static Result<std::unique_ptr<StoreWriter>> create(const std::string& dir, const StoreSeed& seed);

  // Goes on with a DIR.partial that has a note. kNotFound when there is none; else as create().
  // What save_point() knew of the seed is kept: its version_last.
  static Result<std::unique_ptr<StoreWriter>> reopen(const std::string& dir, const StoreSeed& seed,
                                                     std::string* note);

  virtual ~StoreWriter() = default;
  StoreWriter(const StoreWriter&) = delete;
  StoreWriter& operator=(const StoreWriter&) = delete;

  // kInvalidArgument for a record that no store could hold (a key or owner too long, version 0 or
  // over 48 bits, a deadline past the lifetime, a time before 0): nothing was changed, and more may
  // follow. kFull below 64 MiB of free space; kIo. After these two nothing but the end.
  virtual Status add(const RecordView& record) = 0;

  // Takes back what was added under this key; Ok when there was nothing.
  virtual Status erase(std::string_view key) = 0;

  // The version that was added last under this key; nothing when there is none. Costs a look into
  // the files that were written so far.
  virtual Result<std::optional<Version>> version_of(std::string_view key) = 0;

  // See above; costs a flush.
  virtual Status save_point(std::string_view note) = 0;

  // Changes of the seed that are known only after the records. Before finish().
  virtual void set_generation(std::uint32_t generation) = 0;
  virtual void set_copy(bool copy) = 0;
  virtual void raise_version_last(Version version) = 0;

  // The store is at DIR, closed and durable, when this says Ok. kIo, kFull: there is none.
  // REQUIRES: one call, the last one.
  virtual Status finish() = 0;

 protected:
  StoreWriter() = default;
};

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_OFFLINE_STORE_WRITER_H_
