// RocksJournal: the journal of a store on disk. A ring, two stages, and one committer thread.
//
//   append()      copy into the ring      under the stripe's lock, some 100 ns: kProcess
//   hand stage    ring -> RocksDB log     one batch a round; in the kernel's hands, so the ring's
//                                         room is free again
//   sync stage    fdatasync of the log    kDisk; then the superblock's mark
//
// Whoever waits for the disk runs both stages itself when nobody else is (the leader), for
// everything appended so far; the others sleep until the leader has covered them or calls one of
// them to lead the next: group commit without a hand-over to another thread
// (docs/decisions/0003). The committer thread does what nobody waits for: it hands and syncs every
// `sync_interval`, hands sooner when the ring fills, and serves when_durable().
//
// States of the hand stage:
//   idle     --hand_until(): the ring holds frames-->  handing   (this thread leads, no lock held)
//   handing  --write() ok-->      idle      handed_ = the round's last version, its room is free
//   handing  --write() failed-->  latched   every waiter gets the failure, for good
// and of the sync stage (followers.h draws a follower's):
//   idle     --sync_until()-->    syncing   lead_sync(): hands all, then fdatasync, no lock held
//   syncing  --ok: step_down()--> idle, or syncing under the follower that waited longest
//   syncing  --failed: step_down()-->  latched   every follower gets the failure
//
// A disk that stalls: the ring fills, and writers wait for the committer, with a bound
// (await_room()). Followers of a sync wait with the same bound. Whoever is in a system call stays
// there.
//
// A change that is too large for the ring leaves a mark there, and its body in far_ until it is
// handed over; its writer waits for that. A round that holds several changes of a key writes what
// they come to (fold()).
//
// Invariants: synced_ <= handed_ <= the ring's last; versions are handed in order, in one log, so
// what is found after a crash is a prefix. Once latched nothing is written until the store is
// reopened: a later fsync that succeeds proves nothing about what an earlier one lost. What is in
// the ring then stays there, and the next open finds it.
#ifndef CLOAKROOM_LIB_JOURNAL_COMMITTER_H_
#define CLOAKROOM_LIB_JOURNAL_COMMITTER_H_

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/mutex.h"
#include "base/thread_annotations.h"
#include "base/timeline.h"
#include "journal/followers.h"
#include "journal/frame.h"
#include "journal/journal.h"
#include "journal/ring.h"
#include "journal/rocks_snapshot.h"
#include "journal/superblock.h"

namespace cloakroom {

// What recovery found, and the committer starts from.
struct OpenedStore {
  std::string path;
  Fd lock;  // holding it is holding the store
  Superblock superblock;
  std::unique_ptr<RocksSnapshot> snapshot;
  std::unique_ptr<Ring> ring;
  std::shared_ptr<Timeline> timeline;
  Version last = 0;    // the kernel has it
  Version synced = 0;  // the disk has it
  bool clean = true;
  bool copy = false;  // a checkpoint, opened for the first time
  std::string loss;   // empty, or what was missing at open (Options::accept_loss)
};

class RocksJournal final : public Journal {
 public:
  struct Settings {
    Millis sync_interval{100};
    std::uint64_t disk_floor_bytes = 0;
    Millis stall_limit{10'000};
    bool background = true;
    std::function<void(LogLevel, std::string_view)> log;
    JournalHooks hooks = {};
  };

  RocksJournal(OpenedStore opened, Settings settings);
  ~RocksJournal() override;

