#include "journal/disk_record.h"

#include <doctest/doctest.h>

#include <string>

using namespace cloakroom;

namespace {

RecordView full() {
  return {.key = "key",
          .value = "value",
          .owner = "alice",
          .kind = Kind::kFields,
          .version = 300,
          .deadline = 1'800'000'000'000,
          .lifetime = 1'900'000'000'000,
          .created = 1'700'000'000'000};
}

std::string encoded(const RecordView& record) {
  std::string out;
  append_record(out, record);
  return out;
}

}  // namespace

TEST_CASE("disk record: comes back as it went") {
  for (const TimeMs lifetime : {kNever, TimeMs{1'900'000'000'000}}) {
    for (const std::string_view owner : {"", "alice"}) {
      RecordView record = full();
      record.lifetime = lifetime;
      record.owner = owner;
      const std::string bytes = encoded(record);
      const Result<RecordView> back = parse_record("key", bytes);
      REQUIRE(back);
      CHECK(back->value == record.value);
      CHECK(back->owner == record.owner);
      CHECK(back->kind == record.kind);
      CHECK(back->version == record.version);
      CHECK(back->deadline == record.deadline);
      CHECK(back->lifetime == record.lifetime);
      CHECK(back->created == record.created);
    }
  }
}

// docs/format.md promises these bytes; a change of them is a new format version.
TEST_CASE("disk record: the bytes of format 1") {
  const std::string bytes =
      encoded({.key = "k", .value = "v", .version = 1, .deadline = 2, .created = 3});
  CHECK(bytes.substr(0, bytes.size() - 8) ==
        std::string("\x01\x00\x01\x02\0\0\0\0\0\0\0\x03v", 13));
  CHECK(bytes.size() == 13 + 8);
}

TEST_CASE("disk record: every damaged byte, every cut and a wrong key are found") {
  const std::string good = encoded(full());
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const int mask : {1, 0x80, 0xff}) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ mask);
      REQUIRE(parse_record("key", bad).code() == StatusCode::kCorruption);
    }
    REQUIRE(parse_record("key", std::string_view(good).substr(0, at)).code() ==
            StatusCode::kCorruption);
  }
  CHECK(parse_record("other", good).code() == StatusCode::kCorruption);
}

TEST_CASE("disk record: a granted deadline comes back, damage is found") {
  std::string bytes;
  append_deadline(bytes, "key", {.version = 77, .deadline = 123456});
  const auto back = parse_deadline("key", bytes);
  REQUIRE(back);
  CHECK(back->version == 77);
  CHECK(back->deadline == 123456);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string bad = bytes;
    bad[at] = static_cast<char>(bad[at] ^ 4);
    CHECK_FALSE(parse_deadline("key", bad));
  }
}

TEST_CASE("disk record: the head comes back, damage is found") {
  std::string bytes;
  append_head(bytes, {.version = 9, .previous = 7, .mark = {.store = 10, .wall = 11}});
  const auto back = parse_head(bytes);
  REQUIRE(back);
  CHECK(back->version == 9);
  CHECK(back->previous == 7);
  CHECK(back->mark.store == 10);
  CHECK(back->mark.wall == 11);
  bytes[5] = static_cast<char>(bytes[5] ^ 1);
  CHECK_FALSE(parse_head(bytes));
}
