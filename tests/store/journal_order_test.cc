// The engine against a journal that fails, dies and comes back as told: what the engine promises
// rests on the order in which it appends, changes the table and waits.
#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "store/engine.h"
#include "support/fake_journal.h"
#include "support/manual_clock.h"
#include "support/random_seed.h"
#include "support/store_fixture.h"

namespace cloakroom::testing {
namespace {

using Values = std::map<std::string, std::string>;

// An engine over a FakeDisk, which can be brought down and opened again.
class FakeStore {
 public:
  FakeStore() : options_(quiet_options(clock_, "fake")) {}

  Engine& open() {
    auto journal = std::make_unique<FakeJournal>(disk_);
    journal_ = journal.get();
    auto timeline = std::make_shared<Timeline>(clock_, std::nullopt);
    auto engine = Engine::open(options_, {std::move(journal), std::move(timeline)});
    REQUIRE_OK(engine);
    engine_ = *std::move(engine);
    return *engine_;
  }

  // The process dies: of what was not handed over the first `keep` entries are found again. The
  // engine, which would close in good order, gets a journal that takes nothing more.
  void die(std::size_t keep = 0) {
    auto copy = std::make_shared<FakeDisk>(*disk_);
    engine_.reset();
    disk_ = std::move(copy);
    disk_->kill_process(keep);
  }

  static Values values_of(Engine& engine) {
    Values values;
    Cursor cursor = kScanStart;
    do {
      const auto next = engine.scan(cursor, 100, [&](const RecordView& view) {
        values[std::string(view.key)] = view.value;
      });
      REQUIRE_OK(next);
      cursor = *next;
    } while (cursor != kScanStart);
    return values;
  }

  static std::string value_of(Engine& engine, std::string_view key) {
    std::string value;
    const auto got = engine.get(key, value);
    return got ? value : got.status().to_string();
  }

