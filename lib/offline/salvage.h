// Salvage: everything that can be read of a store, straight from its files, and where the rest was.
//
// For `cloakroom verify` and `cloakroom repair`. RocksDB opens a database or refuses it, and reads
// nothing behind the first damage of a file; Store::open refuses what is not whole. Salvage reads
// every file by itself and trusts none of them:
//
//   CLOAKROOM   identity and marks; without it the store's id and time come from the database
//   MANIFEST    which table files and logs count. Without it all table files are read
//   *.sst       every block that checks (table_walk.h), merged by keys (family_merge.h)
//   *.log       every batch, also behind damage (left_changes.h)
//   RING        every frame that nothing else covers (ring_scan.h)
//
// Of each key the newest state counts, erasures too. What damage makes uncertain is of two kinds:
//
//   a key     A part of a table file is lost, and an older state of the key is in another file: the
//             lost part may have held a newer one, or an erasure. Every record says whether it is
//             so.
//   the store A hole in the log, or no list of files: any key may be concerned, in_doubt() says so.
//
// Changes nothing. Not thread-safe. REQUIRES: no process has the store open.
// Memory: a window for each table file and the changes in logs and ring.
#ifndef CLOAKROOM_LIB_OFFLINE_SALVAGE_H_
#define CLOAKROOM_LIB_OFFLINE_SALVAGE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "base/timeline.h"
#include "cloakroom/record.h"
#include "cloakroom/status.h"
#include "offline/store_reader.h"

namespace cloakroom {

// What a store is, as far as it can be told.
struct SalvagedStore {
  std::string store_id = {};  // 32 hex digits; empty: not known
  bool identified = false;    // by its superblock: generation is known
  std::uint32_t generation = 0;
  TimeMs created = 0;     // wall time; 0: not known
  TimeMs store_time = 0;  // store time and wall time of one moment, the last that is known
  TimeMs wall_time = 0;   // both 0: not known
  bool clean = false;     // it was stopped in order
  bool copy = false;      // a checkpoint that has not been opened yet
  Version version_last = 0;
  std::uint64_t table_bytes = 0;
};

class Salvage {
 public:
  using Report = FunctionRef<void(const Finding&)>;
  // f(record, uncertain): see above. False ends it.
  using Visit = FunctionRef<bool(const RecordView&, bool uncertain)>;

  // Reads everything but the records. What is damaged is reported, and no reason to fail. kNotFound
  // when there is nothing of a store in `dir`; kInvalidArgument for a newer format; kIo when a
  // directory or a file that should be readable is not.
  static Result<std::unique_ptr<Salvage>> open(const std::string& dir, Report report);

  virtual ~Salvage() = default;

  // Of versions it is the highest one of what open() has read, and of the records after each().
  [[nodiscard]] virtual const SalvagedStore& store() const = 0;

  // Every record in the order of keys, with its granted deadline, dead ones included; reports what
  // cannot be read, and what cannot be as it is. `progress(done, total)`: in records, estimated.
  // REQUIRES: one call.
  virtual Status each(Visit f, Report report,
                      FunctionRef<void(std::uint64_t, std::uint64_t)> progress) = 0;

  // Compares every table file as a whole with the checksum that the list of files has of it.
  virtual void check_files(Report report) = 0;

  // Acknowledged changes are missing and nobody knows of which keys: what had ended may be alive.
  [[nodiscard]] virtual bool in_doubt() const = 0;
};

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_OFFLINE_SALVAGE_H_
