#include "journal/rocks_log_look.h"

#include <doctest/doctest.h>
#include <rocksdb/file_checksum.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <vector>

#include "base/coding.h"
#include "journal/disk_record.h"
#include "journal/rocks_fixture.h"
#include "support/dir_snapshot.h"
#include "support/random_seed.h"
#include "support/temp_dir.h"

using namespace cloakroom;
using namespace cloakroom::testing::rocks;

namespace {

namespace fs = std::filesystem;

std::optional<Version> look(const std::string& path) {
  const auto logged = surely_logged(path, {});
  if (!logged || logged->before > found_in(path, RocksSnapshot::Mode::kLookAtTables)) return {};
  return logged->last;
}

void put_byte(const std::string& path, std::size_t offset, char byte) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(offset));
  file.put(byte);
}

// --- logs made by hand --------------------------------------------------------------------------

std::string fragment(char type, std::string_view payload) {
  const auto crc = rocksdb::GetFileChecksumGenCrc32cFactory()->CreateFileChecksumGenerator({});
  crc->Update(&type, 1);
  crc->Update(payload.data(), payload.size());
  crc->Finalize();
  std::uint32_t value = 0;
  for (const char byte : crc->GetChecksum()) value = value << 8 | static_cast<unsigned char>(byte);
  std::string bytes;
  put_u32(bytes, ((value >> 15) | (value << 17)) + 0xa282ead8U);
  put_u8(bytes, static_cast<std::uint8_t>(payload.size()));
  put_u8(bytes, static_cast<std::uint8_t>(payload.size() >> 8));
  bytes += type;
  return bytes.append(payload);
}

// A batch of one operation: the put of a head.
struct Batch {
  std::uint64_t sequence = 0;
  Version version = 0;
  std::uint32_t count = 1;
  std::uint8_t tag = 5;
  std::uint64_t family = 3;
  std::string more = {};

  [[nodiscard]] std::string bytes() const {
    std::string bytes;
    put_u64(bytes, sequence);
    put_u32(bytes, count);
    std::string head;
    append_head(head, {.version = version, .mark = {.store = 1, .wall = 1}});
    put_u8(bytes, tag);
    put_varint(bytes, family);
    put_string(bytes, kHeadKey);
    put_string(bytes, head);
    return bytes + more;
  }
};

}  // namespace

TEST_CASE("log look: finds what the database finds, wherever records meet the ends of blocks") {
  const testing::TempDir dir;
  CLOAKROOM_RANDOM_SEED(seed);
  testing::Random random(seed);
  Rocks rocks(dir / "live");
  for (int i = 0; i < 12; ++i) {
    // Every length near a block's end is met, and records of several blocks.
    const bool long_one = i % 3 == 0;
    for (int j = 0; j < 60; ++j) {
      rocks.write(random() % (long_one ? 100'000 : 3000));
      if (long_one && j == 3) break;
    }
    const Version last = rocks.write(10);
    const std::string copy = rocks.copy_to(dir / std::to_string(i));
    CHECK(look(copy) == last);
    CHECK(found_in(copy) == last);
  }
}

TEST_CASE("log look: a trailer of every length is passed over") {
  const testing::TempDir dir;
  Rocks rocks(dir / "live");
  rocks.write(10);
  const auto left_in_block = [&] {
    return 32768 - fs::file_size(logs_of(dir / "live").front()) % 32768;
  };
  std::set<std::uint64_t> met;
  for (std::size_t i = 0; i < 30; ++i) {
    if (left_in_block() < 1000) rocks.write(2000);
    const std::uint64_t left = left_in_block();
    rocks.write(left - 128 + i);  // head, names and lengths come to some 110 bytes
    met.insert(left_in_block());
    const Version last = rocks.write(10);
    const std::string copy = rocks.copy_to(dir / std::to_string(i));
    CHECK(look(copy) == last);
    CHECK(found_in(copy) == last);
  }
  for (std::uint64_t left = 1; left <= 8; ++left) CHECK(met.contains(left));
}

TEST_CASE("log look: several logs count as one, and none of them may be missing") {
  const testing::TempDir dir;
  const std::string path = three_logs(dir);
  CHECK(look(path) == found_in(path));
  const std::vector<std::string> logs = logs_of(path);
  const auto look_without = [&](std::size_t i) {
    const std::string copy = dir / ("without" + std::to_string(i));
    fs::copy(path, copy);
    fs::remove(copy + "/" + fs::path(logs[i]).filename().string());
    return look(copy);
  };
  CHECK(surely_logged(path, {})->before == 0);
  CHECK_FALSE(look_without(0));  // the next one begins with a later version
  CHECK(surely_logged(dir / "without0", {})->before == 4);
  CHECK_FALSE(look_without(1));  // a gap in the sequence
  CHECK_FALSE(look_without(2));  // then the newest is older than the list of files
}

TEST_CASE("log look: says nothing when the newest log has no head, or there is no log") {
  const testing::TempDir dir;
  {
    Rocks rocks(dir / "live");
    CHECK_FALSE(look(rocks.copy_to(dir / "id only")));
    rocks.write(10);
    CHECK(look(rocks.copy_to(dir / "written")) == Version{2});
    rocks.flush();
    CHECK_FALSE(look(rocks.copy_to(dir / "flushed")));
  }
  {
    const Rocks reopened(dir / "written", false);
    CHECK_FALSE(look(reopened.copy_to(dir / "reopened")));
  }
  CHECK_FALSE(look(dir / "nothing"));
}

TEST_CASE("log look: every flipped bit of a log is noticed") {
  const testing::TempDir dir;
  const std::string path = three_logs(dir);
  for (const std::string& log : logs_of(path)) {
    const std::string bytes = testing::read_file(log);
    std::size_t missed = 0;
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      const char byte = bytes[bit / 8];
      put_byte(log, bit / 8, static_cast<char>(byte ^ (1 << bit % 8)));
      if (look(path)) ++missed;
      put_byte(log, bit / 8, byte);
    }
    CHECK(missed == 0);
  }
}

TEST_CASE("log look: of a log that was cut short it promises only what a real open finds") {
  const testing::TempDir dir;
  const std::string path = three_logs(dir);
  const Version last = found_in(path);
  std::size_t promises = 0;
  for (const std::string& log : logs_of(path)) {
    const std::string bytes = testing::read_file(log);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      testing::write_file(log, bytes.substr(0, size));
      const auto promised = look(path);
      if (!promised) continue;
      ++promises;
      const std::string copy = dir / ("cut" + std::to_string(promises));
      fs::copy(path, copy);
      CHECK(found_in(path) >= *promised);
      CHECK(found_in(copy, RocksSnapshot::Mode::kWrite) >= *promised);
      CHECK(*promised <= last);
    }
    testing::write_file(log, bytes);
  }
  CHECK(promises == 1);  // the newest log with the first of its records
}

