// TableWalk: every entry of a table file that can be read, erasures included, and where the others
// were. Reads the file without RocksDB (table_block.h).
//
//   file      blocks of data | filter | properties | metaindex | index, in the order of writing |
//             footer, 53 bytes: u8 checksum type | varints offset, size of metaindex and index |
//             zeros up to 41 bytes | u32 format version | u64 magic
//
// With a sound index the blocks are read one after the other and a damaged one is passed over. When
// the index or the footer is damaged, or the end of the file is missing, blocks are looked for byte
// by byte: each says by itself where it ends. So damage costs what lies in its own block and no
// more; only where the index is gone, too, a block of over 16 MiB cannot be found.
//
// Memory: a window of the file (256 KiB, 34 MiB while looking for blocks), a block, and 16 bytes
// for each block of the file. Not thread-safe.
#ifndef CLOAKROOM_LIB_OFFLINE_TABLE_WALK_H_
#define CLOAKROOM_LIB_OFFLINE_TABLE_WALK_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "cloakroom/status.h"
#include "offline/rocks_filter.h"
#include "offline/table_block.h"

namespace cloakroom {

// Views are valid until the next call of next().
struct TableEntry {
  std::string_view key = {};
  std::string_view value = {};
  std::uint64_t sequence = 0;
  std::uint64_t block = 0;  // its offset in the file
  bool erased = false;
};

struct TableDamage {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::string what = {};
  bool entries_lost = false;  // false: of what only RocksDB needs to read the file
  // The keys around what was lost, nothing at an end of the file. The same key may be lost, too: a
  // file may hold several states of it.
  std::optional<std::string> after = {};
  std::optional<std::string> before = {};
};

// From the file's properties; nothing where they are damaged or say nothing.
struct TableProperties {
  std::optional<std::uint64_t> family = {};
  std::optional<std::uint64_t> entries = {};
};

class TableWalk {
 public:
  // kIo when it cannot be opened. Damage is found out by walking.
  static Result<std::unique_ptr<TableWalk>> open(const std::string& path);

  // False at the end.
  bool next(TableEntry& entry);

  [[nodiscard]] const std::vector<TableDamage>& damages() const noexcept { return damages_; }
  [[nodiscard]] const TableProperties& properties() const noexcept { return properties_; }
  [[nodiscard]] std::uint64_t file_bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::uint64_t entries() const noexcept { return entries_read_; }

  // False: by its filter the file never held a state of this key. True when there is no filter that
  // can be believed: it must know `smallest` and `largest`, keys of the file where not empty, and
  // every key that was read since it was first asked.
  [[nodiscard]] bool may_hold(std::string_view key, std::string_view smallest,
                              std::string_view largest);

 private:
  TableWalk(std::string path, Fd fd, std::uint64_t bytes)
      : path_(std::move(path)), fd_(std::move(fd)), bytes_(bytes) {}

  // `count` bytes from `offset`, or nothing when the file has not so many or they cannot be read;
  // reads ahead. Valid until the next call.
  std::optional<std::string_view> bytes_at(std::uint64_t offset, std::uint64_t count,
                                           std::size_t ahead);
  bool load(const BlockPlace& place);

  // Reads footer, index, properties; what is damaged becomes damages_.
  void read_layout();
  void read_properties(const BlockPlace& place);
  void check_gaps(std::vector<BlockPlace> places);
  void damaged(std::uint64_t offset, std::uint64_t bytes, std::string what, bool entries_lost);

  // To the next block of data that can be read; false when there is none.
  bool next_block();
  bool next_indexed_block();
  bool next_found_block();
  bool begin_block(std::uint64_t offset);
  bool accept(const DataKey& key);

  const std::string path_;
  const Fd fd_;
  const std::uint64_t bytes_;
  std::string window_;
  std::uint64_t window_offset_ = 0;

  bool indexed_ = false;
  std::vector<BlockPlace> index_;
  std::size_t next_in_index_ = 0;
  bool end_told_ = false;
  std::uint64_t searched_ = 0;  // without an index: blocks were looked for up to here
  TableProperties properties_;

  std::string content_;  // of the block that is read
  std::uint64_t block_ = 0;
  std::uint64_t block_end_ = 0;
  BlockEntries entries_;
  bool in_block_ = false;

  bool has_last_ = false;
  std::string last_key_;
  std::uint64_t last_sequence_ = 0;
  std::uint64_t entries_read_ = 0;
  std::vector<TableDamage> damages_;
  std::optional<BlockPlace> filter_place_;
  std::optional<RocksFilter> filter_;  // read when it is asked
  std::size_t unbounded_ = 0;          // damages from here on do not know `before` yet
};

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_OFFLINE_TABLE_WALK_H_
