// One block of a table file of RocksDB, taken apart without RocksDB: for tools that must say where
// damage is and save what is around it. (RocksDB itself reads nothing behind the first damaged
// block of an iteration, hides erasures, and asserts.)
//
//   block     content, maybe compressed | u8 compression | u32 checksum of content and compression
//   content   entries | u32 restarts... | u32 number of restarts
//   entry     varint shared | varint more | varint value size | key | value
//             its key is `shared` bytes of the one before it and `more` of its own
//   key       of data: the user's key | u64 sequence << 8 | type (0 erased, 1 put, 7 erased)
//
// All bytes may be hostile: what does not fit is an answer.
#ifndef CLOAKROOM_LIB_OFFLINE_TABLE_BLOCK_H_
#define CLOAKROOM_LIB_OFFLINE_TABLE_BLOCK_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cloakroom {

inline constexpr std::size_t kBlockTrailerBytes = 5;

// Where a block lies, without its trailer.
struct BlockPlace {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  [[nodiscard]] std::uint64_t end() const noexcept { return offset + size + kBlockTrailerBytes; }
};

// The content of a block with its trailer, into `content`. False when the checksum does not match
// or it cannot be decompressed.
[[nodiscard]] bool open_block(std::string_view block_and_trailer, std::string& content);

// Looks whether a block of data begins here, wherever it ends: how many bytes it has with its
// trailer, and its content. Nothing when none begins here.
[[nodiscard]] std::optional<std::size_t> find_block(std::string_view bytes, std::string& content);

// The entries of a content, one after the other. Keeps views into it.
class BlockEntries {
 public:
  BlockEntries() = default;
  explicit BlockEntries(std::string_view content);

  // False at the end, and when what follows does not fit: sound() tells the two apart.
  bool next();
  [[nodiscard]] bool sound() const noexcept { return sound_; }

  [[nodiscard]] std::string_view key() const noexcept { return key_; }
  [[nodiscard]] std::string_view value() const noexcept { return value_; }

 private:
  std::string_view rest_;
  std::string key_;
  std::string_view value_;
  bool sound_ = true;
};

// A key of data taken apart.
struct DataKey {
  std::string_view user;
  std::uint64_t sequence = 0;
  bool erased = false;
};
[[nodiscard]] std::optional<DataKey> parse_data_key(std::string_view key) noexcept;

// What the index names, in its order; nothing when an entry does not fit. Its entries have no value
// size: their values are the varints offset and size, one entry for each restart.
[[nodiscard]] std::optional<std::vector<BlockPlace>> parse_index(std::string_view content);

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_OFFLINE_TABLE_BLOCK_H_