TEST_CASE("log look: bytes after the last record are no end") {
  const testing::TempDir dir;
  const std::string path = three_logs(dir);
  const std::string log = logs_of(path).back();
  const std::string bytes = testing::read_file(log);
  for (const std::size_t zeros : {1U, 6U, 7U, 8U, 4096U, 32768U, 65536U}) {
    testing::write_file(log, bytes + std::string(zeros, '\0'));
    CHECK_FALSE(look(path));
  }
}

TEST_CASE("log look: refuses whatever the store does not write, with every checksum right") {
  const testing::TempDir dir;
  const std::string path = three_logs(dir);
  const std::string log = logs_of(path).back();
  const std::string bytes = testing::read_file(log);
  const Version version = *look(path);
  // Six batches of four operations (put, delete twice, head), after the one with the id.
  const std::uint64_t next = 1 + 1 + 6 * 4;
  const auto look_with = [&](const std::string& added) {
    testing::write_file(log, bytes + added);
    return look(path);
  };
  const auto look_with_batch = [&](const Batch& batch) {
    return look_with(fragment(1, batch.bytes()));
  };
  const Batch good{.sequence = next, .version = version + 1};
  REQUIRE(look_with_batch(good) == version + 1);  // what follows is refused for its one fault
  CHECK(found_in(path) == version + 1);
  const std::string whole = good.bytes();
  const std::string half = whole.substr(0, 20);
  const std::string rest = whole.substr(20);
  REQUIRE(look_with(fragment(2, half) + fragment(3, "") + fragment(4, rest)) == version + 1);

  SUBCASE("fragments") {
    CHECK_FALSE(look_with(fragment(2, half)));
    CHECK_FALSE(look_with(fragment(4, whole)));
    CHECK_FALSE(look_with(fragment(3, whole)));
    CHECK_FALSE(look_with(fragment(2, half) + fragment(1, whole)));
    CHECK_FALSE(look_with(fragment(2, half) + fragment(2, half) + fragment(4, rest)));
    CHECK_FALSE(look_with(fragment(1, whole) + fragment(1, "")));
    for (const char type : std::string("\0\5\6\7\x8\x9\xff", 7))
      CHECK_FALSE(look_with(fragment(type, whole)));
  }
  SUBCASE("sequence numbers and versions") {
    CHECK_FALSE(look_with_batch({.sequence = next + 1, .version = version + 1}));
    CHECK_FALSE(look_with_batch({.sequence = next - 1, .version = version + 1}));
    CHECK_FALSE(look_with_batch({.sequence = next, .version = version - 1}));
  }
  SUBCASE("operations") {
    CHECK_FALSE(look_with_batch({.sequence = next, .version = version + 1, .count = 0}));
    CHECK_FALSE(look_with_batch({.sequence = next, .version = version + 1, .count = 2}));
    CHECK_FALSE(look_with_batch({.sequence = next, .version = version + 1, .more = "x"}));
    CHECK_FALSE(look_with_batch({.sequence = next, .version = version + 1, .family = 4}));
    for (const int tag : {0, 1, 2, 4, 6, 14, 255}) {
      CHECK_FALSE(look_with_batch(
          {.sequence = next, .version = version + 1, .tag = static_cast<std::uint8_t>(tag)}));
    }
  }
  SUBCASE("an empty batch, as RocksDB writes after a torn log, is passed over") {
    CHECK(look_with(fragment(1, whole) +
                    fragment(1, Batch{.sequence = next + 1}.bytes().substr(0, 8) +
                                    std::string(4, '\0'))) == version + 1);
  }
}
