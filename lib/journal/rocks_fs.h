// The file system RocksDB is given: the machine's own (or a test's), with two corrections.
//
//   1. Out of space becomes a plain I/O error. Debian's RocksDB 7.8.3 is built with its asserts on,
//      and a full disk reaches one of them: the host would be aborted. Plain I/O errors never did.
//   2. Files are 0600 whatever the umask: RocksDB would make them 0644.
#ifndef CLOAKROOM_LIB_JOURNAL_ROCKS_FS_H_
#define CLOAKROOM_LIB_JOURNAL_ROCKS_FS_H_

#include <rocksdb/file_system.h>

#include <memory>

namespace cloakroom {

[[nodiscard]] std::shared_ptr<rocksdb::FileSystem> make_guarded_file_system(
    std::shared_ptr<rocksdb::FileSystem> base);

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_JOURNAL_ROCKS_FS_H_
