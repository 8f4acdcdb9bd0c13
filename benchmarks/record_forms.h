// The two forms in which the tables of others hold a record, and how they are looked up.
//
//   form     key of the map    value of the map     names
//   Strings  std::string       TimedString          umap, tbb, cuckoo, flat64, flat1024
//   Flat     FlatRecord        nothing              the same with -r
//
// All of them hash with XXH3, once for each operation, and find without building a std::string: so
// nobody loses by its hash function or by an allocation that is none of its business.
#ifndef CLOAKROOM_BENCHMARKS_RECORD_FORMS_H_
#define CLOAKROOM_BENCHMARKS_RECORD_FORMS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/hash.h"
#include "cloakroom/clock.h"
#include "flat_record.h"

namespace cloakroom::bench {

// A key that is looked for, with its hash.
struct HashedKey {
  explicit HashedKey(std::string_view key) noexcept : bytes(key), hash(hash64(key, 0)) {}

  std::string_view bytes;
  std::uint64_t hash;
};

// What a put brings. Maps build their own key from it: a std::string or a FlatRecord.
struct NewRecord : HashedKey {
  NewRecord(std::string_view key, std::string_view new_value, TimeMs new_deadline) noexcept
      : HashedKey(key), value(new_value), deadline(new_deadline) {}

  operator std::string_view() const noexcept { return bytes; }
  operator FlatRecord() const { return {bytes, value, deadline}; }

  std::string_view value;
  TimeMs deadline;
};

// Movable, as tables want it: only ever moved where nobody else can see it.
class TimedString {
 public:
  TimedString() = default;
  TimedString(std::string_view value, TimeMs deadline) : value_(value), deadline_(deadline) {}
  TimedString(TimedString&& other) noexcept
      : value_(std::move(other.value_)),
        deadline_(other.deadline_.load(std::memory_order_relaxed)) {}

  [[nodiscard]] std::string_view value() const noexcept { return value_; }
  [[nodiscard]] std::atomic<TimeMs>& deadline() const noexcept { return deadline_; }

  // REQUIRES: nobody reads it meanwhile.
  void assign(std::string_view value, TimeMs deadline) {
    value_.assign(value);
    deadline_.store(deadline, std::memory_order_relaxed);
  }

 private:
  std::string value_;
  mutable std::atomic<TimeMs> deadline_{0};  // moved under shared locks
};

struct Strings {
  using Key = std::string;
  using Mapped = TimedString;
  static constexpr bool kKeyIsRecord = false;
};

struct Flat {
  using Key = FlatRecord;
  struct Mapped {};
  static constexpr bool kKeyIsRecord = true;
};

// The record in what an iterator points at.
inline TimedString& record_of(std::pair<const std::string, TimedString>& slot) noexcept {
  return slot.second;
}
inline const TimedString& record_of(
    const std::pair<const std::string, TimedString>& slot) noexcept {
  return slot.second;
}
inline const FlatRecord& record_of(const std::pair<const FlatRecord, Flat::Mapped>& slot) noexcept {
  return slot.first;
}
inline const FlatRecord& record_of(const FlatRecord& record) noexcept { return record; }

inline std::string_view key_bytes(std::string_view key) noexcept { return key; }
inline std::string_view key_bytes(const HashedKey& key) noexcept { return key.bytes; }
inline std::string_view key_bytes(const FlatRecord& record) noexcept { return record.key(); }

struct KeyHash {
  using is_transparent = void;
  using is_avalanching = void;  // tells Boost that the bits need no further mixing

  // Not noexcept, on purpose: then libstdc++ keeps the hash in the node, as it does for
  // std::hash<std::string>, and walks a chain without looking at every key in it.
  std::size_t operator()(const HashedKey& key) const { return key.hash; }
  std::size_t operator()(std::string_view key) const { return hash64(key, 0); }
  std::size_t operator()(const FlatRecord& record) const { return hash64(record.key(), 0); }
};

struct KeyEqual {
  using is_transparent = void;

  template <class A, class B>
  bool operator()(const A& a, const B& b) const noexcept {
    return key_bytes(a) == key_bytes(b);
  }
};

}  // namespace cloakroom::bench

#endif  // CLOAKROOM_BENCHMARKS_RECORD_FORMS_H_
