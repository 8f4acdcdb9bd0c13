// Stripe: one lock with its part of the table, an open-addressing table of record references.
//
//   slots  u64 each:  pointer (48 bits) | tag (16 bits of the key's hash), 0 = empty
//   hints  u32 each:  a lower bound of the record's deadline, in whole seconds
//   both in one allocation: | slot 0 | ... | slot n-1 | hint 0 | ... | hint n-1 |
//
// Linear probing from home(tag) = tag * capacity / 65536. The capacity is any multiple of 8, so that
// growth is by a quarter, not by doubling: 12 bytes a slot at a load of 0.64 to 0.80 are 15 to 19
// bytes a record. Growth and removal need no hash of any key: the tag says where home is.
// A stripe of the default table holds some hundred records; moving them takes microseconds.
//
// Invariants
//   1. Between a record's home and its slot no slot is empty (removal shifts back, no tombstones).
//   2. hint <= deadline in seconds; kHintNever only for deadlines that never come. A touch to a
//      later deadline leaves the hint early; to an earlier one lowers it.
//   3. No two records have the same key.
//   4. The counters say what the slots hold.
//
// Methods marked REQUIRES need the stripe's lock, shared or exclusive as annotated.
#ifndef CLOAKROOM_LIB_TABLE_STRIPE_H_
#define CLOAKROOM_LIB_TABLE_STRIPE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/spin_lock.h"
#include "base/thread_annotations.h"
#include "table/record.h"

namespace cloakroom {

inline constexpr std::uint32_t kHintNever = UINT32_MAX;

// The hint of a deadline, and the hint up to which records may be dead at `now`.
[[nodiscard]] std::uint32_t hint_of(TimeMs deadline) noexcept;

[[nodiscard]] constexpr std::uint16_t tag_of(std::uint64_t hash) noexcept {
  return static_cast<std::uint16_t>(hash >> 16);
}

struct StripeCounts {
  std::uint64_t records = 0;
  std::uint64_t owned = 0;
  std::uint64_t key_value_bytes = 0;
  std::uint64_t record_bytes = 0;  // allocations of records
  std::uint64_t slot_bytes = 0;    // allocation of slots and hints
};

class alignas(64) Stripe {
 public:
  Stripe() = default;
  ~Stripe();
  Stripe(const Stripe&) = delete;
  Stripe& operator=(const Stripe&) = delete;

  SpinLock& lock() const RETURN_CAPABILITY(lock_) { return lock_; }

  // A slot index, stable until the next insert, replace or remove; nullopt when absent.
  using Slot = std::size_t;
  [[nodiscard]] std::optional<Slot> find(std::uint16_t tag, std::string_view key) const
      REQUIRES_SHARED(lock_);
  [[nodiscard]] const Record& at(Slot slot) const REQUIRES_SHARED(lock_);

  // Bytes by which the slots would grow if a record were inserted now.
  [[nodiscard]] std::size_t growth_bytes() const REQUIRES_SHARED(lock_);

  // Makes room for one more record; the only part of an insert that allocates.
  void reserve_one() REQUIRES(lock_);

  // REQUIRES: the key is absent, reserve_one() was called.
  void insert(std::uint16_t tag, RecordPtr record) noexcept REQUIRES(lock_);
  // Returns the old record, to be freed when the lock is gone.
  RecordPtr replace(Slot slot, RecordPtr record) noexcept REQUIRES(lock_);
  RecordPtr remove(Slot slot) noexcept REQUIRES(lock_);
  void set_deadline(Slot slot, TimeMs deadline, std::uint32_t lead_ms) noexcept REQUIRES(lock_);

  // Gives slot memory back when the stripe holds far fewer records than it did.
  void shrink() REQUIRES(lock_);

  // Is any hint at or before `due`? Reads 4 bytes a slot.
  [[nodiscard]] bool any_due(std::uint32_t due) const REQUIRES_SHARED(lock_);
  // The first slot at or after `from` whose hint is at or before `due`.
  [[nodiscard]] std::optional<Slot> next_due(Slot from, std::uint32_t due) const
      REQUIRES_SHARED(lock_);
  // Sets the hint to what the record's deadline is now.
  void rehint(Slot slot) noexcept REQUIRES(lock_);

  // Every record, with its tag.
  template <class F>
  void for_each(F&& f) const REQUIRES_SHARED(lock_) {
    for (std::size_t slot = 0; slot < capacity_; ++slot) {
      if (slots()[slot] != 0) f(slot_tag(slots()[slot]), *record_of(slots()[slot]));
    }
  }

  // The first record with this tag that f(record) picks; keys may differ.
  template <class F>
  [[nodiscard]] std::optional<Slot> find_if(std::uint16_t tag, F&& f) const
      REQUIRES_SHARED(lock_) {
    if (capacity_ == 0) return std::nullopt;
    for (Slot slot = home(tag); slots()[slot] != 0; slot = slot + 1 == capacity_ ? 0 : slot + 1) {
      if (slot_tag(slots()[slot]) == tag && f(*record_of(slots()[slot]))) return slot;
    }
    return std::nullopt;
  }

  [[nodiscard]] StripeCounts counts() const REQUIRES_SHARED(lock_);

  // Removes all, wiping it.
  void clear() noexcept REQUIRES(lock_);

 private:
  static Record* record_of(std::uint64_t slot) noexcept {
    return reinterpret_cast<Record*>(slot & ((std::uint64_t{1} << 48) - 1));
  }
  static std::uint16_t slot_tag(std::uint64_t slot) noexcept {
    return static_cast<std::uint16_t>(slot >> 48);
  }
  [[nodiscard]] std::size_t home(std::uint16_t tag) const noexcept REQUIRES_SHARED(lock_) {
    return (std::size_t{tag} * capacity_) >> 16;
  }
  [[nodiscard]] std::uint64_t* slots() const noexcept REQUIRES_SHARED(lock_) {
    return reinterpret_cast<std::uint64_t*>(memory_.get());
  }
  [[nodiscard]] std::uint32_t* hints() const noexcept REQUIRES_SHARED(lock_) {
    return reinterpret_cast<std::uint32_t*>(slots() + capacity_);
  }
  [[nodiscard]] std::size_t grown_capacity() const noexcept REQUIRES_SHARED(lock_);
  void resize(std::size_t capacity) REQUIRES(lock_);
  void place(std::uint64_t slot, std::uint32_t hint) noexcept REQUIRES(lock_);
  void count(const Record& record, int sign) noexcept REQUIRES(lock_);

  mutable SpinLock lock_;
  std::uint32_t capacity_ GUARDED_BY(lock_) = 0;
  std::uint32_t records_ GUARDED_BY(lock_) = 0;
  std::uint32_t owned_ GUARDED_BY(lock_) = 0;
  std::unique_ptr<unsigned char[]> memory_ GUARDED_BY(lock_);
  std::uint64_t key_value_bytes_ GUARDED_BY(lock_) = 0;
  std::uint64_t record_bytes_ GUARDED_BY(lock_) = 0;
};

static_assert(sizeof(Stripe) == 64, "a stripe is one cache line: no false sharing, one miss");

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_TABLE_STRIPE_H_
