// Walks by ranges: what there is to load is divided evenly, whatever keys look like, and nothing is
// read twice or left out.
#include "journal/rocks_walk.h"

#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "journal/recovery.h"
#include "support/manual_clock.h"
#include "support/random_seed.h"
#include "support/store_fixture.h"
#include "support/temp_dir.h"

namespace cloakroom::testing {
namespace {

constexpr std::uint64_t kRecords = 20'000;
constexpr std::size_t kParts = 16;

std::string hex(std::uint64_t number) {
  std::string text(16, '0');
  for (std::size_t i = 16; i-- > 0; number /= 16) text[i] = "0123456789abcdef"[number % 16];
  return text;
}

struct Parts {
  std::vector<std::size_t> sizes;
  std::vector<std::string> keys;  // in the order of the parts
};

Parts load_all(Journal& journal) {
  Parts parts;
  const std::size_t count = journal.begin_load(kParts);
  for (std::size_t part = 0; part < count; ++part) {
    std::size_t size = 0;
    for (;;) {
      const auto loaded = journal.load(
          part, 100, [&](const RecordView& record) { parts.keys.emplace_back(record.key); });
      REQUIRE_OK(loaded);
      size += *loaded;
      if (*loaded < 100) break;
    }
    parts.sizes.push_back(size);
  }
  journal.end_load();
  return parts;
}

}  // namespace

TEST_CASE("walk: parts are about equal and have every record once, whatever the keys are") {
  CLOAKROOM_RANDOM_SEED(seed);
  Random random(seed);
  const std::vector<std::pair<const char*, std::function<std::string(std::uint64_t)>>> shapes{
      {"random", [&](std::uint64_t) { return hex(random()); }},
      {"a long prefix", [&](std::uint64_t) { return "shop:production:session:" + hex(random()); }},
      {"counted", [&](std::uint64_t i) { return "user:" + std::to_string(i); }},
      {"outliers",
       [&](std::uint64_t i) {
         if (i == 0) return std::string("\0", 1);
         if (i == 1) return std::string("\xff\xff");
         return "sess:" + hex(random());
       }},
      {"bytes", [&](std::uint64_t) {
         std::string key(12, '\0');
         for (char& c : key) c = static_cast<char>(random());
         return key;
       }}};
  for (const auto& shape : shapes) {  // clang 14 captures no structured binding
    const auto& make_key = shape.second;
    CAPTURE(shape.first);
    ManualClock clock;
    TempDir dir;
    const Options options = quiet_options(clock, dir.store_path());
    std::set<std::string> keys;
    {
      Store store = open_store(options);
      std::string value(1500, '\0');
      for (std::uint64_t i = 0; i < kRecords; ++i) {
        for (char& c : value) c = static_cast<char>(random());
        std::string key = make_key(i);
        REQUIRE_OK(store.put(key, value, {.durability = Durability::kMemory}));
        if (i % 7 == 0) REQUIRE_OK(store.touch(key, 24h * 365));
        keys.insert(std::move(key));
      }
    }
    auto opened = open_journal(options);
    REQUIRE_OK(opened);
    const Parts parts = load_all(*opened->journal);
    CHECK(parts.sizes.size() >= kParts / 2);
    CHECK(parts.keys == std::vector<std::string>(keys.begin(), keys.end()));
    const std::size_t largest = *std::max_element(parts.sizes.begin(), parts.sizes.end());
    CHECK(largest <= 3 * keys.size() / parts.sizes.size());
    REQUIRE_OK(opened->journal->close());
  }
}

TEST_CASE("walk: a small store is one part, an empty one has nothing") {
  ManualClock clock;
  TempDir dir;
  const Options options = quiet_options(clock, dir.store_path());
  {
    auto opened = open_journal(options);
    REQUIRE_OK(opened);
    CHECK(load_all(*opened->journal).keys.empty());
    REQUIRE_OK(opened->journal->close());
  }
  {
    Store store = open_store(options);
    REQUIRE_OK(store.put("a", "1"));
  }
  auto opened = open_journal(options);
  REQUIRE_OK(opened);
  CHECK(load_all(*opened->journal).keys == std::vector<std::string>{"a"});
  REQUIRE_OK(opened->journal->close());
}

}  // namespace cloakroom::testing
