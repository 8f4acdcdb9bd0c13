// Latencies, counted without allocating and without losing the tail.
//
// Log-linear: every power of two is divided into 64 equal steps, so a percentile is exact to
// 1/64 = 1.6 % at any magnitude. Values below 64 have a step of their own.
//
//   value          0 .. 63    64 .. 127    128 .. 255    ...
//   width of step     1           1             2         ...
//
// Not safe from several threads: each thread has its own, merge() adds them up.
#ifndef CLOAKROOM_BENCHMARKS_HISTOGRAM_H_
#define CLOAKROOM_BENCHMARKS_HISTOGRAM_H_

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace cloakroom::bench {

class Histogram {
 public:
  Histogram() : counts_(kSteps) {}

  void add(std::uint64_t value) noexcept {
    ++counts_[step_of(std::min(value, kValueMax))];
    ++count_;
  }

  void merge(const Histogram& other) noexcept {
    for (std::size_t step = 0; step < kSteps; ++step) counts_[step] += other.counts_[step];
    count_ += other.count_;
  }

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }

  // The smallest step that `share` of all values do not exceed (its middle); 0 when empty.
  [[nodiscard]] double percentile(double share) const noexcept {
    if (count_ == 0) return 0;
    const auto rank = std::max<std::uint64_t>(
        1, static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_))));
    std::uint64_t seen = 0;
    std::size_t step = 0;
    while (step + 1 < kSteps && (seen += counts_[step]) < rank) ++step;
    return middle_of(step);
  }

 private:
  static constexpr unsigned kStepBits = 6;
  static constexpr std::uint64_t kLinear = std::uint64_t{1} << kStepBits;
  static constexpr unsigned kValueBits = 42;  // 4.4e12 ticks: more than a quarter of an hour
  static constexpr std::uint64_t kValueMax = (std::uint64_t{1} << kValueBits) - 1;
  static constexpr std::size_t kSteps = (kValueBits - kStepBits + 1) * kLinear;

  static std::size_t step_of(std::uint64_t value) noexcept {
    if (value < kLinear) return static_cast<std::size_t>(value);
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - 1 - kStepBits;
    return static_cast<std::size_t>(shift * kLinear + (value >> shift));
  }

  static double middle_of(std::size_t step) noexcept {
    if (step < 2 * kLinear) return static_cast<double>(step);
    const std::size_t shift = step / kLinear - 1;
    const double low = static_cast<double>((step - shift * kLinear) << shift);
    return low + static_cast<double>(std::uint64_t{1} << shift) / 2;
  }

  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0;
};

}  // namespace cloakroom::bench

#endif  // CLOAKROOM_BENCHMARKS_HISTOGRAM_H_
