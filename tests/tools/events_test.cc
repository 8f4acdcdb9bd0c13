// events: what the ring holds, and what is done while it is followed.
#include <doctest/doctest.h>

#include <csignal>
#include <filesystem>
#include <thread>

#include "cli_runner.h"
#include "cloakroom/store.h"

namespace cloakroom::testing {
namespace {

using namespace std::chrono_literals;

Store open_store(const TempDir& directory) {
  auto store = Store::open({.path = directory.store_path(), .background = false});
  REQUIRE(store);
  return *std::move(store);
}

// Writes until the follower has written something itself: only then is it known to follow.
int write_until_seen(Store& store, const std::string& out_file) {
  int ticks = 0;
  while (std::filesystem::file_size(out_file) == 0) {
    REQUIRE(store.put("tick", std::to_string(ticks++), {.ttl = 1h, .owner = "clock"}));
    std::this_thread::yield();
  }
  return ticks;
}

TEST_CASE("events: what the ring holds of a store at rest") {
  const CliAnswer answer = run_cli({"events", shared_store(), "--json"});
  CHECK(answer.code == 0);
  CHECK(answer.err.empty());
  const auto events = json_lines(answer.out);
  CHECK(events.size() >= 209);
  CHECK(events[0]["change"] == "write");
  CHECK(events[0]["key"] == "sess:json");
  CHECK(events[0]["owner"] == "alice");
  CHECK(events[0]["bytes"] == 40);
  CHECK(!contains(answer.out, "s3cret"));
  CHECK(json_lines(run_cli({"events", shared_store(), "--json", "--owner", "bob"}).out).size() ==
        1);
  CHECK(json_lines(
            run_cli({"events", shared_store(), "--json", "--prefix", "bulk:", "--limit", "3"}).out)
            .size() == 3);
  CHECK(contains(run_cli({"events", shared_store()}).out, "sess:json  owner alice  40 bytes"));
}

TEST_CASE("events --follow: a store that nobody has open says so") {
  const CliAnswer answer = run_cli({"events", shared_store(), "--follow"});
  CHECK(answer.code == 1);
  CHECK(contains(answer.err, "no process has"));
}

TEST_CASE("events --follow: every change once, told apart, until the store is closed") {
  const TempDir directory;
  const std::string out = directory.path() + "/out";
  Store store = open_store(directory);
  REQUIRE(store.put("before", "x", {.ttl = 1h, .owner = "alice"}));
  RunningCli cli({"events", directory.store_path(), "--follow", "--json"}, out);
  (void)write_until_seen(store, out);
  REQUIRE(store.put("made", "12345", {.ttl = 1h, .owner = "bob"}));
  REQUIRE(store.put("made", "123", {.ttl = 1h, .owner = "bob"}));
  REQUIRE(store.put("before", "y", {.ttl = 1h, .owner = "alice"}));
  REQUIRE(store.touch("made", 10h));
  REQUIRE(store.touch("before", 1min));
  REQUIRE(store.erase("made"));
  REQUIRE(store.close());
  const CliAnswer answer = cli.wait();
  CHECK(answer.code == 0);
  CHECK(contains(answer.err, "the store was closed"));
  std::vector<std::string> changes;
  std::uint64_t version = 0;
  for (const auto& event : json_lines(answer.out)) {
    CHECK(event["version"] > version);
    version = event["version"];
    CHECK(event["seen_ms"].is_number());
    if (event["key"] == "tick") continue;
    CHECK(event["owner"] == (event["key"] == "made" ? "bob" : "alice"));
    changes.push_back(event["change"].get<std::string>() + " " + event["key"].get<std::string>());
  }
  CHECK(changes == std::vector<std::string>{"create made", "write made", "write before",
                                            "touch made", "shorten before", "erase made"});
}

TEST_CASE("events --follow: Ctrl-C ends it in order") {
  const TempDir directory;
  const std::string out = directory.path() + "/out";
  Store store = open_store(directory);
  RunningCli cli({"events", directory.store_path(), "--follow"}, out);
  (void)write_until_seen(store, out);
  cli.signal(SIGINT);
  const CliAnswer answer = cli.wait();
  CHECK(answer.code == 0);
  CHECK(answer.err.empty());
  CHECK(answer.out.ends_with("\n"));
}

}  // namespace
}  // namespace cloakroom::testing
