// Stripe: one lock with its part of the table.
//
//   Stripe    what writers need, one cache line
//   View      what readers need, 8 bytes: where the buckets are and how many. The views of all
//             stripes lie together, 32 KiB for 4096 of them, and stay in the processor's cache
//   buckets   bucket.h; behind them a hint for each:
//
//             | bucket 0 | ... | bucket n-1 | hint 0 u32 | ... | hint n-1 u32 |
//
//   hint      a lower bound of the deadlines in the bucket, in whole seconds
//   earliest  a lower bound of the hints of the stripe; these too lie together, for the sweep
//
// A record's home is bucket (tag * n) >> 16, so growth needs neither hash nor key of any record. n
// is any number; growth is by a sixteenth, at a load of 0.875: a slot costs 7.3 to 7.8 bytes a
// record. A stripe of a million sessions has 244 of them; moving their references takes a
// microsecond, and no reader notices: it goes on in the old buckets.
//
// Invariants
//   1. What bucket.h says. A record's bucket can be reached from its home.
//   2. hint <= deadline in seconds; kHintNever only for deadlines that never come. A touch to a
//      later deadline leaves the hint early; to an earlier one lowers it. The same for earliest.
//   3. No two records have the same key.
//   4. The counters say what the slots hold.
//
// Methods marked REQUIRES need the stripe's lock. Readers use View and hold an EpochGuard.
#ifndef CLOAKROOM_LIB_TABLE_STRIPE_H_
#define CLOAKROOM_LIB_TABLE_STRIPE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/spin_lock.h"
#include "base/thread_annotations.h"
#include "table/bucket.h"
#include "table/limbo.h"
#include "table/record.h"
#include "table/slabs.h"

namespace cloakroom {

inline constexpr std::uint32_t kHintNever = UINT32_MAX;

// The hint of a deadline, and the hint up to which records may be dead at `now`.
[[nodiscard]] std::uint32_t hint_of(TimeMs deadline) noexcept;

// Bytes of memory a record takes, where it is placed and outside it.
[[nodiscard]] std::size_t allocation_bytes(const RecordView& view) noexcept;
[[nodiscard]] std::size_t allocation_bytes(const Record& record) noexcept;

// A record that was placed and not published: it frees itself unless a stripe takes it.
class NewRecord {
 public:
  NewRecord(Slabs& slabs, const RecordView& view);  // bad_alloc
  NewRecord(Slabs& slabs, Record& moved);           // the same, elsewhere; `moved` is held for good
  ~NewRecord();
  NewRecord(const NewRecord&) = delete;
  NewRecord& operator=(const NewRecord&) = delete;

  [[nodiscard]] Record* operator->() const noexcept { return record_; }
  [[nodiscard]] const Record& operator*() const noexcept { return *record_; }
  [[nodiscard]] Ref publish() noexcept {
    record_ = nullptr;
    return ref_;
  }

 private:
  Slabs& slabs_;
  Ref ref_;
  Record* record_ = nullptr;
  bool owns_far_ = true;
};

struct StripeCounts {
  std::uint64_t records = 0;
  std::uint64_t owned = 0;
  std::uint64_t key_value_bytes = 0;
  std::uint64_t record_bytes = 0;  // allocations of records
  std::uint64_t slot_bytes = 0;    // allocation of buckets and hints
};

// What a reader needs of a stripe: packed into 64 bits, so that it is read and replaced at once.
struct View {
  Bucket* buckets = nullptr;
  std::uint32_t count = 0;

  static constexpr unsigned kAddressBits = 41;  // of a user address of 47 bits, aligned to 64
  static View unpack(std::uint64_t word) noexcept {
    return {reinterpret_cast<Bucket*>((word & ((std::uint64_t{1} << kAddressBits) - 1)) << 6),
            static_cast<std::uint32_t>(word >> kAddressBits)};
  }
  [[nodiscard]] std::uint64_t pack() const noexcept {
    return reinterpret_cast<std::uint64_t>(buckets) >> 6 | std::uint64_t{count} << kAddressBits;
  }

  [[nodiscard]] std::uint32_t home(std::uint16_t tag) const noexcept {
    return static_cast<std::uint32_t>(std::uint64_t{tag} * count >> 16);
  }
  [[nodiscard]] std::uint32_t after(std::uint32_t bucket) const noexcept {
    return bucket + 1 == count ? 0 : bucket + 1;
  }
};

// What the stripes of a table share.
struct StripeContext {
  Slabs& slabs;
  Limbo& limbo;
  std::atomic<std::uint64_t>* views;     // one a stripe
  std::atomic<std::uint32_t>* earliest;  // one a stripe
};

class alignas(64) Stripe {
 public:
  Stripe() = default;
  Stripe(const Stripe&) = delete;
  Stripe& operator=(const Stripe&) = delete;
  // Before anything else, and once.
  void attach(const StripeContext& context, std::uint32_t index) noexcept {
    context_ = &context;
    index_ = index;
  }

