// Short words for tests of a store: opening one, and checking answers so that a failure shows the
// whole Status instead of "false".
#ifndef CLOAKROOM_TESTS_SUPPORT_STORE_FIXTURE_H_
#define CLOAKROOM_TESTS_SUPPORT_STORE_FIXTURE_H_

#include <doctest/doctest.h>

#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

#include "cloakroom/store.h"

// The call must answer ok; `expr` gives a Status or a Result.
#define CHECK_OK(expr)                                                     \
  do {                                                                     \
    const auto& answer_ = (expr);                                          \
    CHECK_MESSAGE(answer_.ok(), #expr " gave ", answer_.status().to_string()); \
  } while (false)
#define REQUIRE_OK(expr)                                                     \
  do {                                                                       \
    const auto& answer_ = (expr);                                            \
    REQUIRE_MESSAGE(answer_.ok(), #expr " gave ", answer_.status().to_string()); \
  } while (false)

// The call must answer this code: CHECK_CODE(store.get("k"), kNotFound).
#define CHECK_CODE(expr, name)                                                     \
  do {                                                                             \
    const auto& answer_ = (expr);                                                  \
    CHECK_MESSAGE(answer_.code() == ::cloakroom::StatusCode::name, #expr " gave ", \
                  answer_.status().to_string());                                   \
  } while (false)

#define REQUIRE_CODE(expr, name)                                                     \
  do {                                                                               \
    const auto& answer_ = (expr);                                                    \
    REQUIRE_MESSAGE(answer_.code() == ::cloakroom::StatusCode::name, #expr " gave ", \
                    answer_.status().to_string());                                   \
  } while (false)

// get() must answer exactly these bytes.
#define CHECK_VALUE(store, key, expected)                                              \
  do {                                                                                 \
    const auto& answer_ = (store).get(key);                                            \
    CHECK_MESSAGE(answer_.ok(), "get(" #key ") gave ", answer_.status().to_string()); \
    if (answer_.ok()) CHECK(*answer_ == (expected));                                   \
  } while (false)

namespace cloakroom::testing {

using namespace std::chrono_literals;

// No threads, the test's clock, few stripes (so that a handful of keys already share some).
[[nodiscard]] inline Options quiet_options(const Clock& clock, std::string path = {}) {
  Options options;
  options.path = std::move(path);
  options.background = false;
  options.clock = &clock;
  options.stripe_count = 16;
  options.memory_limit_bytes = std::size_t{256} << 20;
  return options;
}

[[nodiscard]] inline Store open_store(Options options) {
  auto store = Store::open(std::move(options));
  REQUIRE_OK(store);
  return *std::move(store);
}

[[nodiscard]] inline Store memory_store(const Clock& clock) {
  return open_store(quiet_options(clock));
}

// A record, copied out of a view.
struct RecordCopy {
  std::string value = {};
  std::string owner = {};
  Kind kind = Kind::kBytes;
  Version version = 0;
  TimeMs deadline = kNever;
  TimeMs lifetime = kNever;
  TimeMs created = 0;

  friend bool operator==(const RecordCopy&, const RecordCopy&) = default;
  friend std::ostream& operator<<(std::ostream& out, const RecordCopy& r) {
    return out << (r.kind == Kind::kBytes ? "bytes" : "fields") << '[' << r.value.size() << "] v"
               << r.version << " owner=" << r.owner << " deadline=" << r.deadline
               << " lifetime=" << r.lifetime << " created=" << r.created;
  }
};

[[nodiscard]] inline RecordCopy copy_of(const RecordView& view) {
  return {std::string(view.value), std::string(view.owner), view.kind,   view.version,
          view.deadline,           view.lifetime,           view.created};
}

// The record of a key, or nothing when it is absent.
[[nodiscard]] inline std::optional<RecordCopy> record_of(const Store& store, std::string_view key) {
  std::optional<RecordCopy> copy;
  const auto seen = store.visit(key, [&](const RecordView& view) { copy = copy_of(view); });
  if (!seen) {
    CHECK_CODE(seen, kNotFound);
    CHECK(!copy);
  }
  return copy;
}

// Everything a full scan sees, by key.
[[nodiscard]] inline std::map<std::string, RecordCopy> contents_of(const Store& store,
                                                                   std::size_t count = 64) {
  std::map<std::string, RecordCopy> contents;
  Cursor cursor = kScanStart;
  do {
    const auto next = store.scan(cursor, count, [&](const RecordView& view) {
      contents.insert_or_assign(std::string(view.key), copy_of(view));
    });
    REQUIRE_OK(next);
    cursor = *next;
  } while (cursor != kScanStart);
  return contents;
}

// Sweeps until every record of the disk is in memory.
inline void warm_up(Store& store) {
  for (int pass = 0; pass < 100000 && !store.stats().warm; ++pass) store.sweep();
  REQUIRE(store.stats().warm);
}

[[nodiscard]] inline std::string text(const char* prefix, std::uint64_t number) {
  return prefix + std::to_string(number);
}

}  // namespace cloakroom::testing

#endif  // CLOAKROOM_TESTS_SUPPORT_STORE_FIXTURE_H_
