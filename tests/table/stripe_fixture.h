// A stripe on its own, with what a table would give it. What is retired is freed at the end.
#ifndef CLOAKROOM_TESTS_TABLE_STRIPE_FIXTURE_H_
#define CLOAKROOM_TESTS_TABLE_STRIPE_FIXTURE_H_

#include <atomic>
#include <string>

#include "table/stripe.h"

namespace cloakroom::testing {

class StripeFixture {
 public:
  StripeFixture() { stripe.attach(context_, 0); }
  ~StripeFixture() {
    SpinLockGuard guard(stripe.lock());
    stripe.clear();
  }
  StripeFixture(const StripeFixture&) = delete;
  StripeFixture& operator=(const StripeFixture&) = delete;

  [[nodiscard]] NewRecord make(const std::string& key, TimeMs deadline) {
    return NewRecord(slabs, {.key = key, .value = key, .version = 1, .deadline = deadline});
  }
  void retire(Ref ref) { limbo_.retire({.ref = ref}); }
  void collect() {
    limbo_.collect();
    limbo_.collect();
  }
  [[nodiscard]] std::uint32_t earliest() const { return earliest_.load(); }

  Slabs slabs;

 private:
  Limbo limbo_{[this](const Retired& thing) {
    if (thing.memory != nullptr) {
      ::operator delete (thing.memory, std::align_val_t{alignof(Bucket)});
      return;
    }
    if (thing.what != Retired::What::kBuckets) {
      reinterpret_cast<Record*>(slabs.at(thing.ref))->destroy(thing.what == Retired::What::kRecord);
    }
    slabs.free(thing.ref);
  }};
  std::atomic<std::uint64_t> view_{0};
  std::atomic<std::uint32_t> earliest_{kHintNever};
  StripeContext context_{slabs, limbo_, &view_, &earliest_};

 public:
  Stripe stripe;
};

}  // namespace cloakroom::testing

#endif  // CLOAKROOM_TESTS_TABLE_STRIPE_FIXTURE_H_
