// RocksJournal: the journal of a store on disk. A queue, two stages, and one committer thread.
//
//   append()      queue (memory)         under the stripe's lock, some 100 ns
//   hand stage    queue -> RocksDB log   one batch; in the kernel's hands: kProcess
//   sync stage    fdatasync of the log   kDisk; then the superblock's mark
//
// Whoever waits runs the stage itself when nobody else is (the leader), for everything queued so
// far; the others wait for the leader and find their work done: group commit without a hand-over
// to another thread (docs/decisions/0003). The stages overlap: one batch is written while an
// earlier one is synced. The committer thread only does what nobody waits for: it hands and syncs
// every `sync_interval`, and serves when_durable().
//
// States of the hand stage (the sync stage is the same with handed_ for last_ and synced_ for
// handed_):
//   idle     --hand(): queue not empty-->   handing   (this thread leads, lock released)
//   handing  --write() ok-->                idle      handed_ = the batch's last version
//   handing  --write() failed-->            latched   every waiter gets the failure, for good
//
// Invariants: synced_ <= handed_ <= last_; versions are handed in order, in one log, so what is
// found after a crash is a prefix. Once latched nothing is written until the store is reopened: a
// later fsync that succeeds proves nothing about what an earlier one lost.
#ifndef CLOAKROOM_LIB_JOURNAL_COMMITTER_H_
#define CLOAKROOM_LIB_JOURNAL_COMMITTER_H_

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/mutex.h"
#include "base/thread_annotations.h"
#include "base/timeline.h"
#include "journal/journal.h"
#include "journal/rocks_snapshot.h"
#include "journal/superblock.h"

namespace cloakroom {

// What recovery found, and the committer starts from.
struct OpenedStore {
  std::string path;
  Fd lock;  // holding it is holding the store
  Superblock superblock;
  std::unique_ptr<RocksSnapshot> snapshot;
  std::shared_ptr<Timeline> timeline;
  Version last = 0;
  bool clean = true;
  std::string loss;  // empty, or what was missing at open (Options::accept_loss)
};

class RocksJournal final : public Journal {
 public:
  struct Settings {
    Millis sync_interval{100};
    std::uint64_t disk_floor_bytes = 0;
    bool background = true;
    std::function<void(LogLevel, std::string_view)> log;
  };

  RocksJournal(OpenedStore opened, Settings settings);
  ~RocksJournal() override;

  Result<Version> append(const Mutation& mutation) override;
  bool try_append(const Mutation& mutation) override;
  Status wait(Version version, Durability level) override;
  void when_durable(Version version, std::function<void(Status)> f) override;
  Status sync() override;
  Status admit_growth() override;
  Status read(std::string_view key, FunctionRef<void(const RecordView&)> f) override;
  Result<std::size_t> load(std::size_t count, FunctionRef<void(const RecordView&)> f) override;
  void end_load() override;
  Result<Version> checkpoint(const std::string& dir) override;
  void set_dead_check(std::function<bool(std::string_view, Version)> f) override;
  Status close() override;
  [[nodiscard]] JournalStats stats() const override;

 private:
  using Waiter = std::pair<Version, std::function<void(Status)>>;

  Status hand_until(Version version) EXCLUDES(mutex_);
  Status sync_until(Version version) EXCLUDES(mutex_);
  void latch(const Status& failure) REQUIRES(mutex_);
  void announce(const Status& failure);
  Status latched_error() const REQUIRES(mutex_);
  void serve_waiters() EXCLUDES(mutex_);
  void check_disk();
  void commit_loop();
  void stop_thread();
  Result<Version> finish_checkpoint(const std::string& dir);

  // Constant after construction.
  const std::string path_;
  const Settings settings_;
  const std::shared_ptr<Timeline> timeline_;
  const bool opened_clean_;
  const std::string loss_;

  // Own synchronization.
  const std::unique_ptr<RocksSnapshot> snapshot_;
  std::atomic<Version> handed_;
  std::atomic<Version> synced_;
  std::atomic<bool> disk_low_{false};
  std::atomic<std::uint64_t> batches_{0};
  std::atomic<std::uint64_t> syncs_{0};
  std::atomic<std::uint64_t> unchecked_bytes_{0};  // handed since the free space was looked at

  // Of the one caller of load().
  std::unique_ptr<RecordWalk> walk_;

  // Of the sync stage's leader.
  Superblock superblock_;

  mutable Mutex mutex_;
  CondVar progress_;  // a stage ended
  CondVar work_;      // the committer has something to do before its interval ends
  std::string queue_ GUARDED_BY(mutex_);
  std::string spare_ GUARDED_BY(mutex_);  // the other buffer's capacity, kept
  Version last_ GUARDED_BY(mutex_);
  bool handing_ GUARDED_BY(mutex_) = false;
  bool syncing_ GUARDED_BY(mutex_) = false;
  bool stop_ GUARDED_BY(mutex_) = false;
  bool closed_ GUARDED_BY(mutex_) = false;
  Status health_ GUARDED_BY(mutex_);  // ok until latched
  std::uint64_t waits_ GUARDED_BY(mutex_) = 0;
  std::vector<Waiter> waiters_ GUARDED_BY(mutex_);

  Fd lock_;
  std::thread thread_;
};

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_JOURNAL_COMMITTER_H_
