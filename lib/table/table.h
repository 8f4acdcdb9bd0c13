// Table: all stripes of a store. Knows no disk and no thread of its own.
//
// A key's hash (XXH3 with a random seed of the process) picks the stripe by its top bits and the
// bucket by others. A lookup touches the stripe's view (32 KiB of them, cached), one bucket line
// and the record: two cache misses.
//
// Readers take no lock and write no line that others read. Records are constant once published but
// for their clock word (record.h); what is replaced or removed goes to limbo and is freed when no
// reader can hold it (base/epoch.h). So a visitor may look at a record for as long as it likes and
// holds nobody up. Writers hold the stripe's lock; what a writer does between finding and storing
// (journal, owners) is the engine's business, so the stripe is handed out. Its address never
// changes.
//
// docs/decisions/0008 has the figures of this layout and of those that lost.
#ifndef CLOAKROOM_LIB_TABLE_TABLE_H_
#define CLOAKROOM_LIB_TABLE_TABLE_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/budget.h"
#include "base/epoch.h"
#include "base/mutex.h"
#include "cloakroom/status.h"
#include "table/stripe.h"

namespace cloakroom {

inline constexpr std::size_t kStripeCountMax = 65536;
inline constexpr std::size_t kStripeCountDefault = 4096;

// A record that stays when the one it was copied from goes.
struct RecordCopy {
  explicit RecordCopy(const RecordView& from);
  RecordCopy(RecordCopy&&) noexcept = default;
  [[nodiscard]] RecordView view() const noexcept;

 private:
  std::string bytes_;  // key, value, owner
  RecordView view_;    // its sizes and everything else; its pointers mean nothing
};

class Table {
 public:
  // REQUIRES: stripe_count is a power of two up to kStripeCountMax.
  Table(std::size_t stripe_count, std::uint64_t seed);
  ~Table();
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  [[nodiscard]] std::uint64_t hash(std::string_view key) const noexcept;
  [[nodiscard]] Stripe& stripe_of(std::uint64_t hash) noexcept { return stripes_[index_of(hash)]; }
  [[nodiscard]] std::span<Stripe> stripes() noexcept { return {stripes_.get(), mask_ + 1}; }
  [[nodiscard]] Slabs& slabs() noexcept { return slabs_; }

  // --- reading, without a lock ---------------------------------------------------------------

  // Calls f(const RecordView&) on the record if it is alive, with the deadline by which that was
  // decided; false when there is none. Asks now() -> TimeMs only when there is one that expires.
  template <class Now, class F>
  bool read(std::uint64_t hash, std::string_view key, const Now& now, F&& f);

  // The same for many keys, f(index, view); the misses of all of them overlap. Returns how many
  // are alive, and tells missed(index) of the others.
  template <class Now, class F, class Missed>
  std::size_t read_many(std::span<const std::string_view> keys, const Now& now, F&& f,
                        Missed&& missed);

  // Moves a deadline later without a lock, as long as `choose` agrees: it gets the record and its
  // clock word, and the time, and answers the deadline and lead to set, or nothing when the lock
  // must be taken.
  // kNotFound: absent. kConflict: take the lock and look again. Else the record's version.
  struct Extension {
    TimeMs deadline;
    std::uint8_t lead;
  };
  template <class Now, class Choose>
  Result<Version> extend(std::uint64_t hash, std::string_view key, const Now& now, Choose&& choose);

  // About `count` records alive at `now`, copied, from `cursor` on; `cursor` moves, to 0 at the
  // end. Within a stripe records come in the order of their tags, which growth does not change, so
  // a record that stays is met exactly once. kInvalidArgument for a cursor that is not one of ours.
  Status scan(std::uint64_t& cursor, std::size_t count, TimeMs now, std::vector<RecordCopy>& out);

  // Asks for what a writer of this key needs: the stripe, the bucket and its hint. Their misses
  // overlap then; once the lock is taken, each would wait for the one before.
  void prefetch(std::uint64_t hash) const noexcept;
  // The same for many keys at once, and their records: for whoever is about to write all of them.
  void prefetch_many(std::span<const std::string_view> keys) const noexcept;

  // --- upkeep --------------------------------------------------------------------------------

  // The records that were taken out of a stripe; to be called when its lock is gone.
  void retire(Ref record) noexcept {
    limbo_.retire({.ref = record, .far_bytes = record_at(record)->far_bytes()});
  }
  // Frees what readers have let go of.
  void collect() noexcept { limbo_.collect(); }
  // Gives back memory that is mapped and hardly used: moves records out of the sparsest chunks.
  // Looks at most at `stripes` of them; returns whether there is more to do now.
  bool gather(std::size_t stripes) EXCLUDES(gather_mutex_);

  // May anything in this stripe be dead at a time of this hint?
  [[nodiscard]] bool is_due(const Stripe& stripe, std::uint32_t due) const noexcept {
    return earliest_[static_cast<std::size_t>(&stripe - stripes_.get())].load(kRelaxed) <= due;
  }

