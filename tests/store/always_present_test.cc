// A key that is present all the time is never missed, whatever comes and goes around it: its stripe
// grows, shrinks, moves records and is swept while it is read in every way there is.
#include <algorithm>
#include <array>
#include <atomic>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "support/manual_clock.h"
#include "support/random_seed.h"
#include "support/store_fixture.h"
#include "support/yield_points.h"

namespace cloakroom::testing {
namespace {

constexpr std::uint64_t kStaying = 24;  // keys that are always present
constexpr std::uint64_t kReadsMin = 5000;

struct Counts {
  std::atomic<std::uint64_t> reads{0};
  std::atomic<std::uint64_t> missed{0};
  std::atomic<std::uint64_t> wrong{0};  // a call that failed, or another record than asked for
};

// The keys that stay, and everybody who reads, moves and crowds them.
class Crowding {
 public:
  Crowding(std::size_t stripes, std::uint64_t crowd) : crowd_(crowd) {
    Options options = quiet_options(yielding_);
    options.stripe_count = stripes;
    store_.emplace(open_store(std::move(options)));
    for (std::uint64_t i = 0; i < kStaying; ++i) {
      keys_.push_back(text("stays", i));
      REQUIRE_OK(store_->put(keys_.back(), keys_.back(), {.ttl = 24h}));
    }
    views_.assign(keys_.begin(), keys_.end());
  }

  // The crowd comes and goes so often, and on until everybody has read enough.
  void run(std::uint64_t seed, int rounds) {
    std::vector<std::thread> threads;
    const auto start = [&](auto work, std::uint64_t salt) {
      threads.emplace_back([this, work, salt, seed] {
        YieldPoints::start(seed + salt, 200);
        Random random(seed + salt);
        while (!done_.load()) (this->*work)(random);
      });
    };
    start(&Crowding::read_singly, 1);
    start(&Crowding::read_together, 2);
    start(&Crowding::read_all, 3);
    start(&Crowding::rewrite, 4);
    YieldPoints::start(seed, 200);
    Random random(seed);
    for (int round = 0; round < rounds || fewest_reads() < kReadsMin; ++round) {
      crowd_and_leave(random);
    }
    done_.store(true);
    for (std::thread& thread : threads) thread.join();
  }

  Counts singly, together, scanned, rewritten;

  [[nodiscard]] Stats stats() const { return store_->stats(); }

 private:
  [[nodiscard]] std::uint64_t fewest_reads() const {
    return std::min(
        {singly.reads.load(), together.reads.load(), scanned.reads.load(), rewritten.reads.load()});
  }
  const std::string& any_key(Random& random) const { return keys_[below(random, kStaying)]; }

  // A staying record begins with its key, whatever is written to it.
  static bool is_record_of(const std::string& key, const RecordView& view) {
    return view.key == key && view.value.starts_with(key);
  }

  void read_singly(Random& random) {
    const std::string& key = any_key(random);
    if (!store_->get(key)) ++singly.missed;
    const auto visited = store_->visit(key, [&](const RecordView& view) {
      if (!is_record_of(key, view)) ++singly.wrong;
    });
    if (!visited) ++singly.missed;
    singly.reads += 2;
  }

  void read_together(Random&) {
    std::array<bool, kStaying> seen = {};
    const auto found = store_->visit_many(views_, [&](std::size_t i, const RecordView& view) {
      seen[i] = true;
      if (!is_record_of(keys_[i], view)) ++together.wrong;
    });
    if (!found || *found != kStaying) ++together.wrong;
    for (const bool one : seen) together.missed += one ? 0 : 1;
    together.reads += kStaying;
  }

  void read_all(Random& random) {
    std::set<std::string> seen;
    const std::size_t count = 1 + below(random, 100);
    Cursor cursor = kScanStart;
    do {
      const auto next = store_->scan(cursor, count, [&](const RecordView& view) {
        if (view.key.starts_with("stays")) seen.insert(std::string(view.key));
      });
      if (!next) ++scanned.wrong;
      cursor = next ? *next : kScanStart;
    } while (cursor != kScanStart);
    scanned.missed += kStaying - seen.size();
    scanned.reads += kStaying;
  }

