// One cell of a table: one contestant, one mix, some threads, some seconds.
#ifndef CLOAKROOM_BENCHMARKS_MEASURE_H_
#define CLOAKROOM_BENCHMARKS_MEASURE_H_

#include <cstdint>
#include <string>

#include "chunk.h"
#include "contestant.h"
#include "dataset.h"

namespace cloakroom::bench {

struct MeasureSettings {
  std::string what;  // "get, umap": for the message when an answer is wrong
  unsigned threads = 1;
  double seconds = 0.5;         // of running operations, in each thread
  bool pin = false;             // thread i stays on the ith core
  bool latencies_only = false;  // times every operation; otherwise every eighth chunk
  // The same operations again and again, with nothing to prepare: no thread is ever alone for a
  // while. For a few hot keys, where contention is what is measured. REQUIRES: reads only.
  bool repeat = false;
  std::uint64_t seed = 1;
};

struct Latencies {
  double p50_ns = 0;
  double p99_ns = 0;
  double p999_ns = 0;
  double p9999_ns = 0;
  double p99999_ns = 0;
  double max_ns = 0;
};
[[nodiscard]] Latencies latencies_of(const Histogram& ticks);

struct Measurement {
  double ns_per_op = 0;       // of one thread, preparation not counted
  double ops_per_second = 0;  // of all threads together
  Latencies latencies;
};

// Failure when a contestant gave a wrong answer.
[[nodiscard]] Measurement measure(Contestant& contestant, const Dataset& dataset,
                                  const KeyPicker& picker, const Mix& mix,
                                  const MeasureSettings& settings);

}  // namespace cloakroom::bench

#endif  // CLOAKROOM_BENCHMARKS_MEASURE_H_
