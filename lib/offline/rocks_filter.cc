#include "offline/rocks_filter.h"

#include <cstdint>
#include <utility>

namespace rocksdb {
// In the library, in none of its headers.
std::uint64_t Hash64(const char* data, std::size_t bytes);
}  // namespace rocksdb

namespace cloakroom {
namespace {

constexpr std::size_t kMetadataBytes = 5;
constexpr std::size_t kLineBytes = 64;
constexpr unsigned kProbesMax = 30;

}  // namespace

std::optional<RocksFilter> RocksFilter::open(std::string contents) {
  if (contents.size() < kMetadataBytes + kLineBytes) return std::nullopt;
  const std::size_t size = contents.size() - kMetadataBytes;
  const auto metadata = [&](std::size_t i) {
    return static_cast<unsigned char>(contents[size + i]);
  };
  const unsigned probes = metadata(2) & 31;
  const bool known = metadata(0) == 255 && metadata(1) == 0 && metadata(2) >> 5 == 0 &&
                     metadata(3) == 0 && metadata(4) == 0 && size % kLineBytes == 0 &&
                     probes >= 1 && probes <= kProbesMax && size <= UINT32_MAX;
  if (!known) return std::nullopt;
  contents.resize(size);
  return RocksFilter(std::move(contents), probes);
}

// The lower half of the hash picks the line, the upper half one bit of it after the other.
bool RocksFilter::may_hold(std::string_view key) const {
  constexpr std::uint32_t kGolden = 0x9e3779b9;
  constexpr unsigned kBitsShift = 32 - 9;  // 512 bits a line
  const std::uint64_t hash = rocksdb::Hash64(key.data(), key.size());
  const std::uint64_t lines = contents_.size() / kLineBytes;
  const std::uint64_t line = (lines * static_cast<std::uint32_t>(hash)) >> 32;
  const char* const bits = contents_.data() + line * kLineBytes;
  auto probe = static_cast<std::uint32_t>(hash >> 32);
  for (unsigned i = 0; i < probes_; ++i) {
    const std::uint32_t bit = probe >> kBitsShift;
    if ((static_cast<unsigned char>(bits[bit / 8]) >> (bit % 8) & 1) == 0) return false;
    probe *= kGolden;
  }
  return true;
}

}  // namespace cloakroom