  // Present all the time does not mean at rest: values of other sizes, deadlines that move.
  void rewrite(Random& random) {
    const std::string& key = any_key(random);
    const std::string value = key + std::string(below(random, 200), '+');
    const auto append = [&](const RecordView* current, std::string& next) {
      if (current == nullptr) ++rewritten.missed;
      next = value;
      return UpdateAction::kStore;
    };
    if (!store_->put(key, value, {.ttl = Millis(24h)})) ++rewritten.wrong;
    if (!store_->touch(key, 24h + Millis(below(random, 1000)))) ++rewritten.missed;
    if (!store_->update(key, append)) ++rewritten.wrong;
    rewritten.reads += 3;
    std::this_thread::yield();
  }

  // Others come, some of them for a short time, then all go.
  void crowd_and_leave(Random& random) {
    for (std::uint64_t i = 0; i < crowd_; ++i) {
      const Millis ttl = one_in(random, 2) ? Millis(1 + below(random, 3000)) : kNoExpiry;
      if (!store_->put(text("crowd", i), "v", {.ttl = ttl})) ++rewritten.wrong;
      if (one_in(random, 100)) sweep_later(Millis(below(random, 200)));
      if (i % 64 == 0) std::this_thread::yield();  // the readers' turn
    }
    sweep_later(Millis(1000));
    for (std::uint64_t i = 0; i < crowd_; ++i) {
      (void)store_->erase(text("crowd", i)).ok();
      if (one_in(random, 400)) sweep_later(Millis(below(random, 200)));
      if (i % 64 == 0) std::this_thread::yield();
    }
    sweep_later(Millis(3000));
  }

  void sweep_later(Millis later) {
    clock_.advance(later);
    store_->sweep();
  }

  const std::uint64_t crowd_;
  ManualClock clock_;
  const YieldingClock yielding_{clock_};
  std::optional<Store> store_;
  std::vector<std::string> keys_;
  std::vector<std::string_view> views_;
  std::atomic<bool> done_{false};
};

void check_nothing_missed(const char* how, const Counts& counts) {
  const std::string name = how;
  CHECK_MESSAGE(counts.missed == 0, name, ": missed of ", counts.reads.load());
  CHECK_MESSAGE(counts.wrong == 0, name, ": wrong of ", counts.reads.load());
  CHECK_MESSAGE(counts.reads > 0, name);
}

}  // namespace

TEST_CASE("linearizable: a key that is always present is never missed") {
  CLOAKROOM_RANDOM_SEED(seed);
  // In stripe 1 every record that comes or goes moves the staying ones; of the default's 4096 those
  // of the staying keys get a few neighbours each.
  struct Setting {
    std::size_t stripes;
    std::uint64_t crowd;
    int rounds;
  };
  for (const Setting setting : {Setting{1, 400, 20}, Setting{8, 2000, 4}, Setting{0, 20000, 1}}) {
    CAPTURE(setting.stripes);
    Crowding crowding(setting.stripes, setting.crowd);
    crowding.run(seed, setting.rounds);
    check_nothing_missed("get and visit", crowding.singly);
    check_nothing_missed("visit_many", crowding.together);
    check_nothing_missed("scan", crowding.scanned);
    check_nothing_missed("put, touch and update", crowding.rewritten);
    CHECK(crowding.stats().records == kStaying);
    CHECK(crowding.stats().expired > 0);
    MESSAGE("stripes " << setting.stripes << ": " << crowding.singly.reads.load()
                       << " single reads, " << crowding.together.reads.load() << " in visit_many, "
                       << crowding.scanned.reads.load() << " in scans; "
                       << crowding.stats().creates - kStaying << " others came");
  }
}

}  // namespace cloakroom::testing
