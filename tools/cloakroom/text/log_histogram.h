// LogHistogram: counts of numbers, with every percentile to within 1/64 (1.6 %), in a fixed 30 KB.
//
// Buckets are linear inside an octave: a number below 64 has a bucket of its own; above, its top
// seven bits name the bucket. It holds no pointer, so it can lie in shared memory; one writer at a
// time, and a reader only when the writer has stopped.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_TEXT_LOG_HISTOGRAM_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_TEXT_LOG_HISTOGRAM_H_

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace cloakroom::cli {

struct LogBuckets {
  static constexpr unsigned kLinearBits = 6;
  static constexpr std::size_t kLinear = std::size_t{1} << kLinearBits;
  static constexpr std::size_t kCount = kLinear * (64 - kLinearBits + 1);

  static constexpr std::size_t of(std::uint64_t value) noexcept {
    if (value < kLinear) return value;
    const auto octave = static_cast<unsigned>(std::bit_width(value)) - 1 - kLinearBits;
    return (octave + 1) * kLinear + (value >> octave & (kLinear - 1));
  }

  // The largest number of a bucket.
  static constexpr std::uint64_t top(std::size_t bucket) noexcept {
    if (bucket < kLinear) return bucket;
    const std::size_t octave = bucket / kLinear - 1;
    const std::uint64_t low = (kLinear + bucket % kLinear) << octave;
    return low + ((std::uint64_t{1} << octave) - 1);
  }
};

static_assert(LogBuckets::of(UINT64_MAX) == LogBuckets::kCount - 1);
static_assert(LogBuckets::top(LogBuckets::kCount - 1) == UINT64_MAX);
static_assert(LogBuckets::of(63) == 63 && LogBuckets::of(64) == 64 && LogBuckets::top(64) == 64);
static_assert(LogBuckets::of(130) == LogBuckets::of(131) && LogBuckets::top(129) == 131);

class LogHistogram {
 public:
  void record(std::uint64_t value) noexcept {
    ++counts_[LogBuckets::of(value)];
    ++total_;
    max_ = std::max(max_, value);
  }

  void merge(const LogHistogram& other) noexcept {
    for (std::size_t i = 0; i < LogBuckets::kCount; ++i) counts_[i] += other.counts_[i];
    total_ += other.total_;
    max_ = std::max(max_, other.max_);
  }

  // The smallest number that at least `share` (0 to 1) of all are not above; 0 when there is none.
  [[nodiscard]] std::uint64_t percentile(double share) const noexcept {
    if (total_ == 0) return 0;
    const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(total_));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < LogBuckets::kCount; ++i) {
      seen += counts_[i];
      if (seen > 0 && seen >= wanted) return std::min(LogBuckets::top(i), max_);
    }
    return max_;
  }

  [[nodiscard]] std::uint64_t total() const noexcept { return total_; }
  [[nodiscard]] std::uint64_t max() const noexcept { return max_; }

 private:
  std::array<std::uint64_t, LogBuckets::kCount> counts_{};
  std::uint64_t total_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_TEXT_LOG_HISTOGRAM_H_
