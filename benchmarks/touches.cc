// What touches cost the disk: bytes that the process writes for a touch, and for an overwrite of
// the same record, table files and compaction included. Records are touched at random within their
// timeout, which is made to pass quickly: the store's clock is the benchmark's.
#include <fmt/format.h>

#include <array>
#include <atomic>
#include <fstream>
#include <functional>

#include "cloakroom/store.h"
#include "failure.h"
#include "interrupt.h"
#include "workloads.h"

namespace cloakroom::bench {
namespace {

using namespace std::chrono_literals;

constexpr Millis kTimeout = 30min;
constexpr std::uint64_t kTouchesEach = 20;
constexpr std::uint64_t kPollMask = 8191;

class QuickClock final : public Clock {
 public:
  [[nodiscard]] TimeMs wall_ms() const noexcept override { return now_.load(); }
  [[nodiscard]] TimeMs boot_ms() const noexcept override { return now_.load(); }
  void set(TimeMs now) noexcept { now_.store(now); }

 private:
  std::atomic<TimeMs> now_{1'800'000'000'000};
};

// What the kernel counts for this process: pages that will go, or have gone, to a disk.
std::uint64_t bytes_written() {
  std::ifstream counters("/proc/self/io");
  std::string name;
  for (std::uint64_t value = 0; counters >> name >> value;) {
    if (name == "write_bytes:") return value;
  }
  throw Failure("touches: /proc/self/io does not tell what was written");
}

class Touches {
 public:
  Touches(std::string path, const Dataset& dataset) : path_(std::move(path)), dataset_(dataset) {
    Store store = open();
    for (std::uint64_t index = 0; index < dataset_.sessions(); ++index) put(store, index);
    expect(store.close());
  }

  // Bytes an operation, from opening the store to having closed it; one timeout passes.
  double bytes_each(const std::function<void(Store&, std::uint64_t)>& operation) {
    Store store = open();
    const std::uint64_t before = bytes_written();
    const std::uint64_t count = dataset_.sessions() * kTouchesEach;
    const TimeMs began = clock_.wall_ms();
    for (std::uint64_t i = 0; i < count; ++i) {
      if ((i & kPollMask) == 0) stop_if_interrupted();
      // Twenty times within the timeout on average; none of them may be late.
      const double passed = static_cast<double>(i) / static_cast<double>(count);
      clock_.set(began + static_cast<TimeMs>(passed * static_cast<double>(kTimeout.count())));
      operation(store, random_.below(dataset_.sessions()));
    }
    expect(store.close());
    return static_cast<double>(bytes_written() - before) / static_cast<double>(count);
  }

  void touch(Store& store, std::uint64_t index) {
    std::array<char, kKeyBytes> key{};
    write_key(index, key.data());
    const auto touched = store.touch({key.data(), key.size()}, kTimeout);
    // One in some hundred million is not touched for that long, and has ended.
    if (!touched && touched.code() != StatusCode::kNotFound) expect(touched.status());
  }

  void put(Store& store, std::uint64_t index) {
    std::array<char, kKeyBytes> key{};
    write_key(index, key.data());
    expect(store.put({key.data(), key.size()}, dataset_.value(index), {.ttl = kTimeout}).status());
  }

 private:
  Store open() {
    auto store = Store::open({.path = path_, .clock = &clock_});
    if (!store) throw Failure("touches: " + store.status().to_string());
    return *std::move(store);
  }
  static void expect(const Status& status) {
    if (!status) throw Failure("touches: " + status.to_string());
  }

  const std::string path_;
  const Dataset& dataset_;
  QuickClock clock_;
  Random random_{1};
};

}  // namespace

void run_touches(const Bench& bench) {
  const BenchOptions& options = bench.options;
  const Dataset dataset(bench.sessions(kSessions), options.value_bytes);
  Section section("touches",
                  fmt::format("touches: bytes written to disk for each of {} operations a record "
                              "within its timeout, {}",
                              kTouchesEach, circumstances(bench, dataset)),
                  "bytes", "overwrite");
  for (unsigned round = 0; round < options.rounds; ++round) {
    bench.report.progress(fmt::format("touches: round {} of {}", round + 1, options.rounds));
    Touches store(bench.workspace.fresh("touches"), dataset);
    const double touch =
        store.bytes_each([&](Store& s, std::uint64_t index) { store.touch(s, index); });
    section.add("bytes an operation", "touch", touch);
    const double put =
        store.bytes_each([&](Store& s, std::uint64_t index) { store.put(s, index); });
    section.add("bytes an operation", "overwrite", put);
  }
  bench.report.add(section);
}

}  // namespace cloakroom::bench
