#include "table/stripe.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace cloakroom {
namespace {

constexpr std::size_t kSlotBytes = sizeof(std::uint64_t) + sizeof(std::uint32_t);
constexpr std::size_t kCapacityMin = 8;
// A session of the usual size; more would be fetched in vain for smaller ones.
constexpr std::size_t kPrefetchBytes = 384;

// Linear probing at 0.80 looks at 3 slots for a hit and 13 for a miss, in one or two lines.
constexpr bool over_full(std::size_t records, std::size_t capacity) {
  return records * 10 > capacity * 8;
}

constexpr std::size_t round_up_8(std::size_t n) { return (n + 7) & ~std::size_t{7}; }

}  // namespace

std::uint32_t hint_of(TimeMs deadline) noexcept {
  if (deadline == kNever) return kHintNever;
  return static_cast<std::uint32_t>(std::clamp<TimeMs>(deadline / 1000, 0, kHintNever - 1));
}

Stripe::~Stripe() {
  SpinWriteLock guard(lock_);
  clear();
}

std::optional<Stripe::Slot> Stripe::find(std::uint16_t tag, std::string_view key) const {
  return find_if(tag, [key](const Record& record) {
    // The copy that follows needs these lines too; asking now lets them come together.
    for (std::size_t offset = 64; offset <= kPrefetchBytes; offset += 64) {
      __builtin_prefetch(reinterpret_cast<const char*>(&record) + offset);
    }
    return record.key() == key;
  });
}

const Record& Stripe::at(Slot slot) const { return *record_of(slots()[slot]); }

std::size_t Stripe::grown_capacity() const noexcept {
  return std::max(kCapacityMin, round_up_8(capacity_ + capacity_ / 4));
}

std::size_t Stripe::growth_bytes() const {
  return over_full(records_ + 1, capacity_) ? (grown_capacity() - capacity_) * kSlotBytes : 0;
}

void Stripe::reserve_one() {
  if (over_full(records_ + 1, capacity_)) resize(grown_capacity());
}

void Stripe::resize(std::size_t capacity) {
  const std::unique_ptr<unsigned char[]> old = std::exchange(
      memory_, std::make_unique_for_overwrite<unsigned char[]>(capacity * kSlotBytes));
  const std::size_t old_capacity = std::exchange(capacity_, static_cast<std::uint32_t>(capacity));
  std::memset(memory_.get(), 0, capacity * sizeof(std::uint64_t));
  const auto* const old_slots = reinterpret_cast<const std::uint64_t*>(old.get());
  const auto* const old_hints = reinterpret_cast<const std::uint32_t*>(old_slots + old_capacity);
  for (std::size_t slot = 0; slot < old_capacity; ++slot) {
    if (old_slots[slot] != 0) place(old_slots[slot], old_hints[slot]);
  }
}

void Stripe::place(std::uint64_t value, std::uint32_t hint) noexcept {
  std::size_t slot = home(slot_tag(value));
  while (slots()[slot] != 0) slot = slot + 1 == capacity_ ? 0 : slot + 1;
  slots()[slot] = value;
  hints()[slot] = hint;
}

void Stripe::count(const Record& record, int sign) noexcept {
  const auto add = [sign](auto& counter, std::size_t amount) {
    using Counter = std::remove_reference_t<decltype(counter)>;
    counter = static_cast<Counter>(sign > 0 ? counter + amount : counter - amount);
  };
  add(records_, 1);
  add(owned_, record.has_owner() ? 1 : 0);
  add(key_value_bytes_, record.key().size() + record.value_size());
  add(record_bytes_, record.allocation_bytes());
}

void Stripe::insert(std::uint16_t tag, RecordPtr record) noexcept {
  count(*record, +1);
  const std::uint32_t hint = hint_of(record->deadline());
  place(reinterpret_cast<std::uint64_t>(record.release()) | std::uint64_t{tag} << 48, hint);
}

RecordPtr Stripe::replace(Slot slot, RecordPtr record) noexcept {
  const std::uint64_t old = slots()[slot];
  RecordPtr replaced(record_of(old));
  count(*replaced, -1);
  count(*record, +1);
  hints()[slot] = hint_of(record->deadline());
  slots()[slot] = reinterpret_cast<std::uint64_t>(record.release()) |
                  std::uint64_t{slot_tag(old)} << 48;
  return replaced;
}

RecordPtr Stripe::remove(Slot slot) noexcept {
  RecordPtr removed(record_of(slots()[slot]));
  count(*removed, -1);
  // Close the hole: a later record of the same run moves back when the hole lies between its home
  // and its slot, and leaves a hole of its own.
  std::size_t hole = slot;
  for (std::size_t next = hole;;) {
    next = next + 1 == capacity_ ? 0 : next + 1;
    if (slots()[next] == 0) break;
    const std::size_t from = home(slot_tag(slots()[next]));
    const bool stays = hole <= next ? (hole < from && from <= next) : (hole < from || from <= next);
    if (stays) continue;
    slots()[hole] = slots()[next];
    hints()[hole] = hints()[next];
    hole = next;
  }
  slots()[hole] = 0;
  return removed;
}

void Stripe::set_deadline(Slot slot, TimeMs deadline, std::uint32_t lead_ms) noexcept {
  record_of(slots()[slot])->set_deadline(deadline, lead_ms);
  hints()[slot] = std::min(hints()[slot], hint_of(deadline));
}

void Stripe::shrink() {
  if (records_ == 0) {
    memory_.reset();
    capacity_ = 0;
  } else if (records_ * 10 < std::size_t{capacity_} * 4 && capacity_ > kCapacityMin) {
    resize(std::max(kCapacityMin, round_up_8(std::size_t{records_} * 3 / 2)));
  }
}

bool Stripe::any_due(std::uint32_t due) const {
  // Without a branch in the loop, so that the compiler vectorises it; empty slots are rare enough
  // to be looked at for nothing.
  const std::uint32_t* const hints = this->hints();
  std::uint32_t earliest = kHintNever;
  for (std::size_t slot = 0; slot < capacity_; ++slot) {
    earliest = std::min(earliest, slots()[slot] == 0 ? kHintNever : hints[slot]);
  }
  return earliest <= due;
}

std::optional<Stripe::Slot> Stripe::next_due(Slot from, std::uint32_t due) const {
  for (std::size_t slot = from; slot < capacity_; ++slot) {
    if (slots()[slot] != 0 && hints()[slot] <= due) return slot;
  }
  return std::nullopt;
}

void Stripe::rehint(Slot slot) noexcept {
  hints()[slot] = hint_of(record_of(slots()[slot])->deadline());
}

StripeCounts Stripe::counts() const {
  return {.records = records_,
          .owned = owned_,
          .key_value_bytes = key_value_bytes_,
          .record_bytes = record_bytes_,
          .slot_bytes = capacity_ * kSlotBytes};
}

void Stripe::clear() noexcept {
  for (std::size_t slot = 0; slot < capacity_; ++slot) {
    if (slots()[slot] != 0) RecordPtr(record_of(slots()[slot])).reset();
  }
  memory_.reset();
  capacity_ = records_ = owned_ = 0;
  key_value_bytes_ = record_bytes_ = 0;
}

}  // namespace cloakroom
