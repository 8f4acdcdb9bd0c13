// Cloakroom itself, in memory only or with a store on disk.
#include <array>
#include <utility>

#include "contestant.h"
#include "failure.h"
#include "roster.h"

namespace cloakroom::bench {
namespace {

class StoreLane final : public Lane {
 public:
  explicit StoreLane(Store& store) : store_(store) {}

  bool get(std::string_view key) override { return alive(store_.get(key)); }

  bool get_into(std::string_view key, std::string& value) override {
    return alive(store_.get(key, value));
  }

  bool visit(std::string_view key) override {
    return alive(store_.visit(key, [](const RecordView& record) { look_at(record.value); }));
  }

  std::size_t visit_many(std::span<const std::string_view> keys) override {
    return value_or_fail(
        store_.visit_many(keys,
                          [](std::size_t, const RecordView& record) { look_at(record.value); }),
        "visit_many");
  }

  void put(std::string_view key, std::string_view value) override {
    if (const auto stored = store_.put(key, value, {.ttl = kTtl}); !stored) {
      check(stored.status(), "put");
    }
  }

  bool touch(std::string_view key) override { return alive(store_.touch(key, kTtl)); }
  bool erase(std::string_view key) override { return alive(store_.erase(key)); }

 private:
  template <class Answer>
  static bool alive(const Answer& answer) {
    if (answer) return true;
    if (answer.status().code() != StatusCode::kNotFound) check(answer.status(), "cloakroom");
    return false;
  }

  Store& store_;
};

class StoreContestant final : public Contestant, public Reclaimer {
 public:
  explicit StoreContestant(Store store) : store_(std::move(store)) {}

  std::unique_ptr<Lane> lane() override { return std::make_unique<StoreLane>(store_); }

  // Not each record, but the whole is made durable.
  void load(const Dataset& dataset) override {
    put_for(dataset, 0, dataset.sessions(), [](std::uint64_t) { return Millis(kTtl); });
    check(store_.sync(), "sync");
  }

  Reclaimer* reclaimer() override { return this; }

  void put_for(const Dataset& dataset, std::uint64_t first, std::uint64_t last,
               const TtlOf& ttl_of) override {
    std::array<char, kKeyBytes> key{};
    for (std::uint64_t index = first; index < last; ++index) {
      write_key(index, key.data());
      const auto stored = store_.put({key.data(), key.size()}, dataset.value(index),
                                     {.ttl = ttl_of(index), .durability = Durability::kMemory});
      if (!stored) check(stored.status(), "put");
    }
  }

  std::uint64_t held_records() override { return store_.stats().records; }
  std::uint64_t held_bytes() override { return store_.stats().memory_bytes; }

 private:
  Store store_;
};

}  // namespace

Store open_store(const ContestantSetup& setup, bool on_disk) {
  // Twice what 36-byte keys and some hundred bytes of value need: the limit is not measured here.
  const std::size_t limit =
      (std::size_t{1} << 30) + static_cast<std::size_t>(setup.sessions) * 1024;
  return value_or_fail(Store::open({.path = on_disk ? setup.directory + "/store" : std::string(),
                                    .durability = setup.durability,
                                    .memory_limit_bytes = limit}),
                       "open");
}

std::unique_ptr<Contestant> make_store(const ContestantSetup& setup, bool on_disk) {
  return std::make_unique<StoreContestant>(open_store(setup, on_disk));
}

}  // namespace cloakroom::bench
