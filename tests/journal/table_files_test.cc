#include "journal/table_files.h"

#include <doctest/doctest.h>

#include <filesystem>

#include "cloakroom/store.h"
#include "support/dir_snapshot.h"
#include "support/manual_clock.h"
#include "support/temp_dir.h"

namespace cloakroom::testing {
namespace {

namespace fs = std::filesystem;

// A store at rest with `records` records, of which `erased` are erased after they were flushed.
void make_store(const std::string& dir, int records, int erased) {
  for (int run = 0; run < 2; ++run) {
    auto store = Store::open({.path = dir, .background = false});
    REQUIRE(store);
    for (int i = 0; i < (run == 0 ? records : 0); ++i) {
      REQUIRE(store->put("k" + std::to_string(i), std::string(100, 'v')));
    }
    for (int i = 0; i < (run == 1 ? erased : 0); ++i) {
      REQUIRE(store->erase("k" + std::to_string(i)));
    }
    REQUIRE(store->close());
  }
}

TEST_CASE("table files: sizes are those on disk, entries and deletions those that were written") {
  const TempDir directory;
  make_store(directory.store_path(), 500, 20);
  const auto files = list_table_files(directory.store_path());
  REQUIRE(files);
  std::uint64_t entries = 0;
  std::uint64_t deletions = 0;
  for (const TableInfo& file : files->files) {
    CHECK(file.bytes == fs::file_size(directory.store_path() + "/rocks/" + file.name));
    CHECK(file.written > 1'600'000'000'000);
    CHECK(file.level >= 0);
    if (file.family != "records") continue;
    entries += file.entries;
    deletions += file.deletions;
  }
  CHECK(files->operations >= 540);  // a deletion is one of the record and one of its deadline
  CHECK(entries == 520);
  CHECK(deletions == 20);
}

TEST_CASE("table files: looking changes nothing, at rest or beside a live store") {
  const TempDir directory;
  make_store(directory.store_path(), 50, 1);
  const DirSnapshot before = snapshot_of(directory.path());
  REQUIRE(list_table_files(directory.store_path()));
  CHECK(difference(before, snapshot_of(directory.path())).empty());

  auto store = Store::open({.path = directory.store_path(), .background = false});
  REQUIRE(store);
  REQUIRE(store->put("new", "value"));
  const DirSnapshot live = snapshot_of(directory.path());
  const auto files = list_table_files(directory.store_path());
  REQUIRE(files);
  CHECK(!files->files.empty());
  CHECK(difference(live, snapshot_of(directory.path())).empty());
}

TEST_CASE("table files: a file that is missing is told, not passed over") {
  const TempDir directory;
  make_store(directory.store_path(), 50, 0);
  const auto files = list_table_files(directory.store_path());
  REQUIRE(files);
  REQUIRE(!files->files.empty());
  fs::remove(directory.store_path() + "/rocks/" + files->files.front().name);
  CHECK(!list_table_files(directory.store_path()));
}

}  // namespace
}  // namespace cloakroom::testing
