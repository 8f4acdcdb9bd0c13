#include "offline/table_block.h"

#include <algorithm>

#include "base/coding.h"
#include "base/decompress.h"
#include "base/hash.h"

namespace cloakroom {
namespace {

enum Compression : std::uint8_t { kNone = 0, kSnappy = 1, kLz4 = 4 };

constexpr std::size_t kTagBytes = 8;      // of a data key
constexpr std::uint32_t kCountBits = 31;  // the highest bit says that a hash index follows

bool matches_checksum(std::string_view content, std::uint8_t compression, std::uint32_t found) {
  constexpr std::uint32_t kPrime = 0x6b9083d9;
  const auto low = static_cast<std::uint32_t>(checksum64(content));
  return found == (low ^ (compression * kPrime));
}

// Is the trailer behind the first `size` bytes right, and of this compression?
bool ends_at(std::string_view bytes, std::size_t size, Compression compression) {
  if (bytes.size() < kBlockTrailerBytes || size > bytes.size() - kBlockTrailerBytes) return false;
  return static_cast<std::uint8_t>(bytes[size]) == compression &&
         matches_checksum(bytes.substr(0, size), compression, load_u32(bytes.data() + size + 1));
}

// The entries of a block that is not compressed end with the first restart, which is 0: no key of
// data is that short. Behind it restarts ascend, and their number follows.
std::optional<std::size_t> plain_block_bytes(std::string_view bytes) {
  std::size_t key_bytes = 0;
  std::size_t entries = 0;
  Reader reader(bytes);
  while (true) {
    const std::string_view here = reader.rest();
    const std::uint64_t shared = reader.varint();
    const std::uint64_t more = reader.varint();
    const std::uint64_t value_bytes = reader.varint();
    if (!reader.ok()) return std::nullopt;
    if (shared == 0 && more == 0) {
      reader = Reader(here);
      break;
    }
    if (shared > key_bytes || (entries == 0 && shared != 0)) return std::nullopt;
    key_bytes = static_cast<std::size_t>(shared + more);
    (void)reader.bytes(more);
    (void)reader.bytes(value_bytes);
    if (!reader.ok() || key_bytes < kTagBytes) return std::nullopt;
    ++entries;
  }
  std::uint32_t last = 0;
  for (std::size_t count = 0; count <= entries; ++count) {
    const std::uint32_t word = reader.u32();
    if (!reader.ok()) return std::nullopt;
    const std::size_t size = bytes.size() - reader.rest().size();
    if (count != 0 && word == count && ends_at(bytes, size, kNone)) return size;
    if (count != 0 && word <= last) return std::nullopt;
    last = word;
  }
  return std::nullopt;
}

// The entries of a content, without the restarts.
std::optional<std::string_view> entries_of(std::string_view content) {
  if (content.size() < 4) return std::nullopt;
  const std::uint32_t count = load_u32(content.data() + content.size() - 4);
  const std::uint64_t tail = 4 + std::uint64_t{count} * 4;
  if (count >> kCountBits != 0 || tail > content.size()) return std::nullopt;
  return content.substr(0, content.size() - static_cast<std::size_t>(tail));
}

}  // namespace

bool open_block(std::string_view block_and_trailer, std::string& content) {
  if (block_and_trailer.size() < kBlockTrailerBytes) return false;
  const std::size_t size = block_and_trailer.size() - kBlockTrailerBytes;
  const std::string_view bytes = block_and_trailer.substr(0, size);
  const auto compression = static_cast<std::uint8_t>(block_and_trailer[size]);
  if (!matches_checksum(bytes, compression, load_u32(block_and_trailer.data() + size + 1))) {
    return false;
  }
  switch (compression) {
    case kNone:
      content.assign(bytes);
      return true;
    case kLz4:
      return decompress_lz4(bytes, content) == size;
    case kSnappy:
      return decompress_snappy(bytes, content) == size;
    default:
      return false;
  }
}

std::optional<std::size_t> find_block(std::string_view bytes, std::string& content) {
  if (const auto size = plain_block_bytes(bytes)) {
    content.assign(bytes.substr(0, *size));
    return *size + kBlockTrailerBytes;
  }
  if (const auto size = decompress_lz4(bytes, content); size && ends_at(bytes, *size, kLz4)) {
    return *size + kBlockTrailerBytes;
  }
  if (const auto size = decompress_snappy(bytes, content); size && ends_at(bytes, *size, kSnappy)) {
    return *size + kBlockTrailerBytes;
  }
  return std::nullopt;
}

BlockEntries::BlockEntries(std::string_view content) {
  const auto entries = entries_of(content);
  sound_ = entries.has_value();
  if (sound_) rest_ = *entries;
}

bool BlockEntries::next() {
  if (rest_.empty() || !sound_) return false;
  Reader reader(rest_);
  const std::uint64_t shared = reader.varint();
  const std::uint64_t more = reader.varint();
  const std::uint64_t value_bytes = reader.varint();
  const std::string_view own = reader.bytes(more);
  const std::string_view value = reader.bytes(value_bytes);
  sound_ = reader.ok() && shared <= key_.size();
  if (!sound_) return false;
  key_.resize(static_cast<std::size_t>(shared));
  key_.append(own);
  value_ = value;
  rest_ = reader.rest();
  return true;
}

std::optional<DataKey> parse_data_key(std::string_view key) noexcept {
  if (key.size() < kTagBytes) return std::nullopt;
  const std::uint64_t tag = load_u64(key.data() + key.size() - kTagBytes);
  const auto type = static_cast<std::uint8_t>(tag);
  if (type != 0 && type != 1 && type != 7) return std::nullopt;
  return DataKey{
      .user = key.substr(0, key.size() - kTagBytes), .sequence = tag >> 8, .erased = type != 1};
}

std::optional<std::vector<BlockPlace>> parse_index(std::string_view content) {
  const auto entries = entries_of(content);
  if (!entries) return std::nullopt;
  std::vector<BlockPlace> places;
  for (Reader reader(*entries); !reader.empty();) {
    const std::uint64_t shared = reader.varint();
    const std::uint64_t more = reader.varint();
    (void)reader.bytes(more);
    const BlockPlace place{.offset = reader.varint(), .size = reader.varint()};
    if (!reader.ok() || shared != 0) return std::nullopt;
    places.push_back(place);
  }
  return places;
}

}  // namespace cloakroom
