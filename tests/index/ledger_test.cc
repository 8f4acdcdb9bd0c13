#include "index/ledger.h"

#include <doctest/doctest.h>

using namespace cloakroom;

TEST_CASE("ledger: the newest entries are remembered, the oldest make room") {
  Ledger ledger(3);
  for (std::uint64_t hash = 1; hash <= 5; ++hash) {
    ledger.add({.key_hash = hash, .reason = 1, .when = static_cast<TimeMs>(hash), .owner = "o"});
  }
  CHECK(!ledger.find(1));
  CHECK(!ledger.find(2));
  for (std::uint64_t hash = 3; hash <= 5; ++hash) {
    REQUIRE(ledger.find(hash));
    CHECK(ledger.find(hash)->when == static_cast<TimeMs>(hash));
  }
}

TEST_CASE("ledger: of one key the newest entry counts, and survives that the older one leaves") {
  Ledger ledger(3);
  ledger.add({.key_hash = 7, .reason = 1});
  ledger.add({.key_hash = 7, .reason = 2});
  CHECK(ledger.find(7)->reason == 2);
  ledger.add({.key_hash = 8});
  ledger.add({.key_hash = 9});  // in the place of the first one of 7
  CHECK(ledger.find(7)->reason == 2);
  ledger.add({.key_hash = 10});
  CHECK(!ledger.find(7));
}

TEST_CASE("ledger: without capacity nothing is remembered") {
  Ledger ledger(0);
  ledger.add({.key_hash = 1});
  CHECK(!ledger.find(1));
}