  // Sums over all stripes, each exact in itself.
  [[nodiscard]] StripeCounts counts();

  // Bytes of records and buckets in use. It is right at every moment: what is reserved is used or
  // released before the stripe's lock is.
  [[nodiscard]] Budget& memory() noexcept { return memory_; }
  [[nodiscard]] const Budget& memory() const noexcept { return memory_; }

 private:
  static constexpr auto kRelaxed = std::memory_order_relaxed;
  static constexpr std::size_t kGroup = 32;  // keys whose misses overlap
  static constexpr std::size_t kAhead = 6;   // records asked for before the first is looked at
  // A session of the usual size; more would be fetched in vain for smaller ones.
  static constexpr std::size_t kPrefetchBytes = 384;

  enum class Life { kAlive, kDead, kUndecided };

  [[nodiscard]] std::size_t index_of(std::uint64_t hash) const noexcept {
    return static_cast<std::size_t>(hash >> 48) & mask_;
  }
  [[nodiscard]] View view_of(std::uint64_t hash) const noexcept {
    return View::unpack(views_[index_of(hash)].load(std::memory_order_acquire));
  }
  [[nodiscard]] Record* record_at(Ref ref) const noexcept {
    return reinterpret_cast<Record*>(slabs_.at(ref));
  }
  // Asks for the record that the bucket of this hash most likely means. REQUIRES: an EpochGuard.
  void prefetch_record_of(std::uint64_t hash) const noexcept;
  static void prefetch_record(const void* record) noexcept {
    for (std::size_t offset = 0; offset <= kPrefetchBytes; offset += 64) {
      __builtin_prefetch(static_cast<const char*>(record) + offset);
    }
  }

  // REQUIRES an EpochGuard.
  [[nodiscard]] Record* find(std::uint64_t hash, std::string_view key) const noexcept;
  template <class Now>
  static Life life_of(Record& record, const Now& now, RecordView& view) noexcept;
  template <class Now, class F>
  bool read_found(Record* record, std::uint64_t hash, std::string_view key, const Now& now, F&& f);
  // Under the stripe's lock, for the moment in which a writer holds a record that has just expired.
  template <class Now, class F>
  bool read_locked(std::uint64_t hash, std::string_view key, const Now& now, F&& f);

  void free_retired(const Retired& thing) noexcept;
  bool close_chunks() REQUIRES(gather_mutex_);
  bool end_pass() REQUIRES(gather_mutex_);
  void gather_from(Stripe& stripe);

  // Constant after construction.
  const std::uint64_t seed_;
  const std::size_t mask_;
  Slabs slabs_;
  Limbo limbo_;
  const std::unique_ptr<std::atomic<std::uint64_t>[]> views_;
  const std::unique_ptr<std::atomic<std::uint32_t>[]> earliest_;
  const StripeContext context_;
  const std::unique_ptr<Stripe[]> stripes_;

  struct Memory {
    std::size_t mapped = 0;
    std::size_t used = 0;
  };
  Mutex gather_mutex_;                                     // before any stripe's lock
  std::size_t gather_next_ GUARDED_BY(gather_mutex_) = 0;  // the stripe to go on with
  Memory begun_ GUARDED_BY(gather_mutex_);   // when the chunks were closed that are being emptied
  Memory futile_ GUARDED_BY(gather_mutex_);  // when gathering last brought nothing

