#include "move/record_sink.h"

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "base/file.h"
#include "copy/import_merge.h"
#include "offline/store_writer.h"

namespace cloakroom::cli {
namespace {

constexpr std::int64_t kSameMs = 5;  // two deadlines no further apart are the same

std::string without_slashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

class Bulk final : public RecordSink {
 public:
  explicit Bulk(std::unique_ptr<StoreWriter> writer) : writer_(std::move(writer)) {}

  Result<Put> put(const RecordView& record) override {
    RecordView numbered = record;
    numbered.version = ++version_;
    numbered.created = system_clock().wall_ms();
    const Status added = writer_->add(numbered);
    if (!added) return added;
    return Put::kStored;
  }
  Status erase(std::string_view key) override { return writer_->erase(key); }
  Status finish() override { return writer_->finish(); }

 private:
  std::unique_ptr<StoreWriter> writer_;
  Version version_ = 0;
};

// Through a store. `to` is where it belongs when it is finished, empty for where it is.
class Through final : public RecordSink {
 public:
  Through(std::unique_ptr<Store> store, std::string at, std::string to, Existing existing)
      : store_(std::move(store)), at_(std::move(at)), to_(std::move(to)), existing_(existing) {}

  ~Through() override {
    store_.reset();
    std::error_code ignored;
    if (!to_.empty()) std::filesystem::remove_all(at_, ignored);
  }

  Result<Put> put(const RecordView& record) override {
    const TimeMs now = system_clock().wall_ms();
    PutOptions options;
    if (record.deadline != kNever) options.ttl = Millis{record.deadline - now};
    if (options.ttl <= Millis{0}) {  // it has expired on its way here
      const Status erased = erase(record.key);
      if (!erased) return erased;
      return Put::kStored;
    }
    bool known = false;
    bool same = false;
    const auto seen = store_->visit(record.key, [&](const RecordView& view) {
      known = true;
      const TimeMs left = view.deadline == kNever ? kNever : view.deadline - store_->now();
      const TimeMs wanted = record.deadline == kNever ? kNever : options.ttl.count();
      const bool at_once = (left == kNever) == (wanted == kNever) &&
                           (left == wanted || std::abs(left - wanted) <= kSameMs);
      same = at_once && view.kind == record.kind && view.value == record.value;
    });
    if (!seen && seen.code() != StatusCode::kNotFound) return seen.status();
    if (same) return Put::kSame;
    if (known && existing_ == Existing::kSkip) return Put::kKept;
    const Status done = put_record(*store_, record, options);
    if (!done) return done;
    return Put::kStored;
  }

  Status erase(std::string_view key) override {
    const Status erased = store_->erase(key);
    return erased.code() == StatusCode::kNotFound ? Status() : erased;
  }

  Status finish() override {
    Status done = store_->close();
    store_.reset();
    if (!done || to_.empty()) return done;
    if (exists(to_) || ::rename(at_.c_str(), to_.c_str()) != 0) {
      return io_error("rename to", to_, exists(to_) ? EEXIST : errno);
    }
    const std::string to = std::exchange(to_, {});
    return sync_directory(parent_of(to));
  }

  Store* store() override { return store_.get(); }

 private:
  std::unique_ptr<Store> store_;
  const std::string at_;
  std::string to_;
  const Existing existing_;
};

class Nowhere final : public RecordSink {
 public:
  Result<Put> put(const RecordView&) override { return Put::kStored; }
  Status erase(std::string_view) override { return Status(); }
  Status finish() override { return Status(); }
};

}  // namespace

Result<std::unique_ptr<RecordSink>> RecordSink::bulk(const std::string& dir) {
  auto writer = StoreWriter::create(dir, {});
  if (!writer) return writer.status();
  return std::unique_ptr<RecordSink>(std::make_unique<Bulk>(*std::move(writer)));
}

Result<std::unique_ptr<RecordSink>> RecordSink::growing(const std::string& dir) {
  const std::string to = without_slashes(dir);
  if (exists(to)) {
    return Status(StatusCode::kIo,
                  "cannot make a store in " + to + ": it exists already; name a new directory");
  }
  const std::string partial = to + ".partial";
  if (exists(partial)) {  // of one that was killed: another that runs would hold its lock
    auto left = Store::open({.path = partial});
    if (!left) return left.status();
    if (Status closed = left->close(); !closed) return closed;
    std::error_code failed;
    std::filesystem::remove_all(partial, failed);
    if (failed) return io_error("remove", partial, failed.value());
  }
  auto store = Store::open({.path = partial, .value_bytes_max = std::size_t{512} << 20});
  if (!store) return store.status();
  return std::unique_ptr<RecordSink>(std::make_unique<Through>(
      std::make_unique<Store>(*std::move(store)), partial, to, Existing::kReplace));
}

Result<std::unique_ptr<RecordSink>> RecordSink::merging(const std::string& dir, Existing existing) {
  auto store = Store::open(
      {.path = dir, .value_bytes_max = std::size_t{512} << 20, .create_if_missing = false});
  if (!store) return store.status();
  return std::unique_ptr<RecordSink>(std::make_unique<Through>(
      std::make_unique<Store>(*std::move(store)), dir, std::string(), existing));
}

std::unique_ptr<RecordSink> RecordSink::none() { return std::make_unique<Nowhere>(); }

}  // namespace cloakroom::cli
