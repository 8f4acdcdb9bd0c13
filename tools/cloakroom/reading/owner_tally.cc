#include "reading/owner_tally.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/hash.h"
#include "base/random.h"

namespace cloakroom::cli {
namespace {

constexpr unsigned kRegisterBits = 13;
constexpr std::size_t kRegisters = std::size_t{1} << kRegisterBits;

std::uint64_t random_seed() noexcept {
  const auto seed = random_u64();
  return seed ? *seed : 0;
}

}  // namespace

OwnerTally::OwnerTally(std::size_t tracked)
    : tracked_(tracked),
      seed_(random_seed()),
      slots_(std::bit_ceil(2 * tracked)),
      registers_(kRegisters) {}

OwnerTally::Slot& OwnerTally::slot_of(std::string_view owner, std::uint64_t hash) noexcept {
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = hash & mask;; at = (at + 1) & mask) {
    Slot& slot = slots_[at];
    if (slot.name_bytes == 0 || (slot.hash == hash && name_of(slot) == owner)) return slot;
  }
}

OwnerTally::Slot& OwnerTally::free_slot(std::uint64_t hash) noexcept {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  while (slots_[at].name_bytes != 0) at = (at + 1) & mask;
  return slots_[at];
}

void OwnerTally::add(std::string_view owner, std::uint64_t count, std::uint64_t bytes) {
  records_ += count;
  bytes_ += bytes;
  const std::uint64_t hash = hash64(owner, seed_);
  Slot* slot = &slot_of(owner, hash);
  if (slot->name_bytes == 0) {
    if (used_ >= tracked_) {
      forget_the_least();
      slot = &slot_of(owner, hash);
    }
    note_distinct(owner);
    *slot = {.hash = hash,
             .name_at = static_cast<std::uint32_t>(names_.size()),
             .name_bytes = static_cast<std::uint32_t>(owner.size())};
    names_.append(owner);
    ++used_;
  }
  slot->count += count;
  slot->bytes += bytes;
}

void OwnerTally::merge(const OwnerTally& other) {
  const std::uint64_t records = records_ + other.records_;
  const std::uint64_t bytes = bytes_ + other.bytes_;
  for (const Slot* slot : other.used()) add(other.name_of(*slot), slot->count, slot->bytes);
  records_ = records;
  bytes_ = bytes;
  count_missing_ += other.count_missing_;
  bytes_missing_ += other.bytes_missing_;
  for (std::size_t i = 0; i < kRegisters; ++i) {
    registers_[i] = std::max(registers_[i], other.registers_[i]);
  }
}

// The seedless hash: the same owners give the same estimate in every run.
void OwnerTally::note_distinct(std::string_view owner) noexcept {
  const std::uint64_t hash = checksum64(owner);
  const std::size_t at = hash >> (64 - kRegisterBits);
  const auto rank = static_cast<std::uint8_t>(std::countl_zero(hash << kRegisterBits | 1) + 1);
  registers_[at] = std::max(registers_[at], rank);
}

std::uint64_t OwnerTally::owners() const noexcept {
  if (exact()) return used_;
  double sum = 0;
  for (const std::uint8_t rank : registers_) sum += std::ldexp(1.0, -rank);
  constexpr double kCount = kRegisters;
  constexpr double kAlpha = 0.7213 / (1 + 1.079 / kCount);
  double estimate = kAlpha * kCount * kCount / sum;
  // Of few the registers that nobody has touched tell more.
  const auto untouched =
      static_cast<double>(std::count(registers_.begin(), registers_.end(), std::uint8_t{0}));
  if (estimate <= 2.5 * kCount && untouched > 0) estimate = kCount * std::log(kCount / untouched);
  return std::max<std::uint64_t>(used_, static_cast<std::uint64_t>(estimate));
}

std::vector<const OwnerTally::Slot*> OwnerTally::used() const {
  std::vector<const Slot*> used;
  used.reserve(used_);
  for (const Slot& slot : slots_) {
    if (slot.name_bytes != 0) used.push_back(&slot);
  }
  return used;
}

// The larger share, of all records or of all bytes: who has much of either stays.
double OwnerTally::score(const Slot& slot) const noexcept {
  const auto share = [](std::uint64_t part, std::uint64_t all) {
    return static_cast<double>(part) / static_cast<double>(std::max<std::uint64_t>(all, 1));
  };
  return std::max(share(slot.count, records_), share(slot.bytes, bytes_));
}

void OwnerTally::forget_the_least() {
  const std::vector<const Slot*> all = used();
  std::vector<double> scores;
  scores.reserve(all.size());
  for (const Slot* slot : all) scores.push_back(score(*slot));
  const auto middle = scores.begin() + static_cast<std::ptrdiff_t>(scores.size() / 2);
  std::nth_element(scores.begin(), middle, scores.end());

  std::vector<Slot> before(slots_.size());
  before.swap(slots_);
  std::string names;
  std::uint64_t count_most = 0;
  std::uint64_t bytes_most = 0;
  used_ = 0;
  for (const Slot& slot : before) {
    if (slot.name_bytes == 0) continue;
    if (score(slot) <= *middle) {
      count_most = std::max(count_most, slot.count);
      bytes_most = std::max(bytes_most, slot.bytes);
      continue;
    }
    const std::string_view name = name_of(slot);
    Slot& to = free_slot(slot.hash);
    to = slot;
    to.name_at = static_cast<std::uint32_t>(names.size());
    names.append(name);
    ++used_;
  }
  names_.swap(names);
  count_missing_ += count_most;
  bytes_missing_ += bytes_most;
}

std::vector<OwnerShare> OwnerTally::top(By by, std::size_t limit) const {
  std::vector<const Slot*> all = used();
  const auto more = [&](const Slot* a, const Slot* b) {
    const std::uint64_t left = by == By::kCount ? a->count : a->bytes;
    const std::uint64_t right = by == By::kCount ? b->count : b->bytes;
    return left != right ? left > right : name_of(*a) < name_of(*b);
  };
  const std::size_t count = std::min(limit, all.size());
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count), all.end(), more);
  std::vector<OwnerShare> top;
  for (std::size_t i = 0; i < count; ++i) {
    top.push_back({std::string(name_of(*all[i])), all[i]->count, all[i]->bytes});
  }
  return top;
}

}  // namespace cloakroom::cli
