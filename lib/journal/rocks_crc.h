// The checksum of RocksDB's logs and of its files as a whole: crc32c, in hardware where there is
// some. Thread-safe.
#ifndef CLOAKROOM_LIB_JOURNAL_ROCKS_CRC_H_
#define CLOAKROOM_LIB_JOURNAL_ROCKS_CRC_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "cloakroom/status.h"

namespace cloakroom {

// As it lies in a log: a checksum over bytes that hold checksums would be a weak one.
[[nodiscard]] std::uint32_t masked_crc32c(std::string_view bytes);

// Of a whole file, as the list of files (MANIFEST) has it: four bytes, the highest first.
[[nodiscard]] Result<std::string> crc32c_of_file(const std::string& path);

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_JOURNAL_ROCKS_CRC_H_
