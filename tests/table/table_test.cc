#include "table/table.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

using namespace cloakroom;

namespace {

void insert(Table& table, const std::string& key, TimeMs deadline = kNever) {
  const std::uint64_t hash = table.hash(key);
  Stripe& stripe = table.stripe_of(hash);
  SpinLockGuard guard(stripe.lock());
  stripe.reserve_one();
  NewRecord record(table.slabs(), {.key = key, .version = 1, .deadline = deadline});
  stripe.insert(tag_of(hash), record);
}

auto at(TimeMs time) {
  return [time] { return time; };
}

std::multiset<std::string> scan_all(Table& table, std::size_t count) {
  std::multiset<std::string> seen;
  std::uint64_t cursor = 0;
  do {
    std::vector<RecordCopy> records;
    REQUIRE(table.scan(cursor, count, 0, records));
    for (const RecordCopy& record : records) seen.emplace(record.view().key);
  } while (cursor != 0);
  return seen;
}

}  // namespace

TEST_CASE("table: a scan sees every record once, whatever the step and the number of stripes") {
  for (const std::size_t stripes : {std::size_t{1}, std::size_t{8}, std::size_t{4096}}) {
    Table table(stripes, 42);
    for (int i = 0; i < 1000; ++i) insert(table, std::to_string(i));
    for (const std::size_t count : {std::size_t{1}, std::size_t{7}, std::size_t{5000}}) {
      const auto seen = scan_all(table, count);
      CHECK(seen.size() == 1000);
      CHECK(std::set<std::string>(seen.begin(), seen.end()).size() == 1000);
    }
  }
}

TEST_CASE("table: growth during a scan hides nothing") {
  Table table(2, 42);
  for (int i = 0; i < 100; ++i) insert(table, "stays" + std::to_string(i));
  std::set<std::string> seen;
  std::uint64_t cursor = 0;
  int extra = 0;
  do {
    std::vector<RecordCopy> records;
    REQUIRE(table.scan(cursor, 3, 0, records));
    for (const RecordCopy& record : records) seen.emplace(record.view().key);
    for (int i = 0; i < 50 && extra < 2000; ++i) insert(table, "new" + std::to_string(extra++));
  } while (cursor != 0);
  for (int i = 0; i < 100; ++i) CHECK(seen.contains("stays" + std::to_string(i)));
}

TEST_CASE("table: dead records are not read and not scanned") {
  Table table(1, 42);
  insert(table, "dead", 9);
  insert(table, "alive", 10);
  CHECK_FALSE(table.read(table.hash("dead"), "dead", at(10), [](const RecordView&) {}));
  CHECK(table.read(table.hash("alive"), "alive", at(10), [](const RecordView&) {}));
  std::uint64_t cursor = 0;
  std::vector<RecordCopy> records;
  REQUIRE(table.scan(cursor, 10, 10, records));
  CHECK(records.size() == 1);
}

TEST_CASE("table: a foreign cursor is refused") {
  Table table(8, 42);
  std::uint64_t cursor = std::uint64_t{8} << 16;
  std::vector<RecordCopy> records;
  CHECK(table.scan(cursor, 1, 0, records).code() == StatusCode::kInvalidArgument);
}