  Status expect_append(std::size_t bytes) override;
  Result<Version> append(const Mutation& mutation) override;
  Result<Version> append_group(std::span<const Mutation> group) override;
  bool try_append(const Mutation& mutation) override;
  Status wait(Version version, Durability level) override;
  void when_durable(Version version, std::function<void(Status)> f) override;
  Status sync() override;
  Status admit_growth() override;
  Status read(std::string_view key, FunctionRef<void(const RecordView&)> f) override;
  std::size_t begin_load(std::size_t parts) override;
  Result<std::size_t> load(std::size_t part, std::size_t count,
                           FunctionRef<void(const RecordView&)> f) override;
  [[nodiscard]] std::uint64_t load_estimate() override;
  void end_load() override;
  Result<Version> checkpoint(const std::string& dir) override;
  void set_dead_check(std::function<bool(std::string_view, Version)> f) override;
  Status close() override;
  [[nodiscard]] JournalStats stats() const override;

 private:
  using Waiter = std::pair<Version, std::function<void(Status)>>;
  enum class State : std::uint8_t { kOpen, kLatched, kClosed };

  // What one pass of the hand stage takes out of the ring.
  struct Round {
    std::vector<Frame> frames;
    std::size_t bytes = 0;
    Version last = 0;
  };

  Status await_room(std::size_t bytes) EXCLUDES(mutex_);
  Result<Ring::Place> make_room(std::size_t bytes);
  template <class Encode>
  Result<Version> append_body(std::size_t bytes, Encode encode);
  template <class Encode>
  Result<Version> append_elsewhere(std::size_t bytes, Encode encode);
  void nudge();
  Status refusal() const EXCLUDES(mutex_);
  Status stalled() const;

  Status hand_until(Version version) EXCLUDES(mutex_);
  void hold_back();
  Status gather(Round& round);
  Status add_frame(Round& round, Version version, std::string_view body);
  void forget_elsewhere(Version up_to);
  Status sync_until(Version version) EXCLUDES(mutex_);
  Result<bool> follow(Follower& self) EXCLUDES(mutex_);
  Status lead_sync() EXCLUDES(mutex_);
  void step_down() EXCLUDES(mutex_);
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
  const bool opened_copy_;
  const std::string loss_;

  // Own synchronization.
  const std::unique_ptr<RocksSnapshot> snapshot_;
  const std::uint64_t fold_seed_;
  const std::unique_ptr<Ring> ring_;
  const std::size_t nudge_bytes_;
  std::atomic<State> state_{State::kOpen};
  std::atomic<bool> dozing_{false};  // the committer waits for its interval
  std::atomic<bool> disk_low_{false};
  std::atomic<std::uint64_t> batches_{0};
  std::atomic<std::uint64_t> syncs_{0};
  std::atomic<std::uint64_t> waits_{0};
  std::atomic<std::uint64_t> unchecked_bytes_{0};  // handed since the free space was looked at
  std::atomic<std::size_t> elsewhere_{0};          // entries of far_
  alignas(64) std::atomic<Version> handed_;        // written every round, read by those who wait
  std::atomic<Version> synced_;

  // Of the callers of load(): each has its own part, and its walk begins with the first call.
  struct LoadPart {
    KeyRange range;
    std::unique_ptr<RecordWalk> walk;
  };
  std::vector<LoadPart> load_parts_;

  // Of the sync stage's leader.
  Superblock superblock_;

  // Of the hand stage's leader.
  Round round_;

  Mutex far_mutex_;  // after mutex_
  std::map<Version, std::string> far_ GUARDED_BY(far_mutex_);
  std::size_t far_bytes_ GUARDED_BY(far_mutex_) = 0;

  mutable Mutex mutex_;
  CondVar progress_;  // the hand stage ended
  CondVar work_;      // the committer has something to do before its interval ends
  bool handing_ GUARDED_BY(mutex_) = false;
  bool syncing_ GUARDED_BY(mutex_) = false;  // somebody leads, or was called to
  Followers followers_ GUARDED_BY(mutex_);   // empty unless syncing_
  bool stop_ GUARDED_BY(mutex_) = false;
  Status health_ GUARDED_BY(mutex_);  // ok until latched
  std::vector<Waiter> waiters_ GUARDED_BY(mutex_);

  Fd lock_;
  std::thread thread_;
};

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_JOURNAL_COMMITTER_H_
