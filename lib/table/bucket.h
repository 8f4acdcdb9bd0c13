// Bucket: ten slots of the table in one cache line.
//
//   byte  0  refs      10 x u32   the record's reference, 0: empty
//        40  tags      10 x u16   16 bits of the key's hash, never 0; 0: empty
//        60  overflow  u32        how many records passed this bucket by because it was full
//
// A record lies in its home bucket, or when that is full in the next one with room; every bucket it
// passed counts it in `overflow`. So a lookup that has looked at a bucket whose overflow is 0 is at
// its end, without a tombstone ever being left behind.
//
// Writers hold the stripe's lock. Readers hold nothing; what makes that right:
//   1. A record that stays, stays in its slot. It moves only with its whole stripe, into new
//      buckets, and the old ones are left as they are for those who still read them.
//   2. To insert: overflow counts first, then the reference (release), then the tag. To remove: the
//      tag, the reference, then the counts. A tag is only a hint; a reader believes the key it
//      finds behind the reference (acquire).
//   3. To replace a record: one store of the reference.
// A slot may be emptied and filled by another key between a reader's look at the tags and its look
// at the reference; then the key is another, and the reader's key was absent in between.
#ifndef CLOAKROOM_LIB_TABLE_BUCKET_H_
#define CLOAKROOM_LIB_TABLE_BUCKET_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "base/sanitizers.h"
#include "table/slabs.h"

namespace cloakroom {

// The tag of a hash; others of its bits choose the stripe.
[[nodiscard]] constexpr std::uint16_t tag_of(std::uint64_t hash) noexcept {
  const auto bits = static_cast<std::uint16_t>(hash >> 16);
  return bits != 0 ? bits : std::uint16_t{1};
}

struct alignas(64) Bucket {
  static constexpr unsigned kSlots = 10;

  std::array<std::atomic<Ref>, kSlots> refs{};
  std::array<std::atomic<std::uint16_t>, kSlots> tags{};
  std::atomic<std::uint32_t> overflow{0};

  // A bit for every slot with this tag.
  [[nodiscard]] unsigned match(std::uint16_t tag) const noexcept {
#if defined(__SSE2__) && !CLOAKROOM_TSAN
    return match_vector(tag);
#else
    return match_portable(tag);
#endif
  }

  [[nodiscard]] unsigned match_portable(std::uint16_t tag) const noexcept {
    unsigned found = 0;
    for (unsigned slot = 0; slot < kSlots; ++slot) {
      const bool same = tags[slot].load(std::memory_order_relaxed) == tag;
      found |= (same ? 1U : 0U) << slot;
    }
    return found;
  }

#if defined(__SSE2__)
  // Slots 0 to 7, and 2 to 9. Vector loads of what is atomic: each tag comes whole on x86-64, and
  // nobody minds from which moment.
  [[nodiscard]] unsigned match_vector(std::uint16_t tag) const noexcept {
    const auto* const bytes = reinterpret_cast<const char*>(this) + kTagsOffset;
    const __m128i wanted = _mm_set1_epi16(static_cast<short>(tag));
    const __m128i first =
        _mm_cmpeq_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes)), wanted);
    const __m128i last =
        _mm_cmpeq_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + 4)), wanted);
    const auto low = static_cast<unsigned>(_mm_movemask_epi8(_mm_packs_epi16(first, last)));
    return (low & 0xff) | (low >> 6 & 0x3fc);
  }
#endif

  static constexpr std::size_t kTagsOffset = 40;
};

static_assert(sizeof(Bucket) == 64, "a bucket is one cache line");
static_assert(offsetof(Bucket, tags) == Bucket::kTagsOffset && offsetof(Bucket, overflow) == 60,
              "the layout drawn above");

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_TABLE_BUCKET_H_
