// What a write under a stripe's lock is made of.
#ifndef CLOAKROOM_LIB_STORE_WRITE_PARTS_H_
#define CLOAKROOM_LIB_STORE_WRITE_PARTS_H_

#include <cstdint>
#include <new>
#include <string_view>

#include "index/owners.h"
#include "table/table.h"

namespace cloakroom {

// Keeps the table's byte count right over one change of a stripe: what was reserved before is given
// back, what the stripe really grew or shrank by is taken. REQUIRES: the stripe's lock, throughout.
class Accounting {
 public:
  Accounting(Table& table, Stripe& stripe, std::uint64_t reserved)
      : table_(table), stripe_(stripe), before_(bytes()), reserved_(reserved) {}
  ~Accounting() {
    const std::uint64_t after = bytes();
    if (after > before_ + reserved_) {
      table_.memory().take(after - before_ - reserved_);
    } else if (after < before_ + reserved_) {
      table_.memory().release(before_ + reserved_ - after);
    }
  }
  Accounting(const Accounting&) = delete;
  Accounting& operator=(const Accounting&) = delete;

 private:
  [[nodiscard]] std::uint64_t bytes() const NO_THREAD_SAFETY_ANALYSIS {
    const StripeCounts counts = stripe_.counts();
    return counts.record_bytes + counts.slot_bytes;
  }

  Table& table_;
  Stripe& stripe_;
  const std::uint64_t before_;
  const std::uint64_t reserved_;
};

// An owner entry that goes again unless the write it belongs to happens.
class PendingOwner {
 public:
  PendingOwner(Owners& owners, std::string_view owner, std::uint64_t hash)
      : owners_(owners), owner_(owner), hash_(hash) {
    owners_.add(owner_, hash_);
  }
  ~PendingOwner() {
    if (!kept_) owners_.remove(owner_, hash_);
  }
  PendingOwner(const PendingOwner&) = delete;
  PendingOwner& operator=(const PendingOwner&) = delete;
  void keep() noexcept { kept_ = true; }

 private:
  Owners& owners_;
  const std::string_view owner_;
  const std::uint64_t hash_;
  bool kept_ = false;
};

inline void try_shrink(Stripe& stripe) noexcept REQUIRES(stripe.lock()) {
  try {
    stripe.shrink();
  } catch (const std::bad_alloc&) {
    // It stays as large as it is, until the next removal.
  }
}

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_STORE_WRITE_PARTS_H_
