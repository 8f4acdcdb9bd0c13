// Superblock: the file CLOAKROOM, which says what a directory is and how far it was synced.
//
//   offset    0  identity, written once: magic "CLOAKRM\n" | u32 format | u32 generation |
//                16 bytes store id | u64 created (wall ms) | u64 checksum
//   offset 1024  mark slot A      u64 sequence | u64 synced version | u64 store ms | u64 wall ms |
//   offset 2048  mark slot B      u8 flags | u64 checksum
//   3072 bytes in all                flags: 1 clean, 2 with a ring, 4 a copy
//
// RocksDB 7.8.3 opens a log with a damaged byte in its middle with Status OK and drops everything
// behind it. The mark is our own evidence: after each sync of the log the version then covered is
// written here (into the slot that is older), so that at open "found < synced" is seen as a hole.
// A mark is written without a sync: it lags behind the log, never ahead, which is the safe side.
// Only clean (at close) and unclean (at open) marks are synced.
#ifndef CLOAKROOM_LIB_JOURNAL_SUPERBLOCK_H_
#define CLOAKROOM_LIB_JOURNAL_SUPERBLOCK_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/timeline.h"
#include "cloakroom/record.h"
#include "cloakroom/status.h"

namespace cloakroom {

inline constexpr std::uint32_t kStoreFormat = 1;
inline constexpr const char* kSuperblockName = "CLOAKROOM";

struct Identity {
  std::uint32_t format = kStoreFormat;
  std::uint32_t generation = 0;  // grows when a checkpoint is made: a copy is not its original
  std::array<unsigned char, 16> id{};
  TimeMs created = 0;
};

struct SyncMark {
  std::uint64_t sequence = 0;  // of the mark itself
  Version synced = 0;
  ClockMark clock = {};
  bool clean = false;
  bool copy = false;  // a checkpoint that has not been opened yet
  bool ring = false;  // writes may lie in the ring that nothing else holds
};

// Not thread-safe; the committer calls it from its sync stage only.
class Superblock {
 public:
  // Writes a new one, durably, under a temporary name first. kIo when that fails.
  static Status create(const std::string& dir, const Identity& identity, const SyncMark& mark);

  // kNotFound when there is none; kCorruption when it is damaged; kInvalidArgument for a newer
  // format. Changes nothing.
  static Result<Superblock> open(const std::string& dir, bool writable);

  [[nodiscard]] const Identity& identity() const noexcept { return identity_; }
  [[nodiscard]] const SyncMark& mark() const noexcept { return mark_; }

  // Writes the next mark; its sequence is set here. `durable`: and syncs the file.
  Status write_mark(SyncMark mark, bool durable);

 private:
  Superblock(std::string path, Fd fd, const Identity& identity, const SyncMark& mark)
      : path_(std::move(path)), fd_(std::move(fd)), identity_(identity), mark_(mark) {}

  std::string path_;
  Fd fd_;
  Identity identity_;
  SyncMark mark_;
};

// The file as it is, for who must say what is wrong with it and save what is not.
struct SuperblockLook {
  struct Damage {
    std::uint64_t offset = 0;
    std::string what = {};
  };
  bool there = false;
  std::optional<Identity> identity = {};
  std::optional<SyncMark> mark = {};  // the newest that is right
  std::vector<Damage> damages = {};
};

// kIo when it cannot be read; all else is in the look.
[[nodiscard]] Result<SuperblockLook> look_at_superblock(const std::string& dir);

// 32 hex digits.
[[nodiscard]] std::string to_hex(const std::array<unsigned char, 16>& id);

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_JOURNAL_SUPERBLOCK_H_