  SpinLock& lock() const RETURN_CAPABILITY(lock_) { return lock_; }

  // Where a record is; stable until the stripe grows or shrinks.
  struct Slot {
    std::uint32_t bucket = 0;
    std::uint32_t slot = 0;
  };
  [[nodiscard]] std::optional<Slot> find(std::uint16_t tag, std::string_view key) const
      REQUIRES(lock_);
  // The first record with this tag that f(record) picks; keys may differ.
  template <class F>
  [[nodiscard]] std::optional<Slot> find_if(std::uint16_t tag, F&& f) const REQUIRES(lock_);
  [[nodiscard]] Record& at(Slot slot) const REQUIRES(lock_);
  [[nodiscard]] Ref ref_at(Slot slot) const REQUIRES(lock_) { return ref(slot).load(kRelaxed); }

  // Asks for all lines of a record that is about to be replaced: it will be wiped, and so the
  // stores that wipe it do not have to wait.
  void prefetch(Slot slot) const noexcept REQUIRES(lock_) {
    const char* const record = context_->slabs.at(ref_at(slot));
    for (std::size_t offset = 64; offset < 448; offset += 64)
      __builtin_prefetch(record + offset, 1);
  }

  // Bytes by which the buckets would grow if so many records were inserted now.
  [[nodiscard]] std::size_t growth_bytes(std::size_t more = 1) const REQUIRES(lock_);
  // Makes room for so many more; the only part of an insert that allocates. Moves records.
  void reserve(std::size_t more) REQUIRES(lock_);
  void reserve_one() REQUIRES(lock_) { reserve(1); }

  // REQUIRES: the key is absent, reserve_one() was called.
  void insert(std::uint16_t tag, NewRecord& record) noexcept REQUIRES(lock_);
  // Both return what is to be retired when the lock is gone.
  [[nodiscard]] Ref replace(Slot slot, NewRecord& record) noexcept REQUIRES(lock_);
  [[nodiscard]] Ref remove(Slot slot) noexcept REQUIRES(lock_);
  void set_deadline(Slot slot, TimeMs deadline, std::uint8_t lead) noexcept REQUIRES(lock_);

  // Gives bucket memory back when the stripe holds far fewer records than it did. Moves records.
  void shrink() REQUIRES(lock_);
  // Moves what lies in closed chunks: the buckets, and up to `most` records. `moved` gets the
  // blocks that these left, to be retired. Returns whether there may be more. bad_alloc: some have
  // moved.
  bool leave_closed_chunks(std::size_t most, std::vector<Ref>& moved) REQUIRES(lock_);

  // Expiry. The first bucket at or after `from` whose hint is at or before `due`.
  [[nodiscard]] std::optional<std::uint32_t> next_due(std::uint32_t from, std::uint32_t due) const
      REQUIRES(lock_);
  // Calls f(slot, record) for every record of a bucket; f may remove it.
  template <class F>
  void for_each_in(std::uint32_t bucket, F&& f) REQUIRES(lock_);
  // Sets the hint of a bucket to what its records' deadlines are now, and after a pass over the
  // due buckets the stripe's.
  void rehint(std::uint32_t bucket) noexcept REQUIRES(lock_);
  void rehint_stripe() noexcept REQUIRES(lock_);

  // Every record, with its tag.
  template <class F>
  void for_each(F&& f) const REQUIRES(lock_) {
    for_each_record(view_, context_->slabs, f);
  }
  template <class F>
  static void for_each_record(const View& view, const Slabs& slabs, F&& f);

  [[nodiscard]] StripeCounts counts() const REQUIRES(lock_);

  // What a lookup of this key looks at, whether it is there or not. An inspection, for tests of how
  // keys spread: nothing in the library calls it.
  struct Work {
    std::uint32_t buckets = 0;
    std::uint32_t records = 0;  // those with the key's tag
  };
  [[nodiscard]] Work lookup_work(std::uint16_t tag, std::string_view key) const REQUIRES(lock_);

  // Destroys all of it. No reader may be left.
  void clear() noexcept REQUIRES(lock_);

 private:
  static constexpr auto kRelaxed = std::memory_order_relaxed;

  [[nodiscard]] std::atomic<Ref>& ref(Slot slot) const noexcept REQUIRES(lock_) {
    return view_.buckets[slot.bucket].refs[slot.slot];
  }
  [[nodiscard]] Record& record_of(Ref ref) const noexcept {
    return *reinterpret_cast<Record*>(context_->slabs.at(ref));
  }
  [[nodiscard]] std::uint32_t* hints() const noexcept REQUIRES(lock_) { return hints_of(view_); }
  static std::uint32_t* hints_of(const View& view) noexcept {
    return reinterpret_cast<std::uint32_t*>(view.buckets + view.count);
  }

