#include "table/record.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>

using namespace cloakroom;

namespace {

// A record in memory of its own.
class Placed {
 public:
  explicit Placed(const RecordView& view)
      : memory_(std::make_unique<std::uint64_t[]>(Record::slot_bytes(view) / 8 + 1)),
        record_(Record::place(memory_.get(), view)) {}
  ~Placed() { record_->destroy(true); }
  Placed(const Placed&) = delete;
  Placed& operator=(const Placed&) = delete;

  Record* operator->() { return record_; }
  Record& operator*() { return *record_; }
  [[nodiscard]] const std::uint64_t* memory() const { return memory_.get(); }

 private:
  std::unique_ptr<std::uint64_t[]> memory_;
  Record* record_;
};

void check_round_trip(const RecordView& view) {
  Placed record(view);
  const RecordView copy = record->view();
  CHECK(copy.key == view.key);
  CHECK(copy.value == view.value);
  CHECK(copy.owner == view.owner);
  CHECK(copy.kind == view.kind);
  CHECK(copy.version == view.version);
  CHECK(copy.deadline == view.deadline);
  CHECK(copy.lifetime == view.lifetime);
  CHECK(copy.created == view.created);
  CHECK(record->slot_bytes() == Record::slot_bytes(view));
  CHECK(record->far_bytes() == Record::far_bytes(view));
}

}  // namespace

TEST_CASE("record: holds what it was given, near and far, with and without owner and lifetime") {
  const std::string key(kKeyBytesMax, 'k');
  const std::string owner(kOwnerBytesMax, 'o');
  const std::string long_value(100'000, 'v');
  for (const std::size_t value_bytes : {0U, 3U, 4095U, 4096U, 100'000U}) {
    for (const std::string_view one_key : {std::string_view(), std::string_view(key)}) {
      for (const std::string_view one_owner : {std::string_view(), std::string_view(owner)}) {
        for (const TimeMs lifetime : {kNever, TimeMs{99}}) {
          check_round_trip({.key = one_key,
                            .value = long_value.substr(0, value_bytes),
                            .owner = one_owner,
                            .kind = Kind::kFields,
                            .version = 5,
                            .deadline = 12,
                            .lifetime = lifetime,
                            .created = 1'800'000'000'123});
        }
      }
    }
  }
  check_round_trip({.key = "k", .version = (Version{1} << 48) - 1, .deadline = kNever});
}

TEST_CASE("record: costs 22 bytes beyond key and value") {
  CHECK(Record::slot_bytes({.key = "key", .value = "value"}) == 22 + 3 + 5);
  CHECK(Record::far_bytes({.key = "key", .value = "value"}) == 0);
}

TEST_CASE("record: a deadline after the year 3084 counts as never") {
  Placed record({.deadline = kNever - 1});
  CHECK(record->deadline() == kNever);
}

TEST_CASE(
    "record: what the disk is granted is never less than the deadline, nor more than allowed") {
  constexpr TimeMs kMost = 10'000'000'000;
  for (const TimeMs deadline :
       {TimeMs{0}, TimeMs{100'000}, TimeMs{100'003}, TimeMs{1'800'000'017}}) {
    for (TimeMs ahead = 0; ahead <= 10'000'000; ahead = ahead * 5 / 4 + 1) {
      CAPTURE(deadline);
      CAPTURE(ahead);
      const ClockWord grant = Record::grant(deadline, ahead, kMost);
      CHECK(Record::granted({.deadline = deadline, .lead = grant.lead}) == grant.deadline);
      CHECK(grant.deadline >= deadline);
      CHECK(grant.deadline <= deadline + ahead);
      CHECK((grant.lead == 0) == (grant.deadline == deadline));  // a clean stop writes the others
      if (ahead >= 128 && ahead <= 3'600'000) CHECK(grant.deadline >= deadline + ahead / 4);
    }
  }
  CHECK(Record::grant(kNever, 1000, kNever).lead == 0);
  CHECK(Record::granted({.deadline = kNever, .lead = 0}) == kNever);
  CHECK(Record::grant(1000, 100'000, 5000).deadline <= 5000);
  CHECK(Record::grant(1000, 100'000, 1000).lead == 0);
}

TEST_CASE("record: a deadline that moves on within a grant finds it again, to the millisecond") {
  for (const TimeMs ahead : {TimeMs{70}, TimeMs{500}, TimeMs{112'500}, TimeMs{3'600'000}}) {
    CAPTURE(ahead);
    const TimeMs begin = 1'800'000'000'017;
    ClockWord clock = Record::grant(begin, ahead, kNever);
    const TimeMs granted = clock.deadline;
    clock.deadline = begin;
    for (TimeMs at = begin; at <= granted; at += std::max<TimeMs>(1, ahead / 300)) {
      clock.lead = Record::lead_after(clock, at);
      clock.deadline = at;
      REQUIRE(Record::granted(clock) == granted);
      REQUIRE((clock.lead == 0) == (at == granted));
    }
  }
}

TEST_CASE("record: an extension needs the clock word it was decided by") {
  Placed record({.value = "value", .deadline = 100});
  const ClockWord before = record->clock();
  CHECK(record->extend(before, 200, 7));
  CHECK_FALSE(record->extend(before, 300, 7));
  CHECK(record->clock().deadline == 200);
  CHECK(record->clock().lead == 7);
  CHECK(record->view().value == "value");
}

TEST_CASE("record: what was sealed is over") {
  Placed record({.value = "value", .deadline = 100});
  const ClockWord before = record->clock();
  CHECK(record->seal(before));
  CHECK_FALSE(record->extend(before, 200, 0));
  CHECK_FALSE(record->alive(1));
}

TEST_CASE("record: while it is held nobody moves its deadline") {
  Placed record({.value = "value", .deadline = 100});
  CHECK(record->hold().deadline == 100);
  const ClockWord held = record->clock();
  CHECK(held.held);
  CHECK_FALSE(record->extend(held, 200, 0));
  CHECK_FALSE(record->seal(held));
  record->let_go();
  CHECK(record->extend(record->clock(), 200, 0));
}

TEST_CASE("record: moved, it is the same, and its far part is freed once") {
  const std::string value(5000, 'v');
  Placed from({.key = "key", .value = value, .owner = "o", .version = 3, .deadline = 100});
  (void)from->hold();
  std::uint64_t memory[8] = {};
  Record* const moved = Record::move_to(memory, *from);
  CHECK(moved->view().value == value);
  CHECK(moved->view().owner == "o");
  CHECK_FALSE(moved->clock().held);
  CHECK(moved->deadline() == 100);
  moved->destroy(false);  // `from` frees it
}

TEST_CASE("record: is wiped when it goes") {
  const RecordView view{.key = "a key that is secret", .value = "a value", .deadline = 100};
  const std::size_t words = Record::slot_bytes(view) / 8 + 1;
  const auto memory = std::make_unique<std::uint64_t[]>(words);
  Record::place(memory.get(), view)->destroy(true);
  for (std::size_t i = 0; i < words; ++i) CHECK(memory[i] == 0);
}