  // Own synchronization.
  Budget memory_;
};

inline Record* Table::find(std::uint64_t hash, std::string_view key) const noexcept {
  const View view = view_of(hash);
  if (view.count == 0) return nullptr;
  const std::uint16_t tag = tag_of(hash);
  std::uint32_t at = view.home(tag);
  for (std::uint32_t looked = 0; looked < view.count; ++looked, at = view.after(at)) {
    const Bucket& bucket = view.buckets[at];
    for (unsigned found = bucket.match(tag); found != 0; found &= found - 1) {
      const Ref ref =
          bucket.refs[static_cast<unsigned>(__builtin_ctz(found))].load(std::memory_order_acquire);
      if (ref == 0) continue;
      Record* const record = record_at(ref);
      prefetch_record(record);  // the copy that follows needs these lines too
      if (record->key() == key) return record;
    }
    if (bucket.overflow.load(std::memory_order_acquire) == 0) return nullptr;
  }
  return nullptr;
}

// What the view points to may be freed meanwhile; asking for it does no harm then.
inline void Table::prefetch(std::uint64_t hash) const noexcept {
  __builtin_prefetch(&stripes_[index_of(hash)], 1);
  const View view = view_of(hash);
  if (view.count == 0) return;
  const std::uint32_t at = view.home(tag_of(hash));
  __builtin_prefetch(view.buckets + at, 1);
  __builtin_prefetch(reinterpret_cast<const std::uint32_t*>(view.buckets + view.count) + at);
}

inline void Table::prefetch_record_of(std::uint64_t hash) const noexcept {
  const View view = view_of(hash);
  if (view.count == 0) return;
  const std::uint16_t tag = tag_of(hash);
  const Bucket& bucket = view.buckets[view.home(tag)];
  if (const unsigned found = bucket.match(tag); found != 0) {
    const Ref ref = bucket.refs[static_cast<unsigned>(__builtin_ctz(found))].load(kRelaxed);
    if (ref != 0) prefetch_record(record_at(ref));
  }
}

inline void Table::prefetch_many(std::span<const std::string_view> keys) const noexcept {
  const EpochGuard guard;
  std::array<std::uint64_t, kGroup> hashes;
  for (std::size_t start = 0; start < keys.size(); start += kGroup) {
    const std::size_t count = std::min(kGroup, keys.size() - start);
    for (std::size_t i = 0; i < count; ++i) prefetch(hashes[i] = hash(keys[start + i]));
    for (std::size_t i = 0; i < count; ++i) prefetch_record_of(hashes[i]);
  }
}

// Whoever finds a record expired makes that final, so that no touch that read the clock before can
// come after and revive it.
template <class Now>
Table::Life Table::life_of(Record& record, const Now& now, RecordView& view) noexcept {
  for (;;) {
    const ClockWord clock = record.clock();
    if (clock.deadline == kNever || now() <= clock.deadline) {
      view = record.view(clock);
      return Life::kAlive;
    }
    if (clock.deadline == 0) return Life::kDead;
    if (clock.held) return Life::kUndecided;
    if (record.seal(clock)) return Life::kDead;
  }
}

template <class Now, class F>
bool Table::read_found(Record* record, std::uint64_t hash, std::string_view key, const Now& now,
                       F&& f) {
  if (record == nullptr) return false;
  RecordView view;
  switch (life_of(*record, now, view)) {
    case Life::kAlive:
      f(static_cast<const RecordView&>(view));
      return true;
    case Life::kDead:
      return false;
    case Life::kUndecided:
      break;
  }
  return read_locked(hash, key, now, f);
}

template <class Now, class F>
bool Table::read_locked(std::uint64_t hash, std::string_view key, const Now& now, F&& f) {
  RecordView view;
  {
    Stripe& stripe = stripe_of(hash);
    SpinLockGuard guard(stripe.lock());
    const auto slot = stripe.find(tag_of(hash), key);
    if (!slot || life_of(stripe.at(*slot), now, view) != Life::kAlive) return false;
  }
  f(static_cast<const RecordView&>(view));  // still there: our caller has an EpochGuard
  return true;
}

template <class Now, class F>
bool Table::read(std::uint64_t hash, std::string_view key, const Now& now, F&& f) {
  const EpochGuard guard;
  return read_found(find(hash, key), hash, key, now, f);
}

template <class Now, class F, class Missed>
std::size_t Table::read_many(std::span<const std::string_view> keys, const Now& now, F&& f,
                             Missed&& missed) {
  const EpochGuard guard;
  std::size_t alive = 0;
  std::array<std::uint64_t, kGroup> hashes;
  for (std::size_t start = 0; start < keys.size(); start += kGroup) {
    const std::size_t count = std::min(kGroup, keys.size() - start);
    for (std::size_t i = 0; i < count; ++i) {
      hashes[i] = hash(keys[start + i]);
      const View view = view_of(hashes[i]);
      __builtin_prefetch(view.buckets + view.home(tag_of(hashes[i])));
    }
    for (std::size_t i = 0; i < std::min(kAhead, count); ++i) prefetch_record_of(hashes[i]);
    for (std::size_t i = 0; i < count; ++i) {
      if (i + kAhead < count) prefetch_record_of(hashes[i + kAhead]);
      const std::string_view key = keys[start + i];
      const bool found = read_found(find(hashes[i], key), hashes[i], key, now,
                                    [&](const RecordView& view) { f(start + i, view); });
      if (found) {
        ++alive;
      } else {
        missed(start + i);
      }
    }
  }
  return alive;
}

template <class Now, class Choose>
Result<Version> Table::extend(std::uint64_t hash, std::string_view key, const Now& now,
                              Choose&& choose) {
  const EpochGuard guard;
  Record* const record = find(hash, key);
  if (record == nullptr) return StatusCode::kNotFound;
  for (;;) {
    const ClockWord clock = record->clock();
    if (clock.held) return StatusCode::kConflict;
    if (clock.deadline == 0)
      return StatusCode::kNotFound;  // sealed; what time it is does not matter
    const TimeMs at = now();
    if (at > clock.deadline) {
      if (record->seal(clock)) return StatusCode::kNotFound;
      continue;
    }
    const std::optional<Extension> next = choose(static_cast<const Record&>(*record), clock, at);
    if (!next) return StatusCode::kConflict;
    if (record->extend(clock, next->deadline, next->lead)) return record->version();
  }
}

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_TABLE_TABLE_H_
