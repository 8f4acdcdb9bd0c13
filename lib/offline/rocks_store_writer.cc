#include <fcntl.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <rocksdb/memtablerep.h>
#include <rocksdb/write_batch.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/random.h"
#include "journal/disk_record.h"
#include "journal/recovery.h"
#include "journal/ring.h"
#include "journal/rocks_fs.h"
#include "journal/rocks_options.h"
#include "journal/rocks_snapshot.h"
#include "journal/rocks_words.h"
#include "journal/superblock.h"
#include "offline/store_writer.h"

namespace cloakroom {
namespace {

constexpr std::size_t kBatchBytes = std::size_t{1} << 20;
// Three of these at most: one that is filled and two that are written out.
constexpr std::size_t kBufferBytes = std::size_t{32} << 20;
constexpr int kBuffersMax = 3;
// An open looks into every table file; more than this are merged into one run at the end.
constexpr int kFilesMax = 4;
constexpr std::size_t kRingBytes = std::size_t{16} << 20;  // as Options::ring_bytes
constexpr std::uint64_t kDiskFloorBytes = std::uint64_t{64} << 20;
constexpr Version kVersionMax = (Version{1} << 48) - 1;  // table/record.h

std::string without_slashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

Result<std::array<unsigned char, 16>> parse_id(const std::string& hex) {
  std::array<unsigned char, 16> id{};
  if (hex.empty()) {
    const Status drawn = random_bytes(id);
    if (!drawn) return drawn;
    return id;
  }
  const bool digits =
      hex.size() == 2 * id.size() && hex.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!digits) {
    return Status(StatusCode::kInvalidArgument, "a store id is 32 digits of hexadecimal");
  }
  for (std::size_t i = 0; i < id.size(); ++i) {
    id[i] = static_cast<unsigned char>(std::stoul(hex.substr(2 * i, 2), nullptr, 16));
  }
  return id;
}

Status check_record(const RecordView& record) {
  const auto refuse = [](const char* what) {
    return Status(StatusCode::kInvalidArgument,
                  std::string("a record that no store holds: ") + what);
  };
  if (record.key.size() > kKeyBytesMax) return refuse("its key is over 1024 bytes");
  if (record.owner.size() > kOwnerBytesMax) return refuse("its owner is over 1024 bytes");
  if (record.version == 0 || record.version > kVersionMax) return refuse("its version is none");
  if (record.kind > Kind::kMembers) return refuse("its kind is none");
  if (record.created < 0 || record.deadline < 0) return refuse("a time before 1970");
  if (record.lifetime < record.deadline) return refuse("its deadline is past its lifetime");
  return Status();
}

// Takes the lock of a directory that is being made, or says who has it.
Result<Fd> lock_partial(const std::string& partial) {
  const std::string path = partial + "/" + kLockName;
  Result<Fd> fd = lock_file(path);
  if (fd || fd.status().code() != StatusCode::kConflict) return fd;
  return Status(StatusCode::kIo, partial + " is being written by another process; wait until it " +
                                     "has finished, or name another directory");
}

constexpr std::string_view kNoteKey = "note";  // in `meta`, while the store is being made

// What an interrupted writer left is taken away; what one is writing is not.
Result<Fd> make_partial(const std::string& partial) {
  if (exists(partial)) {
    if (const Result<Fd> left = lock_partial(partial); !left) return left.status();
    std::error_code failed;
    std::filesystem::remove_all(partial, failed);
    if (failed) return io_error("remove", partial, failed.value());
  }
  if (Status made = make_private_directory(partial); !made) return made;
  return lock_partial(partial);
}

// Like rename(2), but nothing is ever replaced, where the file system can promise that.
Status move_into_place(const std::string& from, const std::string& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) {
    return Status();
  }
  const bool unknown = errno == EINVAL || errno == ENOSYS;
  if (unknown && !exists(to) && ::rename(from.c_str(), to.c_str()) == 0) return Status();
  return io_error("rename to", to, errno);
}

class Writer final : public StoreWriter {
 public:
  ~Writer() override { abandon(); }

  Status begin(const std::string& dir, const StoreSeed& seed) {
    if (Status prepared = prepare(dir, seed); !prepared) return prepared;
    const std::string partial = dir_ + ".partial";
    Result<Fd> lock = make_partial(partial);
    if (!lock) return lock.status();
    lock_ = *std::move(lock);
    partial_ = partial;
    return open_database();
  }

