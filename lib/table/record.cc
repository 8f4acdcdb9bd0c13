#include "table/record.h"

#include <string.h>  // explicit_bzero

#include <algorithm>
#include <new>

namespace cloakroom {
namespace {

constexpr TimeMs kCreatedMax = (TimeMs{1} << 48) - 1;

std::size_t body_bytes_of(const RecordView& view) noexcept {
  return (view.lifetime != kNever ? sizeof(TimeMs) : 0) +
         (view.owner.empty() ? 0 : sizeof(std::uint16_t) + view.owner.size()) + view.key.size() +
         view.value.size();
}

bool lies_far(const RecordView& view) noexcept {
  return view.value.size() > Record::kNearValueMax ||
         Record::kHeaderBytes + body_bytes_of(view) > Record::kNearBytesMax;
}

// Lifetime, owner size, key, value, owner.
void write_body(char* to, const RecordView& view) noexcept {
  const auto append = [&to](const void* bytes, std::size_t count) {
    if (count != 0) std::memcpy(to, bytes, count);
    to += count;
  };
  if (view.lifetime != kNever) append(&view.lifetime, sizeof(view.lifetime));
  if (!view.owner.empty()) {
    const auto owner_size = static_cast<std::uint16_t>(view.owner.size());
    append(&owner_size, sizeof(owner_size));
  }
  append(view.key.data(), view.key.size());
  append(view.value.data(), view.value.size());
  append(view.owner.data(), view.owner.size());
}

}  // namespace

std::size_t Record::slot_bytes(const RecordView& view) noexcept {
  return lies_far(view) ? kFarSlotBytes : kHeaderBytes + body_bytes_of(view);
}

std::size_t Record::far_bytes(const RecordView& view) noexcept {
  return lies_far(view) ? sizeof(std::uint64_t) + body_bytes_of(view) : 0;
}

std::size_t Record::body_bytes() const noexcept {
  return extras_bytes() + key_size() + value_size() + owner_size();
}

std::size_t Record::slot_bytes() const noexcept {
  return is_far() ? kFarSlotBytes : kHeaderBytes + body_bytes();
}

std::size_t Record::far_bytes() const noexcept {
  return is_far() ? sizeof(std::uint64_t) + body_bytes() : 0;
}

std::uint64_t Record::pack(const ClockWord& clock, std::uint64_t value_size) noexcept {
  const std::uint64_t deadline =
      static_cast<std::uint64_t>(std::clamp<TimeMs>(clock.deadline, 0, TimeMs{kNeverBits}));
  return deadline << kDeadlineShift | (clock.held ? kHeld : 0) | std::uint64_t{clock.lead} << 12 |
         value_size;
}

ClockWord Record::unpack(std::uint64_t word) noexcept {
  const std::uint64_t deadline = word >> kDeadlineShift;
  return {.deadline = deadline == kNeverBits ? kNever : static_cast<TimeMs>(deadline),
          .held = (word & kHeld) != 0,
          .lead = static_cast<std::uint8_t>((word >> 12) & kLeadMax)};
}

Record::Record(const RecordView& view, bool far) noexcept
    : clock_(pack({.deadline = view.deadline}, far ? 0 : view.value.size())),
      constant_((view.version & kVersionMask) | std::uint64_t{view.key.size()} << 48 |
                static_cast<std::uint64_t>(view.kind) << 59 |
                (view.lifetime != kNever ? kHasLifetime : 0) |
                (view.owner.empty() ? 0 : kHasOwner) | (far ? kFar : 0)) {
  const auto created = static_cast<std::uint64_t>(std::clamp<TimeMs>(view.created, 0, kCreatedMax));
  created_low_ = static_cast<std::uint32_t>(created);
  created_high_ = static_cast<std::uint16_t>(created >> 32);
}

Record* Record::place(void* memory, const RecordView& view) {
  const bool far = lies_far(view);
  char* part = nullptr;
  if (far) {
    part = static_cast<char*>(::operator new(far_bytes(view)));
    const std::uint64_t value_size = view.value.size();
    std::memcpy(part, &value_size, sizeof(value_size));
    write_body(part + sizeof(value_size), view);
  }
  auto* const record = new (memory) Record(view, far);
  char* const after = static_cast<char*>(memory) + kHeaderBytes;
  if (far) {
    std::memcpy(after + 2, &part, sizeof(part));
  } else {
    write_body(after, view);
  }
  return record;
}

Record* Record::move_to(void* memory, const Record& from) noexcept {
  const std::uint64_t clock = from.clock_.load(std::memory_order_acquire) & ~kHeld;
  const char* const source = from.bytes() + sizeof(clock);
  std::memcpy(static_cast<char*>(memory) + sizeof(clock), source,
              from.slot_bytes() - sizeof(clock));
  new (memory) std::atomic<std::uint64_t>(clock);
  return static_cast<Record*>(memory);
}

void Record::destroy(bool with_far) noexcept {
  if (with_far && is_far()) {
    char* const part = far_part();
    explicit_bzero(part, far_bytes());
    ::operator delete(part);
  }
  explicit_bzero(static_cast<void*>(this), slot_bytes());
}

std::size_t Record::value_size() const noexcept {
  if (!is_far()) return near_value_size();
  std::uint64_t size;
  std::memcpy(&size, far_part(), sizeof(size));
  return size;
}

TimeMs Record::lifetime() const noexcept {
  if ((constant_ & kHasLifetime) == 0) return kNever;
  TimeMs lifetime;
  std::memcpy(&lifetime, body(), sizeof(lifetime));
  return lifetime;
}

std::size_t Record::owner_size() const noexcept {
  if (!has_owner()) return 0;
  std::uint16_t size;
  std::memcpy(&size, body() + extras_bytes() - sizeof(size), sizeof(size));
  return size;
}

std::string_view Record::owner() const noexcept {
  if (!has_owner()) return {};
  return {body() + extras_bytes() + key_size() + value_size(), owner_size()};
}

RecordView Record::view(const ClockWord& clock) const noexcept {
  const std::string_view key = this->key();
  return {.key = key,
          .value = {key.data() + key.size(), value_size()},
          .owner = owner(),
          .kind = kind(),
          .version = version(),
          .deadline = clock.deadline,
          .lifetime = lifetime(),
          .created = created()};
}

// What the disk grants is a multiple of a unit of 2^k * 64 ms. The lead is k in its upper four bits,
// and in the lower two by how many units the grant lies ahead, counted from the multiple at or before
// the deadline: 1 to 3, or 0, then the disk has the deadline itself. So a deadline that moves on
// finds the same grant again, to the millisecond, however often it moves.
namespace {

constexpr TimeMs kLeadUnit = 64;
constexpr unsigned kLeadScales = 16;
constexpr TimeMs kLeadUnitsMax = 3;
// Three units of the largest are 1.7 hours.
constexpr TimeMs kAheadMax = 3'600'000;
static_assert(kAheadMax < kLeadUnitsMax * (kLeadUnit << (kLeadScales - 1)));

TimeMs unit_of(std::uint8_t lead) noexcept { return kLeadUnit << (lead >> 2); }

}  // namespace

TimeMs Record::granted(const ClockWord& clock) noexcept {
  const TimeMs units = clock.lead & kLeadUnitsMax;
  if (units == 0) return clock.deadline;
  const TimeMs unit = unit_of(clock.lead);
  return (clock.deadline / unit + units) * unit;
}

ClockWord Record::grant(TimeMs deadline, TimeMs ahead, TimeMs most) noexcept {
  if (deadline == kNever || ahead <= 0) return {.deadline = deadline};
  ahead = std::min(ahead, kAheadMax);
  std::uint8_t scale = 0;
  while (ahead >= kLeadUnitsMax * (kLeadUnit << scale)) ++scale;
  const TimeMs unit = kLeadUnit << scale;
  const TimeMs units = std::min(deadline + ahead, most) / unit - deadline / unit;
  if (units <= 0) return {.deadline = deadline};
  return {.deadline = (deadline / unit + units) * unit,
          .lead = static_cast<std::uint8_t>(scale << 2 | units)};
}

std::uint8_t Record::lead_after(const ClockWord& clock, TimeMs deadline) noexcept {
  const TimeMs unit = unit_of(clock.lead);
  const TimeMs units = granted(clock) / unit - deadline / unit;
  if (units <= 0) return 0;
  return static_cast<std::uint8_t>((clock.lead & ~kLeadUnitsMax) | units);
}

bool Record::exchange_clock(const ClockWord& expected, const ClockWord& next) noexcept {
  const std::uint64_t size = near_value_size();
  std::uint64_t word = pack(expected, size);
  return clock_.compare_exchange_strong(word, pack(next, size), std::memory_order_acq_rel);
}

bool Record::extend(const ClockWord& expected, TimeMs deadline, std::uint8_t lead) noexcept {
  return !expected.held && exchange_clock(expected, {.deadline = deadline, .lead = lead});
}

bool Record::seal(const ClockWord& expected) noexcept {
  return !expected.held && exchange_clock(expected, {.deadline = 0, .lead = expected.lead});
}

ClockWord Record::hold() noexcept {
  return unpack(clock_.fetch_or(kHeld, std::memory_order_acq_rel));
}

void Record::set_deadline(TimeMs deadline, std::uint8_t lead) noexcept {
  clock_.store(pack({.deadline = deadline, .lead = lead}, near_value_size()),
               std::memory_order_release);
}

}  // namespace cloakroom
