// The demo kills, checks and tells the truth: with a fault planted it must find that fault.
#include <doctest/doctest.h>

#include "cli_runner.h"
#include "support/dir_snapshot.h"

namespace cloakroom::testing {
namespace {

CliAnswer short_demo(const Arguments& more, const CliSetting& setting = {}) {
  Arguments arguments{"demo", "--seconds", "0.6", "--sessions", "4000"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return run_cli(arguments, setting);
}

// With a fault planted: the demo fails, names it, and its check counted it.
void check_found(const char* sabotage, const char* fault) {
  const TempDir temporary;
  const CliAnswer answer = short_demo({"--kills", "1", "--json", "--sabotage", sabotage},
                                      {.environment = {{"TMPDIR", temporary.path()}}});
  CHECK(answer.code == 1);
  const auto outcome = json_of(answer.out);
  CHECK(outcome["ok"] == false);
  CHECK(!outcome["failures"].empty());
  REQUIRE(outcome["rounds"].size() == 1);
  CHECK(outcome["rounds"][0]["killed"] == true);
  CHECK(outcome["rounds"][0][fault] > 0);
  CHECK_MESSAGE(!outcome["dir"].is_null(), "a failed store is kept to be looked at");
}

TEST_CASE("demo: kills under load, loses nothing and cleans up") {
  const TempDir temporary;
  const CliAnswer answer =
      short_demo({"--kills", "2", "--json"}, {.environment = {{"TMPDIR", temporary.path()}}});
  CHECK_MESSAGE(answer.code == 0, answer.out, answer.err);
  const auto outcome = json_of(answer.out);
  CHECK(outcome["ok"] == true);
  CHECK(outcome["failures"].empty());
  CHECK(outcome["writes_acknowledged"] > 1000);
  CHECK(outcome["get"]["count"] > 1000);
  CHECK(outcome["get"]["p50_ns"] > 0);
  REQUIRE(outcome["rounds"].size() == 2);
  for (const auto& round : outcome["rounds"]) {
    CHECK(round["killed"] == true);
    CHECK(round["checked"] == true);
    CHECK(round["writes_acknowledged"] > 0);
    CHECK(round["sessions_alive"] > 100);
    CHECK(round["first_read_ns"] > 0);
    for (const char* fault : {"lost", "stale", "revived", "foreign", "expiring_early"}) {
      CHECK_MESSAGE(round[fault] == 0, fault);
    }
  }
  CHECK(std::filesystem::is_empty(temporary.path()));
}

TEST_CASE("demo: a lost session is found") { check_found("lose", "lost"); }
TEST_CASE("demo: a lost overwrite is found") { check_found("stale", "stale"); }
TEST_CASE("demo: an ended session that is back is found") { check_found("revive", "revived"); }

TEST_CASE("demo: a harness that kills nothing says so and fails") {
  const TempDir temporary;
  const CliAnswer answer = short_demo({"--kills", "1", "--sabotage", "spare"},
                                      {.environment = {{"TMPDIR", temporary.path()}}});
  CHECK(answer.code == 1);
  CHECK(contains(answer.out, "nothing was killed"));
  CHECK(!contains(answer.out, "nothing lost"));
}

TEST_CASE("demo --dir: the store stays and is sound") {
  const TempDir directory;
  const CliAnswer answer = short_demo({"--kills", "1", "--dir", directory.store_path()});
  CHECK(answer.code == 0);
  CHECK(contains(answer.out, "cloakroom info " + directory.store_path()));
  CHECK(run_cli({"verify", directory.store_path()}).code == 0);
  const auto stats = json_of(run_cli({"stats", directory.store_path(), "--json"}).out);
  CHECK(stats["records"] > 100);
  CHECK(stats["owners"] > 10);
}

TEST_CASE("demo --dir: what is there already is not touched") {
  const TempDir directory;
  std::filesystem::create_directory(directory / "photos");
  write_file(directory / "photos/cat.jpg", "meow");
  const DirSnapshot before = snapshot_of(directory.path());
  const CliAnswer answer = short_demo({"--dir", directory / "photos"});
  CHECK(answer.code == 3);
  CHECK(contains(answer.err, directory / "photos"));
  CHECK(short_demo({"--dir", directory / "photos/cat.jpg"}).code == 3);
  CHECK(short_demo({"--dir", directory / "missing/store"}).code == 3);
  CHECK(difference(before, snapshot_of(directory.path())).empty());
}

}  // namespace
}  // namespace cloakroom::testing
