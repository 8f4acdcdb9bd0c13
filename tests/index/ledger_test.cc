#include "index/ledger.h"

#include <doctest/doctest.h>

#include "support/temp_dir.h"

using namespace cloakroom;
using cloakroom::testing::TempDir;

namespace {

// Keys are random; here the first byte tells them apart.
Ledger::Key key_of(unsigned number) { return {static_cast<unsigned char>(number), 42}; }

Ledger::Entry entry_of(unsigned number, std::uint8_t reason = 1) {
  return {.key = key_of(number), .reason = reason, .when = number, .owner = "o"};
}

}  // namespace

TEST_CASE("ledger: the newest entries are remembered, the oldest make room") {
  Ledger ledger(3);
  for (unsigned number = 1; number <= 5; ++number) ledger.add(entry_of(number));
  CHECK(!ledger.find(key_of(1)));
  CHECK(!ledger.find(key_of(2)));
  for (unsigned number = 3; number <= 5; ++number) {
    REQUIRE(ledger.find(key_of(number)));
    CHECK(ledger.find(key_of(number))->when == number);
  }
}

TEST_CASE("ledger: of one key the newest entry counts, and survives that the older one leaves") {
  Ledger ledger(3);
  ledger.add(entry_of(7, 1));
  ledger.add(entry_of(7, 2));
  CHECK(ledger.find(key_of(7))->reason == 2);
  ledger.add(entry_of(8));
  ledger.add(entry_of(9));  // in the place of the first one of 7
  CHECK(ledger.find(key_of(7))->reason == 2);
  ledger.add(entry_of(10));
  CHECK(!ledger.find(key_of(7)));
}

TEST_CASE("ledger: a key whose first bytes are another's is not taken for it") {
  Ledger ledger(3);
  ledger.add(entry_of(7));
  Ledger::Key other = key_of(7);
  other[31] = 1;
  CHECK(!ledger.find(other));
}

TEST_CASE("ledger: without capacity nothing is remembered, and no file made") {
  const TempDir directory;
  Ledger ledger(0);
  CHECK(ledger.keep_in(directory.path(), "sess"));
  ledger.add(entry_of(1));
  CHECK(!ledger.find(key_of(1)));
  CHECK(ledger_names(directory.path()).empty());
}

TEST_CASE(
    "ledger: kept in a file, the next one knows what the last one did, of each name its own") {
  const TempDir directory;
  for (const char* name : {"sess", "admin"}) {
    Ledger ledger(3);
    REQUIRE(ledger.keep_in(directory.path(), name));
    CHECK(ledger.is_kept());
    for (unsigned number = 1; number <= 4; ++number) ledger.add(entry_of(number));
    if (std::string(name) == "admin") ledger.add(entry_of(20));
  }
  Ledger ledger(3);
  REQUIRE(ledger.keep_in(directory.path(), "sess"));
  CHECK(!ledger.find(key_of(1)));
  CHECK(ledger.find(key_of(2))->owner == "o");
  CHECK(ledger.find(key_of(4)));
  CHECK(!ledger.find(key_of(20)));
  ledger.add(entry_of(5));
  CHECK(!ledger.find(key_of(2)));
  CHECK(ledger_names(directory.path()) == std::vector<std::string>{"admin", "sess"});
}

TEST_CASE("ledger: where there is no directory it is in memory, and says why it is not kept") {
  const TempDir directory;
  Ledger ledger(3);
  const Status kept = ledger.keep_in(directory / "missing", "sess");
  CHECK(kept.code() == StatusCode::kIo);
  CHECK(kept.message().find("missing") != std::string::npos);
  CHECK(!ledger.is_kept());
  ledger.add(entry_of(1));
  CHECK(ledger.find(key_of(1)));
}
