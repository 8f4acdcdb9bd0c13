#include "journal/frame.h"

#include <doctest/doctest.h>

#include "journal/disk_record.h"

using namespace cloakroom;

TEST_CASE("frame: changes come out in the order they went in") {
  std::string queue;
  append_frame(queue, {.type = Mutation::Type::kPut, .record = {.key = "a", .value = "1"}}, 5);
  append_frame(queue, {.type = Mutation::Type::kErase, .record = {.key = "b"}}, 6);
  append_frame(queue,
               {.type = Mutation::Type::kTouch,
                .record = {.key = "a", .version = 5, .deadline = 99}},
               7);
  FrameReader reader(queue);
  Frame frame;
  REQUIRE(reader.next(frame));
  CHECK(frame.type == Mutation::Type::kPut);
  const auto record = parse_record(frame.key, frame.payload);
  REQUIRE(record);
  CHECK(record->version == 5);
  CHECK(record->value == "1");
  REQUIRE(reader.next(frame));
  CHECK(frame.type == Mutation::Type::kErase);
  CHECK(frame.key == "b");
  REQUIRE(reader.next(frame));
  const auto granted = parse_deadline(frame.key, frame.payload);
  REQUIRE(granted);
  CHECK(granted->version == 5);
  CHECK(granted->deadline == 99);
  CHECK_FALSE(reader.next(frame));
  CHECK(reader.ok());
}

TEST_CASE("frame: a cut queue is an error, not an end") {
  std::string queue;
  append_frame(queue, {.type = Mutation::Type::kErase, .record = {.key = "key"}}, 1);
  for (std::size_t cut = 1; cut < queue.size(); ++cut) {
    FrameReader reader(std::string_view(queue).substr(0, cut));
    Frame frame;
    CHECK_FALSE(reader.next(frame));
    CHECK_FALSE(reader.ok());
  }
}
