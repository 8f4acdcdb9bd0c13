#include "offline/store_compact.h"

#include "base/file.h"
#include "journal/recovery.h"
#include "journal/rocks_snapshot.h"
#include "journal/superblock.h"
#include "offline/store_reader.h"

namespace cloakroom {
namespace {

// The store's own lock: a server that starts meanwhile is refused.
Result<Fd> lock_store(const std::string& dir) {
  const std::string path = dir + "/" + kLockName;
  Result<Fd> fd = lock_file(path);
  if (fd || fd.status().code() != StatusCode::kConflict) return fd;
  const std::int64_t holder = holder_of(dir);
  return Status(StatusCode::kIo, "store " + dir + " is open" +
                                     (holder > 0 ? ", in process " + std::to_string(holder) : "") +
                                     "; stop that server first");
}

}  // namespace

Status compact_store(const std::string& dir) {
  const Result<Fd> lock = lock_store(dir);
  if (!lock) return lock.status();
  const Result<Superblock> superblock = Superblock::open(dir, false);
  if (!superblock) return superblock.status();
  if (!superblock->mark().clean) {
    return Status(StatusCode::kInvalidArgument,
                  "store " + dir + " was not stopped in order; open and close it first");
  }
  const std::string rocks = dir + "/" + kRocksName;
  auto snapshot = RocksSnapshot::open({.path = rocks, .mode = RocksSnapshot::Mode::kWrite});
  if (!snapshot) return snapshot.status();
  Status done = (*snapshot)->compact();
  const Status closed = (*snapshot)->close();
  if (done) done = closed;
  if (done) RocksSnapshot::drop_logs(rocks, {});
  return done;
}

}  // namespace cloakroom
