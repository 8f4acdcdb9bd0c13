// Reading all records in key order, in one walk or in several side by side.
#ifndef CLOAKROOM_LIB_JOURNAL_ROCKS_WALK_H_
#define CLOAKROOM_LIB_JOURNAL_ROCKS_WALK_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "journal/rocks_snapshot.h"

namespace rocksdb {
class ColumnFamilyHandle;
class DB;
}  // namespace rocksdb

namespace cloakroom {

// See RecordWalk. Two iterators side by side, so that a warm-up needs no temporary table.
[[nodiscard]] std::unique_ptr<RecordWalk> walk_records(rocksdb::DB& db,
                                                       rocksdb::ColumnFamilyHandle* records,
                                                       rocksdb::ColumnFamilyHandle* deadlines,
                                                       const KeyRange& range);

// Up to `parts` - 1 keys, ascending, that cut the family's table files into parts of about equal
// bytes. They need not be keys of records. Fewer, or none, where that is not possible or not worth
// it. Costs some thousand looks at the files' indexes: milliseconds.
[[nodiscard]] std::vector<std::string> split_by_size(rocksdb::DB& db,
                                                     rocksdb::ColumnFamilyHandle* family,
                                                     std::size_t parts);

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_JOURNAL_ROCKS_WALK_H_
