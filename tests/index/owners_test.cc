#include "index/owners.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace cloakroom;

TEST_CASE("owners: hashes of an owner, equal ones counted") {
  Owners owners;
  owners.add("alice", 1);
  owners.add("alice", 2);
  owners.add("alice", 2);
  owners.add("bob", 3);
  owners.add("", 4);
  CHECK(owners.owner_count() == 2);
  CHECK(owners.hashes_of("alice").size() == 3);
  owners.remove("alice", 2);
  auto left = owners.hashes_of("alice");
  std::sort(left.begin(), left.end());
  CHECK(left == std::vector<std::uint64_t>{1, 2});
  owners.remove("bob", 99);
  CHECK(owners.hashes_of("bob").size() == 1);
  CHECK(owners.hashes_of("nobody").empty());
}

TEST_CASE("owners: memory is counted and comes back to nothing") {
  Owners owners;
  CHECK(owners.memory_bytes() == 0);
  for (std::uint64_t i = 0; i < 1000; ++i) {
    owners.add("a rather long name of an owner " + std::to_string(i % 100), i);
  }
  CHECK(owners.memory_bytes() > 1000 * sizeof(std::uint64_t));
  for (std::uint64_t i = 0; i < 1000; ++i) {
    owners.remove("a rather long name of an owner " + std::to_string(i % 100), i);
  }
  CHECK(owners.memory_bytes() == 0);
  CHECK(owners.owner_count() == 0);
}
