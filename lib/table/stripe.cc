#include "table/stripe.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace cloakroom {
namespace {

constexpr std::size_t kHintBytes = sizeof(std::uint32_t);
constexpr std::align_val_t kBucketAlignment{alignof(Bucket)};

constexpr std::size_t bytes_of(std::uint32_t count) {
  return count * (sizeof(Bucket) + kHintBytes);
}

// Slabs align a block to 64 when its size is a multiple of that.
constexpr std::size_t rounded_bytes_of(std::uint32_t count) {
  return (bytes_of(count) + 63) / 64 * 64;
}

std::size_t buckets_allocation(std::uint32_t count) {
  if (count == 0) return 0;
  const std::size_t bytes = rounded_bytes_of(count);
  return bytes <= Slabs::kBlockBytesMax ? Slabs::block_bytes(bytes) : bytes;
}

// As many buckets as fit what is allocated for `count`.
std::uint32_t filled_up(std::uint32_t count) {
  return static_cast<std::uint32_t>(buckets_allocation(count) / (sizeof(Bucket) + kHintBytes));
}

// At 8.75 of 10 one record in nine lies beyond its home; a miss looks at 1.4 buckets.
constexpr bool over_full(std::uint64_t records, std::uint64_t buckets) {
  return records * 8 > buckets * Bucket::kSlots * 7;
}

// A sixteenth more costs little memory, and moves sixteen records for each that is inserted. In a
// stripe that holds far more than its share, as when somebody chose keys that collide, that is too
// much (benchmarks/flood.cc).
std::uint32_t grown(std::uint32_t count) {
  constexpr std::uint32_t kLarge = 1024;  // buckets: 40 million records in all stripes together
  return filled_up(count + std::max(1U, count > kLarge ? count / 4 : count / 16));
}

}  // namespace

std::uint32_t hint_of(TimeMs deadline) noexcept {
  if (deadline == kNever) return kHintNever;
  return static_cast<std::uint32_t>(std::clamp<TimeMs>(deadline / 1000, 0, kHintNever - 1));
}

std::size_t allocation_bytes(const RecordView& view) noexcept {
  return Slabs::block_bytes(Record::slot_bytes(view)) + Record::far_bytes(view);
}

std::size_t allocation_bytes(const Record& record) noexcept {
  return Slabs::block_bytes(record.slot_bytes()) + record.far_bytes();
}

NewRecord::NewRecord(Slabs& slabs, const RecordView& view)
    : slabs_(slabs), ref_(slabs.allocate(Record::slot_bytes(view), Slabs::Use::kRecords)) {
  try {
    record_ = Record::place(slabs_.at(ref_), view);
  } catch (...) {
    slabs_.free(ref_);
    throw;
  }
}

NewRecord::NewRecord(Slabs& slabs, Record& moved)
    : slabs_(slabs),
      ref_(slabs.allocate(moved.slot_bytes(), Slabs::Use::kRecords)),
      owns_far_(false) {
  (void)moved.hold();  // for good: a touch that still finds the old one takes the lock
  record_ = Record::move_to(slabs.at(ref_), moved);
}

NewRecord::~NewRecord() {
  if (record_ == nullptr) return;
  record_->destroy(owns_far_);
  slabs_.free(ref_);
}

std::optional<Stripe::Slot> Stripe::find(std::uint16_t tag, std::string_view key) const {
  return find_if(tag, [key](const Record& record) { return record.key() == key; });
}

Record& Stripe::at(Slot slot) const { return record_of(ref(slot).load(kRelaxed)); }

std::uint32_t Stripe::count_for(std::size_t more) const noexcept {
  std::uint32_t count = view_.count;
  while (over_full(records_ + more, count)) count = grown(count);
  return count;
}

std::size_t Stripe::growth_bytes(std::size_t more) const {
  return buckets_allocation(count_for(more)) - buckets_allocation(view_.count);
}

void Stripe::reserve(std::size_t more) {
  if (const std::uint32_t count = count_for(more); count != view_.count) resize(count);
}

