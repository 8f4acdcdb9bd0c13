#include "table/table.h"

#include <algorithm>
#include <new>
#include <utility>

#include "base/hash.h"

namespace cloakroom {
namespace {

// A cursor is the index of the stripe and the tag in it to go on with; 0 is the start.
constexpr std::uint64_t kTagBits = 16;
constexpr std::uint64_t kTagCount = std::uint64_t{1} << kTagBits;

// Memory is gathered when more than a seventh of what is mapped lies idle (a little always does),
// from chunks that are less than 80 % full, and so much at a time that the records that move take
// an eighth more for a moment.
constexpr std::size_t kIdlePart = 7;
constexpr std::size_t kIdleBytes = 2 * Slabs::kChunkBytes;
constexpr double kSparseShare = 0.80;
constexpr std::size_t kMovedPart = 8;
constexpr std::size_t kMovesPerLock = 64;  // some ten microseconds

// The tag behind the `wanted`-th smallest at or after `from`; records that share a tag go together.
std::uint64_t end_tag(std::vector<std::uint16_t>& tags, std::size_t wanted) {
  if (tags.size() <= wanted) return kTagCount;
  const auto last = tags.begin() + static_cast<std::ptrdiff_t>(wanted - 1);
  std::nth_element(tags.begin(), last, tags.end());
  return std::uint64_t{*last} + 1;
}

}  // namespace

RecordCopy::RecordCopy(const RecordView& from) : view_(from) {
  bytes_.reserve(from.key.size() + from.value.size() + from.owner.size());
  bytes_.append(from.key).append(from.value).append(from.owner);
}

RecordView RecordCopy::view() const noexcept {
  RecordView view = view_;
  const std::string_view bytes(bytes_);
  view.key = bytes.substr(0, view_.key.size());
  view.value = bytes.substr(view.key.size(), view_.value.size());
  view.owner = bytes.substr(view.key.size() + view.value.size());
  return view;
}

Table::Table(std::size_t stripe_count, std::uint64_t seed)
    : seed_(seed),
      mask_(stripe_count - 1),
      limbo_([this](const Retired& thing) { free_retired(thing); }),
      views_(std::make_unique<std::atomic<std::uint64_t>[]>(stripe_count)),
      earliest_(std::make_unique<std::atomic<std::uint32_t>[]>(stripe_count)),
      context_{slabs_, limbo_, views_.get(), earliest_.get()},
      stripes_(std::make_unique<Stripe[]>(stripe_count)) {
  for (std::size_t i = 0; i < stripe_count; ++i) {
    earliest_[i].store(kHintNever, kRelaxed);
    stripes_[i].attach(context_, static_cast<std::uint32_t>(i));
  }
}

Table::~Table() {
  for (Stripe& stripe : stripes()) {
    SpinLockGuard guard(stripe.lock());
    stripe.clear();
  }
}

std::uint64_t Table::hash(std::string_view key) const noexcept { return hash64(key, seed_); }

void Table::free_retired(const Retired& thing) noexcept {
  if (thing.what == Retired::What::kBuckets) {
    if (thing.memory != nullptr) {
      ::operator delete (thing.memory, std::align_val_t{alignof(Bucket)});
    } else {
      slabs_.free(thing.ref);
    }
    return;
  }
  Record* const record = record_at(thing.ref);
  const std::size_t bytes = record->slot_bytes();
  record->destroy(thing.what == Retired::What::kRecord);
  slabs_.free(thing.ref, bytes);
}

// Twice over the buckets, without a lock: what comes or goes in between may be seen or not, and
// what stays is in both.
Status Table::scan(std::uint64_t& cursor, std::size_t count, TimeMs now,
                   std::vector<RecordCopy>& out) {
  std::size_t index = static_cast<std::size_t>(cursor >> kTagBits);
  std::uint64_t from = cursor % kTagCount;
  if (index > mask_) return Status(StatusCode::kInvalidArgument, "not a cursor of this store");
  std::vector<std::uint16_t> tags;
  for (; index <= mask_ && out.size() < count; ++index, from = 0) {
    const EpochGuard guard;
    const View view = View::unpack(views_[index].load(std::memory_order_acquire));
    tags.clear();
    const auto each = [&](auto&& f) {
      Stripe::for_each_record(view, slabs_, [&](std::uint16_t, const Record& record) {
        // A slot's tag may be of another record than its reference; the key says what is true.
        const std::uint16_t tag = tag_of(hash(record.key()));
        const RecordView view = record.view();
        if (tag >= from && now <= view.deadline) f(tag, view);
      });
    };
    each([&](std::uint16_t tag, const RecordView&) { tags.push_back(tag); });
    const std::uint64_t end = end_tag(tags, count - out.size());
    each([&](std::uint16_t tag, const RecordView& view) {
      if (tag < end) out.emplace_back(view);
    });
    if (end < kTagCount) {
      cursor = std::uint64_t{index} << kTagBits | end;
      return Status();
    }
  }
  cursor = index > mask_ ? 0 : std::uint64_t{index} << kTagBits;
  return Status();
}

StripeCounts Table::counts() {
  StripeCounts sum;
  for (Stripe& stripe : stripes()) {
    SpinLockGuard guard(stripe.lock());
    const StripeCounts one = stripe.counts();
    sum.records += one.records;
    sum.owned += one.owned;
    sum.key_value_bytes += one.key_value_bytes;
    sum.record_bytes += one.record_bytes;
    sum.slot_bytes += one.slot_bytes;
  }
  return sum;
}

// --- gathering -------------------------------------------------------------------------------

// Chunks are closed some at a time; then one pass over the table moves what lies in them. A record
// that was placed before and published behind the pass is met by the next one.
bool Table::gather(std::size_t stripes) {
  MutexLock guard(gather_mutex_);
  while (stripes-- > 0) {
    if (gather_next_ == 0 && slabs_.closed_chunks() == 0 && !close_chunks()) return false;
    gather_from(stripes_[gather_next_]);
    gather_next_ = (gather_next_ + 1) & mask_;
    if (gather_next_ == 0 && !end_pass()) return false;
  }
  return true;
}

bool Table::close_chunks() {
  const std::size_t mapped = slabs_.mapped_bytes();
  const std::size_t used = slabs_.used_bytes();
  const std::size_t idle = mapped - std::min(mapped, used);
  if (idle <= std::max(kIdleBytes, mapped / kIdlePart)) return false;
  const bool same = used > futile_.used - futile_.used / kMovedPart &&
                    mapped < futile_.mapped + futile_.mapped / kMovedPart;
  if (same) return false;
  begun_ = {.mapped = mapped, .used = used};
  return slabs_.close_sparse(kSparseShare, mapped / kMovedPart) != 0;
}

// Returns whether to look for more. What readers still hold, or a writer has not published yet,
// keeps its chunk: then not now. When all that moving brought nothing, as with many sizes and few
// records of each, it is not tried again before things have changed.
bool Table::end_pass() {
  collect();
  collect();
  if (slabs_.closed_chunks() != 0) return false;
  if (slabs_.mapped_bytes() >= begun_.mapped) futile_ = begun_;
  return true;
}

void Table::gather_from(Stripe& stripe) {
  std::vector<Ref> moved;
  for (bool more = true; more;) {
    {
      SpinLockGuard lock(stripe.lock());
      try {
        more = stripe.leave_closed_chunks(kMovesPerLock, moved);
      } catch (const std::bad_alloc&) {
        more = false;  // what could not be moved is met by the next pass
      }
    }
    for (const Ref ref : moved) limbo_.retire({.what = Retired::What::kMovedRecord, .ref = ref});
    moved.clear();
  }
}

}  // namespace cloakroom
