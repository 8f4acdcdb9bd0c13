// A model of base/epoch.h for Relacy, which runs it under many interleavings and all that the
// memory model allows: no reader sees what has been freed. The fence that membarrier(2) stands in
// for is written out on both sides. The same model without the reader's fence must be caught, or
// the model would prove nothing.
#include "support/relacy_model.h"

namespace {

using namespace cloakroom::testing;

template <bool kReaderFences>
struct EpochModel : rl::test_suite<EpochModel<kReaderFences>, 3> {
  static constexpr unsigned kReaders = 2;

  rl::atomic<unsigned> current;
  rl::atomic<unsigned> entered[kReaders];
  rl::atomic<unsigned> reachable;  // which of the two records
  rl::var<unsigned> records[2];

  void before() {
    current.store(1, rl::memory_order_relaxed);
    for (rl::atomic<unsigned>& line : entered) line.store(0, rl::memory_order_relaxed);
    reachable.store(0, rl::memory_order_relaxed);
    VAR(records[0]) = 1;
    VAR(records[1]) = 2;
  }

  void thread(unsigned index) {
    if (index < kReaders) {
      read(entered[index]);
    } else {
      replace_and_free();
    }
  }

  // EpochGuard around a look at the record.
  void read(rl::atomic<unsigned>& line) {
    const unsigned now = current.load(rl::memory_order_acquire);
    line.store(now, rl::memory_order_release);
    if (kReaderFences) rl::atomic_thread_fence(rl::memory_order_seq_cst);
    const unsigned record = reachable.load(rl::memory_order_acquire);
    const unsigned value = VAR(records[record]);
    RL_ASSERT(value == record + 1);
    line.store(0, rl::memory_order_release);
  }

  // A writer replaces the record; then it is freed if oldest_epoch() says that nobody can hold it.
  void replace_and_free() {
    reachable.store(1, rl::memory_order_release);
    const unsigned epoch = current.fetch_add(1, rl::memory_order_seq_cst) + 1;
    rl::atomic_thread_fence(rl::memory_order_seq_cst);
    for (rl::atomic<unsigned>& line : entered) {
      const unsigned reads_in = line.load(rl::memory_order_seq_cst);
      if (reads_in != 0 && reads_in < epoch) return;
    }
    VAR(records[0]) = 99;
  }
};

}  // namespace

int main() {
  ModelSuite suite("epoch_model");
  suite.expect(Verdict::kHolds, simulate<EpochModel<true>>(100'000),
               "a reader sees what has been freed");
  suite.expect(Verdict::kFaultFound, simulate<EpochModel<false>>(100'000),
               "the missing fence is not noticed");
  return suite.finish();
}
