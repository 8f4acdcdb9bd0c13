// Hash flooding: what it costs when somebody sends the keys that hurt the table most. Counted is
// what lookups look at, buckets and records with the key's tag, so that no clock is needed.
//
// What collides, for an attacker who knows the seed and the layout:
//   stripe   100,000 keys of one stripe: 12 bits of the hash, 4096 tries a key by brute force. The
//            stripe grows as a table of its own would; what is left to the attacker is that its
//            records have but 65,536 tags.
//   home     keys of one stripe and one tag, so with one home bucket, or with one hash altogether:
//            no tries at all, since XXH3 can be computed backwards (support/colliding_keys.h).
//            Their records form one chain, and an operation walks along it. Half of the homes are
//            enough for that, 8192 tries a key.
//
// Nothing in the table bounds a chain; what prevents it is that nobody outside the process knows
// the seed. So the keys of one home serve here to ask whether a seed that the attacker does not
// know undoes all of it.
#include <doctest/doctest.h>

#include <span>
#include <string>
#include <vector>

#include "support/colliding_keys.h"
#include "support/random_seed.h"
#include "table/table.h"

namespace cloakroom::testing {
namespace {

constexpr std::uint64_t kStripeMask = std::uint64_t{kStripeCountDefault - 1} << 48;
constexpr std::uint64_t kTagMask = std::uint64_t{0xffff} << 16;

using Keys = std::vector<std::string>;

// Different keys whose hashes under `seed` are random but for the bits of `mask`, which are those
// of `fixed`: twice `count`, of which the first half is to be held and the other to be missed.
Keys keys_with(std::uint64_t seed, std::uint64_t mask, std::uint64_t fixed, std::size_t count,
               Random& random) {
  const KeyForHash key_for_hash(seed);
  Keys keys;
  for (std::size_t i = 0; i < 2 * count; ++i) {
    keys.push_back(key_for_hash((random() & ~mask) | (fixed & mask)));
  }
  return keys;
}

std::span<const std::string> held(const Keys& keys) { return {keys.data(), keys.size() / 2}; }
std::span<const std::string> absent(const Keys& keys) {
  return std::span(keys).subspan(keys.size() / 2);
}

void fill(Table& table, const Keys& keys) {
  for (const std::string& key : held(keys)) {
    const std::uint64_t hash = table.hash(key);
    Stripe& stripe = table.stripe_of(hash);
    SpinLockGuard guard(stripe.lock());
    stripe.reserve_one();
    NewRecord record(table.slabs(), {.key = key, .version = 1});
    stripe.insert(tag_of(hash), record);
  }
}

// Means over keys.
struct Work {
  double buckets = 0;
  double records = 0;
  // Each is a line of memory that may have to be fetched.
  [[nodiscard]] double lines() const { return buckets + records; }
};

Work work_of(Table& table, std::span<const std::string> keys) {
  Work sum;
  for (const std::string& key : keys) {
    const std::uint64_t hash = table.hash(key);
    const Stripe& stripe = table.stripe_of(hash);
    SpinLockGuard guard(stripe.lock());
    const Stripe::Work one = stripe.lookup_work(tag_of(hash), key);
    sum.buckets += one.buckets;
    sum.records += one.records;
  }
  sum.buckets /= static_cast<double>(keys.size());
  sum.records /= static_cast<double>(keys.size());
  return sum;
}

struct TableWork {
  Work hits;
  Work misses;
};

TableWork work_in(Table& table, const Keys& keys) {
  fill(table, keys);
  return {.hits = work_of(table, held(keys)), .misses = work_of(table, absent(keys))};
}

TableWork work_under(std::uint64_t seed, const Keys& keys) {
  Table table(kStripeCountDefault, seed);
  return work_in(table, keys);
}

std::size_t stripes_in_use(Table& table) {
  std::size_t used = 0;
  for (Stripe& stripe : table.stripes()) {
    SpinLockGuard guard(stripe.lock());
    used += stripe.counts().records != 0 ? 1 : 0;
  }
  return used;
}

// Keys made for one seed, in a table with another, against random keys.
void check_harmless(std::uint64_t seed, const Keys& keys, const TableWork& random_keys) {
  Table table(kStripeCountDefault, seed);
  const TableWork work = work_in(table, keys);
  CHECK(stripes_in_use(table) == kStripeCountDefault);
  CHECK(work.hits.lines() <= 1.1 * random_keys.hits.lines());
  CHECK(work.misses.lines() <= 1.1 * random_keys.misses.lines());
}

constexpr std::size_t kKeys = 100'000;
// Enough to see that a chain is one; that of 100,000 takes minutes to build.
constexpr std::size_t kChained = 2000;

}  // namespace

TEST_CASE("flooding: 100,000 keys of one stripe cost a hit at most twice what random keys do") {
  CLOAKROOM_RANDOM_SEED(seed);
  Random random(seed);
  const std::uint64_t known = random();
  const TableWork usual = work_under(known, keys_with(known, 0, 0, kKeys, random));
  Table table(kStripeCountDefault, known);
  const TableWork flooded = work_in(table, keys_with(known, kStripeMask, random(), kKeys, random));
  REQUIRE(stripes_in_use(table) == 1);
  CHECK(flooded.hits.lines() <= 2 * usual.hits.lines());
  // A miss is more than twice as dear: three buckets instead of one, since the load of the one
  // large stripe is at its highest, and one and a half records whose tag happens to be the same.
  CHECK(flooded.misses.lines() <= 6);
}

TEST_CASE("flooding: keys that share a home under a known seed spread under any other") {
  CLOAKROOM_RANDOM_SEED(seed);
  Random random(seed);
  const std::uint64_t known = random();
  const std::uint64_t unknown = random();
  const TableWork usual = work_under(unknown, keys_with(unknown, 0, 0, kKeys, random));

  const std::uint64_t home = random();
  const auto of_one_home = [&](std::size_t count) {
    return keys_with(known, kStripeMask | kTagMask, home, count, random);
  };
  const auto of_one_hash = [&](std::size_t count) {
    Keys keys;
    while (keys.size() < 2 * count) keys.push_back(key_of_one_hash(known, random()));
    return keys;
  };
  // That they do collide: a hit looks at half of all records, a miss at all.
  for (const Keys& chain : {of_one_home(kChained), of_one_hash(kChained)}) {
    const TableWork work = work_under(known, chain);
    CHECK(work.hits.records == doctest::Approx(kChained / 2.0).epsilon(0.01));
    CHECK(work.misses.records == doctest::Approx(kChained));
  }
  check_harmless(unknown, of_one_home(kKeys), usual);
  check_harmless(unknown, of_one_hash(kKeys), usual);
}

}  // namespace cloakroom::testing
