#include "journal/rocks_replay.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <vector>

#include "journal/rocks_fixture.h"
#include "support/dir_snapshot.h"

using namespace cloakroom;
using namespace cloakroom::testing::rocks;

namespace {

constexpr std::size_t kBlockBytes = 32768;

// Where the fragments of a log begin.
std::vector<std::size_t> fragments_of(const std::string& bytes) {
  std::vector<std::size_t> begins;
  for (std::size_t at = 0; at + 7 < bytes.size();) {
    const std::size_t left = kBlockBytes - at % kBlockBytes;
    if (left < 7) {
      at += left;
      continue;
    }
    begins.push_back(at);
    at += 7 + static_cast<unsigned char>(bytes[at + 4]) +
          (std::size_t{static_cast<unsigned char>(bytes[at + 5])} << 8);
  }
  return begins;
}

// Zeroes a log from `at` to the end of its block, as a power cut may: the pages after it were
// written.
void punch(const std::string& log, std::size_t at) {
  std::string bytes = testing::read_file(log);
  const std::size_t end = std::min(bytes.size(), (at / kBlockBytes + 1) * kBlockBytes);
  std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(at),
            bytes.begin() + static_cast<std::ptrdiff_t>(end), '\0');
  testing::write_file(log, bytes);
}

// Fills four blocks of a log so that records begin exactly where the blocks do. Returns the
// versions.
std::vector<Version> fill_blocks(Rocks& rocks, const std::string& log) {
  std::vector<Version> versions;
  const auto size = [&] { return std::filesystem::file_size(log); };
  for (std::size_t overhead = 0; size() < 4 * kBlockBytes;) {
    const std::size_t before = size();
    const std::size_t left = kBlockBytes - before % kBlockBytes;
    const std::size_t value_bytes = left < 900 && left > 300 ? left - overhead : 300;
    versions.push_back(rocks.write(value_bytes));
    overhead = size() - before - value_bytes;
  }
  return versions;
}

bool holds(RocksSnapshot& snapshot, Version version) {
  const std::string key = "k" + std::to_string(version - 1);
  return snapshot.read(key, [](const RecordView&) {}).ok();
}

std::unique_ptr<RocksSnapshot> open(const std::string& path, RocksSnapshot::Mode mode) {
  auto opened = RocksSnapshot::open({.path = path, .mode = mode});
  REQUIRE(opened);
  return *std::move(opened);
}

}  // namespace

// RocksDB takes a zeroed header, with Status OK, for the rest of a preallocated block and goes on
// with the next block; if that begins with a record, nothing tells it that others are missing.
TEST_CASE("replay: ends at a hole, wherever in the log it is") {
  const testing::TempDir dir;
  std::vector<Version> versions;
  {
    Rocks rocks(dir / "whole");
    versions = fill_blocks(rocks, logs_of(dir / "whole").front());
    rocks.copy_to(dir / "crashed");
  }
  const std::vector<std::size_t> begins =
      fragments_of(testing::read_file(logs_of(dir / "crashed").front()));
  for (const std::size_t block : {1U, 2U, 3U}) {
    REQUIRE(std::ranges::count(begins, block * kBlockBytes) == 1);
  }
  for (std::size_t i = 0; i < begins.size() && begins[i] < 3 * kBlockBytes; i += 9) {
    const std::string path = dir / ("hole" + std::to_string(i));
    std::filesystem::copy(dir / "crashed", path);
    punch(logs_of(path).front(), begins[i]);
    const Version found = found_in(path);
    CHECK(found == (i < 2 ? 0 : versions[i - 2]));  // the first holds the id
    CHECK(found_in(path, RocksSnapshot::Mode::kLook) == found);
    const auto snapshot = open(path, RocksSnapshot::Mode::kWrite);
    CHECK(snapshot->head()->version == found);
    for (const Version version : versions) {
      if (holds(*snapshot, version) != (version <= found)) FAIL("no prefix at hole " << i);
    }
  }
}

TEST_CASE("replay: what was written after a hole was found is there after the next crash") {
  const testing::TempDir dir;
  {
    Rocks rocks(dir / "0");
    fill_blocks(rocks, logs_of(dir / "0").front());
    rocks.copy_to(dir / "1");
  }
  const std::string log = logs_of(dir / "1").front();
  punch(log, fragments_of(testing::read_file(log))[20]);
  const Version before = found_in(dir / "1");
  Version later = 0;
  {
    Rocks rocks(dir / "1", false);
    for (int i = 0; i < 30; ++i) later = rocks.write(300);
    rocks.copy_to(dir / "2");
  }
  CHECK(later == before + 60);
  const auto snapshot = open(dir / "2", RocksSnapshot::Mode::kWrite);
  CHECK(snapshot->head()->version == later);
  CHECK(holds(*snapshot, later));
  CHECK_FALSE(holds(*snapshot, later + 2));
}

TEST_CASE("replay: a log that is missing is a hole, wherever it was") {
  const testing::TempDir dir;
  {
    Rocks rocks(dir / "0");
    rocks.write(20);
    rocks.flush();  // so the logs that follow do not begin at the first version
    rocks.copy_to(dir / "1");
  }
  std::string path = dir / "1";
  std::vector<Version> ends{found_in(path)};
  for (int i = 2; i < 5; ++i) {
    Rocks rocks(path, false);
    rocks.write(20);
    ends.push_back(rocks.write(30));
    path = rocks.copy_to(dir / std::to_string(i));
  }
  const std::vector<std::string> logs = logs_of(path);
  REQUIRE(logs.size() == 3);
  CHECK(found_in(path) == ends[3]);
  for (std::size_t i = 0; i < logs.size(); ++i) {
    const std::string copy = dir / ("without" + std::to_string(i));
    std::filesystem::copy(path, copy);
    std::filesystem::remove(copy + "/" + std::filesystem::path(logs[i]).filename().string());
    CHECK(found_in(copy) == ends[i]);
    CHECK(found_in(copy, RocksSnapshot::Mode::kWrite) == ends[i]);
  }
}
