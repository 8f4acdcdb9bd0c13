#include "journal/frame.h"

#include <doctest/doctest.h>

#include <map>
#include <set>
#include <vector>

#include "journal/disk_record.h"
#include "journal/fold.h"
#include "support/random_seed.h"

using namespace cloakroom;

namespace {

std::string body_of(const Mutation& mutation, Version version) {
  std::string body;
  append_frame(body, mutation, version);
  return body;
}

}  // namespace

TEST_CASE("frame: changes come out as they went in") {
  const std::string put =
      body_of({.type = Mutation::Type::kPut, .record = {.key = "a", .value = "1"}}, 5);
  const auto frame = parse_frame(put);
  REQUIRE(frame);
  CHECK(frame->type == Mutation::Type::kPut);
  const auto record = parse_record(frame->key, frame->payload);
  REQUIRE(record);
  CHECK(record->version == 5);
  CHECK(record->value == "1");

  const std::string erase = body_of({.type = Mutation::Type::kErase, .record = {.key = "b"}}, 6);
  REQUIRE(parse_frame(erase));
  CHECK(parse_frame(erase)->type == Mutation::Type::kErase);
  CHECK(parse_frame(erase)->key == "b");

  const std::string touch = body_of(
      {.type = Mutation::Type::kTouch, .record = {.key = "a", .version = 5, .deadline = 99}}, 7);
  REQUIRE(parse_frame(touch));
  const auto granted = parse_deadline("a", parse_frame(touch)->payload);
  REQUIRE(granted);
  CHECK(granted->version == 5);
  CHECK(granted->deadline == 99);
}

TEST_CASE("frame: a group comes out whole, or not at all") {
  const std::vector<Mutation> group{
      {.type = Mutation::Type::kPut, .record = {.key = "new", .value = "v"}},
      {.type = Mutation::Type::kErase, .record = {.key = "old"}},
  };
  std::string body;
  append_group(body, group, 9);
  CHECK(body.size() <= group_bytes_max(group));
  std::vector<Frame> frames;
  REQUIRE(parse_frames(body, frames));
  REQUIRE(frames.size() == 2);
  CHECK(frames[0].key == "new");
  CHECK(parse_record("new", frames[0].payload)->version == 9);
  CHECK(frames[1].type == Mutation::Type::kErase);
  CHECK(frames[1].key == "old");
  CHECK_FALSE(parse_frame(body));
  frames.resize(1);
  for (std::size_t cut = 0; cut < body.size(); ++cut) {
    // A cut between two changes looks like a shorter group: the ring's checksum is what tells.
    if (parse_frames(std::string_view(body).substr(0, cut), frames)) frames.resize(1);
    CHECK(frames.size() == 1);
  }
  CHECK_FALSE(parse_frames(body + "x", frames));
  CHECK_FALSE(parse_frames("\5", frames));
}

TEST_CASE("frame: what is no frame is refused") {
  CHECK_FALSE(parse_frame(""));
  CHECK_FALSE(parse_frame(kElsewhere));
  const std::string erase = body_of({.type = Mutation::Type::kErase, .record = {.key = "key"}}, 1);
  for (std::size_t cut = 1; cut < erase.size(); ++cut)
    CHECK_FALSE(parse_frame(erase.substr(0, cut)));
  std::string strange = erase;
  for (const char type : {'\0', '\5', '\x7f'}) {
    strange[0] = type;
    CHECK_FALSE(parse_frame(strange));
  }
}

TEST_CASE("frame: the bound on its size is never too low and at most 6 bytes too high") {
  CLOAKROOM_RANDOM_SEED(seed);
  testing::Random random(seed);
  for (int i = 0; i < 20'000; ++i) {
    const std::string key(1 + random() % 200, 'k');
    const std::string value(random() % 400, 'v');
    const std::string owner(testing::one_in(random, 2) ? random() % 200 : 0, 'o');
    const Mutation mutation{
        .type = static_cast<Mutation::Type>(1 + random() % 4),
        .record = {.key = key,
                   .value = value,
                   .owner = owner,
                   .version = 1 + random() % ((Version{1} << 48) - 1),
                   .deadline = static_cast<TimeMs>(random() >> 20),
                   .lifetime = testing::one_in(random, 2) ? kNever : TimeMs{5},
                   .created = static_cast<TimeMs>(random() >> (20 + random() % 40))}};
    const Version version = 1 + (random() >> (16 + random() % 47));
    const std::size_t bytes = body_of(mutation, version).size();
    REQUIRE(bytes <= frame_bytes_max(mutation));
    REQUIRE(bytes + 6 >= frame_bytes_max(mutation));
  }
}

namespace {

// What a database comes to: of each key the payload of its record and its deadline entry.
struct Model {
  std::map<std::string, std::string> records;
  std::map<std::string, std::string> deadlines;

  void apply(const Frame& frame) {
    const std::string key(frame.key);
    if (frame.type == Mutation::Type::kTouch) {
      deadlines[key] = frame.payload;
      return;
    }
    if (frame.type == Mutation::Type::kErase) {
      records.erase(key);
    } else {
      records[key] = frame.payload;
    }
    // A record's entry that is left over has another version and counts for nothing.
    deadlines.erase(key);
  }
  bool operator==(const Model&) const = default;
};

}  // namespace

TEST_CASE("fold: the same comes of it, with no change more than each key needs") {
  CLOAKROOM_RANDOM_SEED(seed);
  testing::Random random(seed);
  for (int round = 0; round < 500; ++round) {
    std::vector<std::string> bodies;
    const std::size_t keys = 1 + random() % 8;
    for (std::size_t i = 0, n = random() % 60; i < n; ++i) {
      const std::string key = "k" + std::to_string(random() % keys);
      const std::string value = std::to_string(random());
      bodies.push_back(body_of({.type = static_cast<Mutation::Type>(1 + random() % 4),
                                .record = {.key = key,
                                           .value = value,
                                           .version = 7,
                                           .deadline = static_cast<TimeMs>(random() >> 30)}},
                               i + 1));
    }
    std::vector<Frame> frames;
    Model all;
    for (const std::string& body : bodies) {
      frames.push_back(*parse_frame(body));
      all.apply(frames.back());
    }
    fold(frames, seed);
    Model folded;
    std::map<std::string_view, int> count;
    for (const Frame& frame : frames) {
      folded.apply(frame);
      ++count[frame.key];
    }
    REQUIRE(folded == all);
    for (const auto& [key, n] : count) REQUIRE(n <= 2);  // a record or an erase, and a touch
  }
}
