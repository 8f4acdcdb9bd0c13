#include "support/fake_journal.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace cloakroom::testing {
namespace {

RecordView view_of(const std::string& key, const DiskRecord& record) {
  return {key,           record.value,    record.owner,    record.kind,
          record.version, record.deadline, record.lifetime, record.created};
}

void apply(std::map<std::string, DiskRecord>& records, const DiskEntry& entry) {
  switch (entry.type) {
    case Mutation::Type::kPut:
    case Mutation::Type::kShorten:
      records[entry.key] = entry.record;
      break;
    case Mutation::Type::kErase:
      records.erase(entry.key);
      break;
    case Mutation::Type::kTouch: {
      // A touch belongs to one version: it must not reach a record that replaced it.
      const auto found = records.find(entry.key);
      if (found != records.end() && found->second.version == entry.record.version) {
        found->second.deadline = entry.record.deadline;
      }
      break;
    }
  }
}

}  // namespace

FakeDisk::FakeDisk(const FakeDisk& other) {
  const std::lock_guard lock(other.mutex_);
  base_ = other.base_;
  log_ = other.log_;
  last_ = other.last_;
  handed_ = other.handed_;
  synced_ = other.synced_;
  clean_ = other.clean_;
}

void FakeDisk::kill_process(std::size_t keep) {
  const std::lock_guard lock(mutex_);
  cut_after(handed_, keep);
  clean_ = false;
}

void FakeDisk::cut_power(std::size_t keep) {
  const std::lock_guard lock(mutex_);
  cut_after(synced_, keep);
  clean_ = false;
}

void FakeDisk::cut_after(Version version, std::size_t keep) {
  const auto first_lost = std::find_if(log_.begin(), log_.end(),
                                       [&](const DiskEntry& e) { return e.version > version; });
  const auto behind = static_cast<std::size_t>(log_.end() - first_lost);
  auto cut = first_lost + static_cast<std::ptrdiff_t>(std::min(keep, behind));
  // The changes of a group share a version and stay together.
  while (cut != first_lost && cut != log_.end() && std::prev(cut)->version == cut->version) --cut;
  log_.erase(cut, log_.end());
  last_ = std::max(version, log_.empty() ? Version{0} : log_.back().version);
  handed_ = last_;
  synced_ = std::min(synced_, last_);
}

void FakeDisk::fold() {
  for (const DiskEntry& entry : log_) apply(base_, entry);
  log_.clear();
}

std::size_t FakeDisk::compact(TimeMs now) {
  // The check takes stripe locks, under which the engine appends: so it runs without our mutex.
  std::vector<std::pair<std::string, Version>> dead;
  for (const auto& [key, record] : records()) {
    if (record.deadline < now) dead.emplace_back(key, record.version);
  }
  std::function<bool(std::string_view, Version)> may_drop;
  {
    const std::lock_guard lock(mutex_);
    may_drop = dead_check_;
  }
  std::size_t dropped = 0;
  for (const auto& [key, version] : dead) {
    if (may_drop && !may_drop(key, version)) continue;
    const std::lock_guard lock(mutex_);
    // Older versions go too: they must not show through the gap.
    std::erase_if(log_, [&, k = key, v = version](const DiskEntry& e) {
      return e.key == k && e.record.version <= v;
    });
    const auto found = base_.find(key);
    if (found != base_.end() && found->second.version <= version) base_.erase(found);
    ++dropped;
  }
  return dropped;
}

std::map<std::string, DiskRecord> FakeDisk::records() const {
  const std::lock_guard lock(mutex_);
  auto records = base_;
  for (const DiskEntry& entry : log_) apply(records, entry);
  return records;
}

std::vector<DiskEntry> FakeDisk::entries() const {
  const std::lock_guard lock(mutex_);
  return log_;
}

FakeJournal::FakeJournal(std::shared_ptr<FakeDisk> disk)
    : disk_(std::move(disk)), opened_([&] {
        const std::lock_guard lock(disk_->mutex_);
        disk_->fold();
        return disk_->base_;
      }()) {
  const std::lock_guard lock(disk_->mutex_);
  opened_clean_ = std::exchange(disk_->clean_, false);
}

void FakeJournal::fail_append(std::uint64_t k) {
  const std::lock_guard lock(disk_->mutex_);
  append_fails_in_ = k;
}

void FakeJournal::fail_wait(std::uint64_t k) {
  const std::lock_guard lock(disk_->mutex_);
  wait_fails_in_ = k;
}

void FakeJournal::set_full(bool full) {
  const std::lock_guard lock(disk_->mutex_);
  full_ = full;
}

void FakeJournal::on_wait(std::function<void(Version, Durability)> f) {
  const std::lock_guard lock(disk_->mutex_);
  on_wait_ = std::move(f);
}

void FakeJournal::on_append(std::function<void(const Mutation&)> f) {
  const std::lock_guard lock(disk_->mutex_);
  on_append_ = std::move(f);
}

std::uint64_t FakeJournal::reads() const {
  const std::lock_guard lock(disk_->mutex_);
  return reads_;
}

Status FakeJournal::latch(const char* why) {
  if (degraded_.empty()) degraded_ = why;
  return {StatusCode::kIo, why};
}

