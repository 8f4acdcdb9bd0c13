// Store: records with deadlines, in memory, surviving on disk.
//
//   auto store = cloakroom::Store::open({.path = "sessions"});
//   if (!store) return fail(store.status());
//   auto put = store->put("k", "v", {.ttl = 30min});
//   auto got = store->get("k");                       // Result<std::string>
#ifndef CLOAKROOM_STORE_H_
#define CLOAKROOM_STORE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cloakroom/events.h"
#include "cloakroom/options.h"
#include "cloakroom/record.h"
#include "cloakroom/stats.h"
#include "cloakroom/status.h"

namespace cloakroom {

class Engine;

// What update() does with the value its function left behind.
enum class UpdateAction { kStore, kLeave, kErase };

// One record of an owner.
struct OwnedRecord {
  std::string key;
  Version version = 0;
  TimeMs deadline = kNever;
  TimeMs created = 0;
};

// Where a scan stands. Start with kScanStart; a scan that returns kScanStart is complete.
using Cursor = std::uint64_t;
inline constexpr Cursor kScanStart = 0;

// A handle. Thread safety: every method may be called from any thread at any time, also while the
// store warms up, except that moving or destroying the handle must not race with its use.
// Moving is cheap; a moved-from store answers kClosed.
//
// Keys and values are bytes. What every method may answer, and does not say again:
//   kInvalidArgument  an option is out of its bounds, or the call came from inside update()'s f
//   kTooLarge         key over kKeyBytesMax, owner over kOwnerBytesMax, value over value_bytes_max
//   kIo, kCorruption  only while warming up: the record had to be read from disk and could not be
//   kClosed           close() was called, or the handle was moved from
// and what every write may answer besides:
//   kReadOnly         an earlier write or sync failed; reads go on (stats().degraded)
//   kIo               this write failed on its way to the disk: it is visible in memory, the store
//                     is read-only from now on, and whether a restart finds the write is in doubt
//   kFull             the memory limit or the disk floor is reached, and the write would grow
//
// A record is alive up to and including the millisecond of its deadline and is never served after.
// A dead record counts as absent everywhere below, reclaimed or not.
//
// Reads take no lock and hold nobody up. A visitor sees the record as it was when it was found, for
// as long as it runs, whatever others write; it may call the store, also about the same record. It
// should be quick all the same: while it runs, no memory is freed that was given up after it began,
// in no store of the process. The function of update() runs under the lock of its stripe: keep it
// short, do not block, and do not call the store (it answers kInvalidArgument). A visitor or
// function that throws is passed through; nothing was changed.
class Store {
 public:
  // Opens the store at options.path, creating it when absent, or a memory-only store when the path
  // is empty. Serves at once: records still on disk are read on demand and warm up in the
  // background. Costs some tens of milliseconds, and after a crash the replay of a small log.
  //   kIo           parent missing, no permission, not a directory, or open elsewhere: says which
  //   kNotFound     no store there and create_if_missing is false
  //   kCorruption   damaged, or acknowledged writes are missing (see Options::accept_loss)
  //   kInvalidArgument  an option out of bounds, a directory with other files, or a newer format
  //   kFull         too little free space to create a store (Options::disk_floor_bytes)
  // In every failing case nothing on disk was changed.
  [[nodiscard]] static Result<Store> open(Options options);

  ~Store();  // close(), and its status is lost
  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // Ends background work, writes exact deadlines, syncs and closes the files. kIo when that failed:
  // the next open then recovers as after a crash. Calls in flight must have returned. Idempotent.
  Status close();

  // --- reading -----------------------------------------------------------------------------

  // The value, copied. kNotFound when absent; kWrongKind when the record's kind is not kBytes.
  [[nodiscard]] Result<std::string> get(std::string_view key) const;

  // The same into `value`, whose capacity is reused; untouched unless the result is ok.
  [[nodiscard]] Result<Version> get(std::string_view key, std::string& value) const;

  // Calls f(const RecordView&) on the record without copying it; any kind. kNotFound when absent.
  Result<Version> visit(std::string_view key, FunctionRef<void(const RecordView&)> f) const;

