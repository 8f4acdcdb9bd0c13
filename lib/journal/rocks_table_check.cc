#include "journal/rocks_table_check.h"

#include <optional>
#include <string_view>

#include "base/coding.h"
#include "base/hash.h"

namespace cloakroom {
namespace {

constexpr std::size_t kFooterBytes = 53;
constexpr std::size_t kHandlesBytes = 41;  // checksum type and handles
constexpr std::uint64_t kMagic = 0x88e241b785f4cff7U;
constexpr std::uint32_t kFormatVersion = 5;
constexpr std::uint8_t kXxh3 = 4;
constexpr std::size_t kTrailerBytes = 5;
constexpr std::size_t kBlockBytesMax = std::size_t{1} << 20;  // both blocks are of some 100 bytes
constexpr std::string_view kPropertiesName = "rocksdb.properties";

struct Handle {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

std::optional<std::string> read_exactly(rocksdb::FSRandomAccessFile& file, std::uint64_t offset,
                                        std::size_t bytes) {
  std::string buffer(bytes, '\0');
  rocksdb::Slice got;
  const auto status = file.Read(offset, bytes, rocksdb::IOOptions(), &got, buffer.data(), nullptr);
  if (!status.ok() || got.size() != bytes) return std::nullopt;
  return std::string(got.data(), got.size());
}

// A block with its trailer.
std::optional<std::string> read_block(rocksdb::FSRandomAccessFile& file, const Handle& handle,
                                      std::uint64_t file_bytes) {
  const bool fits = handle.size <= kBlockBytesMax && handle.offset <= file_bytes &&
                    handle.size + kTrailerBytes <= file_bytes - handle.offset;
  if (!fits) return std::nullopt;
  return read_exactly(file, handle.offset, static_cast<std::size_t>(handle.size) + kTrailerBytes);
}

bool matches_checksum(std::string_view block_and_trailer) {
  const std::size_t size = block_and_trailer.size() - kTrailerBytes;
  const auto compression = static_cast<unsigned char>(block_and_trailer[size]);
  const auto low = static_cast<std::uint32_t>(checksum64(block_and_trailer.substr(0, size)));
  constexpr std::uint32_t kPrime = 0x6b9083d9;
  return load_u32(block_and_trailer.data() + size + 1) == (low ^ (compression * kPrime));
}

// The properties are the only entry of the metaindex whose whole name this is; names that share a
// beginning are spelt with it left out.
std::optional<Handle> find_properties(std::string_view metaindex) {
  std::string key;
  for (Reader reader(metaindex); !reader.empty();) {
    const std::uint64_t shared = reader.varint();
    const std::uint64_t more = reader.varint();
    const std::uint64_t value_bytes = reader.varint();
    if (!reader.ok() || shared > key.size()) return std::nullopt;
    key.resize(static_cast<std::size_t>(shared));
    key.append(reader.bytes(more));
    Reader value(reader.bytes(value_bytes));
    if (!reader.ok()) return std::nullopt;
    if (key != kPropertiesName) continue;
    const Handle handle{.offset = value.varint(), .size = value.varint()};
    return value.ok() ? std::optional<Handle>(handle) : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

rocksdb::IOStatus check_properties(rocksdb::FSRandomAccessFile& file, std::uint64_t file_bytes,
                                   const std::string& name) {
  const rocksdb::IOStatus fine = rocksdb::IOStatus::OK();
  if (file_bytes < kFooterBytes) return fine;
  const auto footer = read_exactly(file, file_bytes - kFooterBytes, kFooterBytes);
  if (!footer) return fine;
  Reader version(std::string_view(*footer).substr(kHandlesBytes));
  if (version.u32() != kFormatVersion || version.u64() != kMagic) return fine;
  Reader handles(std::string_view(*footer).substr(0, kHandlesBytes));
  if (handles.u8() != kXxh3) return fine;
  const Handle metaindex{.offset = handles.varint(), .size = handles.varint()};
  const auto index = handles.ok() ? read_block(file, metaindex, file_bytes) : std::nullopt;
  if (!index || !matches_checksum(*index)) return fine;
  const auto properties = find_properties(*index);
  const auto block = properties ? read_block(file, *properties, file_bytes) : std::nullopt;
  if (!block || matches_checksum(*block)) return fine;
  return rocksdb::IOStatus::Corruption("the properties in " + name +
                                       " do not match their checksum");
}

}  // namespace cloakroom
