// Stores that were written long ago open, and hold what they held. tests/data/README.md has them.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <map>
#include <string>

#include "support/dir_snapshot.h"
#include "support/manual_clock.h"
#include "support/store_dump.h"
#include "support/store_fixture.h"
#include "support/temp_dir.h"

namespace cloakroom::testing {
namespace {

const std::string kGolden = CLOAKROOM_TEST_DATA "/golden";

// Of every file and directory below: when it was changed, to the nanosecond.
std::map<std::string, std::string> times_of(const std::string& root) {
  std::map<std::string, std::string> times;
  const auto add = [&](const std::string& path) {
    struct stat info {};
    REQUIRE(::lstat(path.c_str(), &info) == 0);
    times[path] = std::to_string(info.st_mtim.tv_sec) + "." + std::to_string(info.st_mtim.tv_nsec) +
                  " " + std::to_string(info.st_ctim.tv_sec) + "." +
                  std::to_string(info.st_ctim.tv_nsec);
  };
  add(root);
  for (const auto& item : std::filesystem::recursive_directory_iterator(root)) add(item.path());
  return times;
}

std::string copy_of(const std::string& format, const std::string& name, const TempDir& dir) {
  std::filesystem::copy(kGolden + "/" + format + "/" + name, dir.store_path(),
                        std::filesystem::copy_options::recursive);
  return dir.store_path();
}

// As time went on when the store was made: it began when the clock does.
Options options_at(const ManualClock& clock, const std::string& path) {
  Options options = quiet_options(clock, path);
  options.create_if_missing = false;
  return options;
}

// Makes it a store of the format that comes next, in the eyes of whoever looks at the number.
void raise_format(const std::string& file) {
  std::string bytes = read_file(file);
  REQUIRE(bytes.size() > 12);
  bytes[8] = static_cast<char>(bytes[8] + 1);
  write_file(file, bytes);
}

}  // namespace

TEST_CASE("golden: at a restart stores of every format hold what they held") {
  std::size_t stores = 0;
  for (const auto& format : std::filesystem::directory_iterator(kGolden)) {
    for (const std::string name : {"clean", "crashed", "copy"}) {
      CAPTURE(name);
      const TempDir dir;
      const std::string path = copy_of(format.path().filename(), name, dir);
      const std::string expected = read_file(format.path().string() + "/" + name + ".dump");
      REQUIRE(!expected.empty());
      ManualClock clock;
      clock.advance(30s);
      {
        Store store = open_store(options_at(clock, path));
        CHECK(dump_of(store) == expected);
        CHECK(store.stats().degraded == "");
        CHECK(store.stats().opened_clean == (name == "clean"));
        CHECK(store.stats().opened_copy == (name == "copy"));
        warm_up(store);
        CHECK(dump_of(store) == expected);
        REQUIRE_OK(store.put("new", "v", {.ttl = 1h}));
        REQUIRE_OK(store.erase("new"));
      }
      // And once more, as this version left it.
      Store store = open_store(options_at(clock, path));
      CHECK(dump_of(store) == expected);
      ++stores;
    }
  }
  CHECK(stores >= 3);
}

TEST_CASE(
    "golden: a store of a newer format is refused at a restart, and nothing of it is touched") {
  for (const std::string name : {"clean", "crashed", "copy"}) {
    CAPTURE(name);
    const TempDir dir;
    const std::string path = copy_of("format-1", name, dir);
    raise_format(path + "/CLOAKROOM");
    const DirSnapshot bytes = snapshot_of(path);
    const auto times = times_of(path);
    const ManualClock clock;
    const auto opened = Store::open(options_at(clock, path));
    CHECK(opened.code() == StatusCode::kInvalidArgument);
    CHECK(opened.status().message().find("newer") != std::string::npos);
    CHECK(difference(bytes, snapshot_of(path)) == "");
    CHECK(times_of(path) == times);
  }
}

TEST_CASE("golden: a ring of a newer format is refused at a restart, with every byte as it was") {
  const TempDir dir;
  const std::string path = copy_of("format-1", "crashed", dir);
  raise_format(path + "/RING");
  DirSnapshot bytes = snapshot_of(path);
  const ManualClock clock;
  Options options = options_at(clock, path);
  CHECK_CODE(Store::open(options), kInvalidArgument);
  options.accept_loss = true;  // it is not lost
  CHECK_CODE(Store::open(options), kInvalidArgument);
  DirSnapshot after = snapshot_of(path);
  after.erase("LOCK");  // who looked; and the directory itself was made private
  bytes.erase(".");
  after.erase(".");
  CHECK(difference(bytes, after) == "");
}

TEST_CASE(
    "golden: at a restart a crashed store without its ring is refused, and opened on request") {
  for (const std::string damage : {"missing", "cut short", "another header"}) {
    CAPTURE(damage);
    const TempDir dir;
    const std::string path = copy_of("format-1", "crashed", dir);
    const std::string ring = path + "/RING";
    std::string bytes = read_file(ring);
    if (damage == "missing") std::filesystem::remove(ring);
    if (damage == "cut short") write_file(ring, bytes.substr(0, bytes.size() / 2));
    if (damage == "another header") {
      bytes[20] = static_cast<char>(bytes[20] ^ 1);
      write_file(ring, bytes);
    }
    DirSnapshot before = snapshot_of(path);
    const ManualClock clock;
    Options options = options_at(clock, path);
    CHECK_CODE(Store::open(options), kCorruption);
    DirSnapshot after = snapshot_of(path);
    after.erase("LOCK");
    before.erase(".");
    after.erase(".");
    CHECK(difference(before, after) == "");
    options.accept_loss = true;
    Store store = open_store(options);
    CHECK(store.stats().degraded.find("RING") != std::string::npos);
    // All but what lay only in the ring: of three parts the first two.
    CHECK(dump_of(store) == read_file(kGolden + "/format-1/copy.dump"));
  }
}

TEST_CASE("golden: at a restart a store that was stopped in order needs no ring") {
  for (const std::string name : {"clean", "copy"}) {
    const TempDir dir;
    const std::string path = copy_of("format-1", name, dir);
    std::filesystem::remove(path + "/RING");
    const ManualClock clock;
    Store store = open_store(options_at(clock, path));
    CHECK(dump_of(store) == read_file(kGolden + "/format-1/" + name + ".dump"));
    CHECK(store.stats().degraded == "");
  }
}

}  // namespace cloakroom::testing
