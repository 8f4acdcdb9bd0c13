// Random histories of several threads on a Store, each judged: is there an order in which a store
// that does one thing at a time would have answered all the same? Memory-only stores, so that
// ThreadSanitizer can look on. CLOAKROOM_HISTORIES=100000 judges that many.
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>

#include "support/random_history.h"
#include "support/random_seed.h"
#include "support/store_fixture.h"
#include "support/yield_points.h"

namespace cloakroom::testing {
namespace {

std::uint64_t histories_wanted() {
  const char* const given = std::getenv("CLOAKROOM_HISTORIES");
  if (given != nullptr && *given != '\0') return std::strtoull(given, nullptr, 0);
  return kThreadSanitizer ? 400 : 2000;  // some seconds
}

// Creates and removes other keys, up to `span` of them and back to none, again and again: the slots
// grow and shrink, and the records of the history are moved about. Some go by erase, some expire.
class Crowd {
 public:
  Crowd(Store& store, std::uint64_t span) : store_(store), span_(span) {}

  void run(const std::atomic<bool>& done) {
    while (!done.load(std::memory_order_relaxed)) {
      one();
      // Not to keep the processor that a thread of the history has just given away.
      if (steps_ % 8 == 0) std::this_thread::yield();
    }
  }
  [[nodiscard]] std::uint64_t turns() const { return turns_; }

 private:
  void one() {
    const std::string key = text("crowd", size_);
    if (rising_) {
      const Millis ttl = size_ % 3 == 0 ? Millis(50) : kNoExpiry;
      (void)store_.put(key, "v", {.ttl = ttl}).ok();
      rising_ = ++size_ < span_;
    } else {
      (void)store_.erase(key).ok();
      rising_ = --size_ == 0;
      if (rising_) ++turns_;
    }
    if (++steps_ % (span_ / 8) == 0) store_.sweep();
  }

  Store& store_;
  const std::uint64_t span_;
  std::uint64_t size_ = 0;
  bool rising_ = true;
  std::uint64_t turns_ = 0;  // how often it came back to none
  std::uint64_t steps_ = 0;
};

struct Totals {
  std::uint64_t histories = 0;
  double concurrency = 0;        // summed over the histories
  std::uint64_t keys = 0;        // summed over the histories
  std::uint64_t operations = 0;  // summed over those
  double on_key = 0;             // concurrency summed over those

  void add(const Operations& history, const HistoryPlan& plan) {
    ++histories;
    concurrency += mean_concurrency(history);
    for (std::uint32_t key = 0; key < plan.keys; ++key) {
      const Operations operations = operations_on(key, history);
      this->operations += operations.size();
      on_key += mean_concurrency(operations);
      ++keys;
    }
  }
  [[nodiscard]] double mean() const { return concurrency / static_cast<double>(histories); }
  [[nodiscard]] double mean_on_key() const { return on_key / static_cast<double>(keys); }
};

struct Setting {
  std::size_t stripes;
  std::uint64_t crowd;
};

// In one stripe a crowd of 300 already grows it ten times over; among the default's 4096 it takes
// many more for some to be beside the history's keys.
constexpr Setting kSettings[] = {{1, 300}, {4, 1000}, {0, 12000}};

// A seed decides what is asked, not how it interleaves: who repeats one wants it many times over.
void judge_histories(const Setting& setting, std::uint64_t seed, std::uint64_t count,
                     Totals& totals) {
  const bool repeat = seed_of_environment().has_value();
  ManualClock clock;
  const YieldingClock yielding(clock);
  Options options = quiet_options(yielding);
  options.stripe_count = setting.stripes;
  Store store = open_store(options);
  StoreShim shim(store);
  Crowd crowd(store, setting.crowd);
  for (std::uint64_t i = 0; i < count; ++i) {
    const HistoryPlan plan = HistoryPlan::random(repeat ? seed : seed + i);
    const Operations history =
        run_history(shim, clock, plan, [&](const std::atomic<bool>& done) { crowd.run(done); });
    const std::string complaint = complaint_about(history, plan);
    REQUIRE_MESSAGE(complaint.empty(), complaint);
    totals.add(history, plan);
  }
  MESSAGE("stripes " << setting.stripes << ": the crowd came and went " << crowd.turns()
                     << " times");
}

// The history as a process leaves it that is killed at `end`, and whose answers were lost now and
// then before: the operations that nobody heard of are open.
Operations cut_off(const Operations& history, Stamp end, Random& random) {
  Operations left;
  for (Operation operation : history) {
    if (operation.invoked > end) continue;
    if (operation.returned > end || one_in(random, 25)) operation.returned = kNeverReturned;
    left.push_back(operation);
  }
  return left;
}

}  // namespace

TEST_CASE("linearizable: histories of few keys while their stripes grow and shrink") {
  CLOAKROOM_RANDOM_SEED(seed);
  const std::uint64_t wanted = histories_wanted();
  Totals totals;
  const auto began = std::chrono::steady_clock::now();
  for (const Setting& setting : kSettings) {
    judge_histories(setting, seed, wanted / std::size(kSettings), totals);
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  MESSAGE(totals.histories << " histories of " << totals.operations / totals.keys
                           << " operations a key, "
                           << static_cast<double>(totals.histories) / took.count()
                           << " a second; mean concurrency " << totals.mean() << ", on a key "
                           << totals.mean_on_key());
  if (seed_of_environment()) return;  // one history's plan need not be typical
  CHECK(totals.mean() > 1.5);
  CHECK(totals.mean_on_key() > 1.5);
}

TEST_CASE("linearizable: histories stay so when answers are lost") {
  CLOAKROOM_RANDOM_SEED(seed);
  Random random(seed);
  ManualClock clock;
  const YieldingClock yielding(clock);
  Store store = open_store(quiet_options(yielding));
  StoreShim shim(store);
  std::uint64_t open = 0;
  for (std::uint64_t i = 0; i < 200; ++i) {
    const HistoryPlan plan = HistoryPlan::random(seed + i);
    const Operations history = run_history(shim, clock, plan);
    const Stamp end = 1 + below(random, 2 * history.size());
    const Operations left = cut_off(history, end, random);
    const std::string complaint = complaint_about(left, plan);
    REQUIRE_MESSAGE(complaint.empty(), complaint);
    for (const Operation& operation : left) open += operation.is_open() ? 1 : 0;
  }
  MESSAGE(open << " operations were open");
  CHECK(open > 200);
}

}  // namespace cloakroom::testing
