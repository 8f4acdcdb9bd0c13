// Kinds of records: a record is of the kind that its writer said, and stays so.
#include <string>
#include <vector>

#include "support/manual_clock.h"
#include "support/store_fixture.h"

namespace cloakroom::testing {

TEST_CASE("kinds: a record's kind is what its writer said, and update asks for it") {
  ManualClock clock;
  Store store = memory_store(clock);
  const auto append = [](const RecordView*, std::string& value) {
    value += "+";
    return UpdateAction::kStore;
  };
  REQUIRE_OK(store.put("s", "1", {.kind = Kind::kSession}));
  REQUIRE_OK(store.put("m", "2", {.kind = Kind::kMembers}));
  CHECK_CODE(store.get("s"), kWrongKind);
  CHECK_CODE(store.get_field("m", "f"), kWrongKind);
  CHECK_CODE(store.update("s", append), kWrongKind);
  CHECK_OK(store.update("s", append, {.keep_deadline = true, .kind = Kind::kSession}));
  CHECK(record_of(store, "s")->value == "1+");
  CHECK(record_of(store, "s")->kind == Kind::kSession);
  CHECK_CODE(store.put("f", "x", {.kind = Kind::kFields}), kInvalidArgument);
  REQUIRE_OK(store.put("s", "bytes"));  // an overwrite is of the kind it says
  CHECK_VALUE(store, "s", "bytes");
}

TEST_CASE("kinds: update of a record of fields takes nothing else than fields") {
  ManualClock clock;
  Store store = memory_store(clock);
  REQUIRE_OK(store.set_fields("f", std::vector<Field>{{"n", "1"}}));
  const PutOptions fields{.keep_deadline = true, .kind = Kind::kFields};
  for (const char* wrong : {"", "\x05n", "\x01n\x05v"}) {
    CHECK_CODE(store.update(
                   "f",
                   [&](const RecordView*, std::string& value) {
                     value = wrong;
                     return UpdateAction::kStore;
                   },
                   fields),
               kInvalidArgument);
    CHECK(*store.get_field("f", "n") == "1");
  }
  CHECK_OK(store.update(
      "f",
      [&](const RecordView*, std::string& value) {
        value =
            "\x01n\x01"
            "2";
        return UpdateAction::kStore;
      },
      fields));
  CHECK(*store.get_field("f", "n") == "2");
}

}  // namespace cloakroom::testing
