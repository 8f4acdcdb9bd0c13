// Record: one key with its value, owner and deadline, in one allocation of exactly its size.
//
//   byte  0  deadline   i64   alive up to and including this millisecond
//         8  version    u64   of the last change of the value
//        16  packed     u64   created (48 bits of milliseconds) | key size (11) | kind (2) | flags (3)
//        24  value_size u32
//        28  lead       u32   how much longer than `deadline` the disk lets the record live
//        32  [lifetime  i64]              if kHasLifetime
//            [owner_size u16]             if kHasOwner
//            key, value, [owner]
//
// 32 bytes beyond key and value, plus what malloc adds (8 and the rounding to 16).
//
// Invariants
//   1. Everything but deadline and lead is constant from make() to destruction.
//   2. deadline and lead change only under the stripe's lock, held exclusively.
//   3. The memory is wiped before it is given back.
#ifndef CLOAKROOM_LIB_TABLE_RECORD_H_
#define CLOAKROOM_LIB_TABLE_RECORD_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "cloakroom/record.h"

namespace cloakroom {

class Record;
struct RecordDeleter {
  void operator()(Record* record) const noexcept;
};
using RecordPtr = std::unique_ptr<Record, RecordDeleter>;

class Record {
 public:
  // Copies what the view shows. REQUIRES: sizes within the limits of record.h.
  static RecordPtr make(const RecordView& view, std::uint32_t lead_ms);

  // What make() would allocate for this view.
  [[nodiscard]] static std::size_t allocation_bytes(const RecordView& view) noexcept;
  [[nodiscard]] std::size_t allocation_bytes() const noexcept;

  [[nodiscard]] RecordView view() const noexcept;
  [[nodiscard]] std::string_view key() const noexcept { return {body(), key_size()}; }
  [[nodiscard]] std::string_view owner() const noexcept;
  [[nodiscard]] TimeMs deadline() const noexcept { return deadline_; }
  [[nodiscard]] TimeMs lifetime() const noexcept;
  [[nodiscard]] Version version() const noexcept { return version_; }
  [[nodiscard]] std::uint32_t value_size() const noexcept { return value_size_; }
  [[nodiscard]] bool has_owner() const noexcept { return (flags() & kHasOwner) != 0; }
  [[nodiscard]] bool alive(TimeMs now) const noexcept { return now <= deadline_; }

  // The deadline the disk knows: never before deadline(). See Options::touch_resolution.
  [[nodiscard]] TimeMs granted() const noexcept {
    return deadline_ == kNever ? kNever : deadline_ + lead_ms_;
  }

  // REQUIRES: the stripe's lock; lead_ms is 0 with kNever.
  void set_deadline(TimeMs deadline, std::uint32_t lead_ms) noexcept {
    deadline_ = deadline;
    lead_ms_ = lead_ms;
  }

  // Given once, between make() and the insertion: the journal assigns it under the stripe's lock.
  void set_version(Version version) noexcept { version_ = version; }

 private:
  friend struct RecordDeleter;
  static constexpr unsigned kHasLifetime = 1;
  static constexpr unsigned kHasOwner = 2;

  Record(const RecordView& view, std::uint32_t lead_ms) noexcept;

  [[nodiscard]] unsigned flags() const noexcept { return static_cast<unsigned>(packed_ >> 61); }
  [[nodiscard]] std::size_t key_size() const noexcept { return (packed_ >> 48) & 0x7ff; }
  [[nodiscard]] Kind kind() const noexcept { return static_cast<Kind>((packed_ >> 59) & 3); }
  [[nodiscard]] TimeMs created() const noexcept {
    return static_cast<TimeMs>(packed_ & ((std::uint64_t{1} << 48) - 1));
  }
  [[nodiscard]] std::size_t extras_bytes() const noexcept {
    return ((flags() & kHasLifetime) != 0 ? sizeof(TimeMs) : 0) +
           (has_owner() ? sizeof(std::uint16_t) : 0);
  }
  [[nodiscard]] const char* extras() const noexcept {
    return reinterpret_cast<const char*>(this + 1);
  }
  [[nodiscard]] const char* body() const noexcept { return extras() + extras_bytes(); }
  [[nodiscard]] std::size_t owner_size() const noexcept;

  TimeMs deadline_;
  Version version_;
  std::uint64_t packed_;
  std::uint32_t value_size_;
  std::uint32_t lead_ms_;
};

static_assert(sizeof(Record) == 32, "the layout drawn above");
static_assert(kKeyBytesMax < (1U << 11), "a key size fits its bits");

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_TABLE_RECORD_H_
