// Small words that everything which talks to RocksDB uses.
#ifndef CLOAKROOM_LIB_JOURNAL_ROCKS_WORDS_H_
#define CLOAKROOM_LIB_JOURNAL_ROCKS_WORDS_H_

#include <rocksdb/options.h>
#include <rocksdb/slice.h>
#include <rocksdb/status.h>

#include <string>
#include <string_view>

#include "cloakroom/record.h"
#include "cloakroom/status.h"
#include "journal/disk_record.h"

namespace cloakroom {

[[nodiscard]] inline rocksdb::Slice slice(std::string_view bytes) {
  return {bytes.data(), bytes.size()};
}
[[nodiscard]] inline std::string_view view(const rocksdb::Slice& bytes) {
  return {bytes.data(), bytes.size()};
}

// kNotFound, kCorruption, or kIo for all else; `action` says what was tried.
[[nodiscard]] Status from_rocks(std::string_view action, const rocksdb::Status& status);

// For who reads everything once: the cache stays as it is.
[[nodiscard]] rocksdb::ReadOptions bulk_read();

// Gives the record the later deadline it was granted, when the entry is of its version.
inline void join(RecordView& record, const GrantedDeadline& granted) noexcept {
  if (granted.version == record.version) record.deadline = granted.deadline;
}

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_JOURNAL_ROCKS_WORDS_H_
