#include "journal/recovery.h"

#include <doctest/doctest.h>

#include <filesystem>

#include "journal/disk_record.h"
#include "journal/expiry_filter.h"
#include "journal/superblock.h"
#include "support/manual_clock.h"
#include "support/temp_dir.h"

using namespace cloakroom;

namespace {

Options options_for(const testing::TempDir& dir, const Clock& clock) {
  return {.path = dir.store_path(), .disk_floor_bytes = 0, .background = false, .clock = &clock};
}

Version put(Journal& journal, std::string_view key, TimeMs deadline = kNever) {
  const auto version = journal.append(
      {.type = Mutation::Type::kPut, .record = {.key = key, .value = "v", .deadline = deadline}});
  REQUIRE(version);
  return *version;
}

bool holds(Journal& journal, std::string_view key) {
  return journal.read(key, [](const RecordView&) {}).ok();
}

// Pretends that more was synced than the log holds, as after damage in its middle.
void claim_synced(const testing::TempDir& dir, Version version) {
  Result<Superblock> block = Superblock::open(dir.store_path(), true);
  REQUIRE(block);
  SyncMark mark = block->mark();
  mark.synced = version;
  REQUIRE(block->write_mark(mark, true));
}

}  // namespace

TEST_CASE("recovery: acknowledged writes that are missing are refused, and opened on request") {
  const testing::TempDir dir;
  const testing::ManualClock clock;
  Options options = options_for(dir, clock);
  Version last = 0;
  {
    auto opened = open_journal(options);
    REQUIRE(opened);
    last = put(*opened->journal, "a");
    REQUIRE(opened->journal->close());
  }
  claim_synced(dir, last + 3);
  const auto refused = open_journal(options);
  REQUIRE_FALSE(refused);
  CHECK(refused.code() == StatusCode::kCorruption);
  CHECK(refused.status().message().find("acknowledged writes are missing") != std::string::npos);
  options.accept_loss = true;
  auto accepted = open_journal(options);
  REQUIRE(accepted);
  CHECK_FALSE(accepted->journal->stats().degraded.empty());
  CHECK(holds(*accepted->journal, "a"));
  CHECK(put(*accepted->journal, "b") > last + 3);
}

TEST_CASE("recovery: a process that dies leaves what it handed over, and the stop is unclean") {
  const testing::TempDir dir;
  const testing::ManualClock clock;
  const Options options = options_for(dir, clock);
  const testing::TempDir copy;
  {
    auto opened = open_journal(options);
    REQUIRE(opened);
    REQUIRE(opened->journal->wait(put(*opened->journal, "a"), Durability::kProcess));
    // What lies on disk at this moment is what a SIGKILL would leave.
    std::filesystem::copy(dir.store_path(), copy.store_path(),
                          std::filesystem::copy_options::recursive);
    REQUIRE(opened->journal->close());
    CHECK(open_journal(options)->journal->stats().opened_clean);
  }
  auto after = open_journal(options_for(copy, clock));
  REQUIRE(after);
  CHECK_FALSE(after->journal->stats().opened_clean);
  CHECK(holds(*after->journal, "a"));
}

TEST_CASE("recovery: files of another store are refused") {
  const testing::TempDir one;
  const testing::TempDir two;
  const testing::ManualClock clock;
  for (const testing::TempDir* dir : {&one, &two}) {
    auto opened = open_journal(options_for(*dir, clock));
    REQUIRE(opened);
    put(*opened->journal, "a");
    REQUIRE(opened->journal->close());
  }
  std::filesystem::remove_all(one.store_path() + "/rocks");
  std::filesystem::copy(two.store_path() + "/rocks", one.store_path() + "/rocks");
  const auto mixed = open_journal(options_for(one, clock));
  REQUIRE_FALSE(mixed);
  CHECK(mixed.code() == StatusCode::kCorruption);
  CHECK(mixed.status().message().find("another store") != std::string::npos);
}

TEST_CASE("recovery: a creation that was interrupted is completed") {
  const testing::TempDir dir;
  const testing::ManualClock clock;
  std::filesystem::create_directory(dir.store_path());
  REQUIRE(Superblock::create(dir.store_path(), Identity{}, {.clean = true}));
  auto opened = open_journal(options_for(dir, clock));
  REQUIRE(opened);
  REQUIRE(opened->journal->sync());
}

TEST_CASE("recovery: a granted deadline belongs to one version of the record") {
  const testing::TempDir dir;
  const testing::ManualClock clock;
  {
    auto opened = open_journal(options_for(dir, clock));
    REQUIRE(opened);
    Journal& journal = *opened->journal;
    const Version first = put(journal, "a", 100);
    REQUIRE(journal.append({.type = Mutation::Type::kTouch,
                            .record = {.key = "a", .version = first, .deadline = 500}}));
    put(journal, "b", 100);
    REQUIRE(journal.append({.type = Mutation::Type::kTouch,
                            .record = {.key = "b", .version = first, .deadline = 500}}));
    REQUIRE(journal.close());
  }
  auto opened = open_journal(options_for(dir, clock));
  REQUIRE(opened);
  TimeMs a = 0;
  TimeMs b = 0;
  REQUIRE(opened->journal->read("a", [&](const RecordView& record) { a = record.deadline; }));
  REQUIRE(opened->journal->read("b", [&](const RecordView& record) { b = record.deadline; }));
  CHECK(a == 500);
  CHECK(b == 100);  // the entry was of another version
  std::size_t walked = 0;
  REQUIRE(opened->journal->load(10, [&](const RecordView& record) {
    ++walked;
    CHECK(record.deadline == (record.key == "a" ? 500 : 100));
  }));
  CHECK(walked == 2);
}

TEST_CASE("expiry filter: drops only what has passed and is not held alive") {
  ExpiryRule rule;
  rule.now = [] { return TimeMs{1000}; };
  rule.dead_check = [](std::string_view key, Version) { return key != "touched"; };
  const ExpiryFilter filter(FilteredFamily::kRecords, rule);
  const auto drops = [&](std::string_view key, TimeMs deadline) {
    std::string bytes;
    append_record(bytes, {.key = key, .value = "v", .version = 3, .deadline = deadline});
    return filter.Filter(0, rocksdb::Slice(key.data(), key.size()), bytes, nullptr, nullptr);
  };
  CHECK_FALSE(drops("a", 999));  // not before it is told to
  rule.active = true;
  CHECK(drops("a", 999));
  CHECK_FALSE(drops("a", 1000));
  CHECK_FALSE(drops("touched", 999));
  CHECK_FALSE(filter.Filter(0, "a", "damaged bytes are evidence", nullptr, nullptr));
}
