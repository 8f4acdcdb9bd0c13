// A run of operations that was prepared before the clock starts.
//
// Drawing a key and writing its bytes costs tens of nanoseconds, as much as what is measured. So
// each thread prepares some thousand operations, runs them against the clock, prepares the next.
#ifndef CLOAKROOM_BENCHMARKS_CHUNK_H_
#define CLOAKROOM_BENCHMARKS_CHUNK_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "contestant.h"
#include "dataset.h"
#include "histogram.h"

namespace cloakroom::bench {

enum class Verb : std::uint8_t {
  kGet,
  kGetInto,
  kVisit,
  kVisitMany,  // takes kBatch keys at once; only ever alone in a mix
  kPut,
  kTouch,
  kEraseCreate,
  kMiss,
  kGetTouch,  // kGetInto and kTouch of the same key, as a web request does
  kCreate,    // a record nobody asks for
  kErase,     // the oldest of those
};

inline constexpr std::size_t kBatch = 32;

struct MixPart {
  Verb verb;
  unsigned percent;
};
using Mix = std::vector<MixPart>;  // the percents add up to 100

class Chunk {
 public:
  // REQUIRES: `operations` is a multiple of kBatch; dataset and picker outlive this.
  Chunk(const Dataset& dataset, const KeyPicker& picker, Mix mix, std::size_t operations,
        std::uint64_t seed);

  // Creates some records for kErase, where the mix has it. Before the first refill().
  void prepare(Lane& lane);

  // REQUIRES: what was prepared before has been run.
  void refill();

  // Runs everything; returns how many answers were wrong (a key not found, an absent one found).
  std::size_t run(Lane& lane);

  // The same, and adds the ticks of each operation to `latencies` (of a batch: its share of them).
  std::size_t run_timed(Lane& lane, Histogram& latencies);

  // Erases what kCreate and prepare() left; returns how much of it was not there.
  std::size_t settle(Lane& lane);

  [[nodiscard]] std::size_t operations() const noexcept { return verbs_.size(); }

 private:
  [[nodiscard]] Verb draw_verb();
  // Writes the key for the operation `verb`.
  void draw_key(Verb verb, char* out);
  // Runs the operation at `at`: true when the answer was right.
  bool step(Lane& lane, std::size_t at);
  bool batch(Lane& lane, std::size_t at);

  const Dataset& dataset_;
  const KeyPicker& picker_;
  const Mix mix_;
  const bool batched_;
  const bool turns_over_;  // has kCreate and kErase
  Random random_;
  std::vector<Verb> verbs_;
  std::string key_bytes_;
  std::vector<std::string_view> keys_;  // into key_bytes_
  std::string buffer_;
  std::uint64_t values_used_ = 0;
  // Numbers of the records that kCreate made: beyond those of any dataset, and of this chunk only.
  std::uint64_t extra_begin_;
  std::uint64_t extra_end_;
};

}  // namespace cloakroom::bench

#endif  // CLOAKROOM_BENCHMARKS_CHUNK_H_