Result<Version> FakeJournal::take(std::span<const Mutation> group) {
  if (!degraded_.empty()) return Status{StatusCode::kReadOnly, degraded_};
  if (append_fails_in_ > 0 && --append_fails_in_ == 0) return latch("fake: append failed");
  ++disk_->last_;
  for (const Mutation& mutation : group) {
    DiskEntry entry;
    entry.version = disk_->last_;
    entry.type = mutation.type;
    entry.key = mutation.record.key;
    const RecordView& r = mutation.record;
    entry.record = {std::string(r.value), std::string(r.owner), r.kind, r.version,
                    r.deadline,           r.lifetime,           r.created};
    if (mutation.type == Mutation::Type::kPut) entry.record.version = entry.version;
    disk_->log_.push_back(std::move(entry));
  }
  return disk_->last_;
}

Result<Version> FakeJournal::append(const Mutation& mutation) {
  return append_group({&mutation, 1});
}

Result<Version> FakeJournal::append_group(std::span<const Mutation> group) {
  std::function<void(const Mutation&)> hook;
  {
    const std::lock_guard lock(disk_->mutex_);
    hook = on_append_;
  }
  if (hook) {
    for (const Mutation& mutation : group) hook(mutation);
  }
  const std::lock_guard lock(disk_->mutex_);
  return take(group);
}

bool FakeJournal::try_append(const Mutation& mutation) {
  const std::lock_guard lock(disk_->mutex_);
  return take({&mutation, 1}).ok();
}

Status FakeJournal::wait(Version version, Durability level) {
  std::function<void(Version, Durability)> hook;
  {
    const std::lock_guard lock(disk_->mutex_);
    hook = on_wait_;
  }
  if (hook) hook(version, level);
  const std::lock_guard lock(disk_->mutex_);
  if (level == Durability::kMemory) return {};
  const Version reached = level == Durability::kDisk ? disk_->synced_ : disk_->handed_;
  if (version <= reached) return {};
  if (!degraded_.empty()) return {StatusCode::kIo, degraded_};
  if (wait_fails_in_ > 0 && --wait_fails_in_ == 0) return latch("fake: the disk failed");
  disk_->handed_ = disk_->last_;
  if (level == Durability::kDisk) {
    disk_->synced_ = disk_->last_;
    ++syncs_;
  }
  return {};
}

void FakeJournal::when_durable(Version version, std::function<void(Status)> f) {
  f(wait(version, Durability::kDisk));
}

Status FakeJournal::sync() {
  Version last = 0;
  {
    const std::lock_guard lock(disk_->mutex_);
    last = disk_->last_;
  }
  return wait(last, Durability::kDisk);
}

Status FakeJournal::admit_growth() {
  const std::lock_guard lock(disk_->mutex_);
  if (!degraded_.empty()) return {StatusCode::kReadOnly, degraded_};
  return full_ ? Status{StatusCode::kFull, "fake: the disk floor is reached"} : Status{};
}

Status FakeJournal::read(std::string_view key, FunctionRef<void(const RecordView&)> f) {
  {
    const std::lock_guard lock(disk_->mutex_);
    ++reads_;
  }
  const auto found = opened_.find(std::string(key));
  if (found == opened_.end()) return Status{StatusCode::kNotFound};
  f(view_of(found->first, found->second));
  return {};
}

std::size_t FakeJournal::begin_load(std::size_t parts) {
  const std::size_t each = opened_.size() / parts + 1;
  for (auto from = opened_.begin(); from != opened_.end();) {
    auto to = from;
    for (std::size_t i = 0; i < each && to != opened_.end(); ++i) ++to;
    load_parts_.emplace_back(from, to);
    from = to;
  }
  return load_parts_.size();
}

Result<std::size_t> FakeJournal::load(std::size_t part, std::size_t count,
                                      FunctionRef<void(const RecordView&)> f) {
  auto& [next, end] = load_parts_[part];
  std::size_t loaded = 0;
  for (; loaded < count && next != end; ++loaded, ++next) f(view_of(next->first, next->second));
  return loaded;
}

void FakeJournal::end_load() {}

Result<Version> FakeJournal::checkpoint(const std::string& /*dir*/) {
  return Status{StatusCode::kInvalidArgument, "fake: no checkpoints"};
}

void FakeJournal::set_dead_check(std::function<bool(std::string_view, Version)> f) {
  const std::lock_guard lock(disk_->mutex_);
  disk_->dead_check_ = std::move(f);
}

Status FakeJournal::close() {
  const std::lock_guard lock(disk_->mutex_);
  disk_->dead_check_ = nullptr;
  if (!degraded_.empty()) return {StatusCode::kIo, degraded_};
  disk_->handed_ = disk_->synced_ = disk_->last_;
  disk_->clean_ = true;
  return {};
}

JournalStats FakeJournal::stats() const {
  const std::lock_guard lock(disk_->mutex_);
  JournalStats stats;
  stats.version_last = disk_->last_;
  stats.version_process = disk_->handed_;
  stats.version_disk = disk_->synced_;
  stats.syncs = syncs_;
  stats.degraded = degraded_;
  stats.read_only = !degraded_.empty();
  stats.opened_clean = opened_clean_;
  return stats;
}

}  // namespace cloakroom::testing
