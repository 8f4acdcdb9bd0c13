// RocksSnapshot: the state on disk, in RocksDB. With rocks_fs, rocks_options and expiry_filter the
// only code that knows RocksDB; this header does not show it.
//
// Thread safety: write() is called by one thread at a time; everything else from any thread,
// close() last. A failed write or sync is final: the caller stops writing until the store is
// reopened.
#ifndef CLOAKROOM_LIB_JOURNAL_ROCKS_SNAPSHOT_H_
#define CLOAKROOM_LIB_JOURNAL_ROCKS_SNAPSHOT_H_

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cloakroom/record.h"
#include "cloakroom/status.h"
#include "journal/disk_record.h"
#include "journal/frame.h"
#include "journal/key_range.h"
#include "journal/table_files.h"

namespace rocksdb {
class FileSystem;
}

namespace cloakroom {

// What a test may put underneath.
struct JournalHooks {
  std::shared_ptr<rocksdb::FileSystem> file_system = {};      // null: the machine's
  std::optional<std::array<unsigned char, 16>> boot_id = {};  // nothing: the kernel's
  // Options::clock is as good as the kernel's own: its boot_ms() goes on from process to process.
  bool clock_is_kernels = false;
};

// Walks records in key order, each joined with its granted deadline. Pins the state of the moment
// it was made.
class RecordWalk {
 public:
  virtual ~RecordWalk() = default;

  // kOk with *record (valid until the next call); kNotFound at the end. kCorruption for a record
  // that does not check: `key()` names it, and the walk can go on. kIo ends the walk.
  virtual Status next(RecordView* record) = 0;
  [[nodiscard]] virtual std::string_view key() const = 0;
};

struct SnapshotFigures {
  std::uint64_t records_estimate = 0;
  std::uint64_t deadlines_estimate = 0;
  std::uint64_t sst_bytes = 0;
  std::uint64_t dropped_by_compaction = 0;
};

class RocksSnapshot {
 public:
  // kLook is kReadOnly for a question or two: table files are opened when they are needed. For
  // kLookAtTables there are no logs: it sees what the table files hold, and replays nothing.
  enum class Mode { kCreate, kWrite, kReadOnly, kSecondary, kLook, kLookAtTables };

  struct OpenOptions {
    std::string path;  // the directory of RocksDB itself
    Mode mode = Mode::kWrite;
    // The version that the table files hold (head() in kLookAtTables), if it is known; else it is
    // found out, for which the database is opened once more.
    std::optional<Version> flushed = {};
    std::string secondary_path = {};  // kSecondary: a scratch directory
    JournalHooks hooks = {};
  };
  static Result<std::unique_ptr<RocksSnapshot>> open(const OpenOptions& options);

  // Syncs the logs that lie in `path`, before it is opened. Ok when there are none.
  static Status sync_logs(const std::string& path, const JournalHooks& hooks);

  // Removes the logs that lie in `path`, of a database that is closed and whose table files hold
  // everything. RocksDB itself keeps one more for each open that wrote nothing. What cannot be
  // removed stays: the next open copes.
  static void drop_logs(const std::string& path, const JournalHooks& hooks);

  virtual ~RocksSnapshot() = default;

  // The head of the last batch; version 0 before the first. Of a log with a hole, however it came
  // about, only what lies before the hole is there (rocks_replay.h).
  virtual Result<Head> head() = 0;
  // The store id written by put_id, "" when there is none.
  virtual Result<std::string> id() = 0;
  virtual Status put_id(std::string_view id) = 0;

  // One atomic batch: the changes of the frames in order, and the head, whose `previous` is set
  // here. Handed to the kernel when it returns: survives this process.
  virtual Status write(std::span<const Frame> frames, const Head& head) = 0;
  // What write() was given before this call began survives a power cut when it returns.
  virtual Status sync_log() = 0;

  // kNotFound, or f is called with the record and its granted deadline.
  virtual Status read(std::string_view key, FunctionRef<void(const RecordView&)> f) = 0;
  virtual std::unique_ptr<RecordWalk> walk(const KeyRange& range) = 0;
  // Ascending keys, at most `parts` - 1, between which there is about the same to walk.
  virtual std::vector<std::string> split(std::size_t parts) = 0;

  // Every block of every table file against its checksum.
  virtual Status verify_blocks() = 0;
  // Every entry of `deadlines`: f(key, status of its check).
  virtual Status each_deadline(FunctionRef<void(std::string_view, const Status&)> f) = 0;

  // See ExpiryRule. Nothing is dropped before.
  virtual void set_expiry_rule(std::function<bool(std::string_view, Version)> dead,
                               std::function<TimeMs()> now) = 0;

  // Is compaction so far behind that more should not be written for now?
  [[nodiscard]] virtual bool behind() = 0;

  // Turns what is in memory into table files, so that the log can go; `wait` for the end of it. Ok
  // also when that has to be later, unless `wait`.
  virtual Status flush(bool wait) = 0;
  // Merges all table files of a family into one run, without what was overwritten and erased. Takes
  // as long as reading and writing them.
  virtual Status compact() = 0;
  // A consistent copy as a RocksDB directory; see Store::checkpoint.
  virtual Status checkpoint(const std::string& path) = 0;
  [[nodiscard]] virtual SnapshotFigures figures() = 0;
  // Looks into the end of every table file.
  virtual Result<TableFiles> table_files() = 0;
  virtual Status close() = 0;
};

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_JOURNAL_ROCKS_SNAPSHOT_H_
