// StoreReader: a store on disk, read without opening it as a server would.
//
// For tools. It changes nothing in the store's directory. Beside a live server it reads through a
// RocksDB secondary and through the ring: what the server acknowledged up to the moment of open is
// seen, except values too large for the ring that are on their way to the log.
#ifndef CLOAKROOM_LIB_OFFLINE_STORE_READER_H_
#define CLOAKROOM_LIB_OFFLINE_STORE_READER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cloakroom/record.h"
#include "cloakroom/status.h"
#include "journal/key_range.h"

namespace cloakroom {

struct StoreInfo {
  std::string path;
  std::uint32_t format_version = 0;
  std::string store_id;           // 32 hex digits
  TimeMs created = 0;             // wall time of creation
  bool clean = false;             // the last stop was orderly
  bool live = false;              // a process has it open now
  std::int64_t holder_pid = 0;    // that process, 0 when unknown
  Version version_last = 0;       // the last version found on disk
  Version version_synced = 0;     // the last version known to have been synced
  TimeMs now = 0;                 // store time at the moment of open: compare deadlines with this
  // Store time and wall time of one moment: of the stop, when it was orderly, else of this open.
  TimeMs mark_store = 0;
  TimeMs mark_wall = 0;
  std::uint64_t ring_changes = 0;  // in the ring only: the next open, or the server, hands them over
  std::uint64_t records_estimate = 0;
  std::uint64_t sst_bytes = 0;
  std::uint64_t wal_bytes = 0;
  std::uint64_t ring_bytes = 0;
  std::uint64_t total_bytes = 0;  // everything in the directory
  std::uint64_t file_count = 0;
};

// Something verify() found. `key` is the record's key where one is concerned, else empty.
struct Finding {
  std::string file;    // relative to the store's directory, or the column family's name
  std::string key;
  std::string what;    // what is wrong
  std::string remedy;  // what to do about it

  std::optional<std::uint64_t> offset = {};  // in the file, where it is known
  // Nothing is wrong by it: what a crash leaves, and whoever looks should know.
  bool note = false;
  // Records are lost with it: between these keys, where nothing is no bound, and at most so many,
  // where nothing is not known.
  bool loses_records = false;
  std::optional<std::string> after = {};
  std::optional<std::string> before = {};
  std::optional<std::uint64_t> lost = {};
};

// Who holds the store's lock: 0 nobody, -1 a process that cannot be named.
[[nodiscard]] std::int64_t holder_of(const std::string& dir);

// get(), for_each() and split() from any thread; the rest one at a time.
class StoreReader {
 public:
  // kNotFound when `dir` holds no store; kIo, kCorruption, kInvalidArgument (newer format) as
  // Store::open says them.
  static Result<std::unique_ptr<StoreReader>> open(const std::string& dir);

  virtual ~StoreReader() = default;

  [[nodiscard]] virtual const StoreInfo& info() const = 0;

  // The record as the next open would serve it (deadline moved by touches), dead ones included:
  // compare deadline with info().now. kNotFound when absent.
  virtual Status get(std::string_view key, FunctionRef<void(const RecordView&)> f) = 0;

  // Every record of the range in key order, dead ones included, while f returns true. A damaged
  // record ends the walk with kCorruption, unless `on_damage` is given: then it is told and the walk
  // goes on.
  virtual Status for_each(const KeyRange& range, FunctionRef<bool(const RecordView&)> f,
                          const FunctionRef<void(const Finding&)>* on_damage = nullptr) = 0;
  Status for_each(FunctionRef<bool(const RecordView&)> f,
                  const FunctionRef<void(const Finding&)>* on_damage = nullptr) {
    return for_each(KeyRange(), f, on_damage);
  }

  // At most `parts` - 1 keys, ascending, between which there is about the same to walk. Fewer, or
  // none, where dividing is not worth it. Costs milliseconds.
  virtual std::vector<std::string> split(std::size_t parts) = 0;

  // Checks every block of every file, every record's checksum and bounds, every deadline entry and
  // the running version. `progress(done, total)` is called now and then, in records (estimated).
  // `look`, if given, is called for every record that is sound.
  virtual Status verify(FunctionRef<void(const Finding&)> report,
                        FunctionRef<void(std::uint64_t, std::uint64_t)> progress,
                        const FunctionRef<void(const RecordView&)>* look = nullptr) = 0;
};

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_OFFLINE_STORE_READER_H_
