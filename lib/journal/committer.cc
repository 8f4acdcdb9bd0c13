#include "journal/committer.h"

#include <fcntl.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <new>

#include "base/random.h"
#include "journal/fold.h"
#include "journal/recovery.h"

namespace cloakroom {
namespace {

// What one batch holds at most, so that a round is short and the ring's room comes back soon.
constexpr std::size_t kRoundBytesMax = std::size_t{1} << 20;
// With so much in the ring the committer does not wait for its interval: what a crash leaves there
// is replayed before the store is served.
constexpr std::size_t kNudgeBytes = std::size_t{1} << 20;
// A change larger than this part of the ring does not go through it.
constexpr std::size_t kElsewherePart = 16;
// Part of the ring that is left free by those who can still wait.
constexpr std::size_t kHeadroomPart = 8;
// So much may wait elsewhere before its next writer hands it over.
constexpr std::size_t kFarBytesMax = std::size_t{16} << 20;
// A thread's buffer that has grown beyond this is given back.
constexpr std::size_t kSpareBytesMax = std::size_t{64} << 10;
// Free space is looked at (0.7 us) after this many bytes, and by the committer's every round.
constexpr std::uint64_t kDiskCheckBytes = std::uint64_t{1} << 20;

// Without randomness keys that collide could be chosen, and a round would take longer.
std::uint64_t some_seed() {
  const Result<std::uint64_t> seed = random_u64();
  return seed ? *seed : 0;
}

Status out_of_memory() {
  return Status(StatusCode::kIo, "out of memory while writing the log; give the process more");
}

}  // namespace

RocksJournal::RocksJournal(OpenedStore opened, Settings settings)
    : path_(std::move(opened.path)),
      settings_(std::move(settings)),
      timeline_(std::move(opened.timeline)),
      opened_clean_(opened.clean),
      opened_copy_(opened.copy),
      loss_(std::move(opened.loss)),
      snapshot_(std::move(opened.snapshot)),
      fold_seed_(some_seed()),
      ring_(std::move(opened.ring)),
      nudge_bytes_(std::min(kNudgeBytes, ring_->capacity() / 4)),
      handed_(opened.last),
      synced_(opened.synced),
      superblock_(std::move(opened.superblock)),
      lock_(std::move(opened.lock)) {
  check_disk();
  if (settings_.background) thread_ = std::thread([this] { commit_loop(); });
}

RocksJournal::~RocksJournal() { (void)close(); }

Result<Version> RocksJournal::append(const Mutation& mutation) {
  return append_body(frame_bytes_max(mutation), [&](std::string& body, Version version) {
    append_frame(body, mutation, version);
  });
}

Result<Version> RocksJournal::append_group(std::span<const Mutation> group) {
  return append_body(group_bytes_max(group), [&](std::string& body, Version version) {
    cloakroom::append_group(body, group, version);
  });
}

// encode(body, version) appends at most `bytes`, and so does not allocate.
template <class Encode>
Result<Version> RocksJournal::append_body(std::size_t bytes, Encode encode) {
  if (state_.load(std::memory_order_relaxed) != State::kOpen) return refusal();
  if (bytes > ring_->capacity() / kElsewherePart) return append_elsewhere(bytes, encode);
  // All that allocates comes before the reservation, which cannot be undone.
  thread_local std::string body;
  body.clear();
  body.reserve(bytes);
  const Result<Ring::Place> place = make_room(bytes);
  if (!place) return place.status();
  encode(body, place->version());
  ring_->publish(*place, body);
  if (body.capacity() > kSpareBytesMax) std::string().swap(body);
  nudge();
  return place->version();
}

// The mark keeps the change's place in the order. If there is no memory for the body, the mark
// stays alone and says nothing.
template <class Encode>
Result<Version> RocksJournal::append_elsewhere(std::size_t bytes, Encode encode) {
  bool full = false;
  {
    MutexLock guard(far_mutex_);
    full = far_bytes_ > kFarBytesMax;
  }
  if (full) {
    if (Status handed = hand_until(ring_->last()); !handed) return handed;
  }
  std::string body;
  body.reserve(bytes);
  const Result<Ring::Place> place = make_room(kElsewhere.size());
  if (!place) return place.status();
  encode(body, place->version());
  try {
    MutexLock guard(far_mutex_);
    const std::size_t encoded = body.size();
    far_.emplace(place->version(), std::move(body));
    far_bytes_ += encoded;
    elsewhere_.fetch_add(1, std::memory_order_release);
  } catch (...) {
    ring_->publish(*place, kElsewhere);
    throw;
  }
  ring_->publish(*place, kElsewhere);
  return place->version();
}

// Leaves an eighth of the ring to those who asked at the same time, so that hardly anybody has to
// wait under a stripe's lock.
Status RocksJournal::expect_append(std::size_t bytes) {
  ring_->prefetch();
  const std::size_t spare = ring_->capacity() / kHeadroomPart;
  const std::size_t wanted = std::min(bytes, ring_->capacity() / kElsewherePart) + spare;
  if (ring_->used_bytes() + wanted <= ring_->capacity()) return Status();
  return await_room(wanted);
}

// Ok also when nothing more is handed over: what follows says why.
Status RocksJournal::await_room(std::size_t bytes) {
  waits_.fetch_add(1, std::memory_order_relaxed);
  const auto end = std::chrono::steady_clock::now() + settings_.stall_limit;
  while (ring_->used_bytes() + bytes > ring_->capacity()) {
    if (!settings_.background) {
      if (!hand_until(handed_.load() + 1)) return Status();
      continue;
    }
    MutexLock guard(mutex_);
    if (state_.load() != State::kOpen) return Status();
    const auto left = std::chrono::duration_cast<Millis>(end - std::chrono::steady_clock::now());
    if (left <= Millis{0}) {
      return Status(StatusCode::kBusy, "the disk of " + path_ +
                                           " does not keep up: no room in the journal for " +
                                           std::to_string(settings_.stall_limit.count()) +
                                           " ms; nothing was changed, try again later");
    }
    work_.notify_one();
    progress_.wait_for(mutex_, left);
  }
  return Status();
}

Result<Ring::Place> RocksJournal::make_room(std::size_t bytes) {
  for (;;) {
    if (const auto place = ring_->reserve(bytes)) return *place;
    if (Status room = await_room(bytes + 2 * Ring::kFrameHeaderBytes); !room) return room;
    if (state_.load() != State::kOpen) return refusal();
  }
}

void RocksJournal::nudge() {
  if (!dozing_.load(std::memory_order_relaxed) || ring_->used_bytes() < nudge_bytes_) return;
  if (!dozing_.exchange(false)) return;
  MutexLock guard(mutex_);
  work_.notify_one();
}

bool RocksJournal::try_append(const Mutation& mutation) {
  if (ring_->used_bytes() > ring_->capacity() / 2) return false;
  return append(mutation).ok();
}

Status RocksJournal::refusal() const {
  MutexLock guard(mutex_);
  if (state_.load() == State::kClosed) return Status(StatusCode::kClosed);
  return latched_error();
}

Status RocksJournal::latched_error() const {
  return Status(StatusCode::kReadOnly,
                "the store is read-only since a write failed: " + health_.message() +
                    "; mend the disk, then close the store and open it again");
}

Status RocksJournal::wait(Version version, Durability level) {
  if (level == Durability::kMemory) return Status();
  if (level == Durability::kProcess && elsewhere_.load(std::memory_order_acquire) == 0) {
    return Status();
  }
  return level == Durability::kDisk ? sync_until(version) : hand_until(version);
}

Status RocksJournal::stalled() const {
  return Status(StatusCode::kIo, "the disk of " + path_ + " has not answered for " +
                                     std::to_string(settings_.stall_limit.count()) +
                                     " ms; the write is in memory and may still reach the disk");
}

Status RocksJournal::hand_until(Version version) {
  for (;;) {
    {
      MutexLock guard(mutex_);
      const auto end = std::chrono::steady_clock::now() + settings_.stall_limit;
      while (handing_ && handed_.load() < version && health_) {
        const auto left =
            std::chrono::duration_cast<Millis>(end - std::chrono::steady_clock::now());
        if (left <= Millis{0}) return stalled();
        progress_.wait_for(mutex_, left);
      }
      if (handed_.load() >= version) return Status();
      if (!health_) return health_;
      handing_ = true;
    }
    Status written;
    try {
      written = gather(round_);
      if (written) {
        const Head head{.version = round_.last, .mark = timeline_->mark()};
        written = snapshot_->write(round_.frames, head);
      }
    } catch (const std::bad_alloc&) {
      written = out_of_memory();
    }
    if (written) {
      unchecked_bytes_.fetch_add(round_.bytes, std::memory_order_relaxed);
      forget_elsewhere(round_.last);
      ring_->release(round_.last);
    }
    {
      MutexLock guard(mutex_);
      handing_ = false;
      if (written) {
        handed_.store(round_.last);
        batches_.fetch_add(1, std::memory_order_relaxed);
      } else {
        latch(written);
      }
      progress_.notify_all();
    }
    if (!written) announce(written);
    if (written) hold_back();
    if (unchecked_bytes_.load(std::memory_order_relaxed) >= kDiskCheckBytes) check_disk();
  }
}

// While compaction is far behind whoever hands over waits, and so the ring fills and writers wait.
void RocksJournal::hold_back() {
  constexpr auto kPause = std::chrono::milliseconds(2);
  const auto end = std::chrono::steady_clock::now() + settings_.stall_limit;
  while (state_.load() == State::kOpen && snapshot_->behind() &&
         std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(kPause);
  }
}

// At least one frame: somebody waits for it. Its producer may be copying it at this moment.
Status RocksJournal::gather(Round& round) {
  round.frames.clear();
  round.bytes = 0;
  round.last = handed_.load();
  Ring::Place place;
  std::string_view body;
  while (round.bytes < kRoundBytesMax) {
    if (ring_->next(round.last, &place, &body)) {
      if (Status added = add_frame(round, place.version(), body); !added) return added;
      round.last = place.version();
      round.bytes += static_cast<std::size_t>(place.end - place.begin);
    } else if (round.bytes != 0) {
      break;
    } else {
      std::this_thread::yield();
    }
  }
  fold(round.frames, fold_seed_);
  return Status();
}

Status RocksJournal::add_frame(Round& round, Version version, std::string_view body) {
  if (body == kElsewhere) {
    MutexLock guard(far_mutex_);
    const auto found = far_.find(version);
    if (found == far_.end()) return Status();
    body = found->second;  // stays until forget_elsewhere()
    round.bytes += body.size();
  }
  if (parse_frames(body, round.frames)) return Status();
  return Status(StatusCode::kCorruption, "the journal's ring was overwritten in memory");
}

void RocksJournal::forget_elsewhere(Version up_to) {
  if (elsewhere_.load(std::memory_order_acquire) == 0) return;
  MutexLock guard(far_mutex_);
  while (!far_.empty() && far_.begin()->first <= up_to) {
    far_bytes_ -= far_.begin()->second.size();
    far_.erase(far_.begin());
    elsewhere_.fetch_sub(1, std::memory_order_release);
  }
}

void RocksJournal::latch(const Status& failure) {
  if (!health_) return;
  health_ = Status(StatusCode::kIo, failure.message());
  State open = State::kOpen;
  state_.compare_exchange_strong(open, State::kLatched);
}

void RocksJournal::announce(const Status& failure) {
  if (settings_.log) {
    settings_.log(LogLevel::kError, "store " + path_ + " is read-only: " + failure.message());
  }
  serve_waiters();
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

std::size_t RocksJournal::begin_load(std::size_t parts) {
  std::vector<std::string> boundaries = snapshot_->split(parts);
  load_parts_.resize(boundaries.size() + 1);
  for (std::size_t i = 0; i < boundaries.size(); ++i) {
    load_parts_[i].range.end = boundaries[i];
    load_parts_[i + 1].range.begin = std::move(boundaries[i]);
  }
  return load_parts_.size();
}

Result<std::size_t> RocksJournal::load(std::size_t part, std::size_t count,
                                       FunctionRef<void(const RecordView&)> f) {
  LoadPart& from = load_parts_[part];
  if (!from.walk) from.walk = snapshot_->walk(from.range);
  std::size_t loaded = 0;
  for (RecordView record; loaded < count; ++loaded) {
    const Status got = from.walk->next(&record);
    if (got.code() == StatusCode::kNotFound) {
      from.walk.reset();  // and its buffers
      break;
    }
    if (!got) return got;
    f(record);
  }
  return loaded;
}

std::uint64_t RocksJournal::load_estimate() { return snapshot_->figures().records_estimate; }

void RocksJournal::end_load() { load_parts_.clear(); }

void RocksJournal::set_dead_check(std::function<bool(std::string_view, Version)> f) {
  snapshot_->set_expiry_rule(std::move(f), [timeline = timeline_] { return timeline->now(); });
}

// Hands whenever it wakes, and syncs when half an interval has passed since it last did.
void RocksJournal::commit_loop() {
  const Millis pause = std::max(Millis{1}, settings_.sync_interval / 2);
  auto sync_due = std::chrono::steady_clock::now() + pause;
  for (;;) {
    bool asked = false;
    {
      MutexLock guard(mutex_);
      const auto left =
          std::chrono::duration_cast<Millis>(sync_due - std::chrono::steady_clock::now());
      if (!stop_ && waiters_.empty() && left > Millis{0}) {
        dozing_.store(true);
        work_.wait_for(mutex_, left);
        dozing_.store(false);
      }
      if (stop_) return;
      asked = !waiters_.empty();
    }
    // A failure is latched and announced where it happens.
    const Version target = ring_->last();
    const bool handed = hand_until(target).ok();
    const auto now = std::chrono::steady_clock::now();
    if (!asked && now < sync_due) continue;
    sync_due = now + pause;
    if (handed) (void)sync_until(target);
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
  if (state_.exchange(State::kClosed) == State::kClosed) return Status();
  const Version last = ring_->last();
  Status done = wait(last, Durability::kDisk);
  serve_waiters();
  load_parts_.clear();
  if (done) done = snapshot_->flush(true);
  if (done) {
    done =
        superblock_.write_mark({.synced = last, .clock = timeline_->mark(), .clean = true}, true);
  }
  const Status closed = snapshot_->close();
  if (done && closed) RocksSnapshot::drop_logs(path_ + "/" + kRocksName, settings_.hooks);
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
      dir, identity, {.synced = head.version, .clock = head.mark, .clean = false, .copy = true});
  if (!created) return created;
  return head.version;
}

JournalStats RocksJournal::stats() const {
  JournalStats stats;
  MutexLock guard(mutex_);
  stats.version_last = ring_->last();
  stats.version_process = elsewhere_.load() == 0 ? stats.version_last : handed_.load();
  stats.version_disk = synced_.load();
  stats.batches = batches_.load(std::memory_order_relaxed);
  stats.syncs = syncs_.load(std::memory_order_relaxed);
  stats.queue_bytes = ring_->used_bytes();
  stats.waits = waits_.load(std::memory_order_relaxed);
  stats.read_only = !health_;
  stats.degraded = health_ ? loss_ : health_.message();
  stats.opened_clean = opened_clean_;
  stats.opened_copy = opened_copy_;
  stats.generation = superblock_.identity().generation;
  return stats;
}

}  // namespace cloakroom
