#include "base/decompress.h"

#include <doctest/doctest.h>

#include <string>

#include "base/coding.h"
#include "support/random_seed.h"

using namespace cloakroom;
using namespace cloakroom::testing;

namespace {

using namespace std::string_literals;

// Of 12 bytes: "abcd" as literals, then 8 bytes from 4 before; the last sequence has literals only.
std::string lz4_block() {
  std::string block;
  put_varint(block, 17);
  block += "\x44"s + "abcd" + "\x04\x00"s;  // 4 literals, a match of 4 + 4 at a distance of 4
  return block + "\x50"s + "12345";
}

TEST_CASE("decompress: LZ4 repeats what is there, also into itself") {
  std::string out;
  const std::string block = lz4_block();
  CHECK(decompress_lz4(block + "more", out) == block.size());
  CHECK(out == "abcdabcdabcd12345");
}

TEST_CASE("decompress: Snappy has literals and three kinds of copies") {
  std::string block;
  put_varint(block, 4 + 4 + 8 + 2);
  block += "\x0c"s + "abcd";         // 4 literals
  block += "\x01\x04"s;              // 4 bytes from 4 before, one byte of distance
  block += "\x1e\x04\x00"s;          // 8 bytes, two bytes of distance
  block += "\x07\x01\x00\x00\x00"s;  // 2 bytes from 1 before, four bytes of distance
  std::string out;
  CHECK(decompress_snappy(block, out) == block.size());
  CHECK(out == "abcdabcdabcdabcddd");
}

TEST_CASE("decompress: what is cut short or reaches before the beginning is nothing") {
  std::string out;
  const std::string block = lz4_block();
  for (std::size_t size = 0; size < block.size(); ++size) {
    CHECK(!decompress_lz4(block.substr(0, size), out));
  }
  std::string before;
  put_varint(before, 12);
  CHECK(!decompress_lz4(before + "\x44"s + "abcd" + "\x05\x00"s, out));
  CHECK(!decompress_lz4(before + "\x44"s + "abcd" + "\x00\x00"s, out));
  CHECK(!decompress_snappy(before + "\x0c"s + "abcd" + "\x1e\x05\x00"s, out));
}

TEST_CASE("decompress: a claimed size costs nothing, and hostile bytes end in an answer") {
  std::string out;
  std::string claim;
  put_varint(claim, std::uint64_t{1} << 62);
  CHECK(!decompress_lz4(claim + "x", out));
  CHECK(!decompress_snappy(claim + "x", out));
  CLOAKROOM_RANDOM_SEED(seed);
  Random random(seed);
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes;
    put_varint(bytes, below(random, 5000));
    for (std::uint64_t left = below(random, 80); left > 0; --left) {
      bytes += static_cast<char>(one_in(random, 3) ? below(random, 8) : random());
    }
    if (const auto used = decompress_lz4(bytes, out)) CHECK(*used <= bytes.size());
    if (const auto used = decompress_snappy(bytes, out)) CHECK(*used <= bytes.size());
  }
}

}  // namespace
