#include "journal/rocks_table_check.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <memory>

#include "journal/rocks_fixture.h"
#include "support/dir_snapshot.h"

using namespace cloakroom;
using namespace cloakroom::testing::rocks;

namespace {

std::vector<std::string> tables_of(const std::string& path) {
  std::vector<std::string> tables;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    if (entry.path().extension() == ".sst") tables.push_back(entry.path());
  }
  return tables;
}

bool checks(const std::string& name) {
  std::unique_ptr<rocksdb::FSRandomAccessFile> file;
  const auto fs = rocksdb::FileSystem::Default();
  REQUIRE(fs->NewRandomAccessFile(name, rocksdb::FileOptions(), &file, nullptr).ok());
  return check_properties(*file, std::filesystem::file_size(name), name).ok();
}

}  // namespace

// The bit that RocksDB takes for "a hash index follows" is one of those that are flipped here:
// without the check this aborts the process.
TEST_CASE("table check: damaged properties are noticed before RocksDB interprets them") {
  const testing::TempDir dir;
  {
    Rocks rocks(dir / "store");
    for (int i = 0; i < 20; ++i) rocks.write(100);
    rocks.flush();
    rocks.copy_to(dir / "copy");
  }
  const std::vector<std::string> tables = tables_of(dir / "copy");
  REQUIRE(tables.size() >= 2);
  for (const std::string& table : tables) {
    REQUIRE(checks(table));
    const std::string bytes = testing::read_file(table);
    const auto damage = [&](std::size_t at, int bit) {
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      testing::write_file(table, damaged);
    };
    std::vector<std::size_t> noticed;
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      damage(at, static_cast<int>(at % 8));
      if (!checks(table)) noticed.push_back(at);
    }
    CHECK(noticed.size() > 300);
    CHECK(noticed.size() == noticed.back() - noticed.front() + 1);  // the block and its trailer
    // RocksDB is asked only about the end of the block, where the bit is: it takes a while.
    for (std::size_t i = noticed.size() - 10; i < noticed.size(); ++i) {
      for (int bit = 0; bit < 8; ++bit) {
        damage(noticed[i], bit);
        const auto opened =
            RocksSnapshot::open({.path = dir / "copy", .mode = RocksSnapshot::Mode::kReadOnly});
        REQUIRE_FALSE(opened);
        REQUIRE(opened.code() == StatusCode::kCorruption);
      }
    }
    testing::write_file(table, bytes);
  }
}

TEST_CASE("table check: what is no table is left to RocksDB") {
  const testing::TempDir dir;
  for (const std::string& bytes :
       {std::string(), std::string(52, 'x'), std::string(5000, '\0'), std::string(5000, '\xff')}) {
    testing::write_file(dir / "no.sst", bytes);
    CHECK(checks(dir / "no.sst"));
  }
}
