// Several threads over few keys. Each test has an invariant that a race would break; memory-only
// stores, so that ThreadSanitizer judges Cloakroom and nothing else.
#include <atomic>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "support/manual_clock.h"
#include "support/random_seed.h"
#include "support/store_fixture.h"

namespace cloakroom::testing {
namespace {

// Threads must not use doctest's assertions in a hot loop (each takes a lock and would hide races
// by ordering the threads): they count what is wrong, and the test checks the counts.
void in_parallel(std::uint64_t threads, const std::function<void(std::uint64_t)>& f) {
  std::vector<std::thread> running;
  for (std::uint64_t t = 0; t < threads; ++t) running.emplace_back([&f, t] { f(t); });
  for (std::thread& thread : running) thread.join();
}

constexpr std::uint64_t kThreads = 4;

// A value whose every byte follows from its first: a mixture of two values shows.
std::string uniform_value(Random& random) {
  return std::string(1 + below(random, 300), static_cast<char>('a' + below(random, 26)));
}
bool is_uniform(std::string_view value) {
  return !value.empty() && value.find_first_not_of(value[0]) == std::string_view::npos;
}

}  // namespace

TEST_CASE("concurrency: no update is lost") {
  ManualClock clock;
  Store store = memory_store(clock);
  constexpr std::uint64_t kEach = 3000;
  std::atomic<int> wrong{0};
  in_parallel(kThreads, [&](std::uint64_t t) {
    Random random(t);
    for (std::uint64_t i = 0; i < kEach; ++i) {
      const auto count = [](const RecordView*, std::string& value) {
        value = std::to_string(value.empty() ? 1 : std::stoull(value) + 1);
        return UpdateAction::kStore;
      };
      if (!store.update(text("k", below(random, 3)), count)) ++wrong;
      if (!store.increment_field("fields", text("n", below(random, 3)), 1)) ++wrong;
    }
  });
  CHECK(wrong == 0);
  std::uint64_t updates = 0;
  std::int64_t increments = 0;
  for (std::uint64_t i = 0; i < 3; ++i) {
    updates += std::stoull(*store.get(text("k", i)));
    increments += std::stoll(*store.get_field("fields", text("n", i)));
  }
  CHECK(updates == kThreads * kEach);
  CHECK(increments == static_cast<std::int64_t>(kThreads * kEach));
}

TEST_CASE("concurrency: of all who ask for a version exactly one wins") {
  ManualClock clock;
  Store store = memory_store(clock);
  constexpr std::uint64_t kRounds = 2000;
  std::vector<std::atomic<int>> winners(kRounds);
  std::atomic<int> wrong{0};
  in_parallel(kThreads, [&](std::uint64_t t) {
    for (std::uint64_t round = 0; round < kRounds; ++round) {
      const auto put = store.put(text("k", round), text("t", t), {.if_version = 0});
      if (put) ++winners[round];
      if (!put && put.code() != StatusCode::kConflict) ++wrong;
    }
  });
  CHECK(wrong == 0);
  for (std::uint64_t round = 0; round < kRounds; ++round) REQUIRE(winners[round] == 1);
  // The same as a chain on one key: every success replaces exactly what it read.
  REQUIRE_OK(store.put("chain", "0"));
  std::atomic<std::uint64_t> successes{0};
  in_parallel(kThreads, [&](std::uint64_t) {
    std::string value;
    for (std::uint64_t i = 0; i < kRounds; ++i) {
      const auto version = store.get("chain", value);
      if (!version) ++wrong;
      const std::string next = std::to_string(std::stoull(value) + 1);
      if (store.put("chain", next, {.if_version = *version})) ++successes;
    }
  });
  CHECK(wrong == 0);
  CHECK(std::stoull(*store.get("chain")) == successes);
  CHECK(successes > 0);
}

TEST_CASE("concurrency: an erased key is not revived by touches or conditional writes") {
  ManualClock clock;
  Store store = memory_store(clock);
  constexpr std::uint64_t kRounds = 3000;
  std::atomic<std::uint64_t> erased_up_to{0};  // rounds below this: created, then erased
  std::atomic<bool> stop{false};
  std::atomic<int> revived{0};
  in_parallel(kThreads, [&](std::uint64_t t) {
    if (t == 0) {
      for (std::uint64_t round = 0; round < kRounds; ++round) {
        const std::string key = text("k", round % 64) + text(".", round);
        const auto version = store.put(key, "v");
        if (!version || !store.erase(key)) ++revived;
        erased_up_to.store(round + 1);
      }
      stop.store(true);
      return;
    }
    Random random(t);
    while (!stop.load()) {
      const std::uint64_t gone = erased_up_to.load();
      // Around the border: some keys are there, some are just being erased, some are gone.
      const std::uint64_t back = below(random, 8);
      if (gone + 2 < back) continue;
      const std::uint64_t round = gone + 2 - back;
      const std::string key = text("k", round % 64) + text(".", round);
      (void)store.touch(key, 1h).ok();
      (void)store.update(key, [](const RecordView* current, std::string& value) {
        value = "u";
        return current == nullptr ? UpdateAction::kLeave : UpdateAction::kStore;
      }).ok();
      if (round < gone && store.get(key)) ++revived;
    }
  });
  CHECK(revived == 0);
  CHECK(store.stats().records == 0);
  CHECK(contents_of(store).empty());
}

TEST_CASE("concurrency: readers see whole values with their own owner and version") {
  ManualClock clock;
  Store store = memory_store(clock);
  for (std::uint64_t k = 0; k < 4; ++k) REQUIRE_OK(store.put(text("k", k), "a", {.owner = "a"}));
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::atomic<std::uint64_t> reads{0};
  const auto consistent = [](const RecordView& view) {
    return is_uniform(view.value) && view.owner == view.value.substr(0, 1) && view.created > 0;
  };
  in_parallel(kThreads, [&](std::uint64_t t) {
    Random random(t);
    if (t < 2) {
      for (int i = 0; i < 10000; ++i) {
        const std::string value = uniform_value(random);
        const std::string_view owner = std::string_view(value).substr(0, 1);
        if (!store.put(text("k", below(random, 4)), value, {.owner = owner})) ++wrong;
      }
      stop.store(true);
      return;
    }
    const std::vector<std::string> keys{"k0", "k1", "k2", "k3"};
    const std::vector<std::string_view> views(keys.begin(), keys.end());
    std::map<std::string, Version> last;
    std::string copy;
    do {
      const std::string& key = keys[below(random, 4)];
      const auto visited = store.visit(key, [&](const RecordView& view) {
        if (!consistent(view) || view.version < last[key]) ++wrong;
        last[key] = view.version;
      });
      if (!visited || *visited != last[key]) ++wrong;
      const auto got = store.get(key, copy);
      if (!got || *got < last[key] || !is_uniform(copy)) ++wrong;
      store.prefetch(views);
      const auto many = store.visit_many(views, [&](std::size_t, const RecordView& view) {
        if (!consistent(view)) ++wrong;
      });
      if (!many || *many != 4) ++wrong;
      reads.fetch_add(6);
    } while (!stop.load());
  });
  CHECK(wrong == 0);
  CHECK(reads.load() > 0);
}

TEST_CASE("concurrency: the owner index equals a full scan when all is done") {
  ManualClock clock;
  Store store = memory_store(clock);
  std::atomic<int> wrong{0};
  in_parallel(kThreads, [&](std::uint64_t t) {
    Random random(t + 1);
    for (int i = 0; i < 8000; ++i) {
      const std::string key = text("k", below(random, 40));
      const std::string owner = text("owner", below(random, 5));
      switch (below(random, 8)) {
        case 0:
          (void)store.erase(key).ok();
          break;
        case 1:
          if (one_in(random, 20) && !store.erase_owned(owner, key)) ++wrong;
          break;
        case 2: {
          const auto owned = store.owned_by(owner);
          if (!owned || owned->size() > 40) ++wrong;
          break;
        }
        case 3:
          if (!store.put(key, "v", {.owner = ""})) ++wrong;
          break;
        default:
          if (!store.put(key, "v", {.ttl = Millis(1 + below(random, 50)), .owner = owner})) ++wrong;
      }
      if (t == 0 && i % 50 == 0) {
        clock.advance(7ms);
        store.sweep();
      }
    }
  });
  CHECK(wrong == 0);
  store.sweep();
  std::map<std::string, std::set<std::string>> by_scan;
  for (const auto& [key, record] : contents_of(store)) by_scan[record.owner].insert(key);
  std::uint64_t owned_records = 0;
  for (std::uint64_t o = 0; o < 5; ++o) {
    const std::string owner = text("owner", o);
    std::set<std::string> by_index;
    const auto owned = store.owned_by(owner);
    REQUIRE_OK(owned);
    for (const OwnedRecord& record : *owned) by_index.insert(record.key);
    CHECK(by_index == by_scan[owner]);
    owned_records += by_index.size();
  }
  CHECK(store.stats().owned_records == owned_records);
}

TEST_CASE("concurrency: memory accounting is exact after a storm") {
  ManualClock clock;
  Options options = quiet_options(clock);
  options.memory_limit_bytes = 300'000;
  Store store = open_store(options);
  const std::uint64_t baseline = store.stats().memory_bytes;
  std::atomic<int> wrong{0};
  in_parallel(kThreads, [&](std::uint64_t t) {
    Random random(t + 10);
    for (int i = 0; i < 10000; ++i) {
      const std::string key = text("k", below(random, 800));
      const auto put = store.put(key, std::string(below(random, 1500), 'v'),
                                 {.ttl = Millis(1 + below(random, 400)), .owner = text("o", t)});
      if (!put && put.code() != StatusCode::kFull) ++wrong;
      if (one_in(random, 3)) (void)store.erase(text("k", below(random, 800))).ok();
      if (one_in(random, 200)) {
        clock.advance(20ms);
        store.sweep();
      }
      // What a thread is being refused counts for a moment: one record each.
      if (one_in(random, 100) && store.stats().memory_bytes > 300'000 + kThreads * 2000) ++wrong;
    }
  });
  CHECK(wrong == 0);
  CHECK(store.stats().refused_full > 0);
  for (std::uint64_t i = 0; i < 800; ++i) (void)store.erase(text("k", i)).ok();
  clock.advance(1s);
  store.sweep();
  CHECK(store.stats().records == 0);
  CHECK(store.stats().owners == 0);
  CHECK(store.stats().memory_bytes == baseline);
}

TEST_CASE("concurrency: versions are unique and each key's history is in order") {
  ManualClock clock;
  Store store = memory_store(clock);
  std::vector<std::vector<Version>> given(kThreads);
  std::atomic<int> wrong{0};
  in_parallel(kThreads, [&](std::uint64_t t) {
    for (std::uint64_t i = 0; i < 5000; ++i) {
      const auto version = store.put(text("k", i % 7), "v");
      if (!version || (!given[t].empty() && *version <= given[t].back())) ++wrong;
      if (version) given[t].push_back(*version);
    }
  });
  CHECK(wrong == 0);
  std::set<Version> all;
  for (const auto& mine : given) all.insert(mine.begin(), mine.end());
  CHECK(all.size() == kThreads * 5000);
}

TEST_CASE("concurrency: background threads, subscribers and writers end in good order") {
  for (int round = 0; round < 5; ++round) {
    Options options;
    options.stripe_count = 16;
    options.memory_limit_bytes = std::size_t{64} << 20;
    Store store = open_store(options);
    std::atomic<std::uint64_t> told{0};
    std::atomic<std::uint64_t> dropped{0};
    std::atomic<int> wrong{0};
    auto subscription = store.subscribe([&](const Event& event) {
      if (event.type == EventType::kOverflow) {
        dropped += event.dropped;
      } else {
        ++told;
      }
      (void)store.get(event.key).ok();
    });
    in_parallel(kThreads, [&](std::uint64_t t) {
      Random random(t);
      for (int i = 0; i < 2000; ++i) {
        const std::string key = text("k", below(random, 50));
        if (!store.put(key, "v", {.ttl = Millis(1 + below(random, 20))})) ++wrong;
        if (one_in(random, 3)) (void)store.touch(key, Millis(5)).ok();
        if (one_in(random, 100)) {
          const auto brief = store.subscribe([&](const Event&) {});
          (void)store.stats();
        }
      }
    });
    CHECK(wrong == 0);
    while (told == 0) std::this_thread::yield();  // the dispatcher owes us at least one
    subscription.cancel();
    const std::uint64_t at_the_end = told;
    (void)store.put("after", "v").ok();
    CHECK_OK(store.close());
    CHECK(told == at_the_end);
  }
}

}  // namespace cloakroom::testing
