// LogWalk: the records of one of RocksDB's logs (its write-ahead logs and its MANIFEST), also those
// behind damage, which RocksDB's own reader never shows. rocks_log_look.h has the layout.
//
// A fragment that does not match its checksum makes its record unsound; the walk goes on with the
// next fragment, or, where not even the length can be right, with the next block of 32 KiB. So
// damage costs the records that lie in it.
//
// Not thread-safe. Holds the whole file: logs are of some MiB.
#ifndef CLOAKROOM_LIB_OFFLINE_LOG_WALK_H_
#define CLOAKROOM_LIB_OFFLINE_LOG_WALK_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cloakroom/status.h"

namespace cloakroom {

struct LogRecord {
  std::string_view bytes = {};
  std::uint64_t offset = 0;  // of its first fragment
  bool sound = true;         // false: some of its bytes are not what was written
};

struct LogDamage {
  std::uint64_t offset = 0;
  const char* what = "";
};

class LogWalk {
 public:
  // kIo when it cannot be read.
  static Result<LogWalk> open(const std::string& path);
  explicit LogWalk(std::string bytes) : bytes_(std::move(bytes)) {}

  // False at the end. Views are valid until the next call.
  bool next(LogRecord& record);

  [[nodiscard]] const std::vector<LogDamage>& damages() const noexcept { return damages_; }
  // Where the last record ended that was sound.
  [[nodiscard]] std::uint64_t sound_until() const noexcept { return sound_until_; }
  [[nodiscard]] std::uint64_t file_bytes() const noexcept { return bytes_.size(); }

 private:
  struct Fragment {
    std::uint64_t offset = 0;
    std::uint8_t type = 0;
    std::string_view payload = {};
    bool sound = true;
  };
  bool next_fragment(Fragment& fragment);
  bool give(LogRecord& record, bool ends_well);
  void damaged(std::uint64_t offset, const char* what) { damages_.push_back({offset, what}); }

  std::string bytes_;
  std::size_t at_ = 0;
  std::string record_;  // the parts so far
  std::string given_;   // what the caller looks at
  bool within_ = false;
  bool record_sound_ = true;
  std::uint64_t record_offset_ = 0;
  std::vector<LogDamage> damages_;
  std::uint64_t sound_until_ = 0;
};

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_OFFLINE_LOG_WALK_H_
