// StoreWriter: what it makes is a store, with every record as it was given.
#include <doctest/doctest.h>
#include <fcntl.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <random>
#include <tuple>

#include "base/file.h"
#include "cloakroom/store.h"
#include "offline/store_reader.h"
#include "offline/store_writer.h"
#include "support/dir_snapshot.h"
#include "support/manual_clock.h"
#include "support/random_seed.h"
#include "support/temp_dir.h"

namespace cloakroom::testing {
namespace {

using namespace std::chrono_literals;

constexpr const char* kId = "00112233445566778899aabbccddeeff";

std::unique_ptr<StoreWriter> writer_for(const std::string& dir, const StoreSeed& seed = {}) {
  auto writer = StoreWriter::create(dir, seed);
  REQUIRE_MESSAGE(writer, writer.status().to_string());
  return *std::move(writer);
}

std::unique_ptr<StoreReader> reader_of(const std::string& dir) {
  auto reader = StoreReader::open(dir);
  REQUIRE_MESSAGE(reader, reader.status().to_string());
  return *std::move(reader);
}

// What a record is, in a form that can be compared and kept.
using Kept = std::tuple<std::string, std::string, Kind, Version, TimeMs, TimeMs, TimeMs>;

Kept kept(const RecordView& record) {
  return {std::string(record.value), std::string(record.owner), record.kind,   record.version,
          record.deadline,           record.lifetime,           record.created};
}

std::map<std::string, Kept> all_of(StoreReader& reader) {
  std::map<std::string, Kept> records;
  REQUIRE(reader.for_each([&](const RecordView& record) {
    records.emplace(record.key, kept(record));
    return true;
  }));
  return records;
}

std::size_t findings_in(StoreReader& reader) {
  std::size_t count = 0;
  REQUIRE(reader.verify([&](const Finding&) { ++count; }, [](std::uint64_t, std::uint64_t) {}));
  return count;
}

TEST_CASE("store writer: records come back with all that they have, in any order") {
  CLOAKROOM_RANDOM_SEED(seed);
  std::mt19937_64 random(seed);
  const TempDir dir;
  std::vector<RecordView> views;
  std::vector<std::string> texts;
  texts.reserve(3 * 2000);
  for (Version i = 0; i < 2000; ++i) {
    RecordView view;
    view.key = texts.emplace_back("key" + std::to_string(i) + std::string(i % 7, '\0'));
    view.value = texts.emplace_back(std::string(random() % 900, static_cast<char>(random())));
    view.owner = texts.emplace_back(i % 3 == 0 ? "" : "owner\xff" + std::to_string(i % 10));
    view.kind = static_cast<Kind>(i % 4);
    view.version = 1 + random() % 1'000'000;
    view.lifetime = i % 2 == 0 ? kNever : 5'000'000;
    view.deadline = i % 5 == 0 ? view.lifetime : static_cast<TimeMs>(random() % 5'000'000);
    view.created = static_cast<TimeMs>(random() % 1'000'000);
    views.push_back(view);
  }
  std::ranges::shuffle(views, random);
  std::map<std::string, Kept> expected;
  Version last = 0;
  {
    const auto writer = writer_for(dir / "s", {.store_id = kId, .generation = 7, .created = 42});
    for (const RecordView& view : views) {
      REQUIRE(writer->add(view));
      expected.emplace(view.key, kept(view));
      last = std::max(last, view.version);
    }
    REQUIRE(writer->finish());
  }
  const auto reader = reader_of(dir / "s");
  CHECK(all_of(*reader) == expected);
  CHECK(findings_in(*reader) == 0);
  CHECK(reader->info().clean);
  CHECK(reader->info().store_id == kId);
  CHECK(reader->info().created == 42);
  CHECK(reader->info().version_last == last);
  CHECK(reader->info().version_synced == last);
}

TEST_CASE("store writer: what it makes opens as a store after an orderly stop") {
  const TempDir dir;
  const ManualClock clock(2'000'000, 500);
  {
    const auto writer = writer_for(dir / "s", {.store_id = kId,
                                               .generation = 3,
                                               .store_time = 1'000'000,
                                               .wall_time = 1'900'000,
                                               .version_last = 5000});
    REQUIRE(writer->add(
        {.key = "a", .value = "1", .owner = "o", .version = 10, .deadline = 1'100'000}));
    REQUIRE(writer->add({.key = "b", .value = "2", .version = 20, .deadline = 1'099'999}));
    REQUIRE(writer->finish());
  }
  auto store = Store::open({.path = dir / "s", .background = false, .clock = &clock});
  REQUIRE_MESSAGE(store, store.status().to_string());
  CHECK(store->now() == 1'100'000);  // 100 s of wall time have passed since the mark
  CHECK(*store->get("a") == "1");
  CHECK(store->get("b").code() == StatusCode::kNotFound);
  CHECK(store->owned_by("o")->size() == 1);
  CHECK(store->stats().opened_clean);
  CHECK(store->stats().generation == 3);
  CHECK(!store->stats().opened_copy);
  const auto put = store->put("c", "3");
  REQUIRE(put);
  CHECK(*put > 5000);
}

TEST_CASE("store writer: a copy says so at its first open") {
  const TempDir dir;
  {
    const auto writer = writer_for(dir / "s", {.copy = true});
    REQUIRE(writer->finish());
  }
  for (const bool copy : {true, false}) {
    auto store = Store::open({.path = dir / "s", .background = false});
    REQUIRE(store);
    CHECK(store->stats().opened_copy == copy);
  }
}

TEST_CASE("store writer: the last record of a key counts, and can be taken back") {
  const TempDir dir;
  {
    const auto writer = writer_for(dir / "s");
    REQUIRE(writer->add({.key = "a", .value = "old", .version = 9}));
    REQUIRE(writer->add({.key = "a", .value = "new", .version = 5}));
    REQUIRE(writer->add({.key = "b", .value = "gone", .version = 6}));
    CHECK(**writer->version_of("b") == 6);
    REQUIRE(writer->erase("b"));
    REQUIRE(writer->erase("never there"));
    CHECK(**writer->version_of("a") == 5);
    CHECK(!*writer->version_of("b"));
    writer->raise_version_last(77);
    writer->set_generation(8);
    REQUIRE(writer->finish());
  }
  const auto reader = reader_of(dir / "s");
  const auto records = all_of(*reader);
  REQUIRE(records.size() == 1);
  CHECK(std::get<0>(records.at("a")) == "new");
  CHECK(reader->info().version_last == 77);
}

TEST_CASE("store writer: more than its buffers hold is merged, and nothing is lost") {
  const TempDir dir;
  const std::string value(std::size_t{1} << 20, 'v');
  constexpr Version kCount = 200;  // six buffers and more
  {
    const auto writer = writer_for(dir / "s");
    for (Version i = kCount; i > 0; --i) {
      const std::string key = "k" + std::to_string(i);
      REQUIRE(writer->add({.key = key, .value = value, .version = i}));
    }
    REQUIRE(writer->finish());
  }
  const auto reader = reader_of(dir / "s");
  std::size_t found = 0;
  REQUIRE(reader->for_each([&](const RecordView& record) {
    found += record.value == value;
    return true;
  }));
  CHECK(found == kCount);
  CHECK(reader->info().wal_bytes == 0);
}

TEST_CASE("store writer: a record that no store could hold is refused, the next one is not") {
  const TempDir dir;
  const auto writer = writer_for(dir / "s");
  const std::string long_key(kKeyBytesMax + 1, 'k');
  CHECK(writer->add({.key = long_key, .version = 1}).code() == StatusCode::kInvalidArgument);
  CHECK(writer->add({.key = "k", .owner = long_key, .version = 1}).code() ==
        StatusCode::kInvalidArgument);
  CHECK(writer->add({.key = "k", .version = 0}).code() == StatusCode::kInvalidArgument);
  CHECK(writer->add({.key = "k", .version = Version{1} << 48}).code() ==
        StatusCode::kInvalidArgument);
  CHECK(writer->add({.key = "k", .version = 1, .deadline = 6, .lifetime = 5}).code() ==
        StatusCode::kInvalidArgument);
  CHECK(writer->add({.key = "k", .version = 1, .created = -1}).code() ==
        StatusCode::kInvalidArgument);
  CHECK(writer->add({.key = "k", .version = 1}));
  REQUIRE(writer->finish());
  CHECK(all_of(*reader_of(dir / "s")).size() == 1);
}

TEST_CASE("store writer: given up, it leaves nothing; what stands there is never replaced") {
  const TempDir dir;
  {
    const auto writer = writer_for(dir / "s/");
    REQUIRE(writer->add({.key = "a", .value = "1", .version = 1}));
    CHECK(exists(dir / "s.partial"));
    CHECK(StoreWriter::create(dir / "s", {}).code() == StatusCode::kIo);  // one is at work
    CHECK(exists(dir / "s.partial"));
  }
  CHECK(!exists(dir / "s.partial"));
  CHECK(!exists(dir / "s"));
  // One that was killed left this.
  std::filesystem::create_directory(dir / "s.partial");
  std::ofstream(dir / "s.partial/junk") << "junk";
  const auto writer = writer_for(dir / "s");
  CHECK(!exists(dir / "s.partial/junk"));
  std::filesystem::create_directory(dir / "s");
  CHECK(writer->finish().code() == StatusCode::kIo);
  CHECK(!exists(dir / "s.partial"));
  CHECK(std::filesystem::is_empty(dir / "s"));
  CHECK(StoreWriter::create(dir / "s", {}).code() == StatusCode::kIo);
  CHECK(StoreWriter::create(dir / "no/parent", {}).code() == StatusCode::kIo);
  CHECK(StoreWriter::create(dir / "t", {.store_id = "xyz"}).code() == StatusCode::kInvalidArgument);
}

TEST_CASE("store writer: what was saved is taken up again, and ends as if it had not stopped") {
  const TempDir dir;
  std::string note;
  CHECK(StoreWriter::reopen(dir / "s", {}, &note).code() == StatusCode::kNotFound);
  {
    const auto writer = writer_for(dir / "s", {.store_id = kId, .version_last = 100});
    REQUIRE(writer->add({.key = "a", .value = "1", .version = 1}));
    REQUIRE(writer->save_point("one"));
    REQUIRE(writer->add({.key = "b", .value = "2", .version = 2}));
    REQUIRE(writer->save_point("two"));
    REQUIRE(writer->add({.key = "c", .value = "3", .version = 3}));
  }
  CHECK(!exists(dir / "s"));
  {
    auto writer = StoreWriter::reopen(dir / "s", {.store_id = kId}, &note);
    REQUIRE_MESSAGE(writer, writer.status().to_string());
    CHECK(note == "two");
    REQUIRE((*writer)->add({.key = "b", .value = "2", .version = 2}));
    REQUIRE((*writer)->add({.key = "d", .value = "4", .version = 4}));
    REQUIRE((*writer)->finish());
  }
  CHECK(!exists(dir / "s.partial"));
  const auto reader = reader_of(dir / "s");
  const auto records = all_of(*reader);
  CHECK(records.contains("a"));
  CHECK(records.contains("b"));
  CHECK(records.contains("d"));
  CHECK(findings_in(*reader) == 0);
  CHECK(reader->info().version_last == 100);
  // What was not saved is gone for good without a word: create() begins anew.
  std::filesystem::remove_all(dir / "s");
  { const auto writer = writer_for(dir / "s"); }
  CHECK(StoreWriter::reopen(dir / "s", {}, &note).code() == StatusCode::kNotFound);
}

}  // namespace
}  // namespace cloakroom::testing
