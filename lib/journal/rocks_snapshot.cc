#include "journal/rocks_snapshot.h"

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <rocksdb/metadata.h>
#include <rocksdb/table_properties.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <tuple>
#include <vector>

#include "journal/expiry_filter.h"
#include "journal/rocks_fs.h"
#include "journal/rocks_options.h"
#include "journal/rocks_replay.h"
#include "journal/rocks_threads.h"
#include "journal/rocks_walk.h"
#include "journal/rocks_words.h"

namespace cloakroom {
namespace {

// Table files of a family that wait to be compacted. An open looks into each of them.
constexpr int kBehindFiles = 36;

// The least RocksDB takes. With "all" it would open every table file at once, and with many a few.
constexpr int kLookOpenFiles = 20;

// Shows a database without its logs, so that opening it replays none.
class WithoutLogs final : public rocksdb::FileSystemWrapper {
 public:
  using FileSystemWrapper::FileSystemWrapper;
  const char* Name() const override { return "CloakroomFileSystemWithoutLogs"; }
  rocksdb::IOStatus GetChildren(const std::string& path, const rocksdb::IOOptions& options,
                                std::vector<std::string>* names,
                                rocksdb::IODebugContext* debug) override {
    rocksdb::IOStatus listed = target()->GetChildren(path, options, names, debug);
    std::erase_if(*names, [](const std::string& name) { return name.ends_with(".log"); });
    return listed;
  }
};

class Snapshot final : public RocksSnapshot {
 public:
  Status open_database(const OpenOptions& options) {
    file_system_ = make_guarded_file_system(options.hooks.file_system, logs_);
    if (options.mode == Mode::kLookAtTables) {
      file_system_ = std::make_shared<WithoutLogs>(std::move(file_system_));
    }
    env_ = make_env_with_own_threads(rocksdb::NewCompositeEnv(file_system_));
    if (replays(options.mode)) {
      const Result<Version> flushed =
          options.flushed ? Result<Version>(*options.flushed) : flushed_version(options);
      if (!flushed) return flushed.status();
      replay_.emplace(*flushed);
    }
    if (Status opened = open_families(options); !opened) return opened;
    if (options.mode != Mode::kCreate && options.mode != Mode::kWrite) return Status();
    const Result<Head> last = head();
    if (!last) return last.status();
    last_written_ = last->version;
    return Status();
  }

  ~Snapshot() override { (void)Snapshot::close(); }

  Result<Head> head() override {
    std::string bytes;
    const Status got = get_meta(kHeadKey, &bytes);
    if (got.code() == StatusCode::kNotFound) return Head{};
    if (!got) return got;
    return parse_head(bytes);
  }

  Result<std::string> id() override {
    std::string bytes;
    const Status got = get_meta(kIdKey, &bytes);
    if (!got && got.code() != StatusCode::kNotFound) return got;
    return bytes;
  }

  Status put_id(std::string_view id) override {
    rocksdb::WriteOptions durable;
    durable.sync = true;
    return from_rocks("writing the store id",
                      db_->Put(durable, handles_[kMetaFamily], slice(kIdKey), slice(id)));
  }

  Status write(std::span<const Frame> frames, const Head& head) override {
    batch_.Clear();
    for (const Frame& frame : frames) add(frame);
    std::string head_bytes;
    append_head(head_bytes,
                {.version = head.version, .previous = last_written_, .mark = head.mark});
    batch_.Put(handles_[kMetaFamily], slice(kHeadKey), head_bytes);
    const rocksdb::Status written = db_->Write(rocksdb::WriteOptions(), &batch_);
    if (written.ok()) last_written_ = head.version;
    return from_rocks("writing the log", written);
  }

  Status sync_log() override { return from_rocks("syncing the log", logs_->sync(*file_system_)); }

