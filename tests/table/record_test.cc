#include "table/record.h"

#include <doctest/doctest.h>

#include <string>

using namespace cloakroom;

namespace {

void check_round_trip(const RecordView& view) {
  const RecordPtr record = Record::make(view, 7);
  const RecordView copy = record->view();
  CHECK(copy.key == view.key);
  CHECK(copy.value == view.value);
  CHECK(copy.owner == view.owner);
  CHECK(copy.kind == view.kind);
  CHECK(copy.version == view.version);
  CHECK(copy.deadline == view.deadline);
  CHECK(copy.lifetime == view.lifetime);
  CHECK(copy.created == view.created);
  CHECK(record->allocation_bytes() == Record::allocation_bytes(view));
}

}  // namespace

TEST_CASE("record: holds what it was given, with and without owner and lifetime") {
  const std::string key(kKeyBytesMax, 'k');
  const std::string owner(kOwnerBytesMax, 'o');
  const std::string value("v\0w", 3);
  for (const std::string_view one_key : {std::string_view(), std::string_view(key)}) {
    for (const std::string_view one_owner : {std::string_view(), std::string_view(owner)}) {
      for (const TimeMs lifetime : {kNever, TimeMs{99}}) {
        check_round_trip({.key = one_key, .value = value, .owner = one_owner,
                          .kind = Kind::kFields, .version = 5, .deadline = 12,
                          .lifetime = lifetime, .created = 1'800'000'000'123});
      }
    }
  }
}

TEST_CASE("record: costs 32 bytes beyond key and value") {
  CHECK(Record::allocation_bytes({.key = "key", .value = "value"}) == 32 + 3 + 5);
}

TEST_CASE("record: what the disk was granted is its deadline and the lead") {
  const RecordPtr record = Record::make({.deadline = 100}, 5);
  CHECK(record->granted() == 105);
  record->set_deadline(kNever, 0);
  CHECK(record->granted() == kNever);
  CHECK(record->alive(kNever - 1));
}
