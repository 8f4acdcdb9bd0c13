// One thread that reads records at random beside what is measured, and times every read.
#ifndef CLOAKROOM_BENCHMARKS_RANDOM_READER_H_
#define CLOAKROOM_BENCHMARKS_RANDOM_READER_H_

#include <array>
#include <cstdint>
#include <string>

#include "contestant.h"
#include "dataset.h"
#include "failure.h"
#include "ticks.h"

namespace cloakroom::bench {

// Reads records 0 to records - 1, which stay alive. The lane outlives this.
class RandomReader {
 public:
  RandomReader(Lane& lane, std::uint64_t records)
      : lane_(lane), records_(records), random_(records) {}

  // The ticks that one read took. Failure when the record was not found.
  std::uint64_t read() {
    write_key(random_.below(records_), key_.data());
    const std::uint64_t began = ticks();
    const bool found = lane_.get_into({key_.data(), key_.size()}, value_);
    const std::uint64_t took = ticks() - began;
    if (!found) throw Failure("a contestant does not find a record that is alive");
    return took;
  }

 private:
  Lane& lane_;
  std::uint64_t records_;
  Random random_;
  std::array<char, kKeyBytes> key_{};
  std::string value_;
};

}  // namespace cloakroom::bench

#endif  // CLOAKROOM_BENCHMARKS_RANDOM_READER_H_
