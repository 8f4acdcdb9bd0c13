// After most records have gone, what is left is moved together and the memory goes back.
#include <doctest/doctest.h>

#include <atomic>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "support/random_seed.h"
#include "table/table.h"

using namespace cloakroom;

namespace {

constexpr std::size_t kRecords = 60'000;
constexpr TimeMs kDeadline = 1'800'000'000'000;

std::string key_of(std::size_t i) { return "key-" + std::to_string(i); }
std::string value_of(std::size_t i) { return std::string(300 + i % 100, 'v') + key_of(i); }

auto at(TimeMs time) {
  return [time] { return time; };
}

void fill(Table& table) {
  for (std::size_t i = 0; i < kRecords; ++i) {
    const std::string key = key_of(i);
    const std::string value = value_of(i);
    NewRecord record(table.slabs(),
                     {.key = key, .value = value, .version = i + 1, .deadline = kDeadline});
    const std::uint64_t hash = table.hash(key);
    Stripe& stripe = table.stripe_of(hash);
    SpinLockGuard guard(stripe.lock());
    stripe.reserve_one();
    stripe.insert(tag_of(hash), record);
  }
}

void erase(Table& table, const std::string& key) {
  const std::uint64_t hash = table.hash(key);
  Ref retired = 0;
  {
    Stripe& stripe = table.stripe_of(hash);
    SpinLockGuard guard(stripe.lock());
    const auto slot = stripe.find(tag_of(hash), key);
    REQUIRE(slot);
    retired = stripe.remove(*slot);
    stripe.shrink();
  }
  table.retire(retired);
}

bool holds(Table& table, std::size_t i) {
  const std::string key = key_of(i);
  bool right = false;
  const bool found = table.read(table.hash(key), key, at(0), [&](const RecordView& view) {
    right = view.value == value_of(i) && view.deadline >= kDeadline && view.version == i + 1;
  });
  return found && right;
}

// Erases nine of ten; returns those that stay.
std::vector<std::size_t> thin_out(Table& table, std::mt19937_64& random) {
  std::vector<std::size_t> kept;
  for (std::size_t i = 0; i < kRecords; ++i) {
    if (random() % 10 == 0) {
      kept.push_back(i);
    } else {
      erase(table, key_of(i));
    }
  }
  return kept;
}

// As the upkeep does it, sweep after sweep.
void gather_all(Table& table) {
  for (int pass = 0; pass < 50; ++pass) {
    table.collect();
    table.collect();
    while (table.gather(64)) {
    }
  }
}

}  // namespace

TEST_CASE("gather: after a mass erase the memory falls to what the rest needs") {
  CLOAKROOM_RANDOM_SEED(seed);
  std::mt19937_64 random(seed);
  Table table(256, seed);
  fill(table);
  const std::size_t before = table.slabs().mapped_bytes();
  const auto kept = thin_out(table, random);
  table.collect();
  table.collect();
  CHECK(table.slabs().mapped_bytes() > before / 2);  // what stays lies scattered
  gather_all(table);
  const std::size_t used = table.slabs().used_bytes();
  CHECK(table.slabs().mapped_bytes() <= used + used / 4 + 2 * Slabs::kChunkBytes);
  CHECK(table.slabs().closed_chunks() == 0);
  for (const std::size_t i : kept) REQUIRE(holds(table, i));
  const StripeCounts counts = table.counts();
  CHECK(counts.records == kept.size());
  CHECK(counts.record_bytes + counts.slot_bytes <= used);
}

TEST_CASE("gather: readers miss nothing and touches are not lost while records move") {
  CLOAKROOM_RANDOM_SEED(seed);
  std::mt19937_64 random(seed);
  Table table(64, seed);
  fill(table);
  const auto kept = thin_out(table, random);
  std::atomic<bool> done{false};
  std::atomic<std::size_t> missed{0};
  std::thread reader([&] {
    while (!done.load()) {
      for (const std::size_t i : kept) missed += holds(table, i) ? 0U : 1U;
    }
  });
  std::atomic<std::size_t> touches{0};
  std::thread toucher([&] {
    for (TimeMs turn = 1; !done.load() || turn < 3; ++turn) {
      for (const std::size_t i : kept) {
        const std::string key = key_of(i);
        const auto touched = table.extend(
            table.hash(key), key, at(0),
            [&](const Record&, const ClockWord& clock, TimeMs) -> std::optional<Table::Extension> {
              return Table::Extension{clock.deadline + 1, 0};
            });
        // A record that moves at this moment is held; who wants it takes the lock.
        if (touched) ++touches;
      }
    }
  });
  gather_all(table);
  done.store(true);
  reader.join();
  toucher.join();
  CHECK(missed == 0);
  std::size_t moved_on = 0;
  for (const std::size_t i : kept) {
    const std::string key = key_of(i);
    table.read(table.hash(key), key, at(0), [&](const RecordView& view) {
      moved_on += static_cast<std::size_t>(view.deadline - kDeadline);
    });
  }
  CHECK(moved_on == touches);
}
