#include "base/budget.h"

#include "base/epoch.h"

namespace cloakroom {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

}  // namespace

// None for a thread that has no line yet: giving it one may fail, which release() must not.
std::atomic<std::uint64_t>* Budget::own_credit() noexcept {
  const epoch::Reader* const reader = epoch::mine;
  return reader != nullptr ? &lines_[reader->number % kLines].credit : nullptr;
}

bool Budget::take_within(std::uint64_t bytes, std::uint64_t limit) noexcept {
  std::uint64_t taken = taken_.load(kRelaxed);
  do {
    if (bytes > limit || taken > limit - bytes) return false;
  } while (!taken_.compare_exchange_weak(taken, taken + bytes, kRelaxed));
  return true;
}

void Budget::call_in() noexcept {
  for (Line& line : lines_) {
    if (line.credit.load(kRelaxed) != 0) taken_.fetch_sub(line.credit.exchange(0), kRelaxed);
  }
}

bool Budget::reserve(std::uint64_t bytes, std::uint64_t limit) noexcept {
  std::atomic<std::uint64_t>* const credit = own_credit();
  // A limit that has been lowered below what is taken holds for credit too.
  if (credit != nullptr && taken_.load(kRelaxed) <= limit) {
    for (std::uint64_t have = credit->load(kRelaxed); have >= bytes;) {
      if (credit->compare_exchange_weak(have, have - bytes, kRelaxed)) return true;
    }
    if (take_within(bytes + kAdvance, limit)) {
      credit->fetch_add(kAdvance, kRelaxed);
      return true;
    }
  }
  call_in();
  return take_within(bytes, limit);
}

void Budget::release(std::uint64_t bytes) noexcept {
  std::atomic<std::uint64_t>* const credit = own_credit();
  if (credit == nullptr) {
    taken_.fetch_sub(bytes, kRelaxed);
  } else if (credit->fetch_add(bytes, kRelaxed) + bytes > kCreditMax) {
    taken_.fetch_sub(credit->exchange(0, kRelaxed), kRelaxed);
  }
}

std::uint64_t Budget::in_use() const noexcept {
  const std::uint64_t taken = taken_.load(kRelaxed);
  std::uint64_t credit = 0;
  for (const Line& line : lines_) credit += line.credit.load(kRelaxed);
  return taken > credit ? taken - credit : 0;
}

}  // namespace cloakroom
