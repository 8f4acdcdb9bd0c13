// A model of base/epoch.h for Relacy, which runs it under many interleavings and all that the
// memory model allows: no reader sees what has been freed. The fence that membarrier(2) stands in
// for is written out on both sides. The same model without the reader's fence must be caught, or
// the model would prove nothing.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <relacy/relacy.hpp>
#include <sstream>
#include <streambuf>
#include <string>

namespace {

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

constexpr int kRaceFound = 42;

// Ends the process when Relacy reports: what it does after a report is not always safe.
class ReportWatch : public std::streambuf {
 protected:
  int overflow(int c) override {
    if (c != EOF) seen_.push_back(static_cast<char>(c));
    return watch(c);
  }
  std::streamsize xsputn(const char* text, std::streamsize count) override {
    seen_.append(text, static_cast<std::size_t>(count));
    watch(0);
    return count;
  }

 private:
  int watch(int c) {
    if (seen_.find("DATA RACE") != std::string::npos) ::_exit(kRaceFound);
    return c;
  }
  std::string seen_;
};

// Runs the model in a process of its own: 0 when it holds, kRaceFound when it does not.
template <class Model>
int simulate(unsigned iterations) {
  const pid_t child = ::fork();
  if (child == 0) {
    ReportWatch watch;
    std::ostream report(&watch);
    std::ostringstream progress;
    rl::test_params params;
    params.iteration_count = iterations;
    params.output_stream = &report;
    params.progress_stream = &progress;
    ::_exit(rl::simulate<Model>(params) ? 0 : 1);
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status);
}

}  // namespace

int main() {
  const bool right = simulate<EpochModel<true>>(100'000) == 0;
  const bool caught = simulate<EpochModel<false>>(100'000) == kRaceFound;
  if (!right) std::puts("epoch_model: a reader sees what has been freed");
  if (!caught) std::puts("epoch_model: the missing fence is not noticed");
  const int passed = (right ? 1 : 0) + (caught ? 1 : 0);
  std::printf("[epoch_model] %d passed, %d failed\n", passed, 2 - passed);
  return passed == 2 ? 0 : 1;
}
