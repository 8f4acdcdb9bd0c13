// SessionManager: what Sessions does. Over the public Store, of which it uses nothing that a
// program could not; the only state of its own are the keys, the epoch and what is counted.
//
// A token's record is at the key of its digest (tokens.h), in one of three forms
// (session_record.h):
//
//                create()            rotate(): one Store::rename, old and new key in one frame
//                   |                 .----> a new key, live
//                   v                 |
//   absent ------> live --------------+----> the old key, replaced: leads to the new one
//                   |
//                   '---- destroy(), destroy_*(), max_per_owner ----> ended: a tombstone
//
// replaced and ended stay for `remember_ended` and then expire; live expires by its deadline.
//
// Invariants
//   1. Only create() makes a record at a key that was absent, and its key is a fresh one.
//   Everything
//      else is Store::update or Store::rename on a record that is live at that moment, under its
//      stripe's lock: so nothing that has ended comes back.
//   2. A live record is a session only if its epoch is that of now: end_everyone() moves the epoch.
//   3. Only live records have an owner; so the owner index of the store lists the living.
//   4. The handle of a session never changes, over all its keys.
//   5. What a call answers does not depend on a deadline for safety: a replaced record holds the
//   end
//      of its grace itself, for a touch that comes late may move any record's deadline.
//
// Lock order: an owner's lock, then whatever the Store takes. Nobody waits for a disk while holding
// one: what shall be durable is waited for after.
#ifndef CLOAKROOM_LIB_SESSIONS_SESSION_MANAGER_H_
#define CLOAKROOM_LIB_SESSIONS_SESSION_MANAGER_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/counter.h"
#include "base/mutex.h"
#include "base/random.h"
#include "base/thread_annotations.h"
#include "cloakroom/sessions.h"
#include "index/events.h"
#include "index/ledger.h"
#include "sessions/session_record.h"
#include "sessions/tokens.h"

namespace cloakroom {

// For tests: another source of randomness, and a call between the steps of an operation, where
// others may come in between. Of all locks only that of an owner, with max_per_owner, may be held
// then.
struct SessionsHooks {
  RandomSource random = [](std::span<unsigned char> bytes) { return random_bytes(bytes); };
  std::function<void()> between = {};
};

class SessionManager {
 public:
  SessionManager(Store& store, SessionsOptions options, SessionsHooks hooks = {});
  ~SessionManager();
  SessionManager(const SessionManager&) = delete;
  SessionManager& operator=(const SessionManager&) = delete;

  // As in Sessions, which documents them.
  [[nodiscard]] const Status& status() const noexcept { return status_; }
  [[nodiscard]] const CookieOptions& cookie() const noexcept { return options_.cookie; }
  Result<Session> create(const CreateOptions& options);
  Status load(std::string_view token, Session& session);
  Status peek(std::string_view token, Session& session);
  Status save(Session& session, const SaveOptions& options);
  Result<Session> update(std::string_view token, FunctionRef<void(Session&)> f,
                         const SaveOptions& options);
  Status rotate(Session& session, const RotateOptions& options);
  Result<Version> destroy(std::string_view token, const EndOptions& options);
  Result<Version> destroy(const Session& session, const EndOptions& options);
  Result<Version> destroy_handle(std::string_view owner, std::string_view handle,
                                 const EndOptions& options);
  Result<EndedCount> destroy_all(std::string_view owner, std::string_view keep_token,
                                 const EndOptions& options);
  Result<Version> end_everyone(const EndOptions& options);
  Result<std::vector<SessionInfo>> list(std::string_view owner, std::string_view current_token);
  Result<Ending> why_ended(std::string_view token);
  Status require_fresh(const Session& session, Millis max_age);
  Subscription subscribe(std::function<void(const SessionEvent&)> f, EventMask mask);
  void deliver() { events_.deliver(); }
  SessionsStats stats() const;

 private:
  enum Count : std::size_t {
    kCreated,
    kLoads,
    kSlides,
    kGraces,
    kMalformed,
    kForged,
    kUnknown,
    kEndedTokens,
    kReplayed,
    kSaves,
    kSavesRefused,
    kRotations,
    kDestroyed,
    kCountCount
  };

  // How far a chain of replaced records is followed: a token would have to be rotated that often
  // within `remember_ended`.
  static constexpr int kHopsMax = 1000;

  // A session of an owner, as list() and max_per_owner see it.
  struct Owned {
    Digest digest;
    SessionInfo info;
  };
  // Which session may be ended, besides that it is alive.
  struct EndCondition {
    std::optional<std::string_view> owner = std::nullopt;
    std::string_view handle = {};  // only this one, unless empty
    std::string_view unless = {};  // but not this one, unless empty
  };
  // What following a replaced record takes: a use of its grace (for who comes with its token), only
  // that there is some left, or nothing (for who looks after sessions). Only the first is counted.
  enum class Grace { kCount, kLook, kIgnore };

