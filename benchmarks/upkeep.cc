// What a store's own work does to those who read: checkpoints, flush and compaction under writes,
// and warming up after a start. One thread reads at random and times every read.
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <thread>

#include "cloakroom/store.h"
#include "failure.h"
#include "interrupt.h"
#include "side_thread.h"
#include "ticks.h"
#include "workloads.h"

namespace cloakroom::bench {
namespace {

// Far below what the journal can take, and enough that it flushes and compacts all the time.
constexpr std::uint64_t kWritesPerSecond = 50'000;
constexpr std::uint64_t kPaceMask = 255;
constexpr std::uint64_t kPollMask = 1023;
// Records that are brought into memory before the rest warms up.
constexpr std::uint64_t kFirstRecords = 10'000;

Store open_store(const std::string& path) {
  auto store = Store::open({.path = path});
  if (!store) throw Failure("upkeep: " + store.status().to_string());
  return *std::move(store);
}

void expect(const Status& status) {
  if (!status) throw Failure("upkeep: " + status.to_string());
}

class Upkeep {
 public:
  Upkeep(std::string directory, const Dataset& dataset)
      : directory_(std::move(directory)), dataset_(dataset), store_(open_store(path())) {
    for (std::uint64_t index = 0; index < dataset_.sessions(); ++index) write(index);
  }

  // Reads any of the first `records` until `done`, and at least once.
  Histogram read_until(std::uint64_t records, const std::function<bool()>& done) {
    Histogram latencies;
    std::array<char, kKeyBytes> key{};
    do {
      stop_if_interrupted();
      for (std::uint64_t i = 0; i <= kPollMask; ++i) {
        write_key(random_.below(records), key.data());
        const std::uint64_t began = ticks();
        const auto got = store_.get({key.data(), key.size()}, value_);
        latencies.add(ticks() - began);
        expect(got.status());
      }
    } while (!done());
    return latencies;
  }

  Histogram read_for(double seconds) {
    const std::uint64_t end = monotonic_ns() + static_cast<std::uint64_t>(seconds * 1e9);
    return read_until(dataset_.sessions(), [&] { return monotonic_ns() >= end; });
  }

  Histogram read_while_copied(double seconds) {
    SideThread copying([this](const std::stop_token& stop) {
      const std::string copy = directory_ + "/copy";
      while (!stop.stop_requested()) {
        expect(store_.checkpoint(copy).status());
        std::filesystem::remove_all(copy);
      }
    });
    Histogram latencies = read_for(seconds);
    copying.finish();
    return latencies;
  }

  Histogram read_while_written(double seconds) {
    SideThread writing([this](const std::stop_token& stop) {
      Random random(17);
      const auto began = std::chrono::steady_clock::now();
      for (std::uint64_t i = 0; !stop.stop_requested(); ++i) {
        write(random.below(dataset_.sessions()));
        if ((i & kPaceMask) != 0) continue;
        std::this_thread::sleep_until(
            began + std::chrono::nanoseconds(i * 1'000'000'000 / kWritesPerSecond));
      }
    });
    Histogram latencies = read_for(seconds);
    writing.finish();
    return latencies;
  }

  // From open() until everything is in memory. `records`: those that may be asked for.
  Histogram read_while_warming(std::uint64_t records) {
    expect(store_.close());
    store_ = open_store(path());
    std::array<char, kKeyBytes> key{};
    for (std::uint64_t i = 0; i < std::min(records, kFirstRecords); ++i) {
      write_key(i, key.data());
      expect(store_.get({key.data(), key.size()}, value_).status());
    }
    return read_until(records, [this] { return store_.stats().warm; });
  }

 private:
  [[nodiscard]] std::string path() const { return directory_ + "/store"; }

  void write(std::uint64_t index) {
    std::array<char, kKeyBytes> key{};
    write_key(index, key.data());
    expect(store_.put({key.data(), key.size()}, dataset_.value(index)).status());
  }

  const std::string directory_;
  const Dataset& dataset_;
  Store store_;
  Random random_{1};
  std::string value_;
};

}  // namespace

void run_upkeep(const Bench& bench) {
  const BenchOptions& options = bench.options;
  const Dataset dataset(bench.sessions(kSessions), options.value_bytes);
  Section section("upkeep",
                  fmt::format("upkeep: get while the store works for itself, {}",
                              circumstances(bench, dataset)),
                  "p99.9 ns", kCloakroomDisk);
  section.show_far_tail();
  bench.report.progress(
      fmt::format("upkeep: filling a store with {} records", grouped(dataset.sessions())));
  Upkeep upkeep(bench.workspace.fresh("upkeep"), dataset);
  const auto add = [&](std::string_view measure, const Histogram& ticks) {
    const Latencies latencies = latencies_of(ticks);
    section.add(measure, kCloakroomDisk, latencies.p999_ns, latencies);
  };
  const std::uint64_t first = std::min(kFirstRecords, dataset.sessions());
  for (unsigned round = 0; round < options.rounds; ++round) {
    bench.report.progress(fmt::format("upkeep: round {} of {}", round + 1, options.rounds));
    add("quiet", upkeep.read_for(options.seconds));
    add("checkpoint after checkpoint", upkeep.read_while_copied(options.seconds));
    add("flush and compaction, 50,000 puts a second", upkeep.read_while_written(options.seconds));
    add("warming up, records in memory", upkeep.read_while_warming(first));
    add("warming up, any record", upkeep.read_while_warming(dataset.sessions()));
  }
  bench.report.add(section);
}

}  // namespace cloakroom::bench
