#include "table/stripe.h"

#include <doctest/doctest.h>

#include <map>
#include <random>
#include <string>

#include "support/random_seed.h"
#include "table/stripe_fixture.h"

using namespace cloakroom;
using cloakroom::testing::StripeFixture;

namespace {

// Few tags, so that buckets overflow and wrap around.
std::uint16_t tag_for(const std::string& key, unsigned spread) {
  const std::size_t tag = std::hash<std::string>()(key) % spread * (65536 / spread);
  return static_cast<std::uint16_t>(tag == 0 ? 65535 : tag);
}

// Invariants 1, 2 and 4 of stripe.h, seen from outside.
void check_stripe(Stripe& stripe, const std::map<std::string, TimeMs>& model, unsigned spread)
    REQUIRES(stripe.lock()) {
  std::uint64_t bytes = 0;
  for (const auto& [key, deadline] : model) {
    const auto slot = stripe.find(tag_for(key, spread), key);
    REQUIRE(slot);
    REQUIRE(stripe.at(*slot).deadline() == deadline);
    bytes += allocation_bytes(stripe.at(*slot));
  }
  const StripeCounts counts = stripe.counts();
  REQUIRE(counts.records == model.size());
  REQUIRE(counts.record_bytes == bytes);
}

}  // namespace

TEST_CASE("stripe: random inserts, replacements, removals and touches match a map") {
  CLOAKROOM_RANDOM_SEED(seed);
  std::mt19937_64 random(seed);
  for (const unsigned spread : {1U, 7U, 64U, 4096U}) {
    StripeFixture fixture;
    Stripe& stripe = fixture.stripe;
    SpinLockGuard guard(stripe.lock());
    std::map<std::string, TimeMs> model;
    for (int step = 0; step < 4000; ++step) {
      const std::string key = std::to_string(random() % 200);
      const TimeMs deadline = static_cast<TimeMs>(random() % 100'000);
      const auto slot = stripe.find(tag_for(key, spread), key);
      REQUIRE(slot.has_value() == model.contains(key));
      switch (random() % 4) {
        case 0:
        case 1: {
          NewRecord record = fixture.make(key, deadline);
          if (slot) {
            fixture.retire(stripe.replace(*slot, record));
          } else {
            const std::size_t before = stripe.counts().slot_bytes;
            const std::size_t growth = stripe.growth_bytes();
            stripe.reserve_one();
            REQUIRE(stripe.counts().slot_bytes == before + growth);
            stripe.insert(tag_for(key, spread), record);
          }
          model[key] = deadline;
          break;
        }
        case 2:
          if (!slot) break;
          stripe.set_deadline(*slot, deadline, 0);
          model[key] = deadline;
          break;
        default:
          if (!slot) break;
          fixture.retire(stripe.remove(*slot));
          stripe.shrink();
          model.erase(key);
      }
      if (step % 100 == 0) check_stripe(stripe, model, spread);
    }
    check_stripe(stripe, model, spread);
  }
}

TEST_CASE("stripe: no record is due later than it dies") {
  CLOAKROOM_RANDOM_SEED(seed);
  std::mt19937_64 random(seed);
  StripeFixture fixture;
  Stripe& stripe = fixture.stripe;
  SpinLockGuard guard(stripe.lock());
  std::map<std::string, TimeMs> model;
  for (int i = 0; i < 300; ++i) {
    const std::string key = std::to_string(i);
    model[key] = 1000 + static_cast<TimeMs>(random() % 60'000);
    stripe.reserve_one();
    NewRecord record = fixture.make(key, model[key]);
    stripe.insert(tag_for(key, 4096), record);
  }
  for (auto& [key, deadline] : model) {
    deadline = 1000 + static_cast<TimeMs>(random() % 60'000);
    stripe.set_deadline(*stripe.find(tag_for(key, 4096), key), deadline, 0);
  }
  const TimeMs now = 30'000;
  std::size_t dead = 0;
  std::size_t seen = 0;
  for (const auto& [key, deadline] : model) dead += deadline < now ? 1U : 0U;
  for (std::uint32_t from = 0;;) {
    const auto bucket = stripe.next_due(from, hint_of(now));
    if (!bucket) break;
    stripe.for_each_in(
        *bucket, [&](Stripe::Slot, const Record& record) { seen += record.alive(now) ? 0U : 1U; });
    stripe.rehint(*bucket);
    from = *bucket + 1;
  }
  stripe.rehint_stripe();
  CHECK(seen == dead);
  CHECK(fixture.earliest() <= hint_of(now));
  CHECK(fixture.earliest() > 0);
}

TEST_CASE("stripe: an emptied stripe gives its memory back") {
  StripeFixture fixture;
  Stripe& stripe = fixture.stripe;
  SpinLockGuard guard(stripe.lock());
  for (int i = 0; i < 100; ++i) {
    stripe.reserve_one();
    NewRecord record = fixture.make(std::to_string(i), kNever);
    stripe.insert(tag_for(std::to_string(i), 64), record);
  }
  for (int i = 0; i < 100; ++i) {
    fixture.retire(stripe.remove(*stripe.find(tag_for(std::to_string(i), 64), std::to_string(i))));
    stripe.shrink();
  }
  CHECK(stripe.counts().slot_bytes == 0);
  CHECK(stripe.counts().record_bytes == 0);
  CHECK_FALSE(stripe.find(1, "x"));
  fixture.collect();
  CHECK(fixture.slabs.used_bytes() == 0);
}

TEST_CASE("stripe: hints round down and never is never") {
  CHECK(hint_of(1999) == 1);
  CHECK(hint_of(kNever) == kHintNever);
  CHECK(hint_of(kNever - 1) == kHintNever - 1);
  CHECK(hint_of(-5) == 0);
}