  // visit() for many keys at once: f(index into keys, record) for those that are alive, in any
  // order. Returns how many that were. Each record is consistent in itself, the set is not a
  // snapshot. The cheapest way to read a batch.
  Result<std::size_t> visit_many(std::span<const std::string_view> keys,
                                 FunctionRef<void(std::size_t, const RecordView&)> f) const;

  // A hint: calls for these keys follow soon, writes for the most part. Their ways into the
  // processor's cache begin at once and overlap, where each call by itself would wait for its own:
  // a batch of puts takes about half the time. Promises and changes nothing; keys that are not
  // there do no harm. 16 to 64 keys are a good number; what was fetched for more is gone by then.
  void prefetch(std::span<const std::string_view> keys) const noexcept;

  // --- writing -----------------------------------------------------------------------------
  // A write returns when it survives what its durability says.

  // Creates or overwrites; the result is the new version. kConflict when if_version does not hold.
  // An overwrite makes a record of fields a record of bytes.
  Result<Version> put(std::string_view key, std::string_view value, const PutOptions& options = {});

  // Moves the deadline to `ttl` from now (kNoExpiry: never), but not past the record's lifetime.
  // May shorten it. Returns the record's version, which does not change. kNotFound when absent.
  // Survives a crash to within Options::touch_resolution. REQUIRES: ttl > 0.
  Result<Version> touch(std::string_view key, Millis ttl);

  // The same with an exact deadline and with conditions. kConflict when one does not hold.
  Result<Version> touch(std::string_view key, const TouchOptions& options);

  // Removes the record. From the moment it returns no reader sees it, and no write that began
  // before can bring it back. kNotFound when there was none: whatever the reason, it is gone.
  Status erase(std::string_view key, const EraseOptions& options = {});

  // Atomic read-modify-write: f(const RecordView* current, std::string& value) runs once, under the
  // stripe's lock. `current` is null when absent; `value` starts as the current value and is
  // stored, left, or the record erased, as f returns. Unlike put, a live record keeps its deadline
  // unless keep_deadline is set to false. Returns the version then current, 0 after kErase or when
  // left absent. kWrongKind for a record of another kind than options.kind.
  Result<Version> update(std::string_view key,
                         FunctionRef<UpdateAction(const RecordView*, std::string&)> f,
                         const PutOptions& options = {.keep_deadline = true});

  // Moves the record to the absent key `to`, in one step for writers and for a crash: afterwards
  // one of the two keys has it, never both and never none. A reader may for an instant find it
  // under both. Returns the version of what is at `to`. kNotFound when there is nothing at `from`,
  // kConflict when there is something at `to`. While the owner's records are listed or erased it
  // waits, so that none is overlooked. REQUIRES: from != to.
  Result<Version> rename(std::string_view from, std::string_view to,
                         const RenameOptions& options = {});

  // Several writes of different keys in one step, for writers and for a crash: after one all of them
  // are found or none. A reader may for an instant see some and not yet others. Returns the version
  // that all of them have. kConflict when one if_version does not hold, kFull when they do not fit:
  // nothing was changed then, nor in any other failing case but kIo. The locks of all their stripes
  // are held meanwhile, so thousands of writes hold other writers up for milliseconds.
  // kInvalidArgument for a key that is named twice.
  Result<Version> apply(std::span<const Write> writes,
                        std::optional<Durability> durability = std::nullopt);

  // --- records of fields -------------------------------------------------------------------
  // A record that holds named values instead of one. Reading a field is linear in the record's
  // size, which is right for tens of fields.

  // kNotFound when the record or the field is absent; kWrongKind for a record of bytes.
  [[nodiscard]] Result<std::string> get_field(std::string_view key, std::string_view name) const;

  // Sets these fields and leaves the others; creates the record when absent. A live record keeps
  // its deadline unless keep_deadline is set to false.
  Result<Version> set_fields(std::string_view key, std::span<const Field> fields,
                             const PutOptions& options = {.keep_deadline = true});