  ManualClock clock_;
  Options options_;
  std::shared_ptr<FakeDisk> disk_ = std::make_shared<FakeDisk>();
  FakeJournal* journal_ = nullptr;
  std::unique_ptr<Engine> engine_;
};

TimeMs deadline_of(Engine& engine, std::string_view key) {
  TimeMs deadline = 0;
  REQUIRE_OK(engine.visit(key, [&](const RecordView& view) { deadline = view.deadline; }));
  return deadline;
}

}  // namespace

TEST_CASE_FIXTURE(FakeStore, "journal order: an append that fails leaves everything as it was") {
  const std::vector<Field> fields{{"n", "1"}};
  const std::vector<std::string_view> names{"n"};
  const std::vector<std::function<StatusCode(Engine&)>> writes{
      [](Engine& e) { return e.put("new", "v", {.owner = "alice"}).code(); },
      [](Engine& e) { return e.put("k", "changed", {.owner = "bob"}).code(); },
      [](Engine& e) { return e.erase("k", {}).code(); },
      [](Engine& e) { return e.touch("k", {.ttl = 1s}).code(); },
      [](Engine& e) { return e.rename("k", "new", {}).code(); },
      [](Engine& e) { return e.rename("k", "new", {.leave = "left"}).code(); },
      [](Engine& e) { return e.increment_field("f", "n", 1, {.keep_deadline = true}).code(); },
      [&](Engine& e) { return e.set_fields("new", fields, {}).code(); },
      [&](Engine& e) { return e.erase_fields("f", names, {}).code(); },
      [](Engine& e) { return e.erase_owned("alice", {}, {}).code(); },
      [](Engine& e) {
        return e.update("k", [](const RecordView*, std::string& value) {
          value = "changed";
          return UpdateAction::kStore;
        }, {}).code();
      },
  };
  for (std::size_t i = 0; i < writes.size(); ++i) {
    CAPTURE(i);
    disk_ = std::make_shared<FakeDisk>();
    Engine& engine = open();
    REQUIRE_OK(engine.put("k", "v", {.ttl = 1h, .owner = "alice"}));
    REQUIRE_OK(engine.set_fields("f", fields, {}));
    const Stats before = engine.stats();
    const TimeMs deadline = deadline_of(engine, "k");
    journal_->fail_append(1);
    CHECK(writes[i](engine) == StatusCode::kIo);
    CHECK(value_of(engine, "k") == "v");
    CHECK(deadline_of(engine, "k") == deadline);
    CHECK(*engine.get_field("f", "n") == "1");
    CHECK(value_of(engine, "new") == "kNotFound");
    CHECK(engine.owned_by("alice")->size() == 1);
    CHECK(engine.owned_by("bob")->empty());
    CHECK(engine.stats().key_value_bytes == before.key_value_bytes);
    CHECK(engine.stats().records == before.records);
    CHECK(engine.stats().owners == before.owners);
    CHECK(engine.stats().read_only);
    engine_.reset();
  }
}

TEST_CASE_FIXTURE(FakeStore, "journal order: a wait that fails leaves the write visible, in doubt") {
  Engine& engine = open();
  REQUIRE_OK(engine.put("kept", "v", {.durability = Durability::kDisk}));
  journal_->fail_wait(1);
  CHECK_CODE(engine.put("k", "v", {.durability = Durability::kDisk}), kIo);
  CHECK(value_of(engine, "k") == "v");
  CHECK_CODE(engine.put("more", "v", {}), kReadOnly);
  CHECK_CODE(engine.set_fields("more", std::vector<Field>{{"n", "1"}}, {}), kReadOnly);
  CHECK(value_of(engine, "more") == "kNotFound");
  CHECK(value_of(engine, "kept") == "v");
  CHECK(engine.owned_by("alice")->empty());
  CHECK(FakeStore::values_of(engine).size() == 2);
  CHECK(engine.stats().read_only);
  CHECK(!engine.stats().degraded.empty());
  CHECK(!engine.close());
}

TEST_CASE_FIXTURE(FakeStore, "journal order: a latched store tells its subscribers once") {
  Engine& engine = open();
  int told = 0;
  const auto subscription =
      engine.subscribe([&](const Event&) { ++told; }, event_bit(EventType::kDegraded));
  journal_->fail_wait(1);
  CHECK_CODE(engine.put("k", "v", {.durability = Durability::kDisk}), kIo);
  CHECK_CODE(engine.put("k", "v", {}), kReadOnly);
  engine.sweep();
  engine.sweep();
  CHECK(told == 1);
}

TEST_CASE_FIXTURE(FakeStore, "journal order: nobody waits for the disk under a lock") {
  options_.stripe_count = 1;
  Engine& engine = open();
  int waits = 0;
  journal_->on_wait([&](Version, Durability) {
    ++waits;  // were the only stripe's lock held, these calls would never return
    std::string value;
    (void)engine.get("k", value).ok();
    (void)engine.stats();
    (void)engine.owned_by("alice").ok();
  });
  REQUIRE_OK(engine.put("k", "v", {.owner = "alice"}));
  REQUIRE_OK(engine.touch("k", {.ttl = 1h}));
  REQUIRE_OK(engine.update("k", [](const RecordView*, std::string&) {
    return UpdateAction::kStore;
  }, {.keep_deadline = true}));
  REQUIRE_OK(engine.set_fields("f", std::vector<Field>{{"n", "1"}}, {}));
  REQUIRE_OK(engine.erase_owned("alice", {}, {}));
  REQUIRE_OK(engine.put("k", "v", {}));
  REQUIRE_OK(engine.erase("k", {}));
  CHECK(waits >= 6);
  journal_->on_wait({});
}

TEST_CASE_FIXTURE(FakeStore, "journal order: full means no growth, and everything else") {
  Engine& engine = open();
  REQUIRE_OK(engine.put("k", "value", {}));
  REQUIRE_OK(engine.put("gone", "v", {}));
  journal_->set_full(true);
  CHECK_CODE(engine.put("new", "v", {}), kFull);
  CHECK_CODE(engine.put("k", "a longer value", {}), kFull);
  CHECK_CODE(engine.increment_field("f", "n", 1, {}), kFull);
  CHECK_OK(engine.put("k", "short", {}));
  CHECK_OK(engine.touch("k", {.ttl = 1h}));
  CHECK_OK(engine.erase("gone", {}));
  CHECK(value_of(engine, "k") == "short");
  journal_->set_full(false);
  CHECK_OK(engine.put("new", "v", {}));
}

TEST_CASE_FIXTURE(FakeStore, "journal order: after a crash a prefix of the writes is there") {
  CLOAKROOM_RANDOM_SEED(seed);
  Random random(seed);
  Version last = 0;
  for (int crash = 0; crash < 60; ++crash) {
    Engine& engine = open();
    std::map<Version, Values> history{{last, FakeStore::values_of(engine)}};
    Version handed = last;
    const std::uint64_t writes = below(random, 60);
    for (std::uint64_t i = 0; i < writes; ++i) {
      const std::string key = text("k", below(random, 20));
      const auto level = static_cast<Durability>(below(random, 3));
      if (one_in(random, 3)) {
        (void)engine.erase(key, {.durability = level}).ok();
      } else if (one_in(random, 3)) {
        RenameOptions rename{.durability = level};
        if (one_in(random, 2)) rename.leave = "left";
        (void)engine.rename(key, text("k", below(random, 20)), rename).ok();
      } else {
        REQUIRE_OK(engine.put(key, text("v", random()), {.durability = level}));
      }
      const Stats stats = engine.stats();
      history[stats.version_last] = FakeStore::values_of(engine);
      handed = stats.version_process;
      if (one_in(random, 10)) engine.sweep();
    }
    const Version before = engine.stats().version_last;
    die(below(random, 10));
    Engine& again = open();
    last = again.stats().version_last;
    REQUIRE(last >= handed);
    REQUIRE(last <= before);
    REQUIRE(history.contains(last));
    REQUIRE(FakeStore::values_of(again) == history[last]);
    REQUIRE(again.stats().opened_clean == false);
    engine_.reset();
  }
}

TEST_CASE_FIXTURE(FakeStore, "journal order: a crash ends no session early and none much later") {
  CLOAKROOM_RANDOM_SEED(seed);
  Random random(seed);
  options_.touch_resolution = 500ms;
  std::map<std::string, TimeMs> deadlines;
  for (int crash = 0; crash < 20; ++crash) {
    Engine& engine = open();
    for (int i = 0; i < 200; ++i) {
      const std::string key = text("k", below(random, 10));
      const Millis ttl(1 + below(random, 20'000));
      if (one_in(random, 5) || !engine.touch(key, {.ttl = ttl})) {
        REQUIRE_OK(engine.put(key, "v", {.ttl = ttl}));
      }
      deadlines[key] = clock_.wall_ms() + ttl.count();
      clock_.advance(Millis(below(random, 100)));
    }
    die();
    Engine& again = open();
    for (auto& entry : deadlines) {
      CAPTURE(entry.first);
      TimeMs found = 0;
      const auto seen =
          again.visit(entry.first, [&](const RecordView& view) { found = view.deadline; });
      if (!seen) {
        REQUIRE(entry.second < clock_.wall_ms());
        continue;
      }
      REQUIRE(found >= entry.second);
      REQUIRE(found <= entry.second + 500);
      entry.second = found;
    }
    engine_.reset();
  }
}

TEST_CASE_FIXTURE(FakeStore, "journal order: a clean stop grants the disk exactly what there is") {
  options_.touch_resolution = 60s;
  {
    Engine& engine = open();
    for (std::uint64_t i = 0; i < 50; ++i) {
      REQUIRE_OK(engine.put(text("k", i), "v", {.ttl = 10s}));
      clock_.advance(10ms);
      REQUIRE_OK(engine.touch(text("k", i), {.ttl = 20s}));
    }
    std::map<std::string, TimeMs> expected;
    for (std::uint64_t i = 0; i < 50; ++i) expected[text("k", i)] = deadline_of(engine, text("k", i));
    CHECK_OK(engine.close());
    for (const auto& [key, record] : disk_->records()) CHECK(record.deadline == expected[key]);
  }
  engine_.reset();
}

TEST_CASE_FIXTURE(FakeStore, "journal order: compaction drops the dead and never the touched") {
  CLOAKROOM_RANDOM_SEED(seed);
  Random random(seed);
  Engine* engine = &open();
  std::map<std::string, TimeMs> deadlines;
  for (int step = 0; step < 3000; ++step) {
    const std::string key = text("k", below(random, 40));
    const Millis ttl(1 + below(random, 3000));
    switch (below(random, 8)) {
      case 0:
        disk_->compact(clock_.wall_ms());
        break;
      case 1:
        if (one_in(random, 3)) engine->sweep();
        break;
      case 2:
        clock_.advance(Millis(below(random, 400)));
        break;
      case 3:
        if (!one_in(random, 10)) break;
        die();
        engine = &open();  // cold: compaction must keep its hands off what is not yet known
        disk_->compact(clock_.wall_ms());
        break;
      default:
        if (one_in(random, 2) || !engine->touch(key, {.ttl = ttl})) {
          REQUIRE_OK(engine->put(key, "v", {.ttl = ttl}));
        }
        deadlines[key] = clock_.wall_ms() + ttl.count();
    }
    std::string value;
    const auto alive = deadlines.find(key);
    if (alive != deadlines.end() && alive->second >= clock_.wall_ms()) {
      REQUIRE_OK(engine->get(key, value));
    }
  }
  engine_.reset();
}

TEST_CASE_FIXTURE(FakeStore, "journal order: what the sweeper reclaims is erased on disk") {
  Engine& engine = open();
  for (std::uint64_t i = 0; i < 100; ++i) REQUIRE_OK(engine.put(text("k", i), "v", {.ttl = 1s}));
  clock_.advance(2s);
  CHECK(engine.sweep() == 100);
  CHECK(disk_->records().empty());
}

TEST_CASE_FIXTURE(FakeStore, "journal order: gone is answered at the level that was asked for") {
  // Whoever erased it first may not have waited; the second caller is told "gone" and believes it.
  Engine& engine = open();
  REQUIRE_OK(engine.put("k", "v", {.durability = Durability::kDisk}));
  REQUIRE_OK(engine.erase("k", {.durability = Durability::kProcess}));
  REQUIRE(engine.stats().version_disk < engine.stats().version_last);
  CHECK_CODE(engine.erase("k", {.durability = Durability::kDisk}), kNotFound);
  CHECK(engine.stats().version_disk == engine.stats().version_last);
}

TEST_CASE_FIXTURE(FakeStore, "journal order: no read misses while records come into memory") {
  constexpr std::uint64_t kRecords = 300;
  {
    Engine& engine = open();
    for (std::uint64_t i = 0; i < kRecords; ++i) REQUIRE_OK(engine.put(text("k", i), "v", {}));
    REQUIRE_OK(engine.close());
  }
  std::uint64_t reads = 0;
  for (int opened = 0; opened < 300; ++opened) {
    Engine& engine = open();
    std::atomic<bool> stop{false};
    std::atomic<int> missed{0};
    std::atomic<std::uint64_t> done{0};
    std::vector<std::thread> readers;
    for (std::uint64_t t = 0; t < 2; ++t) {
      readers.emplace_back([&, t] {
        std::string value;
        // From the end: these keys are loaded last, so the end of the warm-up is met.
        for (std::uint64_t i = kRecords - 1 - t; !stop.load(); i = i < 2 ? kRecords - 1 : i - 1) {
          if (!engine.get(text("k", i), value)) ++missed;
          ++done;
        }
      });
    }
    while (done.load() < 10) std::this_thread::yield();
    engine.sweep();
    stop.store(true);
    for (std::thread& reader : readers) reader.join();
    REQUIRE(missed == 0);
    reads += done;
    REQUIRE_OK(engine.close());
  }
  CHECK(reads > 300);
}

TEST_CASE_FIXTURE(FakeStore, "journal order: threads and crashes: what was acknowledged is there") {
  CLOAKROOM_RANDOM_SEED(seed);
  Random random(seed);
  for (int crash = 0; crash < 10; ++crash) {
    Engine& engine = open();
    constexpr std::uint64_t kThreads = 3;
    // Each thread has its own keys and notes what it was last told.
    std::vector<Values> acknowledged(kThreads);
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (std::uint64_t t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t, own = Random(random())]() mutable {
        for (int i = 0; i < 500; ++i) {
          const std::string key = text("t", t) + text("k", below(own, 30));
          if (one_in(own, 3)) {
            const Status erased = engine.erase(key, {});
            if (!erased && erased.code() != StatusCode::kNotFound) ++wrong;
            acknowledged[t][key] = "";
          } else {
            const std::string value = text("v", own());
            if (!engine.put(key, value, {})) ++wrong;
            acknowledged[t][key] = value;
          }
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(wrong == 0);
    die();
    Engine& again = open();
    for (const Values& mine : acknowledged) {
      for (const auto& [key, value] : mine) {
        REQUIRE(value_of(again, key) == (value.empty() ? "kNotFound" : value));
      }
    }
    engine_.reset();
  }
}

}  // namespace cloakroom::testing
