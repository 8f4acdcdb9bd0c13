// Databases of the journal without a store around them, and what a SIGKILL would leave of them.
#ifndef CLOAKROOM_TESTS_JOURNAL_ROCKS_FIXTURE_H_
#define CLOAKROOM_TESTS_JOURNAL_ROCKS_FIXTURE_H_

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "journal/frame.h"
#include "journal/rocks_snapshot.h"
#include "support/temp_dir.h"

namespace cloakroom::testing::rocks {

// A database and the copies a SIGKILL at several moments would have left of it.
class Rocks {
 public:
  explicit Rocks(std::string path, bool create = true) : path_(std::move(path)) {
    auto opened = RocksSnapshot::open(
        {.path = path_,
         .mode = create ? RocksSnapshot::Mode::kCreate : RocksSnapshot::Mode::kWrite});
    REQUIRE(opened);
    snapshot_ = *std::move(opened);
    if (create) REQUIRE(snapshot_->put_id(std::string(16, 'i')));
    const Result<Head> head = snapshot_->head();
    REQUIRE(head);
    version_ = head->version;
  }

  Version write(std::size_t value_bytes) {
    const std::string value(value_bytes, 'v');
    const std::string key = "k" + std::to_string(++version_);
    std::string put;
    append_frame(put, {.type = Mutation::Type::kPut, .record = {.key = key, .value = value}},
                 version_);
    std::string erase;
    append_frame(erase, {.type = Mutation::Type::kErase, .record = {.key = "gone"}}, ++version_);
    const std::vector<Frame> frames{*parse_frame(put), *parse_frame(erase)};
    REQUIRE(snapshot_->write(frames, {.version = version_, .mark = {.store = 1, .wall = 1}}));
    return version_;
  }
  void flush() { REQUIRE(snapshot_->flush(true)); }
  std::string copy_to(const std::string& copy) const {
    std::filesystem::copy(path_, copy);
    return copy;
  }

 private:
  const std::string path_;
  std::unique_ptr<RocksSnapshot> snapshot_;
  Version version_ = 0;
};

// What a real open finds.
inline Version found_in(const std::string& path, RocksSnapshot::Mode mode) {
  const auto opened = RocksSnapshot::open({.path = path, .mode = mode});
  REQUIRE(opened);
  const Result<Head> head = (*opened)->head();
  REQUIRE(head);
  return head->version;
}
inline Version found_in(const std::string& path) {
  return found_in(path, RocksSnapshot::Mode::kReadOnly);
}

inline std::vector<std::string> logs_of(const std::string& path) {
  std::vector<std::string> logs;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    if (entry.path().extension() == ".log" && entry.file_size() != 0) logs.push_back(entry.path());
  }
  std::ranges::sort(logs);
  return logs;
}

// Crashes twice, so that each of three logs holds a part of what was written.
inline std::string three_logs(const TempDir& dir) {
  std::string path = dir / "0";
  for (int i = 0; i < 3; ++i) {
    Rocks rocks(path, i == 0);
    rocks.write(20);
    rocks.write(30);
    path = rocks.copy_to(dir / std::to_string(i + 1));
  }
  REQUIRE(logs_of(path).size() == 3);
  return path;
}

}  // namespace cloakroom::testing::rocks

#endif  // CLOAKROOM_TESTS_JOURNAL_ROCKS_FIXTURE_H_
