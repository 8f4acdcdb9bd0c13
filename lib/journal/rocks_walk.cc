#include "journal/rocks_walk.h"

#include <rocksdb/db.h>

#include <algorithm>
#include <cstdint>
#include <optional>

#include "journal/rocks_words.h"

namespace cloakroom {
namespace {

// Parts smaller than this are not worth an iterator of their own.
constexpr std::uint64_t kPartBytesMin = std::uint64_t{1} << 20;
// A boundary is looked for byte by byte, up to so many behind what all keys have in common.
constexpr std::size_t kBoundaryBytesMax = 24;

class Walk final : public RecordWalk {
 public:
  Walk(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* records,
       rocksdb::ColumnFamilyHandle* deadlines, const KeyRange& range)
      : end_(range.end), end_slice_(slice(end_)) {
    rocksdb::ReadOptions options = bulk_read();
    if (!end_.empty()) options.iterate_upper_bound = &end_slice_;
    records_.reset(db.NewIterator(options, records));
    deadlines_.reset(db.NewIterator(options, deadlines));
    records_->Seek(slice(range.begin));
    deadlines_->Seek(slice(range.begin));
  }

  Status next(RecordView* record) override {
    if (started_ && records_->Valid()) records_->Next();
    started_ = true;
    if (!records_->Valid()) {
      const Status end = from_rocks("reading records", records_->status());
      return end ? Status(StatusCode::kNotFound) : Status(StatusCode::kIo, end.message());
    }
    const auto parsed = parse_record(key(), view(records_->value()));
    if (!parsed) return parsed.status();
    *record = *parsed;
    return join_deadline(*record);
  }

  std::string_view key() const override {
    return records_->Valid() ? view(records_->key()) : std::string_view();
  }

 private:
  Status join_deadline(RecordView& record) {
    while (deadlines_->Valid() && deadlines_->key().compare(records_->key()) < 0) {
      deadlines_->Next();
    }
    if (!deadlines_->Valid()) {
      const Status end = from_rocks("reading deadlines", deadlines_->status());
      return end ? Status() : Status(StatusCode::kIo, end.message());
    }
    if (deadlines_->key() != records_->key()) return Status();
    const auto granted = parse_deadline(key(), view(deadlines_->value()));
    if (!granted) return granted.status();
    join(record, *granted);
    return Status();
  }

  const std::string end_;
  const rocksdb::Slice end_slice_;  // RocksDB keeps a pointer to it
  std::unique_ptr<rocksdb::Iterator> records_;
  std::unique_ptr<rocksdb::Iterator> deadlines_;
  bool started_ = false;
};

// The bytes of a family's table files before a key.
class Measure {
 public:
  Measure(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family) : db_(db), family_(family) {
    const std::unique_ptr<rocksdb::Iterator> keys(db.NewIterator(bulk_read(), family));
    keys->SeekToFirst();
    if (!keys->Valid()) return;
    first_ = keys->key().ToString();
    keys->SeekToLast();
    if (keys->Valid()) last_ = keys->key().ToString();
    total_ = before(last_);
  }

  [[nodiscard]] std::uint64_t before(const std::string& key) const {
    if (key <= first_) return 0;
    const rocksdb::Range range(slice(first_), slice(key));
    std::uint64_t bytes = 0;
    const auto measured =
        db_.GetApproximateSizes(rocksdb::SizeApproximationOptions(), family_, &range, 1, &bytes);
    return measured.ok() ? bytes : 0;
  }

  [[nodiscard]] std::uint64_t total() const noexcept { return total_; }

  // What all keys begin with.
  [[nodiscard]] std::string common() const {
    const auto differ = std::mismatch(first_.begin(), first_.end(), last_.begin(), last_.end());
    return {first_.begin(), differ.first};
  }

 private:
  rocksdb::DB& db_;
  rocksdb::ColumnFamilyHandle* const family_;
  std::string first_;
  std::string last_;
  std::uint64_t total_ = 0;
};

// A key with about `wanted` bytes before it, give or take `slack`.
std::string key_at(const Measure& measure, std::uint64_t wanted, std::uint64_t slack) {
  std::string key = measure.common();
  for (std::size_t i = 0; i < kBoundaryBytesMax; ++i) {
    key.push_back('\0');
    unsigned low = 0;  // the largest byte with no more than `wanted` before it
    for (unsigned step = 128; step != 0; step /= 2) {
      key.back() = static_cast<char>(low + step);
      if (measure.before(key) <= wanted) low += step;
    }
    key.back() = static_cast<char>(low);
    if (measure.before(key) + slack >= wanted) break;
  }
  return key;
}

}  // namespace

Status from_rocks(std::string_view action, const rocksdb::Status& status) {
  if (status.ok()) return Status();
  if (status.IsNotFound()) return Status(StatusCode::kNotFound);
  std::string text(action);
  text.append(": ").append(status.ToString());
  if (status.IsCorruption()) return Status(StatusCode::kCorruption, std::move(text));
  return Status(StatusCode::kIo, std::move(text));
}

rocksdb::ReadOptions bulk_read() {
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  // Each iterator has a buffer of this size for each file. With 2 MiB a walk over 220 MB in eight
  // parts took a fifth more processor time, most of it to fault pages in, and 50 MB more memory.
  options.readahead_size = std::size_t{256} << 10;
  return options;
}

std::unique_ptr<RecordWalk> walk_records(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* records,
                                         rocksdb::ColumnFamilyHandle* deadlines,
                                         const KeyRange& range) {
  return std::make_unique<Walk>(db, records, deadlines, range);
}

std::vector<std::string> split_by_size(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family,
                                       std::size_t parts) {
  std::vector<std::string> boundaries;
  const Measure measure(db, family);
  parts = std::min<std::size_t>(parts, measure.total() / kPartBytesMin);
  for (std::size_t i = 1; i < parts; ++i) {
    const std::uint64_t wanted = measure.total() / parts * i;
    std::string key = key_at(measure, wanted, measure.total() / parts / 8);
    if (boundaries.empty() || boundaries.back() < key) boundaries.push_back(std::move(key));
  }
  return boundaries;
}

}  // namespace cloakroom
