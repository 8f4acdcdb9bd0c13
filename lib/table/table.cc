#include "table/table.h"

#include <algorithm>
#include <bit>

#include "base/hash.h"

namespace cloakroom {
namespace {

// A cursor is the index of the stripe and the tag in it to go on with; 0 is the start.
constexpr std::uint64_t kTagBits = 16;
constexpr std::uint64_t kTagCount = std::uint64_t{1} << kTagBits;

// The tag behind the `wanted`-th smallest at or after `from`; records that share a tag go together.
std::uint64_t end_tag(std::vector<std::uint16_t>& tags, std::size_t wanted) {
  if (tags.size() <= wanted) return kTagCount;
  const auto last = tags.begin() + static_cast<std::ptrdiff_t>(wanted - 1);
  std::nth_element(tags.begin(), last, tags.end());
  return std::uint64_t{*last} + 1;
}

}  // namespace

Table::Table(std::size_t stripe_count, std::uint64_t seed)
    : seed_(seed),
      mask_(stripe_count - 1),
      shift_(64 - static_cast<unsigned>(std::countr_zero(kStripeCountMax))),
      stripes_(std::make_unique<Stripe[]>(stripe_count)) {}

std::uint64_t Table::hash(std::string_view key) const noexcept { return hash64(key, seed_); }

bool Table::reserve(std::uint64_t bytes, std::uint64_t limit) noexcept {
  const std::uint64_t before = memory_bytes_.fetch_add(bytes, kRelaxed);
  if (before + bytes <= limit) return true;
  memory_bytes_.fetch_sub(bytes, kRelaxed);
  return false;
}

Status Table::scan(std::uint64_t& cursor, std::size_t count, TimeMs now,
                   std::vector<RecordPtr>& out) {
  std::size_t index = static_cast<std::size_t>(cursor >> kTagBits);
  std::uint64_t from = cursor % kTagCount;
  if (index > mask_) return Status(StatusCode::kInvalidArgument, "not a cursor of this store");
  std::vector<std::uint16_t> tags;
  for (; index <= mask_ && out.size() < count; ++index, from = 0) {
    Stripe& stripe = stripes_[index];
    SpinReadLock guard(stripe.lock());
    tags.clear();
    stripe.for_each([&](std::uint16_t tag, const Record& record) {
      if (tag >= from && record.alive(now)) tags.push_back(tag);
    });
    const std::uint64_t end = end_tag(tags, count - out.size());
    stripe.for_each([&](std::uint16_t tag, const Record& record) {
      if (tag >= from && tag < end && record.alive(now)) {
        out.push_back(Record::make(record.view(), 0));
      }
    });
    if (end < kTagCount) {
      cursor = std::uint64_t{index} << kTagBits | end;
      return Status();
    }
  }
  cursor = index > mask_ ? 0 : std::uint64_t{index} << kTagBits;
  return Status();
}

StripeCounts Table::counts() {
  StripeCounts sum;
  for (Stripe& stripe : stripes()) {
    SpinReadLock guard(stripe.lock());
    const StripeCounts one = stripe.counts();
    sum.records += one.records;
    sum.owned += one.owned;
    sum.key_value_bytes += one.key_value_bytes;
    sum.record_bytes += one.record_bytes;
    sum.slot_bytes += one.slot_bytes;
  }
  return sum;
}

}  // namespace cloakroom