  Status read(std::string_view key, FunctionRef<void(const RecordView&)> f) override {
    rocksdb::PinnableSlice bytes;
    const Status got =
        from_rocks("reading a record",
                   db_->Get(rocksdb::ReadOptions(), handles_[kRecordsFamily], slice(key), &bytes));
    if (!got) return got;
    auto record = parse_record(key, view(bytes));
    if (!record) return record.status();
    rocksdb::PinnableSlice deadline;
    const Status found = from_rocks(
        "reading a deadline",
        db_->Get(rocksdb::ReadOptions(), handles_[kDeadlinesFamily], slice(key), &deadline));
    if (found) {
      const auto granted = parse_deadline(key, view(deadline));
      if (!granted) return granted.status();
      join(*record, *granted);
    } else if (found.code() != StatusCode::kNotFound) {
      return found;
    }
    f(*record);
    return Status();
  }

  std::unique_ptr<RecordWalk> walk(const KeyRange& range) override {
    return walk_records(*db_, handles_[kRecordsFamily], handles_[kDeadlinesFamily], range);
  }

  std::vector<std::string> split(std::size_t parts) override {
    return split_by_size(*db_, handles_[kRecordsFamily], parts);
  }

  Status verify_blocks() override {
    return from_rocks("checking the table files", db_->VerifyChecksum());
  }

  Status each_deadline(FunctionRef<void(std::string_view, const Status&)> f) override {
    const std::unique_ptr<rocksdb::Iterator> entries(
        db_->NewIterator(bulk_read(), handles_[kDeadlinesFamily]));
    for (entries->SeekToFirst(); entries->Valid(); entries->Next()) {
      f(view(entries->key()),
        parse_deadline(view(entries->key()), view(entries->value())).status());
    }
    return from_rocks("reading deadlines", entries->status());
  }

  void set_expiry_rule(std::function<bool(std::string_view, Version)> dead,
                       std::function<TimeMs()> now) override {
    rule_.dead_check = std::move(dead);
    rule_.now = std::move(now);
    rule_.active.store(true, std::memory_order_release);
  }

  bool behind() override {
    for (const auto family : {kRecordsFamily, kDeadlinesFamily}) {
      std::string files;
      const std::string property = rocksdb::DB::Properties::kNumFilesAtLevelPrefix + "0";
      if (!db_->GetProperty(handles_[family], property, &files)) continue;
      if (std::atoi(files.c_str()) > kBehindFiles) return true;
    }
    return false;
  }

  Status flush(bool wait) override {
    rocksdb::FlushOptions options;
    options.wait = wait;
    options.allow_write_stall = true;
    const rocksdb::Status flushed = db_->Flush(options, handles_);
    // Compaction is so far behind that RocksDB has stopped writing. It catches up by itself,
    // flushes then, and keeps the log until it has.
    if (!wait && flushed.IsTryAgain()) return Status();
    return from_rocks("flushing", flushed);
  }

  Status compact() override {
    rocksdb::CompactRangeOptions options;
    options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
    for (rocksdb::ColumnFamilyHandle* handle : handles_) {
      Status done = from_rocks("compacting", db_->CompactRange(options, handle, nullptr, nullptr));
      if (!done) return done;
    }
    return Status();
  }

  Status checkpoint(const std::string& path) override {
    rocksdb::Checkpoint* raw = nullptr;
    Status made =
        from_rocks("preparing a checkpoint", rocksdb::Checkpoint::Create(db_.get(), &raw));
    if (!made) return made;
    const std::unique_ptr<rocksdb::Checkpoint> checkpoint(raw);
    // Flushing first (size 0) keeps clear of a fault with logs that are linked before their sync.
    return from_rocks("making a checkpoint", checkpoint->CreateCheckpoint(path, 0));
  }

  SnapshotFigures figures() override {
    SnapshotFigures figures;
    db_->GetIntProperty(handles_[kRecordsFamily], rocksdb::DB::Properties::kEstimateNumKeys,
                        &figures.records_estimate);
    db_->GetIntProperty(handles_[kDeadlinesFamily], rocksdb::DB::Properties::kEstimateNumKeys,
                        &figures.deadlines_estimate);
    for (const auto family : {kRecordsFamily, kDeadlinesFamily, kMetaFamily}) {
      std::uint64_t bytes = 0;
      db_->GetIntProperty(handles_[family], rocksdb::DB::Properties::kTotalSstFilesSize, &bytes);
      figures.sst_bytes += bytes;
    }
    figures.dropped_by_compaction = rule_.dropped.load(std::memory_order_relaxed);
    return figures;
  }

