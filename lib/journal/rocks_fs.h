// The file system RocksDB is given: the machine's own (or a test's), with three corrections, and a way
// to sync its logs past it.
//
//   1. Out of space becomes a plain I/O error. Debian's RocksDB 7.8.3 is built with its asserts on,
//      and a full disk reaches one of them: the host would be aborted. Plain I/O errors never did.
//   2. Files are 0600 whatever the umask: RocksDB would make them 0644.
//   3. A table file whose properties are damaged is not opened (rocks_table_check.h).
#ifndef CLOAKROOM_LIB_JOURNAL_ROCKS_FS_H_
#define CLOAKROOM_LIB_JOURNAL_ROCKS_FS_H_

#include <rocksdb/file_system.h>

#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/thread_annotations.h"

namespace cloakroom {

// The logs RocksDB has open for writing. DB::SyncWAL asserts, and so aborts the host, when it meets
// a log whose writer has failed a moment before; syncing the files themselves has no such trap.
// RocksDB hands every batch to the kernel before Write() returns, so nothing waits in its buffers.
// Safe from any thread.
class OpenLogs {
 public:
  // A log that is open; its file goes away under the mutex.
  struct Log {
    std::string directory;
    Mutex mutex;
    rocksdb::FSWritableFile* file GUARDED_BY(mutex) = nullptr;
    bool name_synced GUARDED_BY(mutex) = false;
  };

  void add(std::shared_ptr<Log> log) EXCLUDES(mutex_);

  // Syncs all of them, the older ones first, and the directory of those that are new.
  rocksdb::IOStatus sync(rocksdb::FileSystem& file_system) EXCLUDES(mutex_);

 private:
  Mutex mutex_;
  std::vector<std::shared_ptr<Log>> logs_ GUARDED_BY(mutex_);
};

[[nodiscard]] std::shared_ptr<rocksdb::FileSystem> make_guarded_file_system(
    std::shared_ptr<rocksdb::FileSystem> base, std::shared_ptr<OpenLogs> logs = nullptr);

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_JOURNAL_ROCKS_FS_H_
