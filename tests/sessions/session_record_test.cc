// The encoding of sessions: nothing is lost, and nothing damaged is read.
#include "sessions/session_record.h"

#include <doctest/doctest.h>

#include <string>

#include "base/coding.h"
#include "sessions/attributes.h"
#include "support/random_seed.h"

namespace cloakroom::testing {
namespace {

HandleBytes some_handle() {
  HandleBytes handle;
  for (std::size_t i = 0; i < handle.size(); ++i) handle[i] = static_cast<unsigned char>(i * 7);
  return handle;
}

std::string some_attributes() {
  std::string out;
  const std::vector<AttributeChange> changes{{.name = "a", .value = "1"},
                                             {.name = "", .value = std::string("\0\xff", 2)},
                                             {.name = "empty", .value = ""}};
  REQUIRE(change_attributes({}, changes, out).ok());
  return out;
}

// No proper prefix decodes, and no changed byte makes the decoder read what is not there.
template <class Record>
void check_damage(const std::string& value) {
  Record record;
  REQUIRE(decode(value, record));
  for (std::size_t size = 0; size < value.size(); ++size) {
    const std::string cut(value, 0, size);  // its own allocation: AddressSanitizer watches its end
    (void)decode(cut, record);
  }
  for (std::size_t at = 0; at < value.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = value;
      changed[at] = static_cast<char>(changed[at] ^ (1 << bit));
      if (at < 2) {
        CHECK_FALSE(decode(changed, record));
      } else {
        (void)decode(changed, record);
      }
    }
  }
}

}  // namespace

TEST_CASE("session record: a live one comes back as it was") {
  const std::string attributes = some_attributes();
  const LiveRecord live{.handle = some_handle(),
                        .epoch = 5,
                        .schema = 0xffffffff,
                        .authenticated_at = 1'700'000'000'000,
                        .token_made_at = 1'700'000'000'001,
                        .idle_timeout = Millis(1),
                        .lifetime = kNoExpiry,
                        .renewal_interval = Millis(900'000),
                        .last_seen = 42,
                        .label = "Firefox",
                        .attributes = attributes};
  const std::string value = encode(live);
  CHECK(type_of(value) == RecordType::kLive);
  LiveRecord back;
  REQUIRE(decode(value, back));
  CHECK(back.handle == live.handle);
  CHECK(back.epoch == live.epoch);
  CHECK(back.schema == live.schema);
  CHECK(back.authenticated_at == live.authenticated_at);
  CHECK(back.token_made_at == live.token_made_at);
  CHECK(back.idle_timeout == live.idle_timeout);
  CHECK(back.lifetime == live.lifetime);
  CHECK(back.renewal_interval == live.renewal_interval);
  CHECK(back.last_seen == live.last_seen);
  CHECK(back.label == live.label);
  CHECK(back.attributes == live.attributes);
  EndedRecord other;
  CHECK_FALSE(decode(value, other));
}

TEST_CASE("session record: the others come back as they were") {
  Digest digest;
  digest.fill(9);
  const ReplacedRecord replaced{some_handle(), digest, 1, 2, 3, 4, "alice"};
  ReplacedRecord replaced_back;
  REQUIRE(decode(encode(replaced), replaced_back));
  CHECK(replaced_back.digest == digest);
  CHECK(replaced_back.grace_until == 2);
  CHECK(replaced_back.uses == 3);
  CHECK(replaced_back.uses_max == 4);

  const std::string ended = encode(EndedRecord{some_handle(), EndReason::kLimit, 77, "bob"});
  EndedRecord ended_back;
  REQUIRE(decode(ended, ended_back));
  CHECK(ended_back.reason == EndReason::kLimit);
  CHECK(ended_back.when == 77);
  CHECK(ended_back.owner == "bob");

  const MetaRecord meta{1, 2, 3, {4, 5}};
  MetaRecord meta_back;
  REQUIRE(decode(encode(meta), meta_back));
  CHECK(meta_back.epoch == 1);
  CHECK(meta_back.generation == 2);
  CHECK(meta_back.epoch_began_at == 3);
  CHECK(meta_back.key_ids == meta.key_ids);
}

TEST_CASE("session record: damage is refused or read within bounds") {
  const std::string attributes = some_attributes();
  check_damage<LiveRecord>(encode(LiveRecord{.label = "L", .attributes = attributes}));
  check_damage<ReplacedRecord>(encode(ReplacedRecord{.owner = "o"}));
  check_damage<EndedRecord>(encode(EndedRecord{.owner = "o"}));
  check_damage<MetaRecord>(encode(MetaRecord{.key_ids = {1, 2}}));
  MetaRecord meta;
  std::string huge = encode(MetaRecord{});
  huge.pop_back();
  put_varint(huge, std::uint64_t{1} << 60);  // as many key ids as that
  CHECK_FALSE(decode(huge, meta));
}

TEST_CASE("session record: random bytes are never read past their end") {
  CLOAKROOM_RANDOM_SEED(seed);
  Random random(seed);
  for (int round = 0; round < 20'000; ++round) {
    std::string value(2 + below(random, 80), '\0');
    for (char& byte : value) byte = static_cast<char>(random() & (one_in(random, 2) ? 0x0f : 0xff));
    value[0] = 1;
    value[1] = static_cast<char>(1 + below(random, 4));
    LiveRecord live;
    ReplacedRecord replaced;
    EndedRecord ended;
    MetaRecord meta;
    (void)decode(value, replaced);
    (void)decode(value, ended);
    (void)decode(value, meta);
    if (!decode(value, live)) continue;
    AttributeReader reader(live.attributes);
    for (Field field; reader.next(field);) {
      REQUIRE(field.value.data() + field.value.size() <= value.data() + value.size());
    }
  }
}

TEST_CASE("session record: a tombstone is never larger than the session it ends") {
  // So logout needs no room, whatever the limits say. The owner moves into the tombstone.
  const std::string owner(kOwnerBytesMax, 'o');
  const std::string live = encode(LiveRecord{.token_made_at = 1'700'000'000'000});
  const std::string ended = encode(EndedRecord{.when = 1'700'000'000'000, .owner = owner});
  CHECK(ended.size() <= live.size() + owner.size());
  const std::string small = encode(EndedRecord{.when = 1'700'000'000'000, .owner = "o"});
  CHECK(small.size() <= live.size() + 1);
}

}  // namespace cloakroom::testing
