#include "journal/recovery.h"

#include <doctest/doctest.h>
#include <rocksdb/db.h>
#include <rocksdb/file_system.h>

#include <filesystem>
#include <memory>
#include <vector>

#include "journal/disk_record.h"
#include "journal/expiry_filter.h"
#include "journal/ring.h"
#include "journal/rocks_options.h"
#include "journal/superblock.h"
#include "support/dir_snapshot.h"
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

// What a SIGKILL leaves of a store with records in table files and in the log.
void make_crashed(const testing::TempDir& dir, const Clock& clock) {
  const testing::TempDir original;
  {
    auto opened = open_journal(options_for(original, clock));
    REQUIRE(opened);
    put(*opened->journal, "a");
    REQUIRE(opened->journal->close());
  }
  auto opened = open_journal(options_for(original, clock));
  REQUIRE(opened);
  put(*opened->journal, "b");
  REQUIRE(opened->journal->sync());
  std::filesystem::copy(original.store_path(), dir.store_path(),
                        std::filesystem::copy_options::recursive);
}

std::string newest_log(const testing::TempDir& dir) {
  std::string newest;
  for (const auto& entry : std::filesystem::directory_iterator(dir.store_path() + "/rocks")) {
    const std::string path = entry.path();
    if (path.ends_with(".log")) newest = std::max(newest, path);
  }
  return newest;
}

std::string ring_of(const testing::TempDir& dir) { return dir.store_path() + "/" + kRingName; }

// As if the ring had gone round since: nothing of what was handed over is in it any more.
void empty_ring(const testing::TempDir& dir) {
  std::string bytes = testing::read_file(ring_of(dir));
  std::fill(bytes.begin() + Ring::kHeaderBytes, bytes.end(), '\0');
  testing::write_file(ring_of(dir), bytes);
}

// All but the lock file, which names whoever has looked.
testing::DirSnapshot bytes_of(const testing::TempDir& dir) {
  testing::DirSnapshot bytes = testing::snapshot_of(dir.store_path());
  bytes.erase("LOCK");
  return bytes;
}

// Counts how often a log is read.
class CountingFs final : public rocksdb::FileSystemWrapper {
 public:
  CountingFs() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "CountingFs"; }
  rocksdb::IOStatus NewSequentialFile(const std::string& name, const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSSequentialFile>* file,
                                      rocksdb::IODebugContext* debug) override {
    if (name.ends_with(".log") && std::filesystem::file_size(name) != 0) ++logs_read;
    return target()->NewSequentialFile(name, options, file, debug);
  }

  int logs_read = 0;
};

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

TEST_CASE("recovery: after a crash the log is looked at once and replayed once") {
  const testing::TempDir dir;
  const testing::ManualClock clock;
  make_crashed(dir, clock);
  const auto file_system = std::make_shared<CountingFs>();
  SUBCASE("whole") {
    REQUIRE(open_journal(options_for(dir, clock), {.file_system = file_system}));
    CHECK(file_system->logs_read == 2);
  }
  SUBCASE("torn: RocksDB is asked before anything is changed") {
    const std::string log = newest_log(dir);
    testing::write_file(log, testing::read_file(log) + "torn");
    REQUIRE(open_journal(options_for(dir, clock), {.file_system = file_system}));
    CHECK(file_system->logs_read == 3);
  }
}

TEST_CASE("recovery: who is refused after a crash finds every byte as it was") {
  const testing::TempDir dir;
  const testing::ManualClock clock;
  make_crashed(dir, clock);
  empty_ring(dir);
  const std::string log = newest_log(dir);
  SUBCASE("the log ends too early") { claim_synced(dir, 1000); }
  SUBCASE("the log is gone") { std::filesystem::remove(log); }
  SUBCASE("the log is torn where it was synced") {
    std::filesystem::resize_file(log, std::filesystem::file_size(log) - 1);
  }
  SUBCASE("the log is whole, the tables are another store's") {
    const testing::TempDir other;
    make_crashed(other, clock);
    std::filesystem::remove_all(dir.store_path() + "/rocks");
    std::filesystem::copy(other.store_path() + "/rocks", dir.store_path() + "/rocks");
  }
  SUBCASE("the log is whole, table files are gone") {
    for (const auto& entry : std::filesystem::directory_iterator(dir.store_path() + "/rocks")) {
      if (entry.path().extension() == ".sst") std::filesystem::remove(entry.path());
    }
  }
  const testing::DirSnapshot before = bytes_of(dir);
  const auto refused = open_journal(options_for(dir, clock));
  REQUIRE_FALSE(refused);
  CHECK(refused.code() == StatusCode::kCorruption);
  CHECK(testing::difference(before, bytes_of(dir)) == "");
}

TEST_CASE("recovery: what the log has lost and the ring still holds is not lost") {
  const testing::TempDir dir;
  const testing::ManualClock clock;
  make_crashed(dir, clock);
  const std::string log = newest_log(dir);
  SUBCASE("the log is gone") { std::filesystem::remove(log); }
  SUBCASE("the log is torn where it was synced") {
    std::filesystem::resize_file(log, std::filesystem::file_size(log) - 1);
  }
  const auto opened = open_journal(options_for(dir, clock));
  REQUIRE(opened);
  CHECK(holds(*opened->journal, "a"));
  CHECK(holds(*opened->journal, "b"));
  CHECK(opened->journal->stats().degraded.empty());
}

// Every crash ends a compaction, so after many of them there can be more table files than RocksDB
// would write on with, if it were asked.
TEST_CASE("recovery: a store opens however far compaction is behind") {
  const testing::TempDir dir;
  const testing::ManualClock clock;
  make_crashed(dir, clock);
  {
    rocksdb::DBOptions options = database_options(rocksdb::Env::Default());
    auto families = family_descriptors(nullptr, nullptr);
    for (auto& family : families) family.options.disable_auto_compactions = true;
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* raw = nullptr;
    REQUIRE(rocksdb::DB::Open(options, dir.store_path() + "/rocks", families, &handles, &raw).ok());
    const std::unique_ptr<rocksdb::DB> database(raw);
    // RocksDB's own limit, at which nothing could be replayed from the ring, is 36.
    for (int i = 0; i < 60; ++i) {
      std::string bytes;
      append_record(bytes, {.key = "a", .value = std::string(100'000, 'v'), .version = 1});
      REQUIRE(database->Put({}, handles[kRecordsFamily], "a", bytes).ok());
      REQUIRE(database->Flush({}, handles[kRecordsFamily]).ok());
    }
    for (rocksdb::ColumnFamilyHandle* handle : handles) database->DestroyColumnFamilyHandle(handle);
  }
  const auto opened = open_journal(options_for(dir, clock));
  CHECK(opened.status().message() == "");
  REQUIRE(opened);
  put(*opened->journal, "later");
  CHECK(opened->journal->sync());
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
  REQUIRE(opened->journal->begin_load(4) == 1);
  REQUIRE(opened->journal->load(0, 10, [&](const RecordView& record) {
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
