// Record: one key with its value, owner and deadline, as it lies in memory.
//
//   byte  0  u64  clock, atomic:  deadline 45 | held 1 | lead 6 | value size 12
//         8  u64  version 48 | key size 11 | kind 2, has lifetime 1, has owner 1, far 1
//        16  u32  created, low  \  milliseconds, 48 bits
//        20  u16  created, high /
//        22  [lifetime i64] [owner size u16] key value [owner]
//
// 22 bytes beyond key and value. The bits are counted, not rounded up: of the 24 bytes that the
// whole table may cost a record (docs/decisions/0008) these are most. Times are milliseconds since
// 1970; a deadline after the year 3084 counts as never. Versions reach 2.8 * 10^14: 89 years of
// 100,000 writes a second.
//
// A value of 4096 bytes or more, or a record over 8 KiB, lies in an allocation of its own, `far`:
//
//        24  pointer to:  value size u64 | [lifetime] [owner size] key value [owner]
//
// Life of a record
//   made       place() writes it where nobody looks yet
//   published  one release store of its reference makes it visible; from here on everything but
//              the clock word is constant, and readers need no lock
//   retired    another reference, or none, stands in its place; readers may still hold it
//   freed      wiped, when no reader can (base/epoch.h)
//
// The clock word
//   extend()   moves the deadline later. Without a lock: one compare-and-swap.
//   seal()     whoever finds that the deadline has passed makes that final, by setting it to 0.
//              A touch that read the time before and comes late must not revive what was answered
//              to be gone.
//   hold()     a writer, under the stripe's lock, that is about to decide by the deadline; extend()
//              and seal() then fail, and who wanted them takes the lock. let_go() ends it.
// tests/table/clock_model.cc checks these rules under the interleavings that Relacy comes up with.
#ifndef CLOAKROOM_LIB_TABLE_RECORD_H_
#define CLOAKROOM_LIB_TABLE_RECORD_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "cloakroom/record.h"

namespace cloakroom {

// What the clock word says.
struct ClockWord {
  TimeMs deadline = kNever;
  bool held = false;
  std::uint8_t lead = 0;  // 0: the disk has exactly this deadline; see record.cc
};

class Record {
 public:
  static constexpr std::size_t kHeaderBytes = 22;
  static constexpr std::size_t kFarSlotBytes = 32;
  static constexpr std::size_t kNearValueMax = 4095;
  static constexpr std::size_t kNearBytesMax = 8192;
  static constexpr std::uint8_t kLeadMax = 63;

  // Bytes this record takes where it is placed, and bytes outside it.
  [[nodiscard]] static std::size_t slot_bytes(const RecordView& view) noexcept;
  [[nodiscard]] static std::size_t far_bytes(const RecordView& view) noexcept;
  [[nodiscard]] std::size_t slot_bytes() const noexcept;
  [[nodiscard]] std::size_t far_bytes() const noexcept;

  // Copies what the view shows to `memory`: slot_bytes(view), aligned to 8. bad_alloc when there
  // is no memory for the far part; nothing is left then. REQUIRES: sizes within record.h's limits.
  static Record* place(void* memory, const RecordView& view);
  // The same record again, elsewhere; the far part goes along, so only one of the two may be freed.
  static Record* move_to(void* memory, const Record& from) noexcept;
  // Wipes the record and frees its far part, unless that has moved on.
  void destroy(bool with_far) noexcept;

  // As it is at the moment of this clock word: another read of the clock may tell another deadline.
  [[nodiscard]] RecordView view(const ClockWord& clock) const noexcept;
  [[nodiscard]] RecordView view() const noexcept { return view(clock()); }
  [[nodiscard]] std::string_view key() const noexcept {
    return {body() + extras_bytes(), key_size()};
  }
  [[nodiscard]] std::string_view owner() const noexcept;
  [[nodiscard]] TimeMs lifetime() const noexcept;
  [[nodiscard]] Version version() const noexcept { return constant_ & kVersionMask; }
  [[nodiscard]] Kind kind() const noexcept { return static_cast<Kind>((constant_ >> 59) & 3); }
  [[nodiscard]] std::size_t value_size() const noexcept;
  [[nodiscard]] bool has_owner() const noexcept { return (constant_ & kHasOwner) != 0; }

  [[nodiscard]] ClockWord clock() const noexcept {
    return unpack(clock_.load(std::memory_order_acquire));
  }
  [[nodiscard]] TimeMs deadline() const noexcept { return clock().deadline; }
  [[nodiscard]] bool alive(TimeMs now) const noexcept { return now <= deadline(); }

