#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "text/log_histogram.h"
#include "support/random_seed.h"

namespace cloakroom::cli {
namespace {

TEST_CASE("histogram: percentiles are those of the sorted numbers, to within a sixty-fourth") {
  CLOAKROOM_RANDOM_SEED(seed);
  testing::Random random(seed);
  LogHistogram histogram;
  std::vector<std::uint64_t> numbers;
  for (int i = 0; i < 50'000; ++i) {
    const std::uint64_t number = random() >> testing::below(random, 64);
    numbers.push_back(number);
    histogram.record(number);
  }
  std::sort(numbers.begin(), numbers.end());
  CHECK(histogram.total() == numbers.size());
  CHECK(histogram.max() == numbers.back());
  for (const double share : {0.1, 0.5, 0.9, 0.99, 0.999}) {
    const auto rank = static_cast<std::size_t>(share * static_cast<double>(numbers.size()));
    const std::uint64_t exact = numbers[rank - 1];
    CHECK(histogram.percentile(share) >= exact);
    CHECK(histogram.percentile(share) - exact <= exact / 64);
  }
}

TEST_CASE("histogram: small numbers are exact, none gives 0, two merge into their sum") {
  LogHistogram one;
  CHECK(one.percentile(0.5) == 0);
  for (std::uint64_t i = 1; i <= 60; ++i) one.record(i);
  CHECK(one.percentile(0) == 1);
  CHECK(one.percentile(0.5) == 30);
  CHECK(one.percentile(1) == 60);
  LogHistogram other;
  other.record(1'000'000);
  one.merge(other);
  CHECK(one.total() == 61);
  CHECK(one.percentile(1) == 1'000'000);
}

}  // namespace
}  // namespace cloakroom::cli