Stripe::Buckets Stripe::make_buckets(std::uint32_t count) const {
  Buckets made;
  void* memory = nullptr;
  const std::size_t bytes = rounded_bytes_of(count);
  if (bytes <= Slabs::kBlockBytesMax) {
    made.ref = context_->slabs.allocate(bytes, Slabs::Use::kBuckets);
    memory = context_->slabs.at(made.ref);
  } else {
    memory = ::operator new(bytes, kBucketAlignment);
  }
  made.view = {static_cast<Bucket*>(memory), count};
  for (std::uint32_t i = 0; i < count; ++i) new (made.view.buckets + i) Bucket;
  std::fill_n(hints_of(made.view), count, kHintNever);
  return made;
}

void Stripe::resize(std::uint32_t count) {
  const Buckets next = count == 0 ? Buckets{} : make_buckets(count);
  for (std::uint32_t at = 0; at < view_.count; ++at) {
    const Bucket& bucket = view_.buckets[at];
    for (unsigned slot = 0; slot < Bucket::kSlots; ++slot) {
      const Ref ref = bucket.refs[slot].load(kRelaxed);
      if (ref != 0) place(next.view, bucket.tags[slot].load(kRelaxed), ref, hints()[at]);
    }
  }
  const Retired old{.what = Retired::What::kBuckets,
                    .ref = buckets_ref_,
                    .memory = buckets_ref_ == 0 ? view_.buckets : nullptr};
  const bool had_buckets = view_.count != 0;
  view_ = next.view;
  buckets_ref_ = next.ref;
  context_->views[index_].store(view_.pack(), std::memory_order_release);
  if (had_buckets) context_->limbo.retire(old);
}

// Into buckets that nobody reads yet, or whose readers mind the order (bucket.h).
void Stripe::place(const View& view, std::uint16_t tag, Ref ref, std::uint32_t hint) noexcept {
  std::uint32_t at = view.home(tag);
  unsigned free = 0;
  while ((free = view.buckets[at].match(0)) == 0) {
    view.buckets[at].overflow.fetch_add(1, std::memory_order_release);
    at = view.after(at);
  }
  Bucket& bucket = view.buckets[at];
  const auto slot = static_cast<std::size_t>(__builtin_ctz(free));
  bucket.refs[slot].store(ref, std::memory_order_release);
  bucket.tags[slot].store(tag, std::memory_order_release);
  std::uint32_t& bound = hints_of(view)[at];
  bound = std::min(bound, hint);
}

void Stripe::count(const Record& record, int sign) noexcept {
  const auto add = [sign](auto& counter, std::size_t amount) {
    using Counter = std::remove_reference_t<decltype(counter)>;
    counter = static_cast<Counter>(sign > 0 ? counter + amount : counter - amount);
  };
  add(records_, 1);
  add(owned_, record.has_owner() ? 1 : 0);
  add(key_value_bytes_, record.key().size() + record.value_size());
  add(record_bytes_, allocation_bytes(record));
}

void Stripe::lower_hint(std::uint32_t bucket, std::uint32_t hint) noexcept {
  // Usually it is lower already; a line that is only read can stay with all cores.
  if (hint < hints()[bucket]) hints()[bucket] = hint;
  std::atomic<std::uint32_t>& earliest = context_->earliest[index_];
  if (hint < earliest.load(kRelaxed)) earliest.store(hint, kRelaxed);
}

void Stripe::insert(std::uint16_t tag, NewRecord& record) noexcept {
  count(*record, +1);
  const std::uint32_t hint = hint_of(record->deadline());
  place(view_, tag, record.publish(), hint);
  std::atomic<std::uint32_t>& earliest = context_->earliest[index_];
  if (hint < earliest.load(kRelaxed)) earliest.store(hint, kRelaxed);
}

Ref Stripe::replace(Slot slot, NewRecord& record) noexcept {
  const Ref old = ref(slot).load(kRelaxed);
  count(record_of(old), -1);
  count(*record, +1);
  lower_hint(slot.bucket, hint_of(record->deadline()));
  ref(slot).store(record.publish(), std::memory_order_release);
  return old;
}