  // Up to when the disk lets it live: never before the deadline. See Options::touch_resolution and
  // docs/decisions/0002.
  [[nodiscard]] static TimeMs granted(const ClockWord& clock) noexcept;
  // Grants the disk up to `ahead` more than the deadline, but nothing past `most`. The result's
  // deadline is what the disk is to be told, its lead belongs to `deadline`.
  [[nodiscard]] static ClockWord grant(TimeMs deadline, TimeMs ahead, TimeMs most) noexcept;
  // The lead for a later deadline within what is granted.
  [[nodiscard]] static std::uint8_t lead_after(const ClockWord& clock, TimeMs deadline) noexcept;

  // Sets deadline and lead unless the word is not `expected` any more. Not while held.
  bool extend(const ClockWord& expected, TimeMs deadline, std::uint8_t lead) noexcept;
  // Makes final that it is over; false when the word is not `expected` any more.
  bool seal(const ClockWord& expected) noexcept;

  // REQUIRES for all of these: the stripe's lock.
  ClockWord hold() noexcept;
  void let_go() noexcept { clock_.fetch_and(~kHeld, std::memory_order_release); }
  void set_deadline(TimeMs deadline, std::uint8_t lead) noexcept;  // ends a hold

  // Given once, between place() and the publication: the journal assigns it under the lock.
  void set_version(Version version) noexcept {
    constant_ = (constant_ & ~kVersionMask) | (version & kVersionMask);
  }

 private:
  // clock_:  63        18 17   16 12 11         0
  //          deadline     held lead  value size      (lead is bits 12-17, held bit 18)
  static constexpr std::uint64_t kHeld = std::uint64_t{1} << 18;
  static constexpr unsigned kDeadlineShift = 19;
  static constexpr std::uint64_t kNeverBits = (std::uint64_t{1} << 45) - 1;
  static constexpr std::uint64_t kVersionMask = (std::uint64_t{1} << 48) - 1;
  static constexpr std::uint64_t kHasLifetime = std::uint64_t{1} << 61;
  static constexpr std::uint64_t kHasOwner = std::uint64_t{1} << 62;
  static constexpr std::uint64_t kFar = std::uint64_t{1} << 63;

  Record(const RecordView& view, bool far) noexcept;

  static std::uint64_t pack(const ClockWord& clock, std::uint64_t value_size) noexcept;
  static ClockWord unpack(std::uint64_t word) noexcept;
  bool exchange_clock(const ClockWord& expected, const ClockWord& next) noexcept;

  [[nodiscard]] std::uint64_t near_value_size() const noexcept {
    return clock_.load(std::memory_order_relaxed) & kNearValueMax;
  }
  [[nodiscard]] bool is_far() const noexcept { return (constant_ & kFar) != 0; }
  [[nodiscard]] std::size_t key_size() const noexcept { return (constant_ >> 48) & 0x7ff; }
  [[nodiscard]] TimeMs created() const noexcept {
    return static_cast<TimeMs>(created_low_ | std::uint64_t{created_high_} << 32);
  }
  [[nodiscard]] std::size_t extras_bytes() const noexcept {
    return ((constant_ & kHasLifetime) != 0 ? sizeof(TimeMs) : 0) +
           (has_owner() ? sizeof(std::uint16_t) : 0);
  }
  [[nodiscard]] std::size_t body_bytes() const noexcept;
  [[nodiscard]] const char* bytes() const noexcept { return reinterpret_cast<const char*>(this); }
  [[nodiscard]] char* far_part() const noexcept {
    char* part;
    std::memcpy(&part, bytes() + kHeaderBytes + 2, sizeof(part));
    return part;
  }
  // Where lifetime, owner size, key, value and owner are.
  [[nodiscard]] const char* body() const noexcept {
    return is_far() ? far_part() + sizeof(std::uint64_t) : bytes() + kHeaderBytes;
  }
  [[nodiscard]] std::size_t owner_size() const noexcept;

  std::atomic<std::uint64_t> clock_;
  std::uint64_t constant_;
  std::uint32_t created_low_;
  std::uint16_t created_high_;
};

static_assert(sizeof(Record) == 24, "22 bytes drawn above, and what the compiler pads");
static_assert(kKeyBytesMax < (1U << 11), "a key size fits its bits");
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_TABLE_RECORD_H_