  Status go_on(const std::string& dir, const StoreSeed& seed, std::string* note) {
    if (Status prepared = prepare(dir, seed); !prepared) return prepared;
    const std::string partial = dir_ + ".partial";
    if (!exists(partial + "/" + kRocksName + "/CURRENT")) {
      return Status(StatusCode::kNotFound, "there is no " + partial + " to go on with");
    }
    Result<Fd> lock = lock_partial(partial);
    if (!lock) return lock.status();
    lock_ = *std::move(lock);
    partial_ = partial;
    saved_ = true;  // whatever is wrong with it, it is not ours to remove
    if (Status opened = open_database(); !opened) return opened;
    const Status noted =
        from_rocks("reading the note of " + partial_,
                   db_->Get(rocksdb::ReadOptions(), handles_[kMetaFamily], slice(kNoteKey), note));
    if (noted.code() == StatusCode::kNotFound) {
      return Status(StatusCode::kNotFound, partial + " holds nothing to go on with");
    }
    if (!noted) return noted;
    std::string bytes;
    const Status got = from_rocks(
        "reading the head of " + partial_,
        db_->Get(rocksdb::ReadOptions(), handles_[kMetaFamily], slice(kHeadKey), &bytes));
    if (!got) return got;
    const Result<Head> head = parse_head(bytes);
    if (!head) return head.status();
    raise_version_last(head->version);
    return Status();
  }

  Status add(const RecordView& record) override {
    if (!failed_) return failed_;
    if (Status sane = check_record(record); !sane) return sane;
    version_last_ = std::max(version_last_, record.version);
    encoded_.clear();
    append_record(encoded_, record);
    batch_.Put(handles_[kRecordsFamily], slice(record.key), encoded_);
    return batch_.GetDataSize() < kBatchBytes ? Status() : hand_over();
  }

  Status erase(std::string_view key) override {
    if (!failed_) return failed_;
    batch_.Delete(handles_[kRecordsFamily], slice(key));
    return batch_.GetDataSize() < kBatchBytes ? Status() : hand_over();
  }

  Result<std::optional<Version>> version_of(std::string_view key) override {
    if (Status handed = hand_over(); !handed) return handed;
    rocksdb::PinnableSlice bytes;
    const Status got =
        from_rocks("reading a record back",
                   db_->Get(rocksdb::ReadOptions(), handles_[kRecordsFamily], slice(key), &bytes));
    if (got.code() == StatusCode::kNotFound) return std::optional<Version>();
    if (!got) return got;
    const auto record = parse_record(key, view(bytes));
    if (!record) return record.status();
    return std::optional<Version>(record->version);
  }

  // The records first: a note that stands there was never early.
  Status save_point(std::string_view note) override {
    rocksdb::FlushOptions wait;
    wait.allow_write_stall = true;
    Status done = hand_over();
    if (done) {
      done = from_rocks("flushing " + partial_, db_->Flush(wait, handles_[kRecordsFamily]));
    }
    if (done) done = write_meta(mark_of_seed(), note);
    if (done) done = from_rocks("flushing " + partial_, db_->Flush(wait, handles_[kMetaFamily]));
    if (!done) failed_ = done;
    saved_ = saved_ || done.ok();
    return done;
  }

  void set_generation(std::uint32_t generation) override { seed_.generation = generation; }
  void set_copy(bool copy) override { seed_.copy = copy; }
  void raise_version_last(Version version) override {
    version_last_ = std::max(version_last_, version);
  }

  Status finish() override {
    const ClockMark mark = mark_of_seed();
    Status done = hand_over();
    if (done) done = write_meta(mark, std::nullopt);
    if (done) done = settle();
    if (done) done = close_database();
    if (done) done = write_frame(mark);
    if (done) done = move_into_place(partial_, dir_);
    if (!done) {
      abandon();
      return done;
    }
    partial_.clear();
    lock_.reset();
    return sync_directory(parent_of(dir_));
  }

 private:
  Status prepare(const std::string& dir, const StoreSeed& seed) {
    seed_ = seed;
    dir_ = without_slashes(dir);
    if (exists(dir_)) {
      return Status(StatusCode::kIo,
                    "cannot make a store in " + dir_ + ": it exists already; name a new directory");
    }
    const auto id = parse_id(seed.store_id);
    if (!id) return id.status();
    id_ = *id;
    version_last_ = seed.version_last;
    return Status();
  }

  Status open_database() {
    const std::string rocks = partial_ + "/" + kRocksName;
    if (Status made = make_private_directory(rocks); !made) return made;
    env_ = rocksdb::NewCompositeEnv(make_guarded_file_system(nullptr));
    rocksdb::DBOptions options = database_options(env_.get());
    options.create_if_missing = true;
    options.max_total_wal_size = 0;  // there is no log whose size would count
    auto families = family_descriptors(nullptr, nullptr);
    rocksdb::ColumnFamilyOptions& records = families[kRecordsFamily].options;
    // A skip list, which version_of() can look into while it is filled.
    records.memtable_factory = std::make_shared<rocksdb::SkipListFactory>();
    records.write_buffer_size = kBufferBytes;
    records.max_write_buffer_number = kBuffersMax;
    records.disable_auto_compactions = true;  // once, at the end
    rocksdb::DB* db = nullptr;
    const rocksdb::Status opened = rocksdb::DB::Open(options, rocks, families, &handles_, &db);
    db_.reset(db);
    return from_rocks("creating " + rocks, opened);
  }

