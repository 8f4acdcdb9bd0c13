// Hash flooding: keys that were chosen for one stripe, against as many random ones.
//
// The attacker knows the seed, tries keys and keeps those of one stripe: 4096 tries a key. The same
// keys in a table with another seed show what they are worth to somebody who does not know it. What
// keys of one home bucket would cost is counted by tests/table/flooding_test.cc: their chain is too
// long to be measured at this size.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "failure.h"
#include "interrupt.h"
#include "ticks.h"
#include "workloads.h"

namespace cloakroom::bench {
namespace {

constexpr std::uint64_t kSeed = 0x9d3c1f6a72b8e405;  // known to the attacker
constexpr std::uint64_t kOtherSeed = 0x51e7a9430c6fd28b;
constexpr std::uint64_t kStripes = 4096;  // by the top bits, in lib/table/table.h
constexpr std::uint64_t kPollMask = (std::uint64_t{1} << 24) - 1;

using FloodKey = std::array<char, 8>;

std::string_view view_of(const FloodKey& key) { return {key.data(), key.size()}; }

FloodKey key_of(std::uint64_t number) {
  const std::uint64_t mixed = mix(number);
  FloodKey key;
  std::memcpy(key.data(), &mixed, key.size());
  return key;
}

// Keys to be held and as many to be missed, both alike.
struct Keys {
  std::vector<FloodKey> held;
  std::vector<FloodKey> absent;
};

template <class Accept>
Keys pick_keys(std::uint64_t count, Accept accept) {
  Keys keys;
  for (std::uint64_t number = 0; keys.absent.size() < count; ++number) {
    if ((number & kPollMask) == 0) stop_if_interrupted();
    const FloodKey key = key_of(number);
    if (!accept(key)) continue;
    (keys.held.size() < count ? keys.held : keys.absent).push_back(key);
  }
  return keys;
}

Keys keys_of_one_stripe(std::uint64_t count) {
  return pick_keys(count, [](const FloodKey& key) {
    return ((hash64(view_of(key), kSeed) >> 48) & (kStripes - 1)) == 0;
  });
}

void shuffle(std::vector<FloodKey>& keys, std::uint64_t seed) {
  Random random(seed);
  for (std::size_t i = keys.size(); i > 1; --i) std::swap(keys[i - 1], keys[random.below(i)]);
}

// Nanoseconds a key that operation(key, number) takes. Failure when it answers false.
template <class F>
double time_each(const std::vector<FloodKey>& keys, F operation) {
  std::size_t wrong = 0;
  std::size_t number = 0;
  const std::uint64_t began = monotonic_ns();
  for (const FloodKey& key : keys) wrong += operation(view_of(key), number++) ? 0U : 1U;
  const std::uint64_t took = monotonic_ns() - began;
  if (wrong != 0) throw Failure("flood: a record was not found, or one that is not there was");
  return static_cast<double>(took) / static_cast<double>(keys.size());
}

// A whole life of a table, in the order of the rows.
void live(Lane& lane, Keys keys, const Dataset& dataset, std::string_view who, std::uint64_t seed,
          Section& section) {
  std::string value;
  const auto add = [&](std::string_view measure, const std::vector<FloodKey>& asked, auto f) {
    section.add(measure, who, time_each(asked, f));
  };
  const auto put = [&](std::string_view key, std::size_t number) {
    lane.put(key, dataset.value(number));
    return true;
  };
  add("create", keys.held, put);
  shuffle(keys.held, seed);
  add("get", keys.held,
      [&](std::string_view key, std::size_t) { return lane.get_into(key, value); });
  add("miss", keys.absent,
      [&](std::string_view key, std::size_t) { return !lane.get_into(key, value); });
  add("put, same size", keys.held, put);
  add("touch", keys.held, [&](std::string_view key, std::size_t) { return lane.touch(key); });
  add("erase + create", keys.held, [&](std::string_view key, std::size_t number) {
    return lane.erase(key) && put(key, number);
  });
  add("erase", keys.held, [&](std::string_view key, std::size_t) { return lane.erase(key); });
}

}  // namespace

void run_flood(const Bench& bench) {
  const Dataset dataset(bench.sessions(kSessionsSmall), bench.options.value_bytes);
  bench.report.progress("flood: looking for keys of one stripe");
  const Keys random = pick_keys(dataset.sessions(), [](const FloodKey&) { return true; });
  const Keys chosen = keys_of_one_stripe(dataset.sessions());
  struct Rival {
    std::string_view name;
    std::uint64_t seed;
    const Keys& keys;
  };
  const Rival rivals[] = {
      {"random", kSeed, random}, {"one stripe", kSeed, chosen}, {"other seed", kOtherSeed, chosen}};
  Section section(
      "flood",
      fmt::format("flood: keys chosen for one stripe of a table, by one who knows its seed; {}",
                  circumstances(bench, dataset)),
      "ns/op", rivals[0].name);
  for (unsigned round = 0; round < bench.options.rounds; ++round) {
    bench.report.progress(fmt::format("flood: round {} of {}", round + 1, bench.options.rounds));
    for (const Rival& rival : rivals) {
      const auto table = make_table(rival.seed);
      live(*table->lane(), rival.keys, dataset, rival.name, round + 1, section);
    }
  }
  bench.report.add(section);
}

}  // namespace cloakroom::bench
