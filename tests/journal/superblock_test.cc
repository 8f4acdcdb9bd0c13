#include "journal/superblock.h"

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

#include "support/temp_dir.h"

using namespace cloakroom;

namespace {

constexpr std::size_t kIdentityBytes = 48;

Identity some_identity() {
  Identity identity;
  identity.id[0] = 0xab;
  identity.created = 1234;
  return identity;
}

std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream bytes;
  bytes << in.rdbuf();
  return bytes.str();
}

void spill(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

}  // namespace

TEST_CASE("superblock: comes back as it was written, with the newest mark") {
  const testing::TempDir dir;
  REQUIRE(Superblock::create(dir.path(), some_identity(), {.synced = 1, .clean = true}));
  {
    Result<Superblock> block = Superblock::open(dir.path(), true);
    REQUIRE(block);
    for (Version version = 2; version <= 6; ++version) {
      REQUIRE(block->write_mark({.synced = version, .clock = {.store = 7, .wall = 8}}, false));
    }
  }
  const Result<Superblock> block = Superblock::open(dir.path(), false);
  REQUIRE(block);
  CHECK(block->identity().id == some_identity().id);
  CHECK(block->identity().created == 1234);
  CHECK(block->mark().synced == 6);
  CHECK(block->mark().clock.store == 7);
  CHECK_FALSE(block->mark().clean);
}

TEST_CASE("superblock: a torn mark leaves the one before it") {
  const testing::TempDir dir;
  REQUIRE(Superblock::create(dir.path(), some_identity(), {.synced = 1}));
  const std::string before = slurp(dir.path() + "/CLOAKROOM");
  REQUIRE(Superblock::open(dir.path(), true)->write_mark({.synced = 2}, true));
  std::string torn = slurp(dir.path() + "/CLOAKROOM");
  for (std::size_t at = 0; at < torn.size(); ++at) {
    if (torn[at] != before[at]) {
      torn[at] = static_cast<char>(torn[at] ^ 0x55);
      break;
    }
  }
  spill(dir.path() + "/CLOAKROOM", torn);
  const Result<Superblock> block = Superblock::open(dir.path(), false);
  REQUIRE(block);
  CHECK(block->mark().synced == 1);
}

TEST_CASE("superblock: every damaged byte of the identity is refused") {
  const testing::TempDir dir;
  REQUIRE(Superblock::create(dir.path(), some_identity(), {.synced = 1}));
  const std::string path = dir.path() + "/CLOAKROOM";
  const std::string good = slurp(path);
  for (std::size_t at = 0; at < kIdentityBytes; ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x40);
    spill(path, bad);
    const Result<Superblock> block = Superblock::open(dir.path(), false);
    REQUIRE_FALSE(block);
    const bool format_bytes = at >= 8 && at < 12;
    CHECK(block.code() ==
          (format_bytes ? StatusCode::kInvalidArgument : StatusCode::kCorruption));
    CHECK(block.status().message().find(path) != std::string::npos);
  }
}

TEST_CASE("superblock: cut short, empty and missing are told apart") {
  const testing::TempDir dir;
  CHECK(Superblock::open(dir.path(), false).code() == StatusCode::kNotFound);
  REQUIRE(Superblock::create(dir.path(), some_identity(), {.synced = 1}));
  const std::string path = dir.path() + "/CLOAKROOM";
  const std::string good = slurp(path);
  for (const std::size_t size : {std::size_t{0}, std::size_t{20}, std::size_t{2000}}) {
    spill(path, good.substr(0, size));
    CHECK(Superblock::open(dir.path(), false).code() == StatusCode::kCorruption);
  }
}
