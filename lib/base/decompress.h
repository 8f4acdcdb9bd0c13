// Decoders of the two compressed forms in which blocks lie in RocksDB's table files, for who reads
// such files without RocksDB. The bytes may be anything: every bound is checked, nothing is
// reserved by a claimed length beyond kDecompressedBytesMax.
//
//   LZ4      varint size, then a raw LZ4 block
//   Snappy   as it is: it begins with its size
//
// Both forms say how much comes out, so the end of what goes in is found by decoding.
#ifndef CLOAKROOM_LIB_BASE_DECOMPRESS_H_
#define CLOAKROOM_LIB_BASE_DECOMPRESS_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace cloakroom {

// A value is at most 512 MiB (options.h), and a block ends with the entry that fills it.
inline constexpr std::size_t kDecompressedBytesMax = std::size_t{1} << 30;

// Replaces `out`, whose capacity is kept; answers how many bytes of `in` were used. Nothing when
// they are no such block; `out` is of no meaning then.
[[nodiscard]] std::optional<std::size_t> decompress_lz4(std::string_view in, std::string& out);
[[nodiscard]] std::optional<std::size_t> decompress_snappy(std::string_view in, std::string& out);

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_BASE_DECOMPRESS_H_
