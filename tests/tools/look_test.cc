// ls, owners and stats over stores that are large enough to be walked in parts, at rest and beside
// a process that writes.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <thread>

#include "cli_runner.h"
#include "cloakroom/store.h"
#include "support/manual_clock.h"
#include "support/random_seed.h"

namespace cloakroom::testing {
namespace {

using namespace std::chrono_literals;

struct Made {
  std::string key;
  std::string owner;
  std::size_t bytes = 0;
  std::int64_t ttl_ms = 0;
};

std::string incompressible(Random& random, std::size_t bytes) {
  std::string value;
  while (value.size() < bytes) value += static_cast<char>(random());
  return value;
}

// Several MiB in several table files, so that a walk has parts.
std::vector<Made> fill(Store& store, Random& random, int count) {
  std::vector<Made> all;
  for (int i = 0; i < count; ++i) {
    Made made{.key = "sess:" + std::to_string(random()),
              .owner = "owner" + std::to_string(random() % 50 * (random() % 50)),
              .bytes = 100 + random() % 900,
              .ttl_ms = 3'600'000 + static_cast<std::int64_t>(random() % 100'000'000)};
    const PutOptions options{.ttl = Millis(made.ttl_ms), .owner = made.owner};
    REQUIRE(store.put(made.key, incompressible(random, made.bytes), options));
    all.push_back(std::move(made));
  }
  std::sort(all.begin(), all.end(), [](const Made& a, const Made& b) { return a.key < b.key; });
  return all;
}

std::vector<std::string> keys_of(const std::vector<Made>& all) {
  std::vector<std::string> keys;
  for (const Made& made : all) keys.push_back(made.key);
  return keys;
}

std::vector<std::string> listed(const std::string& dir, const Arguments& more) {
  Arguments arguments{"ls", dir, "--json"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const CliAnswer answer = run_cli(arguments);
  CHECK_MESSAGE(answer.code == 0, answer.err);
  std::vector<std::string> keys;
  for (const auto& record : json_lines(answer.out)) keys.push_back(record["key"]);
  return keys;
}

std::map<std::string, std::uint64_t> counts_of(const std::vector<Made>& all) {
  std::map<std::string, std::uint64_t> counts;
  for (const Made& made : all) ++counts[made.owner];
  return counts;
}

TEST_CASE("look: a store that is walked in parts is listed, sorted and counted as one") {
  CLOAKROOM_RANDOM_SEED(seed);
  Random random(seed);
  const TempDir directory;
  std::vector<Made> all;
  {
    auto store = Store::open({.path = directory.store_path(), .background = false});
    REQUIRE(store);
    all = fill(*store, random, 40'000);
    REQUIRE(store->close());
  }
  const std::string dir = directory.store_path();
  CHECK(listed(dir, {}) == keys_of(all));
  CHECK(listed(dir, {"--limit", "777"}) == keys_of({all.begin(), all.begin() + 777}));
  const std::string owner = all[20'000].owner;
  std::vector<Made> owned;
  std::copy_if(all.begin(), all.end(), std::back_inserter(owned),
               [&](const Made& made) { return made.owner == owner; });
  CHECK(listed(dir, {"--owner", owner}) == keys_of(owned));
  std::vector<Made> some;
  std::copy_if(all.begin(), all.end(), std::back_inserter(some),
               [](const Made& made) { return made.key.starts_with("sess:17"); });
  CHECK(listed(dir, {"--prefix", "sess:17"}) == keys_of(some));

  std::vector<Made> sorted = all;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Made& a, const Made& b) { return a.bytes > b.bytes; });
  CHECK(listed(dir, {"--sort", "size", "--limit", "100"}) ==
        keys_of({sorted.begin(), sorted.begin() + 100}));
  CHECK(listed(dir, {"--sort", "size"}) == keys_of(sorted));
  std::reverse(sorted.begin(), sorted.end());
  CHECK(listed(dir, {"--sort", "size", "--reverse", "--limit", "100"}) ==
        keys_of({sorted.begin(), sorted.begin() + 100}));
  std::reverse(all.begin(), all.end());
  CHECK(listed(dir, {"--reverse", "--limit", "9"}) == keys_of({all.begin(), all.begin() + 9}));

  const auto counts = counts_of(all);
  const auto owners = json_of(run_cli({"owners", dir, "--json", "--limit", "0"}).out);
  CHECK(owners["exact"] == true);
  CHECK(owners["owners"] == counts.size());
  CHECK(owners["records"] == all.size());
  REQUIRE(owners["top"].size() == counts.size());
  std::uint64_t before = UINT64_MAX;
  for (const auto& row : owners["top"]) {
    CHECK(counts.at(row["owner"]) == row["count"]);
    CHECK(row["count"] <= before);
    before = row["count"];
  }
  const auto by_bytes = json_of(run_cli({"owners", dir, "--json", "--by", "bytes"}).out);
  CHECK(by_bytes["top"].size() == 20);
  CHECK(by_bytes["top"][0]["bytes"] >= by_bytes["top"][19]["bytes"]);

  const auto stats = json_of(run_cli({"stats", dir, "--json"}).out);
  CHECK(stats["records"] == all.size());
  CHECK(stats["owners"] == counts.size());
  std::uint64_t bytes = 0;
  for (const Made& made : all) bytes += made.bytes;
  CHECK(stats["value_bytes"] == bytes);
  CHECK(stats["size_bytes"]["count"] == all.size());
}

TEST_CASE("look: filters by size, creation and deadline, relative and absolute") {
  const TempDir directory;
  const TimeMs wall = system_clock().wall_ms();
  ManualClock clock(wall - 7'200'000, system_clock().boot_ms() - 7'200'000);
  {
    auto store =
        Store::open({.path = directory.store_path(), .background = false, .clock = &clock});
    REQUIRE(store);
    REQUIRE(store->put("old", "12345", {.ttl = 5h}));
    clock.advance(90min);
    REQUIRE(store->put("new", "1234567890", {.ttl = 12h}));
    REQUIRE(store->put("ever", "1", {}));
    clock.advance(30min);
    REQUIRE(store->close());
  }
  const std::string dir = directory.store_path();
  using Keys = std::vector<std::string>;
  CHECK(listed(dir, {"--created-before", "1h"}) == Keys{"old"});
  CHECK(listed(dir, {"--created-after", "1h"}) == Keys{"ever", "new"});
  CHECK(listed(dir, {"--expires-before", "4h"}) == Keys{"old"});
  CHECK(listed(dir, {"--expires-after", "4h"}) == Keys{"ever", "new"});
  CHECK(listed(dir, {"--expires-after", "1h", "--expires-before", "13h"}) == Keys{"new", "old"});
  CHECK(listed(dir, {"--created-after", "2020-01-01"}) == Keys{"ever", "new", "old"});
  CHECK(listed(dir, {"--created-before", "2020-01-01 00:00:00"}).empty());
  CHECK(listed(dir, {"--expires-before", "2199-12-31T23:59:59Z"}) == Keys{"new", "old"});
  CHECK(listed(dir, {"--smaller-than", "10"}) == Keys{"ever", "old"});
  CHECK(listed(dir, {"--smaller-than", "10", "--larger-than", "1"}) == Keys{"old"});
  CHECK(listed(dir, {"--sort", "created", "--limit", "2"}) == Keys{"ever", "new"});
  CHECK(listed(dir, {"--sort", "ttl"}) == Keys{"old", "new", "ever"});
  for (const char* wrong : {"soon", "2026-02-31", "12", "2026-01-01 25:00:00", "-5s", ""}) {
    CHECK_MESSAGE(run_cli({"ls", dir, "--created-before", wrong}).code == 2, wrong);
  }
  CHECK(run_cli({"ls", dir, "--sort", "colour"}).code == 2);
  CHECK(run_cli({"owners", dir, "--by", "colour"}).code == 2);
}

TEST_CASE("look: an empty store") {
  const TempDir directory;
  REQUIRE(Store::open({.path = directory.store_path()}));
  const std::string dir = directory.store_path();
  CHECK(listed(dir, {}).empty());
  CHECK(listed(dir, {"--sort", "size"}).empty());
  CHECK(json_of(run_cli({"owners", dir, "--json"}).out)["owners"] == 0);
  CHECK(json_of(run_cli({"stats", dir, "--json"}).out)["records"] == 0);
  for (const char* verb : {"owners", "stats", "events"}) CHECK(run_cli({verb, dir}).code == 0);
  CHECK(run_cli({"why", dir, "nobody"}).code == 1);
}

TEST_CASE("look: beside a process that writes all the time, what it leaves alone is told right") {
  CLOAKROOM_RANDOM_SEED(seed);
  Random random(seed);
  const TempDir directory;
  auto store = Store::open({.path = directory.store_path()});
  REQUIRE(store);
  const std::vector<Made> all = fill(*store, random, 10'000);
  const auto counts = counts_of(all);
  std::uint64_t bytes = 0;
  for (const Made& made : all) bytes += made.bytes;

  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> writes{0};
  std::jthread writer([&] {
    Random noise(seed + 1);
    while (!stop) {
      const std::string key = "noise:" + std::to_string(noise() % 5000);
      const std::uint64_t what = noise() % 10;
      if (what == 0) {
        (void)store->erase(key);
      } else if (what < 4) {
        (void)store->touch(key, 1h);
      } else {
        (void)store->put(key, incompressible(noise, 300), {.ttl = 30min, .owner = "noise"});
      }
      ++writes;
    }
  });
  const std::string dir = directory.store_path();
  for (int round = 0; round < 3; ++round) {
    const std::uint64_t before = writes;
    CHECK(listed(dir, {"--prefix", "sess:"}) == keys_of(all));
    const auto owners =
        json_of(run_cli({"owners", dir, "--json", "--limit", "0", "--prefix", "sess:"}).out);
    CHECK(owners["owners"] == counts.size());
    for (const auto& row : owners["top"]) CHECK(counts.at(row["owner"]) == row["count"]);
    const auto stats = json_of(run_cli({"stats", dir, "--json"}).out);
    const auto noise = listed(dir, {"--prefix", "noise:"});
    CHECK(stats["records"] >= all.size());
    CHECK(stats["records"] <= all.size() + 5000);
    CHECK(stats["value_bytes"] >= bytes);
    CHECK(noise.size() <= 5000);
    CHECK(std::is_sorted(noise.begin(), noise.end()));
    const Made& one = all[random() % all.size()];
    const auto got = json_of(run_cli({"get", dir, one.key, "--json"}).out);
    CHECK(got["bytes"] == one.bytes);
    CHECK(got["owner"] == one.owner);
    CHECK(writes > before);
  }
  stop = true;
}

}  // namespace
}  // namespace cloakroom::testing
