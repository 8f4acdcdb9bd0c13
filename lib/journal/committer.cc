#include "journal/committer.h"

#include <fcntl.h>

#include <algorithm>
#include <filesystem>
#include <new>

#include "journal/frame.h"
#include "journal/recovery.h"

namespace cloakroom {
namespace {

// kMemory writers queue this much before one of them has to hand it over.
constexpr std::size_t kQueueBytesMax = std::size_t{16} << 20;
// A buffer larger than this after a burst is given back.
constexpr std::size_t kSpareBytesMax = std::size_t{1} << 20;
// Free space is looked at (0.7 us) after this many bytes, and by the committer's every round.
constexpr std::uint64_t kDiskCheckBytes = std::uint64_t{1} << 20;

Status out_of_memory() {
  return Status(StatusCode::kIo, "out of memory while writing the log; give the process more");
}

}  // namespace

RocksJournal::RocksJournal(OpenedStore opened, Settings settings)
    : path_(std::move(opened.path)),
      settings_(std::move(settings)),
      timeline_(std::move(opened.timeline)),
      opened_clean_(opened.clean),
      loss_(std::move(opened.loss)),
      snapshot_(std::move(opened.snapshot)),
      handed_(opened.last),
      synced_(opened.last),
      superblock_(std::move(opened.superblock)),
      last_(opened.last),
      lock_(std::move(opened.lock)) {
  check_disk();
  if (settings_.background) thread_ = std::thread([this] { commit_loop(); });
}

RocksJournal::~RocksJournal() { (void)close(); }

Result<Version> RocksJournal::append(const Mutation& mutation) {
  MutexLock guard(mutex_);
  if (closed_) return StatusCode::kClosed;
  if (!health_) return latched_error();
  const std::size_t before = queue_.size();
  try {
    append_frame(queue_, mutation, last_ + 1);
  } catch (...) {
    queue_.resize(before);
    throw;
  }
  return ++last_;
}

bool RocksJournal::try_append(const Mutation& mutation) {
  {
    MutexLock guard(mutex_);
    if (queue_.size() > kQueueBytesMax / 2) return false;
  }
  return append(mutation).ok();
}

Status RocksJournal::latched_error() const {
  return Status(StatusCode::kReadOnly,
                "the store is read-only since a write failed: " + health_.message() +
                    "; mend the disk, then close the store and open it again");
}

Status RocksJournal::wait(Version version, Durability level) {
  if (level == Durability::kMemory) {
    {
      MutexLock guard(mutex_);
      if (queue_.size() < kQueueBytesMax) return Status();
      ++waits_;
    }
    return hand_until(version);
  }
  Status done = hand_until(version);
  if (done && level == Durability::kDisk) done = sync_until(version);
  return done;
}

Status RocksJournal::hand_until(Version version) {
  std::string batch;
  for (;;) {
    Head head;
    {
      MutexLock guard(mutex_);
      while (handing_ && handed_.load() < version && health_) progress_.wait(mutex_);
      if (handed_.load() >= version) return Status();
      if (!health_) return health_;
      handing_ = true;
      batch.swap(queue_);
      queue_.swap(spare_);
      head.version = last_;
    }
    head.mark = timeline_->mark();
    Status written;
    try {
      written = snapshot_->write(batch, head);
    } catch (const std::bad_alloc&) {
      written = out_of_memory();
    }
    unchecked_bytes_.fetch_add(batch.size(), std::memory_order_relaxed);
    batch.clear();
    {
      MutexLock guard(mutex_);
      handing_ = false;
      if (written) {
        handed_.store(head.version);
        batches_.fetch_add(1, std::memory_order_relaxed);
      } else {
        latch(written);
      }
      if (batch.capacity() <= kSpareBytesMax && spare_.capacity() == 0) spare_.swap(batch);
      progress_.notify_all();
    }
    if (!written) announce(written);
    if (unchecked_bytes_.load(std::memory_order_relaxed) >= kDiskCheckBytes) check_disk();
  }
}

Status RocksJournal::sync_until(Version version) {
  Version target = 0;
  {
    MutexLock guard(mutex_);
    while (syncing_ && synced_.load() < version && health_) progress_.wait(mutex_);
    if (synced_.load() >= version) return Status();
    if (!health_) return health_;
    syncing_ = true;
    target = handed_.load();
  }
  Status synced = snapshot_->sync_log();
  if (synced) {
    synced = superblock_.write_mark(
        {.synced = target, .clock = timeline_->mark(), .clean = false}, false);
  }
  {
    MutexLock guard(mutex_);
    syncing_ = false;
    if (synced) {
      synced_.store(target);
      syncs_.fetch_add(1, std::memory_order_relaxed);
    } else {
      latch(synced);
    }
    progress_.notify_all();
  }
  if (!synced) announce(synced);
  serve_waiters();
  return synced;
}

void RocksJournal::latch(const Status& failure) {
  if (health_) health_ = Status(StatusCode::kIo, failure.message());
}

void RocksJournal::announce(const Status& failure) {
  if (settings_.log) {
    settings_.log(LogLevel::kError, "store " + path_ + " is read-only: " + failure.message());
  }
  serve_waiters();
}

void RocksJournal::serve_waiters() {
  std::vector<Waiter> ready;
  Status failure;
  {
    MutexLock guard(mutex_);
    failure = health_;
    const auto still_waits = [&](const Waiter& waiter) {
      return failure && waiter.first > synced_.load();
    };
    const auto first_ready = std::stable_partition(waiters_.begin(), waiters_.end(), still_waits);
    ready.assign(std::make_move_iterator(first_ready), std::make_move_iterator(waiters_.end()));
    waiters_.erase(first_ready, waiters_.end());
  }
  for (auto& [version, f] : ready) f(version <= synced_.load() ? Status() : failure);
}

void RocksJournal::when_durable(Version version, std::function<void(Status)> f) {
  Status now;
  {
    MutexLock guard(mutex_);
    if (version > last_) {
      now = Status(StatusCode::kInvalidArgument, "when_durable: no such version was written yet");
    } else if (version > synced_.load()) {
      now = closed_ ? Status(StatusCode::kClosed) : health_;
      if (now && settings_.background) {
        waiters_.emplace_back(version, std::move(f));
        work_.notify_one();
        return;
      }
    }
  }
  if (now && version > synced_.load()) now = wait(version, Durability::kDisk);
  f(now);
}

Status RocksJournal::sync() {
  Version last = 0;
  {
    MutexLock guard(mutex_);
    if (closed_) return Status(StatusCode::kClosed);
    last = last_;
  }
  return wait(last, Durability::kDisk);
}

Status RocksJournal::admit_growth() {
  if (!disk_low_.load(std::memory_order_relaxed)) return Status();
  return Status(StatusCode::kFull,
                "less than " + std::to_string(settings_.disk_floor_bytes) +
                    " bytes are free on the file system of " + path_ +
                    "; free some: creating and growing are refused until then, erasing is not");
}

void RocksJournal::check_disk() {
  unchecked_bytes_.store(0, std::memory_order_relaxed);
  const Result<std::uint64_t> free = free_bytes(path_);
  if (free) disk_low_.store(*free < settings_.disk_floor_bytes, std::memory_order_relaxed);
}

Status RocksJournal::read(std::string_view key, FunctionRef<void(const RecordView&)> f) {
  return snapshot_->read(key, f);
}

Result<std::size_t> RocksJournal::load(std::size_t count,
                                       FunctionRef<void(const RecordView&)> f) {
  if (!walk_) walk_ = snapshot_->walk();
  std::size_t loaded = 0;
  for (RecordView record; loaded < count; ++loaded) {
    const Status got = walk_->next(&record);
    if (got.code() == StatusCode::kNotFound) break;
    if (!got) return got;
    f(record);
  }
  return loaded;
}

void RocksJournal::end_load() { walk_.reset(); }

void RocksJournal::set_dead_check(std::function<bool(std::string_view, Version)> f) {
  snapshot_->set_expiry_rule(std::move(f), [timeline = timeline_] { return timeline->now(); });
}

void RocksJournal::commit_loop() {
  const Millis pause = std::max(Millis{1}, settings_.sync_interval / 2);
  for (;;) {
    Version target = 0;
    {
      MutexLock guard(mutex_);
      if (!stop_ && waiters_.empty()) work_.wait_for(mutex_, pause);
      if (stop_) return;
      target = last_;
    }
    // A failure is latched and announced where it happens.
    if (hand_until(target)) (void)sync_until(target);
    check_disk();
  }
}

void RocksJournal::stop_thread() {
  {
    MutexLock guard(mutex_);
    stop_ = true;
    work_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

Status RocksJournal::close() {
  stop_thread();
  Version last = 0;
  {
    MutexLock guard(mutex_);
    if (std::exchange(closed_, true)) return Status();
    last = last_;
  }
  Status done = wait(last, Durability::kDisk);
  serve_waiters();
  walk_.reset();
  if (done) done = snapshot_->flush(true);
  if (done) {
    done = superblock_.write_mark({.synced = last, .clock = timeline_->mark(), .clean = true}, true);
  }
  const Status closed = snapshot_->close();
  lock_.reset();
  return done ? closed : done;
}

Result<Version> RocksJournal::checkpoint(const std::string& dir) {
  if (exists(dir)) {
    return Status(StatusCode::kIo, "cannot make a checkpoint in " + dir +
                                       ": it exists already; name a new directory");
  }
  if (Status synced = sync(); !synced) return synced;
  const std::string temporary = dir + ".tmp";
  std::error_code ignored;
  std::filesystem::remove_all(temporary, ignored);  // left by a crash in an earlier checkpoint
  Status made = make_private_directory(temporary);
  if (made) made = snapshot_->checkpoint(temporary + "/" + kRocksName);
  Result<Version> version = made ? finish_checkpoint(temporary) : Result<Version>(made);
  if (version) {
    std::error_code failed;
    std::filesystem::rename(temporary, dir, failed);
    if (failed) version = io_error("rename", temporary, failed.value());
  }
  if (!version) {
    std::filesystem::remove_all(temporary, ignored);
    return version;
  }
  if (Status synced = sync_directory(parent_of(dir)); !synced) return synced;
  return version;
}

// The version is what the copy holds, so it is asked; then the copy gets its own superblock.
Result<Version> RocksJournal::finish_checkpoint(const std::string& dir) {
  const std::string rocks = dir + "/" + kRocksName;
  Head head;
  {
    auto copy = RocksSnapshot::open({.path = rocks, .mode = RocksSnapshot::Mode::kReadOnly});
    if (!copy) return copy.status();
    const Result<Head> found = (*copy)->head();
    if (!found) return found.status();
    head = *found;
  }
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(rocks, failed)) {
    const Result<Fd> fd = open_file(entry.path(), O_RDONLY);
    if (!fd) return fd.status();
    if (Status synced = sync_file(*fd, entry.path()); !synced) return synced;
  }
  if (failed) return io_error("list", rocks, failed.value());
  if (Status synced = sync_directory(rocks); !synced) return synced;
  Identity identity = superblock_.identity();
  ++identity.generation;
  const Status created = Superblock::create(
      dir, identity, {.synced = head.version, .clock = head.mark, .clean = false});
  if (!created) return created;
  return head.version;
}

JournalStats RocksJournal::stats() const {
  JournalStats stats;
  MutexLock guard(mutex_);
  stats.version_last = last_;
  stats.version_process = handed_.load();
  stats.version_disk = synced_.load();
  stats.batches = batches_.load(std::memory_order_relaxed);
  stats.syncs = syncs_.load(std::memory_order_relaxed);
  stats.queue_bytes = queue_.size();
  stats.waits = waits_;
  stats.read_only = !health_;
  stats.degraded = health_ ? loss_ : health_.message();
  stats.opened_clean = opened_clean_;
  return stats;
}

}  // namespace cloakroom
