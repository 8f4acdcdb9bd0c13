// Engine: the only place that knows table, journal and index, and the order between them.
//
// The order within one write, under the record's stripe lock:
//   1. decide (find, compare versions, limits)        nothing changed yet
//   2. make the new record and room for it             may throw bad_alloc, nothing changed
//   3. Journal::append()                               may refuse, nothing changed
//   4. table, owner index, event                       cannot fail
// and after the lock: free what was replaced, then Journal::wait() for the durability asked for.
//
// Lock order: owners' moves -> stripes, where a write needs several of either, by address -> owners |
// gone keys | journal's queue | event queue. The last four are never held together, and nothing
// waits for a disk or calls a user while holding any lock, except that the function of update()
// runs under the stripe's lock: hence the guard against calling back. Readers take no lock at all
// (table.h).
//
// Warming up: while read_through_ is set the table is not complete, and who does not find a key
// there asks the journal (fault_in). See engine_warm.cc.
#ifndef CLOAKROOM_LIB_STORE_ENGINE_H_
#define CLOAKROOM_LIB_STORE_ENGINE_H_

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/counter.h"
#include "base/mutex.h"
#include "base/thread_annotations.h"
#include "cloakroom/store.h"
#include "index/events.h"
#include "index/owners.h"
#include "journal/recovery.h"
#include "store/gone_keys.h"
#include "table/table.h"

namespace cloakroom {

class Engine {
 public:
  // Opens the journal the options name, and an engine over it.
  static Result<std::unique_ptr<Engine>> open(Options options, const JournalHooks& hooks = {});
  // Over a journal already open; for tests with a double.
  static Result<std::unique_ptr<Engine>> open(Options options, OpenedJournal opened);

  ~Engine();

  // As in Store, which documents them.
  Result<Version> visit(std::string_view key, FunctionRef<void(const RecordView&)> f);
  Result<Version> get(std::string_view key, std::string& value);
  Result<std::size_t> visit_many(std::span<const std::string_view> keys,
                                 FunctionRef<void(std::size_t, const RecordView&)> f);
  void prefetch(std::span<const std::string_view> keys) const noexcept {
    table_.prefetch_many(keys);
  }
  Result<Version> put(std::string_view key, std::string_view value, const PutOptions& options);
  Result<Version> touch(std::string_view key, const TouchOptions& options);
  Result<Version> touch(std::string_view key, Millis ttl) {
    return touch(key, TouchOptions{.ttl = ttl});
  }
  Status erase(std::string_view key, const EraseOptions& options);
  Result<Version> update(std::string_view key,
                         FunctionRef<UpdateAction(const RecordView*, std::string&)> f,
                         const PutOptions& options);
  Result<Version> rename(std::string_view from, std::string_view to, const RenameOptions& options);
  Result<Version> apply(std::span<const Write> writes, std::optional<Durability> durability);
  Result<std::string> get_field(std::string_view key, std::string_view name);
  Result<Version> set_fields(std::string_view key, std::span<const Field> fields,
                             const PutOptions& options);
  Result<std::size_t> erase_fields(std::string_view key, std::span<const std::string_view> names,
                                   const EraseOptions& options);
  Result<std::int64_t> increment_field(std::string_view key, std::string_view name,
                                       std::int64_t delta, const PutOptions& options);
  Result<Version> visit_fields(std::string_view key, FunctionRef<void(const Field&)> f);
  Result<std::vector<OwnedRecord>> owned_by(std::string_view owner);
  Result<std::size_t> erase_owned(std::string_view owner, std::string_view keep_key,
                                  const EraseOptions& options);
  Result<Cursor> scan(Cursor cursor, std::size_t count, FunctionRef<void(const RecordView&)> f);
  [[nodiscard]] TimeMs now() const noexcept { return timeline_->now(); }
  [[nodiscard]] TimeMs wall_now() const noexcept { return timeline_->mark().wall; }
  [[nodiscard]] const std::string& path() const noexcept { return options_.path; }
  Subscription subscribe(std::function<void(const Event&)> f, EventMask mask);
  void deliver_events() { events_.deliver(); }
  void set_memory_limit(std::size_t bytes) noexcept;
  Stats stats();
  Status sync();
  void when_durable(Version version, std::function<void(Status)> f);
  Result<Version> checkpoint(const std::string& dir);
  std::size_t sweep();
  Status close();

 private:
  enum Count : std::size_t {
    kHits,
    kMisses,
    kCreates,
    kOverwrites,
    kErases,
    kTouches,
    kTouchesJournaled,
    kExpired,
    kRefusedFull,
    kWarmed,
    kCountCount
  };