  Result<TableFiles> table_files() override {
    std::vector<rocksdb::LiveFileMetaData> live;
    db_->GetLiveFilesMetaData(&live);
    TableFiles answer{.files = {}, .operations = db_->GetLatestSequenceNumber()};
    std::vector<TableInfo>& files = answer.files;
    for (const rocksdb::LiveFileMetaData& file : live) files.push_back(table_file(file));
    for (rocksdb::ColumnFamilyHandle* handle : handles_) {
      rocksdb::TablePropertiesCollection properties;  // by path
      const Status read = from_rocks("reading the properties of table files",
                                     db_->GetPropertiesOfAllTables(handle, &properties));
      if (!read) return read;
      for (const auto& [path, of_file] : properties) {
        const std::string name = path.substr(path.rfind('/') + 1);
        const auto found = std::ranges::find(files, name, &TableInfo::name);
        if (found == files.end()) continue;
        found->entries = of_file->num_entries;
        found->deletions = of_file->num_deletions;
      }
    }
    std::ranges::sort(files, {}, [](const TableInfo& file) {
      return std::tie(file.family, file.level, file.name);
    });
    return answer;
  }

  Status close() override {
    if (!db_) return Status();
    rule_.active.store(false, std::memory_order_release);
    for (rocksdb::ColumnFamilyHandle* handle : handles_) db_->DestroyColumnFamilyHandle(handle);
    handles_.clear();
    const Status closed = from_rocks("closing", db_->Close());
    db_.reset();
    return closed;
  }

 private:
  static TableInfo table_file(const rocksdb::LiveFileMetaData& file) {
    return {.name = file.relative_filename,
            .family = file.column_family_name,
            .level = file.level,
            .bytes = file.size,
            .entries = 0,
            .deletions = 0,
            .written = static_cast<TimeMs>(file.file_creation_time) * 1000,
            .last_operation = file.largest_seqno};
  }

  static bool replays(Mode mode) { return mode != Mode::kSecondary && mode != Mode::kLookAtTables; }

  // What the table files hold.
  Result<Version> flushed_version(const OpenOptions& options) {
    if (options.mode == Mode::kCreate) {
      const Result<bool> begun = has_families(options.path);
      if (!begun) return begun.status();
      if (!*begun) return Version{0};
    }
    OpenOptions tables = options;
    tables.mode = Mode::kLookAtTables;
    Snapshot snapshot;
    if (Status opened = snapshot.open_database(tables); !opened) return opened;
    const Result<Head> head = snapshot.head();
    if (!head) return head.status();
    return head->version;
  }

  // False also for a creation that was interrupted.
  Result<bool> has_families(const std::string& path) const {
    if (env_->FileExists(path + "/CURRENT").IsNotFound()) return false;
    std::vector<std::string> names;
    rocksdb::DBOptions database;
    database.env = env_.get();
    const rocksdb::Status listed = rocksdb::DB::ListColumnFamilies(database, path, &names);
    if (!listed.ok()) return from_rocks("opening " + path, listed);
    return std::ranges::count(names, kMetaName) != 0;
  }

  Status open_families(const OpenOptions& options) {
    const rocksdb::DBOptions database = options_for(options.mode);
    const auto families = family_descriptors(&records_filter_, &deadlines_filter_);
    rocksdb::DB* db = nullptr;
    rocksdb::Status opened;
    switch (options.mode) {
      case Mode::kReadOnly:
      case Mode::kLook:
      case Mode::kLookAtTables:
        opened = rocksdb::DB::OpenForReadOnly(database, options.path, families, &handles_, &db);
        break;
      case Mode::kSecondary:
        opened = rocksdb::DB::OpenAsSecondary(database, options.path, options.secondary_path,
                                              families, &handles_, &db);
        break;
      case Mode::kCreate:
      case Mode::kWrite:
        opened = rocksdb::DB::Open(database, options.path, families, &handles_, &db);
    }
    db_.reset(db);
    return from_rocks("opening " + options.path, opened);
  }

