// make_store DIR clean|killed|held: a store for the tests of the command line.
//
// It holds one record of every sort, each value with the word "s3cret" in it, and was made an hour
// ago by its clock: what had a time to live of less has expired. Then the process stops in order,
// or by SIGKILL, or prints "held" and keeps the store open until its input ends.
#include <csignal>
#include <cstdio>
#include <string>
#include <string_view>

#include "cloakroom/store.h"
#include "support/manual_clock.h"

namespace {

using namespace std::chrono_literals;
using cloakroom::Store;

constexpr int kBulkRecords = 200;

int fail(const cloakroom::Status& status) {
  std::fprintf(stderr, "make_store: %s\n", status.to_string().c_str());
  return 1;
}

cloakroom::Status fill(Store& store) {
  const auto put = [&](std::string_view key, std::string_view value,
                       const cloakroom::PutOptions& options) {
    return store.put(key, value, options).status();
  };
  const std::string binary("\x00\x01\xff s3cret \x02", 12);
  const std::string hostile("evil\r\n\x1b[2Jname\xff\\end");
  cloakroom::Status done = put("sess:json", R"({"b":"s3cret","a":[1,{"x":2.50}],"e":{}})",
                               {.ttl = 2h, .lifetime = 12h, .owner = "alice"});
  if (done) done = put("sess:binary", binary, {.ttl = 3h, .owner = "bob"});
  if (done) done = put("sess:forever", "s3cret text", {});
  if (done) done = put("sess:short", "s3cret past", {.ttl = 1min, .owner = "alice"});
  if (done) done = put(hostile, "s3cret", {.ttl = 5h, .owner = "m\xffllory\n"});
  if (done) done = put("large", "s3cret" + std::string(100'000, 'x'), {.ttl = 48h});
  // Names that the parser of the command line might take for its own.
  if (done) done = put("info", "s3cret", {.ttl = 4h});
  if (done) done = put("--json", "s3cret", {.ttl = 4h});
  for (int i = 0; i < kBulkRecords && done; ++i) {
    // Not compressible, so that a flipped byte hits a record wherever it falls.
    std::string value = "s3cret";
    for (unsigned x = static_cast<unsigned>(i) + 1; value.size() < 300;) {
      x = x * 1664525U + 1013904223U;
      value += static_cast<char>(x >> 24);
    }
    done = put("bulk:" + std::to_string(1000 + i), value, {.ttl = 6h});
  }
  if (!done) return done;
  const cloakroom::Field fields[] = {{"name", "Alice s3cret"},
                                     {"cart", R"(["s3cret"])"},
                                     {"raw", std::string_view("\xff\x00s3cret", 8)}};
  return store.set_fields("sess:fields", fields, {.ttl = 2h, .owner = "alice"}).status();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::string_view ending = argv[2];
  const auto& machine = cloakroom::system_clock();
  const auto hour = cloakroom::Millis(1h).count();
  const cloakroom::testing::ManualClock past(machine.wall_ms() - hour, machine.boot_ms() - hour);
  const cloakroom::Clock* clock = ending == "held" ? &machine : &past;

  auto store = Store::open({.path = argv[1], .background = false, .clock = clock});
  if (!store) return fail(store.status());
  if (const auto filled = fill(*store); !filled) return fail(filled);
  if (ending == "killed") std::raise(SIGKILL);
  if (ending == "held") {
    std::puts("held");
    std::fflush(stdout);
    while (std::getchar() != EOF) {
    }
  }
  const auto closed = store->close();
  return closed ? 0 : fail(closed);
}
