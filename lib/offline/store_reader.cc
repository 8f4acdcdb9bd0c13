#include "offline/store_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "base/boot_clock.h"
#include "base/file.h"
#include "journal/disk_record.h"
#include "journal/recovery.h"
#include "journal/rocks_snapshot.h"
#include "journal/superblock.h"
#include "offline/ring_view.h"

namespace cloakroom {
namespace {

constexpr std::uint64_t kProgressEvery = 1024;
constexpr const char* kRemedy = "restore it from a backup, or rewrite or erase the record";

// A scratch directory for RocksDB's secondary instance, which keeps notes of its own.
class ScratchDirectory {
 public:
  ScratchDirectory() {
    std::error_code ignored;
    std::string name = std::filesystem::temp_directory_path(ignored) / "cloakroom-reader-XXXXXX";
    if (::mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~ScratchDirectory() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

void add_sizes(const std::string& dir, StoreInfo& info) {
  std::error_code failed;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(dir, failed)) {
    std::error_code gone;  // a live server deletes files while we look
    if (!entry.is_regular_file(gone)) continue;
    const std::uint64_t bytes = entry.file_size(gone);
    if (gone) continue;
    info.total_bytes += bytes;
    ++info.file_count;
    if (entry.path().extension() == ".sst") info.sst_bytes += bytes;
    if (entry.path().extension() == ".log") info.wal_bytes += bytes;
    if (entry.path().filename() == kRingName) info.ring_bytes = bytes;
  }
}

class Reader final : public StoreReader {
 public:
  Status open_at(const std::string& dir) {
    const auto superblock = Superblock::open(dir, false);
    if (!superblock) return superblock.status();
    describe(dir, *superblock);
    const std::string rocks = dir + "/" + kRocksName;
    auto snapshot = RocksSnapshot::open(
        {.path = rocks,
         .mode = info_.live ? RocksSnapshot::Mode::kSecondary : RocksSnapshot::Mode::kReadOnly,
         .secondary_path = scratch_.path()});
    if (!snapshot) return snapshot.status();
    snapshot_ = *std::move(snapshot);
    const auto head = snapshot_->head();
    if (!head) return head.status();
    info_.version_last = head->version;
    if (Status read = read_ring(dir, *superblock, head->version); !read) return read;
    const bool head_is_later = head->version != 0 && head->mark.store > info_.now;
    const ClockMark& mark = head_is_later ? head->mark : superblock->mark().clock;
    const Timeline timeline(system_clock(), mark, time_offset_);
    const ClockMark moment = info_.clean ? mark : timeline.mark();
    info_.now = info_.clean ? timeline.now() : moment.store;
    info_.mark_store = moment.store;
    info_.mark_wall = moment.wall;
    info_.records_estimate = snapshot_->figures().records_estimate;
    return Status();
  }

  const StoreInfo& info() const override { return info_; }

  Status get(std::string_view key, FunctionRef<void(const RecordView&)> f) override {
    const RingView::Change* const change = ring_.find(key);
    if (change != nullptr && change->erased) return Status(StatusCode::kNotFound);
    if (change != nullptr && change->record) {
      f(changed(key, *change, RecordView()));
      return Status();
    }
    return snapshot_->read(key, [&](const RecordView& record) {
      f(change != nullptr ? changed(key, *change, record) : record);
    });
  }

  using StoreReader::for_each;

  // Two walks side by side, that of the database and that of the ring's changes, both in key order.
  Status for_each(const KeyRange& range, FunctionRef<bool(const RecordView&)> f,
                  const FunctionRef<void(const Finding&)>* on_damage) override {
    if (!range.end.empty() && range.end <= range.begin) return Status();
    const auto& changes = ring_.changes();
    auto next = changes.lower_bound(range.begin);
    const auto end = range.end.empty() ? changes.end() : changes.lower_bound(range.end);
    // Tells f of the ring's own records before `key`, and of all of them when there is none.
    const auto catch_up = [&](std::optional<std::string_view> key) {
      for (; next != end && (!key || next->first < *key); ++next) {
        const bool here = next->second.record.has_value();
        if (here && !f(changed(next->first, next->second, RecordView()))) return false;
      }
      return true;
    };
    const auto walk = snapshot_->walk(range);
    for (RecordView record;;) {
      const Status got = walk->next(&record);
      if (got.code() == StatusCode::kNotFound) break;
      if (!got && (got.code() != StatusCode::kCorruption || on_damage == nullptr)) return got;
      if (!catch_up(walk->key())) return Status();
      const bool has_change = next != end && next->first == walk->key();
      const RingView::Change change = has_change ? (next++)->second : RingView::Change();
      if (!got) {
        (*on_damage)({.file = "records",
                      .key = std::string(walk->key()),
                      .what = got.message(),
                      .remedy = kRemedy});
      } else if (!change.erased && !f(changed(walk->key(), change, record))) {
        return Status();
      }
    }
    (void)catch_up(std::nullopt);
    return Status();
  }

  std::vector<std::string> split(std::size_t parts) override { return snapshot_->split(parts); }

  Status verify(FunctionRef<void(const Finding&)> report,
                FunctionRef<void(std::uint64_t, std::uint64_t)> progress,
                const FunctionRef<void(const RecordView&)>* look) override {
    check_versions(report);
    if (!ring_damage_.empty()) {
      report({.file = kRingName,
              .key = {},
              .what = ring_damage_,
              .remedy = "restore a backup, or open with Options::accept_loss"});
    }
    if (const Status blocks = snapshot_->verify_blocks(); !blocks) {
      report({.file = kRocksName,
              .key = {},
              .what = blocks.message(),
              .remedy = "restore the file from a backup"});
    }
    std::uint64_t done = 0;
    const auto count = [&] {
      if (++done % kProgressEvery == 0) progress(done, std::max(done, info_.records_estimate));
    };
    const FunctionRef<void(const Finding&)> on_damage = report;
    const Status records = for_each(
        [&](const RecordView& record) {
          count();
          check_record(record, report);
          if (look != nullptr) (*look)(record);
          return true;
        },
        &on_damage);
    if (!records) {
      report({.file = "records", .key = {}, .what = records.message(), .remedy = kRemedy});
    }
    const Status deadlines =
        snapshot_->each_deadline([&](std::string_view key, const Status& checked) {
          if (checked) return;
          report({.file = "deadlines",
                  .key = std::string(key),
                  .what = checked.message(),
                  .remedy = "touch the record, or erase it"});
        });
    if (!deadlines) {
      report({.file = "deadlines", .key = {}, .what = deadlines.message(), .remedy = kRemedy});
    }
    progress(done, done);
    return Status();
  }

 private:
  // The database's record as the ring leaves it. What the ring holds has been checked.
  static RecordView changed(std::string_view key, const RingView::Change& change,
                            RecordView record) {
    if (change.record) record = *parse_record(key, *change.record);
    if (change.deadline) {
      const GrantedDeadline granted = *parse_deadline(key, *change.deadline);
      if (granted.version == record.version) record.deadline = granted.deadline;
    }
    return record;
  }

  // What was acknowledged and is not in the database yet.
  Status read_ring(const std::string& dir, const Superblock& superblock, Version head) {
    if (superblock.mark().clean || !superblock.mark().ring) return Status();
    const auto ring = Ring::open(dir, superblock.identity().id, false);
    if (ring.code() == StatusCode::kCorruption || ring.code() == StatusCode::kNotFound) {
      ring_damage_ = ring.status().message();
      return Status();
    }
    if (!ring) return ring.status();
    const bool same_kernel = (*ring)->boot() == boot_id();
    if (same_kernel) time_offset_ = (*ring)->time_offset();
    if (time_offset_) *time_offset_ -= boot_clock_shift();
    ring_.read(**ring, head, info_.live || same_kernel);
    info_.version_last = std::max(info_.version_last, ring_.version());
    info_.ring_changes = ring_.frames();
    return Status();
  }

  void describe(const std::string& dir, const Superblock& superblock) {
    info_.path = dir;
    info_.format_version = superblock.identity().format;
    info_.store_id = to_hex(superblock.identity().id);
    info_.created = superblock.identity().created;
    info_.version_synced = superblock.mark().synced;
    info_.now = superblock.mark().clock.store;
    const std::int64_t holder = holder_of(dir);
    info_.live = holder != 0;
    info_.holder_pid = holder > 0 ? holder : 0;
    info_.clean = superblock.mark().clean;
    add_sizes(dir, info_);
  }

  void check_versions(FunctionRef<void(const Finding&)> report) const {
    if (info_.version_last >= info_.version_synced) return;
    report({.file = kRocksName,
            .key = {},
            .what = "acknowledged writes are missing: versions " +
                    std::to_string(info_.version_last + 1) + " to " +
                    std::to_string(info_.version_synced) + " were synced and are gone",
            .remedy = "restore a backup, or open with Options::accept_loss"});
  }

  void check_record(const RecordView& record, FunctionRef<void(const Finding&)> report) const {
    std::string what;
    if (record.version > info_.version_last && !info_.live) what = "a version past the head's";
    if (record.lifetime < record.deadline) what = "a deadline past its lifetime";
    if (what.empty()) return;
    report({.file = "records", .key = std::string(record.key), .what = what, .remedy = kRemedy});
  }

  StoreInfo info_;
  ScratchDirectory scratch_;
  std::unique_ptr<RocksSnapshot> snapshot_;
  RingView ring_;
  std::string ring_damage_;
  std::optional<TimeMs> time_offset_;  // of store time to the boot clock of this kernel
};

}  // namespace

std::int64_t holder_of(const std::string& dir) {
  const std::string path = dir + "/" + kLockName;
  const Result<Fd> fd = open_file(path, O_RDONLY);
  if (!fd) return 0;
  struct flock whole {};
  whole.l_type = F_RDLCK;
  if (::fcntl(fd->get(), F_OFD_GETLK, &whole) != 0 || whole.l_type == F_UNLCK) return 0;
  const Result<std::string> pid = read_at(*fd, path, 20, 0);
  const long long number = pid ? std::atoll(pid->c_str()) : 0;
  return number > 0 ? number : -1;
}

Result<std::unique_ptr<StoreReader>> StoreReader::open(const std::string& dir) {
  auto reader = std::make_unique<Reader>();
  if (Status opened = reader->open_at(dir); !opened) return opened;
  return std::unique_ptr<StoreReader>(std::move(reader));
}

}  // namespace cloakroom
