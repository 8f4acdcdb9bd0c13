// A write batch as it lies in RocksDB's log, parsed without RocksDB:
//
//   u64 sequence | u32 count | count operations
//   operation: u8 tag | varint family | string key | [string value]
//              tag 5: put, with a value; tag 4: delete; others we never write
//
// The last operation is the put of the head into `meta`; only the batch with the store's id and an
// empty one that RocksDB writes after a torn log have none.
#ifndef CLOAKROOM_LIB_JOURNAL_ROCKS_BATCH_H_
#define CLOAKROOM_LIB_JOURNAL_ROCKS_BATCH_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "cloakroom/record.h"
#include "journal/disk_record.h"

namespace cloakroom {

struct LoggedBatch {
  std::uint64_t sequence = 0;  // of its first operation
  std::uint32_t count = 0;
  std::optional<Head> head;
};

struct LoggedChange {
  bool erased = false;
  std::uint64_t family = 0;
  std::uint64_t sequence = 0;
  std::string_view key = {};
  std::string_view value = {};
};
// f(const LoggedChange&) for one operation after the other, up to the first that cannot be parsed.
// For who saves what can be read: `bytes` need not be a whole batch. False when it is not one.
bool each_change(std::string_view bytes, FunctionRef<void(const LoggedChange&)> f);

// Nothing when it is not, to its last byte, a batch that we write.
[[nodiscard]] std::optional<LoggedBatch> parse_batch(std::string_view bytes);

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_JOURNAL_ROCKS_BATCH_H_