  // Starting (session_manager.cc).
  Status start();
  void start_ledger();
  Status check_meta(bool made_key);
  Result<std::vector<std::string>> find_keys(bool& made);
  Result<std::optional<MetaRecord>> read_meta();
  [[nodiscard]] std::string meta_key() const { return options_.name + ":meta"; }

  // Every operation on a token begins with it: kNotFound unless it is one of ours.
  Status check(std::string_view token, Digest& digest);
  [[nodiscard]] RecordKey key_of(const Digest& digest) const {
    return RecordKey(options_.name, digest);
  }
  [[nodiscard]] bool is_current(const LiveRecord& live) const noexcept {
    return live.epoch >= epoch_.load(std::memory_order_acquire);
  }
  [[nodiscard]] static PutOptions keeping(std::optional<Durability> durability) noexcept {
    return {.keep_deadline = true, .kind = Kind::kSession, .durability = durability};
  }
  void between() const {
    if (hooks_.between) hooks_.between();
  }
  [[nodiscard]] static Status ended(EndReason reason);
  [[nodiscard]] static Status corrupt();

  // Reading (manager_read.cc).
  Status find(Digest digest, Session& session, LiveRecord& live, Grace grace);
  Status follow(const Digest& digest, const ReplacedRecord& replaced, Grace grace);
  Result<bool> count_grace(const Digest& digest);
  Status slide(Session& session, const LiveRecord& live);
  static void note_renewal(Session& session, const LiveRecord& live, TimeMs now) noexcept;
  void note_last_seen(const Session& session, TimeMs now);
  Ending ending_of(const RecordView& view, bool& alive, std::optional<Digest>& next) const;
  Result<std::vector<Owned>> collect(std::string_view owner);
  Result<std::string> handle_of(std::string_view token);

  // Writing (manager_write.cc).
  Result<Version> put_new(const CreateOptions& options, const Timeouts& timeouts,
                          std::string_view value, const Digest& digest);
  Result<Version> wait_after(Result<Version> version, Durability level);
  Status change(
      Session& session,
      FunctionRef<Status(const RecordView&, const LiveRecord&, const Digest&, std::string&)> f,
      const SaveOptions& options);
  Status admit(const RecordView& view, TimeMs now, LiveRecord& live,
               std::optional<Digest>& next) const;
  Result<Version> move(Session& session, const RotateOptions& options, const Digest& to,
                       Durability durability);
  [[nodiscard]] static Status rotated_already();
  Status make_room(std::string_view owner, std::string_view except_handle);
  [[nodiscard]] Mutex& lock_of(std::string_view owner) noexcept {
    return owner_locks_[std::hash<std::string_view>()(owner) % owner_locks_.size()];
  }

  // Ending (manager_end.cc).
  struct Judgement;
  Judgement judge(const RecordView& view, const EndCondition& condition) const;
  Result<Version> end(Digest digest, EndReason reason, const EndCondition& condition,
                      std::optional<Durability> durability);
  Result<Version> end_without_trace(Digest digest, EndReason reason, const EndCondition& condition,
                                    std::optional<Durability> durability);
  void note_end(const Digest& digest, const EndedRecord& tombstone, bool untold);
  void tell_end(EndReason reason, std::string_view handle, std::string_view owner, Version version);
  Result<Version> end_one(const Digest& digest, EndReason otherwise, const EndCondition& condition,
                          const EndOptions& options);

  // Events (session_manager.cc). What becomes of records without our doing, the store tells.
  void watch_store() EXCLUDES(watch_mutex_);
  void record_gone(const Event& event);
  void tell(SessionEventType type, EndReason reason, std::string_view handle,
            std::string_view owner, Version version);

  // Constant after construction.
  Store& store_;
  SessionsOptions options_;
  const SessionsHooks hooks_;
  Status status_;
  std::optional<TokenKeys> keys_;

  // Own synchronization.
  std::atomic<std::uint64_t> epoch_{0};
  std::atomic<TimeMs> epoch_began_at_{0};
  mutable Counters<kCountCount> counters_;
  Ledger ledger_;
  std::string ledger_problem_;  // constant after construction
  EventBus events_;
  std::array<Mutex, 64> owner_locks_;
  Mutex watch_mutex_;
  Subscription watching_ GUARDED_BY(watch_mutex_);
  bool watches_ GUARDED_BY(watch_mutex_) = false;
};

[[nodiscard]] std::string handle_text(const HandleBytes& handle);

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_SESSIONS_SESSION_MANAGER_H_
