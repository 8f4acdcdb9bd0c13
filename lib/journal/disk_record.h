// The bytes of a record, a deadline and the head on disk (docs/format.md has the drawing).
//
// records, key = the record's key:
//   u8 format = 1 | u8 kind (low 4 bits), flags (high 4) | varint version | u64 deadline |
//   varint created | [u64 lifetime] | [string owner] | value ... | u64 checksum
// deadlines, key = the record's key:
//   u8 format = 1 | varint version | u64 deadline | u32 checksum
// meta, key "head":
//   u8 format = 1 | u64 version | u64 previous version | u64 store ms | u64 wall ms | u64 checksum
//
// The checksum is checksum64(key, everything before it), in a deadline its low half. An entry of
// `deadlines` holds for the record of exactly its version; others are leftovers and are ignored. It
// is never before the deadline in the record.
#ifndef CLOAKROOM_LIB_JOURNAL_DISK_RECORD_H_
#define CLOAKROOM_LIB_JOURNAL_DISK_RECORD_H_

#include <optional>
#include <string>
#include <string_view>

#include "base/timeline.h"
#include "cloakroom/record.h"
#include "cloakroom/status.h"

namespace cloakroom {

inline constexpr std::uint8_t kRecordFormat = 1;
inline constexpr std::string_view kHeadKey = "head";
inline constexpr std::string_view kIdKey = "id";

void append_record(std::string& out, const RecordView& record);
// What append_record() appends when the version has the most bytes that it can have: 7.
[[nodiscard]] std::size_t record_bytes_max(const RecordView& record) noexcept;

// Views into `bytes`. kCorruption with the reason (never the key) when anything does not fit.
[[nodiscard]] Result<RecordView> parse_record(std::string_view key, std::string_view bytes);

struct GrantedDeadline {
  Version version = 0;
  TimeMs deadline = 0;
};
inline constexpr std::size_t kDeadlineBytesMax = 1 + 7 + 8 + 4;
void append_deadline(std::string& out, std::string_view key, const GrantedDeadline& granted);
[[nodiscard]] Result<GrantedDeadline> parse_deadline(std::string_view key, std::string_view bytes);

// How far the store has come: the version of the last change and when that was. In every batch.
// With the version in the head before it, the batches are a chain, and one that is missing is
// noticed.
struct Head {
  Version version = 0;
  Version previous = 0;
  ClockMark mark = {};
};
void append_head(std::string& out, const Head& head);
[[nodiscard]] Result<Head> parse_head(std::string_view bytes);

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_JOURNAL_DISK_RECORD_H_
