#include "table/bucket.h"

#include <doctest/doctest.h>

#include "support/random_seed.h"

using namespace cloakroom;
using cloakroom::testing::below;

TEST_CASE("bucket: a tag is never 0 and otherwise 16 bits of the hash") {
  for (std::uint64_t bits = 0; bits < 65536; ++bits) {
    REQUIRE(tag_of(bits << 16) == (bits != 0 ? bits : 1));
    REQUIRE(tag_of(bits << 16 | 0xffff'0000'0000'ffff) == (bits != 0 ? bits : 1));
  }
}

TEST_CASE("bucket: a match is a bit for every slot with the tag, and for no other slot") {
  for (unsigned slot = 0; slot < Bucket::kSlots; ++slot) {
    Bucket bucket;
    // What surrounds the tags must not be taken for one.
    for (auto& ref : bucket.refs) ref = 0xabcdabcd;
    bucket.overflow = 0xabcdabcd;
    bucket.tags[slot] = 0xabcd;
    CHECK(bucket.match(0xabcd) == 1U << slot);
    CHECK(bucket.match_portable(0xabcd) == 1U << slot);
    CHECK(bucket.match(0) == (0x3ffU & ~(1U << slot)));
  }
}

#if defined(__SSE2__)
TEST_CASE("bucket: the vector match is the portable one") {
  CLOAKROOM_RANDOM_SEED(seed);
  testing::Random random(seed);
  // These go through every signed and unsigned saturation on the way.
  constexpr std::uint16_t kEdges[] = {0, 1, 0xff, 0x100, 0x7fff, 0x8000, 0xff00, 0xffff};
  for (int round = 0; round < 20'000; ++round) {
    Bucket bucket;
    for (auto& ref : bucket.refs) ref = static_cast<Ref>(random());
    bucket.overflow = static_cast<std::uint32_t>(random());
    // Of few tags, so that every set of slots comes up.
    const std::uint16_t one = static_cast<std::uint16_t>(random());
    const std::uint16_t other = kEdges[below(random, std::size(kEdges))];
    for (auto& tag : bucket.tags) {
      const std::uint64_t choice = below(random, 4);
      tag = choice == 0   ? one
            : choice == 1 ? other
                          : static_cast<std::uint16_t>(one ^ 1U << below(random, 16));
    }
    for (const std::uint16_t tag : {one, other, static_cast<std::uint16_t>(one ^ 1)}) {
      REQUIRE(bucket.match_vector(tag) == bucket.match_portable(tag));
    }
    for (const auto& tag : bucket.tags) {
      REQUIRE(bucket.match_vector(tag) == bucket.match_portable(tag));
    }
  }
}
#endif
