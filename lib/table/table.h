// Table: all stripes of a store. Knows no disk and no thread.
//
// A key's hash (XXH3 with a random seed of the process) picks the stripe by its top bits and the
// slot by others. Readers hold the stripe's lock shared, writers exclusive; what a writer does
// between finding and storing (journal, owners) is the engine's business, so the stripe is handed
// out. The stripes' addresses never change.
#ifndef CLOAKROOM_LIB_TABLE_TABLE_H_
#define CLOAKROOM_LIB_TABLE_TABLE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "cloakroom/status.h"
#include "table/stripe.h"

namespace cloakroom {

inline constexpr std::size_t kStripeCountMax = 65536;
inline constexpr std::size_t kStripeCountDefault = 4096;

class Table {
 public:
  // REQUIRES: stripe_count is a power of two up to kStripeCountMax.
  Table(std::size_t stripe_count, std::uint64_t seed);

  [[nodiscard]] std::uint64_t hash(std::string_view key) const noexcept;
  [[nodiscard]] Stripe& stripe_of(std::uint64_t hash) noexcept {
    return stripes_[static_cast<std::size_t>(hash >> shift_) & mask_];
  }
  [[nodiscard]] std::span<Stripe> stripes() noexcept { return {stripes_.get(), mask_ + 1}; }
  void prefetch(std::uint64_t hash) noexcept { __builtin_prefetch(&stripe_of(hash)); }

  // Calls f on the record while it is alive at `now` and held still; false when there is none.
  template <class F>
  bool read(std::uint64_t hash, std::string_view key, TimeMs now, F&& f) {
    Stripe& stripe = stripe_of(hash);
    SpinReadLock guard(stripe.lock());
    const auto slot = stripe.find(tag_of(hash), key);
    if (!slot || !stripe.at(*slot).alive(now)) return false;
    f(stripe.at(*slot));
    return true;
  }

  // About `count` records alive at `now`, copied, from `cursor` on; `cursor` moves, to 0 at the end.
  // Within a stripe records come in the order of their tags, which growth does not change, so a
  // record that stays is met exactly once. kInvalidArgument for a cursor that is not one of ours.
  Status scan(std::uint64_t& cursor, std::size_t count, TimeMs now, std::vector<RecordPtr>& out);

  // Sums over all stripes, each exact in itself.
  [[nodiscard]] StripeCounts counts();

  // Bytes of records and slots in use, kept for the memory limit; see reserve().
  [[nodiscard]] std::uint64_t memory_bytes() const noexcept {
    return memory_bytes_.load(std::memory_order_relaxed);
  }
  // Takes `bytes` more if that stays within `limit`. The counter is right at every moment: what
  // is reserved is used or released before the stripe's lock is.
  [[nodiscard]] bool reserve(std::uint64_t bytes, std::uint64_t limit) noexcept;
  void take(std::uint64_t bytes) noexcept { memory_bytes_.fetch_add(bytes, kRelaxed); }
  void release(std::uint64_t bytes) noexcept { memory_bytes_.fetch_sub(bytes, kRelaxed); }

 private:
  static constexpr auto kRelaxed = std::memory_order_relaxed;

  // Constant after construction.
  const std::uint64_t seed_;
  const std::size_t mask_;
  const unsigned shift_;
  const std::unique_ptr<Stripe[]> stripes_;
  // Own synchronization.
  alignas(64) std::atomic<std::uint64_t> memory_bytes_{0};
};

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_TABLE_TABLE_H_
