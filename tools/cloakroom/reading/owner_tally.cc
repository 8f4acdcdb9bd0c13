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

std::size_t OwnerTally::Hash::operator()(std::string_view owner) const noexcept {
  return hash64(owner, seed);
}

OwnerTally::OwnerTally(std::size_t tracked)
    : tracked_(tracked), shares_(16, Hash{random_seed()}), registers_(kRegisters) {}

void OwnerTally::add(std::string_view owner, std::uint64_t count, std::uint64_t bytes) {
  records_ += count;
  bytes_ += bytes;
  auto found = shares_.find(owner);
  if (found == shares_.end()) {
    if (shares_.size() >= tracked_) forget_the_least();
    note_distinct(owner);
    found = shares_.emplace(owner, Share()).first;
  }
  found->second.count += count;
  found->second.bytes += bytes;
}

void OwnerTally::merge(const OwnerTally& other) {
  std::uint64_t records = records_ + other.records_;
  std::uint64_t bytes = bytes_ + other.bytes_;
  for (const auto& [owner, share] : other.shares_) add(owner, share.count, share.bytes);
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
  if (exact()) return shares_.size();
  double sum = 0;
  for (const std::uint8_t rank : registers_) sum += std::ldexp(1.0, -rank);
  constexpr double kCount = kRegisters;
  constexpr double kAlpha = 0.7213 / (1 + 1.079 / kCount);
  // What is tracked is more than small estimates need their correction for.
  const double estimate = kAlpha * kCount * kCount / sum;
  return std::max<std::uint64_t>(shares_.size(), static_cast<std::uint64_t>(estimate));
}

// Each owner's larger share, of all records or of all bytes, decides: who has much of either stays.
void OwnerTally::forget_the_least() {
  const auto score = [this](const Share& share) {
    return std::max(
        static_cast<double>(share.count) /
            static_cast<double>(std::max<std::uint64_t>(records_, 1)),
        static_cast<double>(share.bytes) / static_cast<double>(std::max<std::uint64_t>(bytes_, 1)));
  };
  std::vector<double> scores;
  scores.reserve(shares_.size());
  for (const auto& [owner, share] : shares_) scores.push_back(score(share));
  const auto middle = scores.begin() + static_cast<std::ptrdiff_t>(scores.size() / 2);
  std::nth_element(scores.begin(), middle, scores.end());
  Share most;
  std::erase_if(shares_, [&](const auto& entry) {
    if (score(entry.second) > *middle) return false;
    most.count = std::max(most.count, entry.second.count);
    most.bytes = std::max(most.bytes, entry.second.bytes);
    return true;
  });
  count_missing_ += most.count;
  bytes_missing_ += most.bytes;
}

std::vector<OwnerShare> OwnerTally::top(By by, std::size_t limit) const {
  std::vector<const std::pair<const std::string, Share>*> all;
  all.reserve(shares_.size());
  for (const auto& entry : shares_) all.push_back(&entry);
  const auto more = [by](const auto* a, const auto* b) {
    const std::uint64_t left = by == By::kCount ? a->second.count : a->second.bytes;
    const std::uint64_t right = by == By::kCount ? b->second.count : b->second.bytes;
    return left != right ? left > right : a->first < b->first;
  };
  const std::size_t count = std::min(limit, all.size());
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count), all.end(), more);
  std::vector<OwnerShare> top;
  for (std::size_t i = 0; i < count; ++i) {
    top.push_back({all[i]->first, all[i]->second.count, all[i]->second.bytes});
  }
  return top;
}

}  // namespace cloakroom::cli