  // What a write under the lock leaves to be done after it.
  struct Done {
    Version version = 0;  // to wait for; 0: nothing was appended
    Ref retired = 0;      // taken out of the table, to be freed when no reader holds it
  };

  // What a stored record shall be; see store_record().
  struct Draft {
    std::string_view value;
    Kind kind = Kind::kBytes;
  };

  Engine(Options options, OpenedJournal opened, std::uint64_t seed);

  // Every public operation begins with one of these.
  Status check_call(std::string_view key) const;
  Status check_write(std::string_view key, std::size_t value_bytes, const PutOptions& options);
  Status check_value(std::size_t bytes) const;
  Status check_owner(std::string_view owner) const;
  Status check_open() const;

  [[nodiscard]] Durability level(std::optional<Durability> asked) const noexcept {
    return asked.value_or(options_.durability);
  }
  [[nodiscard]] std::uint64_t memory_limit() const noexcept;

  // Reads the record into f(const RecordView&), from disk if it must; kNotFound.
  template <class F>
  Status read(std::string_view key, F&& f);
  Status read_through(std::uint64_t hash, std::string_view key,
                      FunctionRef<void(const RecordView&)> f);

  // Under the stripe's lock.
  Status check_version(const Record* current, std::optional<Version> expected) const;
  // Starts the misses that a writer of this key is about to have, and waits for room in the
  // journal.
  Status prepare_write(std::uint64_t hash, std::size_t bytes) {
    table_.prefetch(hash);
    return journal_->expect_append(bytes);
  }
  Result<Done> store_record(Stripe& stripe, HeldRecord& held, std::uint64_t hash,
                            std::string_view key, const Draft& draft, const PutOptions& options,
                            TimeMs now) REQUIRES(stripe.lock());
  [[nodiscard]] RecordView compose(const Record* current, std::string_view key, const Draft& draft,
                                   const PutOptions& options, TimeMs now) const;
  Status admit(Stripe& stripe, std::optional<Stripe::Slot> slot, bool creates,
               const RecordView& next, std::uint64_t& reserved) REQUIRES(stripe.lock());
  Result<Done> erase_record(Stripe& stripe, HeldRecord& held, std::uint64_t hash, TimeMs now)
      REQUIRES(stripe.lock());
  [[nodiscard]] Status memory_is_full() const;
  Ref take_out(Stripe& stripe, HeldRecord& held, std::uint64_t hash) REQUIRES(stripe.lock());
  void shrink(Stripe& stripe) noexcept REQUIRES(stripe.lock());  // moves records: ends slots

  // change(encoded fields now, "" when absent) answers the fields to be, none to leave the record
  // alone, or "" to erase it. Runs under the stripe's lock.
  Result<Version> change_fields(
      std::string_view key, const PutOptions& options,
      FunctionRef<Result<std::optional<std::string>>(std::string_view)> change);

  // Touching: what can be done without the lock, and the rest.
  Result<Version> touch_unlocked(std::uint64_t hash, std::string_view key,
                                 const TouchOptions& options);
  [[nodiscard]] TimeMs granted_ahead(TimeMs ttl) const noexcept;
  Result<Version> touch_locked(std::uint64_t hash, std::string_view key,
                               const TouchOptions& options);

  // After the lock.
  Status finish(const Done& done, Durability level);
  Status wait(Version version, Durability level);
  Status wait_for_all(Durability level);
  Status tell_degraded(Status status);

  // Moving a record to another key (engine_rename.cc).
  struct Move;
  struct Moved;
  Status check_rename(std::string_view from, std::string_view to, const RenameOptions& options);
  [[nodiscard]] RecordView compose_move(const Move& move, const HeldRecord& old, TimeMs now) const;
  Result<Moved> move_record(const Move& move, std::string_view owner);
  Ref arrive(Stripe& target, HeldRecord& there, std::uint64_t hash, NewRecord& record, TimeMs now)
      REQUIRES(target.lock());
  Status admit_move(const Record& current, const RecordView& next, const RecordView* left,
                    std::uint64_t& reserved);
  [[nodiscard]] Mutex& moves_of(std::string_view owner) noexcept {
    return owner_moves_[std::hash<std::string_view>()(owner) % kOwnerMovesCount];
  }

  // Several writes at once (engine_apply.cc).
  class Group;

  // Owners.
  [[nodiscard]] std::vector<std::uint64_t> hashes_of(std::string_view owner) const;
  Status erase_hash_of(std::string_view owner, std::string_view keep_key, std::uint64_t hash,
                       std::size_t& erased, Version& last);

