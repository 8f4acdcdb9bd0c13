// RocksDB used directly: the deadline is the first eight bytes of the value, a touch reads and
// writes the whole record. Its log is on; kDisk syncs it with every write.
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/version.h>

#include <array>
#include <cstring>
#include <vector>

#include "contestant.h"
#include "failure.h"
#include "roster.h"

namespace cloakroom::bench {
namespace {

void check(const rocksdb::Status& status, const char* action) {
  if (!status.ok()) throw Failure(std::string("rocksdb, ") + action + ": " + status.ToString());
}

rocksdb::Slice slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }

constexpr std::size_t kDeadlineBytes = sizeof(TimeMs);

class RocksLane final : public Lane {
 public:
  RocksLane(rocksdb::DB& db, bool sync) : db_(db) { write_.sync = sync; }

  bool get(std::string_view key) override {
    std::string copy;
    return get_into(key, copy);
  }

  bool get_into(std::string_view key, std::string& value) override {
    return with_alive(key, [&](std::string_view found) { value.assign(found); });
  }

  bool visit(std::string_view key) override { return with_alive(key, look_at); }

  std::size_t visit_many(std::span<const std::string_view> keys) override {
    std::vector<rocksdb::Slice> slices;
    for (const std::string_view key : keys) slices.push_back(slice(key));
    std::vector<rocksdb::PinnableSlice> values(keys.size());
    std::vector<rocksdb::Status> statuses(keys.size());
    db_.MultiGet({}, db_.DefaultColumnFamily(), keys.size(), slices.data(), values.data(),
                 statuses.data());
    std::size_t found = 0;
    for (std::size_t at = 0; at < keys.size(); ++at) {
      if (statuses[at].ok() && is_alive(values[at])) {
        look_at(value_of(values[at]));
        ++found;
      }
    }
    return found;
  }

  void put(std::string_view key, std::string_view value) override {
    const TimeMs deadline = new_deadline();
    record_.assign(reinterpret_cast<const char*>(&deadline), kDeadlineBytes);
    record_.append(value);
    check(db_.Put(write_, slice(key), record_), "put");
  }

  bool touch(std::string_view key) override {
    std::string value;
    if (!get_into(key, value)) return false;
    put(key, value);
    return true;
  }

  bool erase(std::string_view key) override {
    check(db_.Delete(write_, slice(key)), "delete");
    return true;
  }

 private:
  static std::string_view value_of(const rocksdb::PinnableSlice& record) {
    return {record.data() + kDeadlineBytes, record.size() - kDeadlineBytes};
  }

  static bool is_alive(const rocksdb::PinnableSlice& record) {
    TimeMs deadline = 0;
    std::memcpy(&deadline, record.data(), kDeadlineBytes);
    return deadline >= now_ms();
  }

  template <class F>
  bool with_alive(std::string_view key, F f) {
    found_.Reset();
    const rocksdb::Status status = db_.Get({}, db_.DefaultColumnFamily(), slice(key), &found_);
    if (status.IsNotFound()) return false;
    check(status, "get");
    if (!is_alive(found_)) return false;
    f(value_of(found_));
    return true;
  }

  rocksdb::DB& db_;
  rocksdb::WriteOptions write_;
  rocksdb::PinnableSlice found_;
  std::string record_;
};

class RocksContestant final : public Contestant {
 public:
  explicit RocksContestant(const ContestantSetup& setup)
      : sync_(setup.durability == Durability::kDisk), all_in_memory_(setup.all_in_memory) {
    rocksdb::Options options;
    options.create_if_missing = true;
    options.info_log_level = rocksdb::InfoLogLevel::FATAL_LEVEL;
    if (all_in_memory_) options.write_buffer_size = std::size_t{8} << 30;
    rocksdb::BlockBasedTableOptions table;
    table.block_cache = rocksdb::NewLRUCache(kCacheBytes);
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
    options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    rocksdb::DB* db = nullptr;
    check(rocksdb::DB::Open(options, setup.directory + "/rocksdb", &db), "open");
    db_.reset(db);
  }

  std::unique_ptr<Lane> lane() override { return std::make_unique<RocksLane>(*db_, sync_); }

  void load(const Dataset& dataset) override {
    RocksLane lane(*db_, false);
    std::array<char, kKeyBytes> key{};
    for (std::uint64_t index = 0; index < dataset.sessions(); ++index) {
      write_key(index, key.data());
      lane.put({key.data(), key.size()}, dataset.value(index));
    }
    if (all_in_memory_) return;
    check(db_->Flush({}), "flush");
    check(db_->CompactRange({}, nullptr, nullptr), "compact");
  }

  bool is_slow() const override { return true; }

 private:
  static constexpr std::size_t kCacheBytes = std::size_t{1} << 30;  // holds what is measured

  bool sync_;
  bool all_in_memory_;
  std::unique_ptr<rocksdb::DB> db_;
};

}  // namespace

std::string rocksdb_version() { return rocksdb::GetRocksVersionAsString(); }

std::unique_ptr<Contestant> make_rocksdb(const ContestantSetup& setup) {
  return std::make_unique<RocksContestant>(setup);
}

}  // namespace cloakroom::bench
