// LedgerFile: why sessions ended, in a file that is mapped, so that it is known after a restart, a
// crash, and to whoever looks into the store beside the process that writes.
//
// Files of a store's directory, one for each name of Sessions: "LEDGER-sess". Integers are
// little-endian.
//
//   header, 4096 bytes                             then `capacity` slots of 256 bytes
//     0  8   magic     "CLKLEDG\n"                   0  8   sequence  from 1 on; 0: nothing is here
//     8  4   format    u32, 1                        8  8   checksum  of sequence, and 16 to 255
//    12  4   slot      u32, 256                     16  8   when      i64, store time
//    16  8   capacity  u64                          24  32  key       the digest in the record's
//    key 24  33  name      u8 length, the bytes         56  16  handle 57  7   zeros 72  1   reason
//    EndReason 64  8   checksum  of bytes 0 to 63             73  1   length    of the owner; 255:
//    left out
//                                                   74      owner, then zeros
// Invariants
//   1. Entry n lies in slot (n - 1) modulo capacity: the newest take the place of the oldest.
//   2. A slot is written with sequence 0 in it, and gets its own last. What a process that is
//   killed
//      leaves unfinished is therefore no entry, and no damage.
//   3. Every entry has its own checksum, and what an entry says stays true: of damage, or of pages
//      that a power cut took, an entry can be missing, never be wrong.
//   4. Nothing of a token is in it: the key is what the store shows of it anyway.
//   5. The blocks are allocated before the file is mapped, so that writing cannot fail.
//
// Nothing waits for the disk but the making of the file. An owner of more than 182 bytes is left
// out. Copies of a store (checkpoint, backup, export) are made without it.
//
// Thread safety: append() from any thread. A child of fork() does not have the mapping.
#ifndef CLOAKROOM_LIB_JOURNAL_LEDGER_FILE_H_
#define CLOAKROOM_LIB_JOURNAL_LEDGER_FILE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/mutex.h"
#include "base/thread_annotations.h"
#include "cloakroom/clock.h"
#include "cloakroom/status.h"

namespace cloakroom {

inline constexpr std::string_view kLedgerPrefix = "LEDGER-";
inline constexpr std::size_t kLedgerHeaderBytes = 4096;
inline constexpr std::size_t kLedgerSlotBytes = 256;
// 16 MiB. A ledger that remembers more does so in memory only.
inline constexpr std::size_t kLedgerFileEntriesMax = std::size_t{1} << 16;

struct LedgerEntry {
  std::array<unsigned char, 32> key{};
  std::array<unsigned char, 16> handle{};
  std::uint8_t reason = 0;
  TimeMs when = 0;
  std::string owner = {};
  // In no file: the store has yet to tell that the record has gone.
  bool untold = false;
};

// What is in a file.
struct LedgerImage {
  std::string name = {};
  std::size_t capacity = 0;
  std::uint64_t sequence = 0;               // of the newest entry
  std::vector<LedgerEntry> entries = {};    // the oldest first
  std::vector<std::uint64_t> damaged = {};  // offsets of slots that are neither entry nor free
};

// Reads a file, also while another process writes it; changes nothing. kNotFound: there is none;
// kCorruption: its header, name or size is not right, and nothing in it counts; kInvalidArgument: a
// newer format; kIo.
[[nodiscard]] Result<LedgerImage> read_ledger_file(const std::string& dir, const std::string& name);

// The names whose ledgers lie in a directory, sorted; none when it cannot be listed.
[[nodiscard]] std::vector<std::string> ledger_names(const std::string& dir);

class LedgerFile {
 public:
  struct Opened {
    std::unique_ptr<LedgerFile> file = {};  // none: nothing more can be kept; `problem` says why
    std::vector<LedgerEntry> entries = {};  // what it held, the oldest first
    Status problem = {};                    // with a file: what was wrong with the one before
  };
  // Maps the file of a name, made or made anew where it is absent, damaged or of another capacity.
  // REQUIRES: 0 < capacity <= kLedgerFileEntriesMax, and a name that Sessions take.
  [[nodiscard]] static Opened open(const std::string& dir, const std::string& name,
                                   std::size_t capacity);

  // Removes it; Ok when there is none.
  static Status remove(const std::string& dir, const std::string& name);

  ~LedgerFile();
  LedgerFile(const LedgerFile&) = delete;
  LedgerFile& operator=(const LedgerFile&) = delete;

  void append(const LedgerEntry& entry) noexcept EXCLUDES(mutex_);

 private:
  LedgerFile(Fd fd, std::size_t capacity, std::uint64_t sequence) noexcept
      : fd_(std::move(fd)), capacity_(capacity), sequence_(sequence) {}
  Status map(const std::string& path);

  // Constant after map(). The lock on the file is held as long as it is open.
  const Fd fd_;
  const std::size_t capacity_;
  char* bytes_ = nullptr;

  Mutex mutex_;
  std::uint64_t sequence_ GUARDED_BY(mutex_);  // of the last entry
};

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_JOURNAL_LEDGER_FILE_H_