  Status write(rocksdb::WriteBatch& batch) {
    rocksdb::WriteOptions without_log;
    without_log.disableWAL = true;
    return from_rocks("writing " + partial_, db_->Write(without_log, &batch));
  }

  Status hand_over() {
    if (!failed_ || batch_.Count() == 0) return failed_;
    if (const auto free = free_bytes(partial_); free && *free < kDiskFloorBytes) {
      failed_ = Status(StatusCode::kFull, "less than 64 MiB are free on the file system of " +
                                              partial_ + "; free some, or name another directory");
      return failed_;
    }
    failed_ = write(batch_);
    batch_.Clear();
    return failed_;
  }

  [[nodiscard]] ClockMark mark_of_seed() const {
    if (seed_.store_time != 0 || seed_.wall_time != 0) {
      return {.store = seed_.store_time, .wall = seed_.wall_time};
    }
    const TimeMs now = system_clock().wall_ms();
    return {.store = now, .wall = now};
  }

  Status write_meta(const ClockMark& mark, std::optional<std::string_view> note) {
    rocksdb::WriteBatch batch;
    std::string head;
    append_head(head, {.version = version_last_, .previous = 0, .mark = mark});
    batch.Put(handles_[kMetaFamily], slice(kHeadKey), head);
    batch.Put(handles_[kMetaFamily], slice(kIdKey),
              slice({reinterpret_cast<const char*>(id_.data()), id_.size()}));
    if (note) {
      batch.Put(handles_[kMetaFamily], slice(kNoteKey), slice(*note));
    } else if (saved_) {
      batch.Delete(handles_[kMetaFamily], slice(kNoteKey));
    }
    return write(batch);
  }

  // Everything in table files, and not in too many of them.
  Status settle() {
    rocksdb::FlushOptions wait;
    wait.allow_write_stall = true;
    if (Status done = from_rocks("flushing " + partial_, db_->Flush(wait, handles_)); !done) {
      return done;
    }
    std::string files;
    const std::string property = rocksdb::DB::Properties::kNumFilesAtLevelPrefix + "0";
    const bool known = db_->GetProperty(handles_[kRecordsFamily], property, &files);
    if (known && std::atoi(files.c_str()) <= kFilesMax) return Status();
    return from_rocks("merging " + partial_,
                      db_->CompactRange(rocksdb::CompactRangeOptions(), handles_[kRecordsFamily],
                                        nullptr, nullptr));
  }

  Status close_database() {
    for (rocksdb::ColumnFamilyHandle* handle : handles_) db_->DestroyColumnFamilyHandle(handle);
    handles_.clear();
    const Status closed = from_rocks("closing " + partial_, db_->Close());
    db_.reset();
    return closed;
  }

  // What makes a store of the database: as after an orderly stop.
  Status write_frame(const ClockMark& mark) {
    const std::string rocks = partial_ + "/" + kRocksName;
    RocksSnapshot::drop_logs(rocks, {});
    if (Status synced = sync_directory(rocks); !synced) return synced;
    if (Status ring = Ring::create(partial_, kRingBytes, id_); !ring) return ring;
    Identity identity;
    identity.generation = seed_.generation;
    identity.id = id_;
    identity.created = seed_.created != 0 ? seed_.created : system_clock().wall_ms();
    return Superblock::create(
        partial_, identity,
        {.synced = version_last_, .clock = mark, .clean = true, .copy = seed_.copy});
  }

  void abandon() {
    if (db_) (void)close_database();
    if (partial_.empty()) return;
    std::error_code ignored;
    if (!saved_) std::filesystem::remove_all(partial_, ignored);
    partial_.clear();
    lock_.reset();
  }

  StoreSeed seed_;
  std::array<unsigned char, 16> id_{};
  std::string dir_;
  std::string partial_;  // empty: nothing of ours is there
  Fd lock_;
  Version version_last_ = 0;
  std::unique_ptr<rocksdb::Env> env_;
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
  rocksdb::WriteBatch batch_;
  std::string encoded_;  // kept for its capacity
  Status failed_;        // what ended it
  bool saved_ = false;   // what is there can be taken up again
};

}  // namespace

Result<std::unique_ptr<StoreWriter>> StoreWriter::create(const std::string& dir,
                                                         const StoreSeed& seed) {
  auto writer = std::make_unique<Writer>();
  if (Status begun = writer->begin(dir, seed); !begun) return begun;
  return std::unique_ptr<StoreWriter>(std::move(writer));
}

Result<std::unique_ptr<StoreWriter>> StoreWriter::reopen(const std::string& dir,
                                                         const StoreSeed& seed, std::string* note) {
  auto writer = std::make_unique<Writer>();
  if (Status begun = writer->go_on(dir, seed, note); !begun) return begun;
  return std::unique_ptr<StoreWriter>(std::move(writer));
}

}  // namespace cloakroom
