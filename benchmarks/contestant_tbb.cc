// oneTBB's concurrent_hash_map, looked up without building a std::string.
#include <oneapi/tbb/concurrent_hash_map.h>
#include <oneapi/tbb/version.h>

#include <atomic>
#include <functional>
#include <utility>

#include "contestant.h"

namespace cloakroom::bench {
namespace {

struct KeyCompare {
  using is_transparent = void;
  [[nodiscard]] std::size_t hash(std::string_view key) const noexcept {
    return std::hash<std::string_view>{}(key);
  }
  [[nodiscard]] bool equal(std::string_view a, std::string_view b) const noexcept { return a == b; }
};

// Movable, as the map wants it: only ever moved before anybody else can see it.
struct Record {
  Record() = default;
  Record(Record&& other) noexcept
      : value(std::move(other.value)), deadline(other.deadline.load(std::memory_order_relaxed)) {}

  std::string value;
  mutable std::atomic<TimeMs> deadline{0};
};

using Map = tbb::concurrent_hash_map<std::string, Record, KeyCompare>;

class TbbLane final : public Lane {
 public:
  explicit TbbLane(Map& map) : map_(map) {}

  bool get(std::string_view key) override {
    std::string copy;
    return get_into(key, copy);
  }

  bool get_into(std::string_view key, std::string& value) override {
    return with_alive(key, [&](const Record& record) { value.assign(record.value); });
  }

  bool visit(std::string_view key) override {
    return with_alive(key, [](const Record& record) { look_at(record.value); });
  }

  std::size_t visit_many(std::span<const std::string_view> keys) override {
    std::size_t found = 0;
    for (const std::string_view key : keys) found += visit(key) ? 1U : 0U;
    return found;
  }

  void put(std::string_view key, std::string_view value) override {
    const TimeMs deadline = new_deadline();
    Map::accessor record;
    map_.insert(record, key);
    record->second.value.assign(value);
    record->second.deadline.store(deadline, std::memory_order_relaxed);
  }

  bool touch(std::string_view key) override {
    const TimeMs deadline = new_deadline();
    return with_alive(key, [&](const Record& record) {
      record.deadline.store(deadline, std::memory_order_relaxed);
    });
  }

  bool erase(std::string_view key) override { return map_.erase(key); }

 private:
  template <class F>
  bool with_alive(std::string_view key, F f) {
    Map::const_accessor record;
    if (!map_.find(record, key)) return false;
    if (record->second.deadline.load(std::memory_order_relaxed) < now_ms()) return false;
    f(record->second);
    return true;
  }

  Map& map_;
};

class TbbContestant final : public Contestant {
 public:
  std::unique_ptr<Lane> lane() override { return std::make_unique<TbbLane>(map_); }

 private:
  Map map_;
};

}  // namespace

std::string tbb_version() {
  return std::to_string(TBB_VERSION_MAJOR) + "." + std::to_string(TBB_VERSION_MINOR);
}

std::unique_ptr<Contestant> make_tbb(const ContestantSetup&) {
  return std::make_unique<TbbContestant>();
}

}  // namespace cloakroom::bench