Ref Stripe::remove(Slot slot) noexcept {
  Bucket& bucket = view_.buckets[slot.bucket];
  const Ref old = ref(slot).load(kRelaxed);
  const std::uint16_t tag = bucket.tags[slot.slot].load(kRelaxed);
  count(record_of(old), -1);
  bucket.tags[slot.slot].store(0, std::memory_order_release);
  bucket.refs[slot.slot].store(0, std::memory_order_release);
  for (std::uint32_t at = view_.home(tag); at != slot.bucket; at = view_.after(at)) {
    view_.buckets[at].overflow.fetch_sub(1, std::memory_order_release);
  }
  return old;
}

void Stripe::set_deadline(Slot slot, TimeMs deadline, std::uint8_t lead) noexcept {
  at(slot).set_deadline(deadline, lead);
  lower_hint(slot.bucket, hint_of(deadline));
}

void Stripe::shrink() {
  if (records_ == 0) {
    if (view_.count != 0) resize(0);
    context_->earliest[index_].store(kHintNever, kRelaxed);
    return;
  }
  // At half the load at which it grows, to what then has room for an eighth more.
  const std::uint64_t slots = std::uint64_t{view_.count} * Bucket::kSlots;
  if (std::uint64_t{records_} * 16 >= slots * 7) return;
  const auto wanted = static_cast<std::uint32_t>((std::uint64_t{records_} * 4 / 3 + 9) / 10);
  if (const std::uint32_t count = filled_up(std::max(1U, wanted)); count < view_.count) {
    resize(count);
  }
}

bool Stripe::leave_closed_chunks(std::size_t most, std::vector<Ref>& moved) {
  Slabs& slabs = context_->slabs;
  if (buckets_ref_ != 0 && slabs.is_closed(buckets_ref_)) resize(view_.count);
  moved.reserve(most);  // so that nothing fails once one has moved
  for (std::uint32_t at = 0; at < view_.count; ++at) {
    for (std::atomic<Ref>& slot : view_.buckets[at].refs) {
      const Ref old = slot.load(kRelaxed);
      if (old == 0 || !slabs.is_closed(old)) continue;
      if (moved.size() == most) return true;
      NewRecord copy(slabs, record_of(old));
      slot.store(copy.publish(), std::memory_order_release);
      moved.push_back(old);
    }
  }
  return false;
}

std::optional<std::uint32_t> Stripe::next_due(std::uint32_t from, std::uint32_t due) const {
  for (std::uint32_t at = from; at < view_.count; ++at) {
    if (hints()[at] <= due) return at;
  }
  return std::nullopt;
}

void Stripe::rehint(std::uint32_t bucket) noexcept {
  std::uint32_t hint = kHintNever;
  for_each_in(bucket, [&hint](Slot, const Record& record) {
    hint = std::min(hint, hint_of(record.deadline()));
  });
  hints()[bucket] = hint;
}

void Stripe::rehint_stripe() noexcept {
  std::uint32_t hint = kHintNever;
  for (std::uint32_t at = 0; at < view_.count; ++at) hint = std::min(hint, hints()[at]);
  context_->earliest[index_].store(hint, kRelaxed);
}

StripeCounts Stripe::counts() const {
  return {.records = records_,
          .owned = owned_,
          .key_value_bytes = key_value_bytes_,
          .record_bytes = record_bytes_,
          .slot_bytes = buckets_allocation(view_.count)};
}

Stripe::Work Stripe::lookup_work(std::uint16_t tag, std::string_view key) const {
  Work work;
  const auto slot = find_if(tag, [&](const Record& record) {
    ++work.records;
    return record.key() == key;
  });
  if (view_.count == 0) return work;
  std::uint32_t at = view_.home(tag);
  for (work.buckets = 1; work.buckets < view_.count; ++work.buckets, at = view_.after(at)) {
    const bool ends = slot ? slot->bucket == at : view_.buckets[at].overflow.load(kRelaxed) == 0;
    if (ends) break;
  }
  return work;
}

void Stripe::clear() noexcept {
  for_each_record(view_, context_->slabs, [](std::uint16_t, const Record& record) {
    const_cast<Record&>(record).destroy(true);
  });
  if (buckets_ref_ == 0 && view_.count != 0) ::operator delete(view_.buckets, kBucketAlignment);
  view_ = {};
  buckets_ref_ = records_ = owned_ = 0;
  key_value_bytes_ = record_bytes_ = 0;
}

}  // namespace cloakroom