  // Removes these fields; the record itself goes with its last one. Returns how many there were.
  Result<std::size_t> erase_fields(std::string_view key, std::span<const std::string_view> names,
                                   const EraseOptions& options = {});

  // Adds delta to a decimal field, 0 when absent; creates the record when absent. Returns the sum.
  // kInvalidArgument when the field is not a 64-bit integer or the sum would overflow.
  Result<std::int64_t> increment_field(std::string_view key, std::string_view name,
                                       std::int64_t delta,
                                       const PutOptions& options = {.keep_deadline = true});

  // Calls f(const Field&) for every field, in the order they were first set.
  Result<Version> visit_fields(std::string_view key, FunctionRef<void(const Field&)> f) const;

  // --- owners and scans --------------------------------------------------------------------
  // While the store warms up these first finish the warm-up in the calling thread.

  // The live records of an owner, in any order; empty when there are none.
  [[nodiscard]] Result<std::vector<OwnedRecord>> owned_by(std::string_view owner) const;

  // Erases every record of the owner, except `keep_key` unless that is empty; returns how many.
  // A record created for the owner meanwhile is either erased or was created after.
  Result<std::size_t> erase_owned(std::string_view owner, std::string_view keep_key = {},
                                  const EraseOptions& options = {});

  // Calls f(const RecordView&) on about `count` live records (a few more, or none) and returns
  // where to go on, kScanStart at the end. Over a whole scan every key that is present throughout
  // is seen at least once, whatever is written meanwhile; keys that come or go may be seen or not.
  // f runs on copies, under no lock: it may call the store. kInvalidArgument for a foreign cursor.
  Result<Cursor> scan(Cursor cursor, std::size_t count,
                      FunctionRef<void(const RecordView&)> f) const;

  // --- events, durability, upkeep ----------------------------------------------------------

  // Calls f for every event in the mask from now on, one at a time and in order, until the
  // subscription goes: on the store's dispatcher thread, or on one that is inside deliver_events().
  // f must not block for long (events are then dropped and a kOverflow event says how many), but
  // may call the store. With background off, events are delivered by sweep().
  [[nodiscard]] Subscription subscribe(std::function<void(const Event&)> f,
                                       EventMask mask = kAllEvents);

  // Returns when every event of what happened before this call has been handed to its subscribers:
  // what is still queued is delivered by the calling thread. Cheap when nothing is. From inside a
  // subscriber it does nothing.
  void deliver_events();

  // Changes Options::memory_limit_bytes; 0 means what it means there. Nothing is evicted: over the
  // new limit, writes that grow are refused until there is room.
  void set_memory_limit(std::size_t bytes);

  // The store's own time (clock.h), by which deadlines are compared. Costs a read of the clock.
  [[nodiscard]] TimeMs now() const noexcept;

  // The wall clock of Options::clock at this moment. It may jump, so it may differ from now() by any
  // amount; who speaks of absolute times to others translates by the difference.
  [[nodiscard]] TimeMs wall_now() const noexcept;

  // Options::path.
  [[nodiscard]] const std::string& path() const noexcept;

  // A copy of all counters.
  [[nodiscard]] Stats stats() const;

  // Returns when everything written so far survives a power cut.
  Status sync();

  // Calls f once when all writes up to `version` survive a power cut, or with the failure; from the
  // committer's thread, or at once from this one if they do already (and always with background
  // off). For event loops that must not block. f must be quick and may call the store.
  void when_durable(Version version, std::function<void(Status)> f);

  // Copies the store as it is at some version, which is returned, into the new directory `dir`;
  // readers and writers go on. `dir` must not exist, its parent must, and it opens as a store of
  // its own. kInvalidArgument for a memory-only store.
  Result<Version> checkpoint(const std::string& dir);

  // Reclaims what has expired, and with background off also warms up, commits and delivers events.
  // Returns the number of records reclaimed. Not needed when background is on.
  std::size_t sweep();

  explicit Store(std::unique_ptr<Engine> engine) noexcept;  // for tests, lib/store

 private:
  std::unique_ptr<Engine> engine_;
};

}  // namespace cloakroom

#endif  // CLOAKROOM_STORE_H_
