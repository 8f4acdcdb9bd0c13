// The table files of a store, as RocksDB's own books have them. For tools.
//
// Only the manifest and the end of each table file are read: no log is replayed, no record is
// looked at. Beside a live server the list is that of a moment ago; nothing is changed on disk.
//
// What RocksDB counts while it runs (stalls, bytes compacted, cache hits) ends with the process and
// is in no file.
#ifndef CLOAKROOM_LIB_JOURNAL_TABLE_FILES_H_
#define CLOAKROOM_LIB_JOURNAL_TABLE_FILES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "cloakroom/clock.h"
#include "cloakroom/status.h"

namespace cloakroom {

struct TableInfo {
  std::string name;    // "000015.sst", in the store's directory of RocksDB
  std::string family;  // "records", "deadlines", "meta"
  int level = 0;       // 0: as it was flushed; higher: merged, the higher the older
  std::uint64_t bytes = 0;
  std::uint64_t entries = 0;    // puts and deletions
  std::uint64_t deletions = 0;  // of them
  TimeMs written = 0;           // wall time; 0: not known
  // RocksDB's number of the last operation in it; they count through all families. 0 where merging
  // has dropped the numbers.
  std::uint64_t last_operation = 0;
};

struct TableFiles {
  std::vector<TableInfo> files;  // by family, then level, then name
  // How many operations RocksDB has numbered since the store was made, up to the last flush: puts,
  // deletions, deadlines that moved, and one more for each batch.
  std::uint64_t operations = 0;
};

// `dir` is the store's. kIo and kCorruption as Store::open says them.
[[nodiscard]] Result<TableFiles> list_table_files(const std::string& dir);

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_JOURNAL_TABLE_FILES_H_