  rocksdb::DBOptions options_for(Mode mode) {
    rocksdb::DBOptions options = database_options(env_.get());
    if (replay_) options.wal_filter = &*replay_;
    options.create_if_missing = mode == Mode::kCreate;
    if (mode == Mode::kCreate || mode == Mode::kWrite) return options;
    options.create_missing_column_families = false;
    if (mode == Mode::kLook || mode == Mode::kLookAtTables) {
      options.max_open_files = kLookOpenFiles;
      options.max_file_opening_threads = 1;
    } else {
      options.skip_stats_update_on_db_open = false;  // a tool wants the estimates they give
    }
    return options;
  }

  void add(const Frame& frame) {
    const rocksdb::Slice key = slice(frame.key);
    switch (frame.type) {
      case Mutation::Type::kPut:
        batch_.Put(handles_[kRecordsFamily], key, slice(frame.payload));
        break;
      case Mutation::Type::kErase:
        batch_.Delete(handles_[kRecordsFamily], key);
        batch_.Delete(handles_[kDeadlinesFamily], key);
        break;
      case Mutation::Type::kShorten:
        // An entry of `deadlines` never ends before its record does, so that the compaction filter
        // may drop the one without the other: a nearer deadline goes into the record itself.
        batch_.Put(handles_[kRecordsFamily], key, slice(frame.payload));
        batch_.Delete(handles_[kDeadlinesFamily], key);
        break;
      case Mutation::Type::kTouch:
        batch_.Put(handles_[kDeadlinesFamily], key, slice(frame.payload));
        break;
    }
  }

  Status get_meta(std::string_view key, std::string* bytes) {
    return from_rocks("reading the store's head",
                      db_->Get(rocksdb::ReadOptions(), handles_[kMetaFamily], slice(key), bytes));
  }

  // Everything the database refers to stands before it, so that it goes after it.
  ExpiryRule rule_;
  ExpiryFilter records_filter_{FilteredFamily::kRecords, rule_};
  ExpiryFilter deadlines_filter_{FilteredFamily::kDeadlines, rule_};
  std::optional<ReplayGuard> replay_;
  const std::shared_ptr<OpenLogs> logs_ = std::make_shared<OpenLogs>();
  std::shared_ptr<rocksdb::FileSystem> file_system_;
  std::unique_ptr<rocksdb::Env> env_;
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
  rocksdb::WriteBatch batch_;  // kept for its capacity
  Version last_written_ = 0;
};

}  // namespace

Status RocksSnapshot::sync_logs(const std::string& path, const JournalHooks& hooks) {
  const auto file_system = make_guarded_file_system(hooks.file_system);
  std::vector<std::string> names;
  const rocksdb::Status listed =
      file_system->GetChildren(path, rocksdb::IOOptions(), &names, nullptr);
  if (listed.IsNotFound() || listed.IsPathNotFound()) return Status();
  if (!listed.ok()) return from_rocks("listing " + path, listed);
  for (const std::string& name : names) {
    if (!name.ends_with(".log")) continue;
    std::unique_ptr<rocksdb::FSWritableFile> file;
    rocksdb::Status synced =
        file_system->ReopenWritableFile(path + "/" + name, rocksdb::FileOptions(), &file, nullptr);
    if (synced.ok()) synced = file->Fsync(rocksdb::IOOptions(), nullptr);
    if (synced.ok()) synced = file->Close(rocksdb::IOOptions(), nullptr);
    if (!synced.ok()) return from_rocks("syncing " + path + "/" + name, synced);
  }
  return Status();
}

void RocksSnapshot::drop_logs(const std::string& path, const JournalHooks& hooks) {
  const auto file_system = make_guarded_file_system(hooks.file_system);
  std::vector<std::string> names;
  if (!file_system->GetChildren(path, rocksdb::IOOptions(), &names, nullptr).ok()) return;
  for (const std::string& name : names) {
    if (!name.ends_with(".log")) continue;
    file_system->DeleteFile(path + "/" + name, rocksdb::IOOptions(), nullptr).PermitUncheckedError();
  }
}

Result<std::unique_ptr<RocksSnapshot>> RocksSnapshot::open(const OpenOptions& options) {
  auto snapshot = std::make_unique<Snapshot>();
  if (Status opened = snapshot->open_database(options); !opened) return opened;
  return std::unique_ptr<RocksSnapshot>(std::move(snapshot));
}

}  // namespace cloakroom
