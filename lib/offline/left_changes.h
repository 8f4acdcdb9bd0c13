// LeftChanges: what a store's logs and its ring hold beyond the table files, also what lies behind
// damage. For tools; Salvage puts it over the records of the files.
//
//   logs   batch by batch. The heads are a chain (format.md): where a link is missing there is a
//          hole, of known versions. What lies behind it is kept all the same: it was acknowledged.
//   ring   frames that no sound batch covers: in the holes, and after the end of the logs. A hole
//          that they fill is none.
//
// Which of two states of a key is newer: in logs the one with the higher sequence number; between
// ring and logs the versions say, for an erasure those of its batch.
//
// Holds the last state of each key: as much as logs and ring. Not thread-safe.
#ifndef CLOAKROOM_LIB_OFFLINE_LEFT_CHANGES_H_
#define CLOAKROOM_LIB_OFFLINE_LEFT_CHANGES_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "journal/disk_record.h"
#include "journal/frame.h"
#include "journal/rocks_batch.h"
#include "journal/superblock.h"
#include "offline/file_list.h"
#include "offline/ring_scan.h"
#include "offline/store_reader.h"

namespace cloakroom {

// The last state of a key in one family of the logs.
struct LoggedState {
  std::uint64_t sequence = 0;
  Version after = 0;  // an erasure: it is newer than this version
  bool erased = false;
  std::string value = {};
};

// What the ring does to a key.
struct RingState {
  Version erased_at = 0;  // every version up to this one is gone; 0: none is
  std::optional<std::string> record = {};
  std::optional<std::string> deadline = {};
};

struct KeyChanges {
  std::optional<LoggedState> record = {};
  std::optional<LoggedState> deadline = {};
  RingState ring = {};
};

class LeftChanges {
 public:
  using Report = FunctionRef<void(const Finding&)>;

  // `flushed`: the head in the table files, nothing when that is lost.
  explicit LeftChanges(std::optional<Head> flushed);

  // In the order of their numbers. `last`: there is no log after it. kIo.
  Status add_log(const std::string& path, std::uint64_t number, const FileList& list, bool last,
                 Report report);
  // After the logs. `mark`: of the superblock, as far as it can be read.
  void add_ring(const RingScan& ring, const std::optional<SyncMark>& mark, Report report);
  // After all: what was `promised` and is in none of them, and the holes.
  void conclude(Version promised, Report report);

  using Map = std::map<std::string, KeyChanges, std::less<>>;
  [[nodiscard]] const Map& keys() const noexcept { return keys_; }
  [[nodiscard]] const std::optional<Head>& head() const noexcept { return head_; }
  [[nodiscard]] Version version_last() const noexcept { return version_; }
  // Acknowledged changes are missing, and nobody knows of which keys.
  [[nodiscard]] bool has_holes() const noexcept { return !holes_.empty(); }
  [[nodiscard]] std::uint64_t frames() const noexcept { return frames_; }

 private:
  struct Hole {
    Version after = 0;
    Version until = 0;
    std::string where = {};
  };

  void apply(const LoggedChange& change, Version after);
  void apply_salvaged(std::string_view bytes, const FileList& list, std::uint64_t log);
  void link(const Head& head, const std::string& where);
  void apply_frame(const RingFrame& frame);
  void apply_change(const Frame& change, Version version);
  [[nodiscard]] bool fill(const Hole& hole, const std::vector<RingFrame>& frames);
  void walk_tail(const RingScan& ring, std::uint64_t salt, const std::vector<RingFrame>& frames,
                 Report report);

  Map keys_;
  std::optional<Head> head_;  // the latest
  bool linked_ = false;       // head_ is one that the next batch must follow
  Version version_ = 0;       // of the last change without a hole before it, of the last chain
  std::optional<std::uint64_t> next_sequence_;
  std::vector<Hole> holes_;
  std::uint64_t frames_ = 0;
};

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_OFFLINE_LEFT_CHANGES_H_