  // Warming up (engine_warm.cc).
  Status fault_in(std::uint64_t hash, std::string_view key);
  Status ensure_warm();
  class Arrivals;
  bool load_a_part() EXCLUDES(load_mutex_);
  void begin_load() EXCLUDES(begin_mutex_, load_mutex_);
  bool load_some(std::size_t part) EXCLUDES(load_mutex_);
  void tell_progress(std::size_t more);
  void insert_loaded(std::uint64_t hash, NewRecord& record);
  void start_loaders();
  void stop_loaders();
  void note_damage(const Status& damage) REQUIRES(load_mutex_);
  void end_warm_up() REQUIRES(load_mutex_);
  [[nodiscard]] bool is_dead(std::string_view key, Version version);

  // Upkeep (sweeper.cc).
  void upkeep_loop();
  void prepare_memory() noexcept;
  void wake_for_memory() EXCLUDES(upkeep_mutex_);
  std::size_t sweep_all();
  std::size_t sweep_stripe(Stripe& stripe, TimeMs now);
  bool sweep_buckets(Stripe& stripe, std::uint32_t due, std::uint32_t& from,
                     std::vector<Ref>& retired) REQUIRES(stripe.lock());
  void write_exact_deadlines();
  void stop_upkeep();

  // Constant after construction.
  const Options options_;
  const std::shared_ptr<Timeline> timeline_;

  // Own synchronization.
  Table table_;
  Owners owners_;
  // Held while a record of an owner moves to another key, and while the owner's records are
  // listed or erased: those go by the hashes of the keys, and would miss it on its way.
  static constexpr std::size_t kOwnerMovesCount = 64;
  std::array<Mutex, kOwnerMovesCount> owner_moves_;
  EventBus events_;
  Counters<kCountCount> counters_;
  const std::unique_ptr<Journal> journal_;
  std::atomic<std::uint64_t> memory_limit_;
  std::atomic<bool> closed_{false};
  std::atomic<bool> told_degraded_{false};
  std::atomic<bool> expiry_told_{false};  // see Options::tell_expired_at_open

  // See engine_warm.cc. read_through_ goes down before gone_ is cleared.
  std::atomic<bool> read_through_{true};
  std::atomic<bool> warm_{false};
  GoneKeys gone_;
  std::atomic<bool> load_stop_{false};
  std::atomic<std::uint64_t> load_estimate_{0};
  std::atomic<std::uint64_t> loaded_{0};
  Mutex begin_mutex_;  // before load_mutex_
  bool load_begun_ GUARDED_BY(begin_mutex_) = false;
  mutable Mutex load_mutex_;
  CondVar load_progress_;
  Status load_damage_ GUARDED_BY(load_mutex_);
  std::size_t part_count_ GUARDED_BY(load_mutex_) = 0;
  std::size_t next_part_ GUARDED_BY(load_mutex_) = 0;
  std::size_t parts_done_ GUARDED_BY(load_mutex_) = 0;
  std::vector<std::thread> loaders_;

  Mutex upkeep_mutex_;
  CondVar upkeep_wake_;
  bool upkeep_stop_ GUARDED_BY(upkeep_mutex_) = false;
  bool memory_low_ GUARDED_BY(upkeep_mutex_) = false;
  bool gathering_ = false;  // the upkeep thread's own
  std::thread upkeep_;
};

// Marks this thread as inside the function of an update of `engine`, so under a stripe's lock.
class UpdateScope {
 public:
  explicit UpdateScope(const Engine* engine) noexcept;
  ~UpdateScope();
  UpdateScope(const UpdateScope&) = delete;
  UpdateScope& operator=(const UpdateScope&) = delete;

  [[nodiscard]] static bool inside(const Engine* engine) noexcept {
    return innermost != nullptr && inside_any(engine);
  }

 private:
  static bool inside_any(const Engine* engine) noexcept;
  static constinit thread_local const UpdateScope* innermost
      __attribute__((tls_model("initial-exec")));
  const Engine* const engine_;
  const UpdateScope* const outer_;
};

template <class F>
Status Engine::read(std::string_view key, F&& f) {
  const bool refused = key.size() > kKeyBytesMax || closed_.load(std::memory_order_relaxed) ||
                       UpdateScope::inside(this);
  if (refused) return check_call(key);
  const std::uint64_t hash = table_.hash(key);
  // Asked before the table is: the loader may insert the key and end the warm-up in between.
  const bool cold = read_through_.load(std::memory_order_acquire);
  if (table_.read(
          hash, key, [this] { return now(); }, f)) {
    counters_.add(kHits);
    return Status();
  }
  if (cold) return read_through(hash, key, f);
  counters_.add(kMisses);
  return Status(StatusCode::kNotFound);
}

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_STORE_ENGINE_H_
