// A table of somebody else as a contestant: what all of them have in common.
//
// Table is a class with
//   read(const HashedKey&, f)    calls f(record) under the lock of readers, if the key is there
//   put(const NewRecord&)        creates or overwrites
//   erase(const HashedKey&)      whether it was there
// where a record is a TimedString or a FlatRecord. Safe from any thread.
#ifndef CLOAKROOM_BENCHMARKS_TABLE_CONTESTANT_H_
#define CLOAKROOM_BENCHMARKS_TABLE_CONTESTANT_H_

#include <memory>
#include <string>

#include "contestant.h"
#include "record_forms.h"

namespace cloakroom::bench {

template <class Table>
class TableLane final : public Lane {
 public:
  explicit TableLane(Table& table) : table_(table) {}

  bool get(std::string_view key) override {
    std::string copy;
    return get_into(key, copy);
  }

  bool get_into(std::string_view key, std::string& value) override {
    return with_alive(key, [&](const auto& record) { value.assign(record.value()); });
  }

  bool visit(std::string_view key) override {
    return with_alive(key, [](const auto& record) { look_at(record.value()); });
  }

  // None of them has anything for many keys at once.
  std::size_t visit_many(std::span<const std::string_view> keys) override {
    std::size_t found = 0;
    for (const std::string_view key : keys) found += visit(key) ? 1U : 0U;
    return found;
  }

  void put(std::string_view key, std::string_view value) override {
    table_.put(NewRecord(key, value, new_deadline()));
  }

  // Under the lock of readers, which is the best these tables can do.
  bool touch(std::string_view key) override {
    const TimeMs deadline = new_deadline();
    return with_alive(key, [&](const auto& record) {
      record.deadline().store(deadline, std::memory_order_relaxed);
    });
  }

  bool erase(std::string_view key) override { return table_.erase(HashedKey(key)); }

 private:
  template <class F>
  bool with_alive(std::string_view key, F f) {
    bool alive = false;
    table_.read(HashedKey(key), [&](const auto& record) {
      alive = record.deadline().load(std::memory_order_relaxed) >= now_ms();
      if (alive) f(record);
    });
    return alive;
  }

  Table& table_;
};

template <class Table>
class TableContestant final : public Contestant {
 public:
  std::unique_ptr<Lane> lane() override { return std::make_unique<TableLane<Table>>(table_); }

 private:
  Table table_;
};

}  // namespace cloakroom::bench

#endif  // CLOAKROOM_BENCHMARKS_TABLE_CONTESTANT_H_
