#include "base/coding.h"

#include <doctest/doctest.h>

#include <limits>
#include <random>

#include "support/random_seed.h"

using namespace cloakroom;

TEST_CASE("coding: what was written is read") {
  std::string out;
  put_u8(out, 0xfe);
  put_u32(out, 0xdeadbeef);
  put_u64(out, UINT64_MAX - 1);
  for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{127}, std::uint64_t{128},
                                    std::uint64_t{16384}, UINT64_MAX}) {
    put_varint(out, value);
  }
  put_string(out, std::string_view("a\0b", 3));
  put_string(out, "");
  Reader reader(out);
  CHECK(reader.u8() == 0xfe);
  CHECK(reader.u32() == 0xdeadbeef);
  CHECK(reader.u64() == UINT64_MAX - 1);
  CHECK(reader.varint() == 0);
  CHECK(reader.varint() == 127);
  CHECK(reader.varint() == 128);
  CHECK(reader.varint() == 16384);
  CHECK(reader.varint() == UINT64_MAX);
  CHECK(reader.string() == std::string_view("a\0b", 3));
  CHECK(reader.string().empty());
  CHECK(reader.ok());
  CHECK(reader.empty());
}

TEST_CASE("coding: sizes are known beforehand") {
  CLOAKROOM_RANDOM_SEED(seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t value = random() >> (random() % 64);
    std::string out;
    put_varint(out, value);
    REQUIRE(out.size() == varint_bytes(value));
    REQUIRE(Reader(out).varint() == value);
  }
  std::string out;
  put_string(out, std::string(300, 'x'));
  CHECK(out.size() == string_bytes(std::string(300, 'x')));
}

TEST_CASE("coding: a reader stops at every cut and stays bad") {
  std::string out;
  put_u32(out, 1);
  put_string(out, "hello");
  put_u64(out, 2);
  for (std::size_t cut = 0; cut < out.size(); ++cut) {
    Reader reader(std::string_view(out).substr(0, cut));
    reader.u32();
    reader.string();
    reader.u64();
    CHECK_FALSE(reader.ok());
    CHECK(reader.u8() == 0);
  }
}

TEST_CASE("coding: a varint has one form") {
  for (const std::string_view bad :
       {std::string_view("\x80\x00", 2), std::string_view("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"),
        std::string_view("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01")}) {
    Reader reader(bad);
    CHECK(reader.varint() == 0);
    CHECK_FALSE(reader.ok());
  }
}

TEST_CASE("coding: a length past the end is refused without reserving for it") {
  std::string out;
  put_varint(out, UINT64_MAX);
  Reader reader(out);
  CHECK(reader.string().empty());
  CHECK_FALSE(reader.ok());
}