  [[nodiscard]] std::uint32_t count_for(std::size_t more) const noexcept REQUIRES(lock_);
  struct Buckets {  // an allocation of buckets
    View view;
    Ref ref = 0;
  };
  [[nodiscard]] Buckets make_buckets(std::uint32_t count) const;
  void resize(std::uint32_t count) REQUIRES(lock_);
  static void place(const View& view, std::uint16_t tag, Ref ref, std::uint32_t hint) noexcept;
  void lower_hint(std::uint32_t bucket, std::uint32_t hint) noexcept REQUIRES(lock_);
  void count(const Record& record, int sign) noexcept REQUIRES(lock_);

  mutable SpinLock lock_;
  std::uint32_t index_ = 0;
  const StripeContext* context_ = nullptr;
  View view_ GUARDED_BY(lock_);
  Ref buckets_ref_ GUARDED_BY(lock_) = 0;  // 0: of operator new, or there are none
  std::uint32_t records_ GUARDED_BY(lock_) = 0;
  std::uint32_t owned_ GUARDED_BY(lock_) = 0;
  std::uint64_t key_value_bytes_ GUARDED_BY(lock_) = 0;
  std::uint64_t record_bytes_ GUARDED_BY(lock_) = 0;
};

// A record whose deadline stands still while a writer decides by it: no touch moves it, no reader
// seals it. REQUIRES the stripe's lock, for as long as it lives.
class HeldRecord {
 public:
  HeldRecord(const Stripe& stripe, std::optional<Stripe::Slot> slot) REQUIRES(stripe.lock())
      : slot_(slot), record_(slot ? &stripe.at(*slot) : nullptr) {
    if (record_ != nullptr) clock_ = record_->hold();
  }
  ~HeldRecord() {
    if (record_ != nullptr && !gone_) record_->let_go();
  }
  HeldRecord(const HeldRecord&) = delete;
  HeldRecord& operator=(const HeldRecord&) = delete;

  // The record if it is alive at `now`, which is to be read after the hold began. One that is not
  // is sealed: what a writer has taken for dead stays dead (record.h).
  [[nodiscard]] const Record* alive(TimeMs now) noexcept {
    if (record_ == nullptr || now <= clock_.deadline) return record_;
    record_->set_deadline(0, clock_.lead);
    return nullptr;
  }
  // Alive or dead, in the table until now.
  [[nodiscard]] const Record* record() const noexcept { return record_; }
  [[nodiscard]] std::optional<Stripe::Slot> slot() const noexcept { return slot_; }
  [[nodiscard]] const ClockWord& clock() const noexcept { return clock_; }

  // The stripe has grown: it is the same record, elsewhere in the buckets.
  void found_again(std::optional<Stripe::Slot> slot) noexcept { slot_ = slot; }
  // It was replaced or removed. It stays held for good: a touch that has found it takes the lock.
  void gone() noexcept { gone_ = true; }

 private:
  std::optional<Stripe::Slot> slot_;
  Record* const record_;
  ClockWord clock_ = {};
  bool gone_ = false;
};

static_assert(sizeof(Stripe) == 64, "a stripe is one cache line: no false sharing, one miss");

template <class F>
std::optional<Stripe::Slot> Stripe::find_if(std::uint16_t tag, F&& f) const {
  if (view_.count == 0) return std::nullopt;
  std::uint32_t at = view_.home(tag);
  for (std::uint32_t looked = 0; looked < view_.count; ++looked, at = view_.after(at)) {
    const Bucket& bucket = view_.buckets[at];
    for (unsigned found = bucket.match(tag); found != 0; found &= found - 1) {
      const auto slot = static_cast<std::uint32_t>(__builtin_ctz(found));
      if (f(record_of(bucket.refs[slot].load(kRelaxed)))) return Slot{at, slot};
    }
    if (bucket.overflow.load(kRelaxed) == 0) return std::nullopt;
  }
  return std::nullopt;
}

template <class F>
void Stripe::for_each_in(std::uint32_t bucket, F&& f)
    NO_THREAD_SAFETY_ANALYSIS {  // it does not see that f's stripe is this one
  for (std::uint32_t slot = 0; slot < Bucket::kSlots; ++slot) {
    const Ref ref = view_.buckets[bucket].refs[slot].load(kRelaxed);
    if (ref != 0) f(Slot{bucket, slot}, record_of(ref));
  }
}

template <class F>
void Stripe::for_each_record(const View& view, const Slabs& slabs, F&& f) {
  for (std::uint32_t at = 0; at < view.count; ++at) {
    const Bucket& bucket = view.buckets[at];
    for (unsigned slot = 0; slot < Bucket::kSlots; ++slot) {
      const std::uint16_t tag = bucket.tags[slot].load(std::memory_order_relaxed);
      const Ref ref = bucket.refs[slot].load(std::memory_order_acquire);
      if (ref != 0) f(tag, *reinterpret_cast<const Record*>(slabs.at(ref)));
    }
  }
}

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_TABLE_STRIPE_H_
