// Warming up by several threads, while others write and some cannot wait for the end of it.
#include <atomic>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "store/engine.h"
#include "support/fake_journal.h"
#include "support/manual_clock.h"
#include "support/store_fixture.h"

namespace cloakroom::testing {
namespace {

constexpr std::uint64_t kRecords = 20'000;

class Cold {
 public:
  Cold() : options_(quiet_options(clock_, "fake")) {
    auto engine = open();
    for (std::uint64_t i = 0; i < kRecords; ++i) {
      REQUIRE_OK(engine->put(text("k", i), text("v", i), {.owner = i % 2 == 0 ? "even" : "odd"}));
    }
  }

  std::unique_ptr<Engine> open() {
    auto engine = Engine::open(options_, {std::make_unique<FakeJournal>(disk_),
                                          std::make_shared<Timeline>(clock_, std::nullopt)});
    REQUIRE_OK(engine);
    return *std::move(engine);
  }

  static std::string value_of(Engine& engine, std::uint64_t i) {
    std::string value;
    const auto got = engine.get(text("k", i), value);
    return got ? value : got.status().to_string();
  }

  ManualClock clock_;
  Options options_;
  std::shared_ptr<FakeDisk> disk_ = std::make_shared<FakeDisk>();
};

}  // namespace

TEST_CASE_FIXTURE(Cold, "loader: threads that need everything share the work, and writers win") {
  auto engine = open();
  REQUIRE(!engine->stats().warm);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      const auto owned = engine->owned_by("odd");
      if (!owned || owned->size() != kRecords / 2) ++wrong;
    });
  }
  // Each writer has keys of its own, of owner "even": a third is erased, a third overwritten.
  for (std::uint64_t t = 0; t < 2; ++t) {
    threads.emplace_back([&, t] {
      for (std::uint64_t i = 2 * t; i < kRecords; i += 4) {
        const std::string key = text("k", i);
        if (i % 3 == 0 && !engine->erase(key, {})) ++wrong;
        if (i % 3 == 1 && !engine->put(key, "new", {.keep_deadline = true})) ++wrong;
        if (i % 3 == 2 && value_of(*engine, i) != text("v", i)) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
  const Stats stats = engine->stats();
  CHECK(stats.warm);
  CHECK(stats.warming_records == kRecords);
  CHECK(stats.warmed_records <= kRecords);
  for (std::uint64_t i = 0; i < kRecords; ++i) {
    const bool changed = i % 2 == 0;
    const std::string expected = changed && i % 3 == 0   ? "kNotFound"
                                 : changed && i % 3 == 1 ? "new"
                                                         : text("v", i);
    if (value_of(*engine, i) != expected) ++wrong;
  }
  CHECK(wrong == 0);
}

TEST_CASE_FIXTURE(Cold, "loader: a store warms up by itself and tells how far it is") {
  options_.background = true;
  auto engine = open();
  std::promise<void> warm;
  std::atomic<int> tenths{0};
  const auto subscription = engine->subscribe(
      [&](const Event& event) {
        if (event.type == EventType::kWarming) ++tenths;
        if (event.type == EventType::kWarm) warm.set_value();
      },
      event_bit(EventType::kWarming) | event_bit(EventType::kWarm));
  // It may have been warm before the subscription; then nothing more is told.
  const bool already = engine->stats().warm;
  if (!already) warm.get_future().wait();
  CHECK(engine->stats().warm);
  CHECK(engine->stats().warmed_records == kRecords);
  CHECK(tenths <= 9);
  CHECK(engine->owned_by("even")->size() == kRecords / 2);
}

TEST_CASE_FIXTURE(Cold, "loader: closing in the middle of it loses nothing") {
  options_.background = true;
  for (int i = 0; i < 20; ++i) {
    auto engine = open();
    REQUIRE_OK(engine->put("mark", std::to_string(i), {}));
    REQUIRE_OK(engine->close());
  }
  options_.background = false;
  auto engine = open();
  CHECK(engine->owned_by("odd")->size() == kRecords / 2);
  CHECK(engine->owned_by("even")->size() == kRecords / 2);
  std::string mark;
  CHECK(engine->get("mark", mark));
  CHECK(mark == "19");
}

}  // namespace cloakroom::testing
