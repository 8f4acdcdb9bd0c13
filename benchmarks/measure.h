// One cell of a table: one contestant, one mix, some threads, some seconds.
#ifndef CLOAKROOM_BENCHMARKS_MEASURE_H_
#define CLOAKROOM_BENCHMARKS_MEASURE_H_

#include <cstdint>

#include "chunk.h"
#include "contestant.h"
#include "dataset.h"

namespace cloakroom::bench {

struct MeasureSettings {
  unsigned threads = 1;
  double seconds = 0.5;         // of running operations, in each thread
  bool pin = false;             // thread i stays on the ith core
  bool latencies_only = false;  // times every operation; otherwise every eighth chunk
  std::uint64_t seed = 1;
};

struct Measurement {
  double ns_per_op = 0;       // of one thread, preparation not counted
  double ops_per_second = 0;  // of all threads together
  double p50_ns = 0;
  double p99_ns = 0;
  double p999_ns = 0;
};

// Failure when a contestant gave a wrong answer.
[[nodiscard]] Measurement measure(Contestant& contestant, const Dataset& dataset,
                                  const KeyPicker& picker, const Mix& mix,
                                  const MeasureSettings& settings);

}  // namespace cloakroom::bench

#endif  // CLOAKROOM_BENCHMARKS_MEASURE_H_
