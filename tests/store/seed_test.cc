// Each store hashes with a seed of its own, from the kernel. A seed cannot be asked for, but the
// order of a scan follows from it.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "support/manual_clock.h"
#include "support/store_fixture.h"

namespace cloakroom::testing {
namespace {

constexpr std::uint64_t kRecords = 64;  // two seeds that order so many alike: 1 in 64!

// The last characters of the keys of a new store, in the order of a scan.
std::string scan_order_of_new_store() {
  ManualClock clock;
  Store store = memory_store(clock);
  for (std::uint64_t i = 0; i < kRecords; ++i) {
    if (!store.put(std::string(1, static_cast<char>('0' + i)), "v")) return {};
  }
  std::string order;
  Cursor cursor = kScanStart;
  do {
    const auto next = store.scan(cursor, 1000, [&](const RecordView& view) { order += view.key; });
    if (!next) return {};
    cursor = *next;
  } while (cursor != kScanStart);
  return order;
}

// The same from a process that begins as a copy of this one.
std::string scan_order_in_child() {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const std::string order = scan_order_of_new_store();
    const bool written =
        ::write(ends[1], order.data(), order.size()) == static_cast<ssize_t>(order.size());
    ::_exit(written ? 0 : 1);
  }
  ::close(ends[1]);
  std::string order(kRecords, '\0');
  const ssize_t got = ::read(ends[0], order.data(), order.size());
  ::close(ends[0]);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(status == 0);
  REQUIRE(got == static_cast<ssize_t>(kRecords));
  return order;
}

}  // namespace

TEST_CASE("seed: two stores of a process have different ones") {
  const std::string order = scan_order_of_new_store();
  CHECK(order.size() == kRecords);
  CHECK(order != scan_order_of_new_store());
}

TEST_CASE("seed: stores of two processes have different ones") {
  const std::string order = scan_order_of_new_store();
  const std::string in_child = scan_order_in_child();
  CHECK(order.size() == kRecords);
  CHECK(order != in_child);
  CHECK(in_child != scan_order_in_child());
}

}  // namespace cloakroom::testing
