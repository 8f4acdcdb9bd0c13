// A look at RocksDB's logs without RocksDB: is everything there, down to the last byte?
//
// Opening for writing rewrites RocksDB's own files, so whether synced writes are missing has to be
// known before (recovery.cc). Opening for reading only tells, and after a crash replays the whole
// log for it, 8 MB and 35 ms, just as the open for writing does again a moment later. Reading the
// same bytes and checking them takes a tenth of that.
//
// The look can say one thing only: "surely whole, up to this version". In all other cases, however
// harmless (a torn tail, an empty newest log, an I/O error), it says nothing, and the caller asks
// RocksDB read-only as if there were no look. So it never refuses a store, and being too strict
// costs 35 ms. It must never be too lenient; it is stricter than RocksDB in every point:
//
//   a log     32 KiB blocks, each a row of fragments; fewer than 7 bytes left in one are zeros
//   fragment  u32 crc | u16 length | u8 type | payload     crc: masked crc32c of type and payload
//             type 1: a whole record; 2, 3, 4: its first, middle, last part; others we never write
//   record    a write batch (rocks_batch.h)
//
//   1. Every log is perfect: every fragment's checksum fits, every batch can be parsed to its end,
//      and the last byte of the file is the last byte of a record. RocksDB stops its replay at the
//      first damage, so with none it replays all.
//   2. The sequence numbers have no gap, within a log and from one to the next: no log is missing
//      in the middle, and none is left over from a history that was cut off. (Deleting logs that
//      are no longer needed may be interrupted and leave such a gap; that is a reason to ask
//      RocksDB.)
//   3. The versions in the heads never go down.
//   4. The head that counts is in the newest log. An older log may be in table files already, and
//      RocksDB would skip it: whether those can be read is not known here. The newest never is.
//   5. The newest log is not older than the newest list of files (MANIFEST): an open gives its log
//      the number before that of its list. So the log is not a leftover from before the last open.
//
// What the logs cannot tell is asked of RocksDB without them (Mode::kLookAtTables): that the list
// of files can be read, names our families and files that are there, and that the id is the
// store's.
//
// A log that is missing before the first one cannot be seen here: whether the table files hold what
// came before the first head is for the caller to ask.
#ifndef CLOAKROOM_LIB_JOURNAL_ROCKS_LOG_LOOK_H_
#define CLOAKROOM_LIB_JOURNAL_ROCKS_LOG_LOOK_H_

#include <optional>
#include <string>

#include "cloakroom/record.h"
#include "journal/rocks_snapshot.h"

namespace cloakroom {

struct LoggedSpan {
  Version before = 0;  // that of the head before the first one in the logs
  Version last = 0;    // that of the last head
};

// What the logs in `path`, RocksDB's directory, hold when all of the above holds: if the table
// files hold `before`, opening finds `last` or a later version. Nothing when anything does not
// hold. Changes nothing. REQUIRES: nobody else writes there.
[[nodiscard]] std::optional<LoggedSpan> surely_logged(const std::string& path,
                                                      const JournalHooks& hooks);

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_JOURNAL_ROCKS_LOG_LOOK_H_
