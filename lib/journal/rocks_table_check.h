// A look at the end of a table file before RocksDB gets to see it.
//
// RocksDB 7.8.3 checks every block against its checksum before it interprets it, but for one: the
// block of properties (it may have to be mended first, for files that were ingested). One flipped
// bit in its last four bytes says that a hash index follows, and what is read as one reaches an
// assert, which Debian's build has switched on: the host is aborted. So that block is checked here.
//
//   end of the file, 53 bytes   u8 checksum type | varint offset, size of the metaindex block |
//                               varint offset, size of the index block | zeros up to 41 bytes |
//                               u32 format version, 5 | u64 magic
//   block                       entries | u32 restarts... | u32 number of restarts
//   entry                       varint shared | varint more | varint value size | key | value
//   behind a block              u8 compression | u32 checksum of block and compression
#ifndef CLOAKROOM_LIB_JOURNAL_ROCKS_TABLE_CHECK_H_
#define CLOAKROOM_LIB_JOURNAL_ROCKS_TABLE_CHECK_H_

#include <rocksdb/file_system.h>

#include <cstdint>
#include <string>

namespace cloakroom {

// Corruption when the properties do not match their checksum. Ok in all other cases: whatever else
// is wrong with the file RocksDB notices by itself.
[[nodiscard]] rocksdb::IOStatus check_properties(rocksdb::FSRandomAccessFile& file,
                                                 std::uint64_t file_bytes, const std::string& name);

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_JOURNAL_ROCKS_TABLE_CHECK_H_
