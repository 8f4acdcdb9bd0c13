#include "measure.h"

#include <barrier>
#include <exception>
#include <memory>
#include <thread>
#include <vector>

#include "failure.h"
#include "histogram.h"
#include "interrupt.h"
#include "machine.h"
#include "ticks.h"

namespace cloakroom::bench {
namespace {

struct Part {
  std::uint64_t operations = 0;  // of the chunks that were timed as a whole
  std::uint64_t busy_ns = 0;
  std::size_t wrong = 0;
  Histogram latencies;
  std::exception_ptr failure;
};

// Runs chunks until they took `seconds`, or three times that with their preparation.
void run_chunks(Lane& lane, Chunk& chunk, const MeasureSettings& settings, Part& part) {
  const auto budget_ns = static_cast<std::uint64_t>(settings.seconds * 1e9);
  const std::uint64_t began = monotonic_ns();
  std::uint64_t spent_ns = 0;
  for (std::uint64_t number = 0; spent_ns < budget_ns; ++number) {
    stop_if_interrupted();
    if (!settings.repeat) chunk.refill();
    // The clock of every operation costs 10 to 20 ns, so the mean comes from the other chunks.
    const bool timed = settings.latencies_only || number % 8 == 0;
    const std::uint64_t start = monotonic_ns();
    part.wrong += timed ? chunk.run_timed(lane, part.latencies) : chunk.run(lane);
    const std::uint64_t now = monotonic_ns();
    spent_ns += now - start;
    if (!timed || settings.latencies_only) {
      part.operations += chunk.operations();
      part.busy_ns += now - start;
    }
    // Enough time, but never without a chunk for the mean.
    if (now - began > 3 * budget_ns && part.operations > 0) break;
    if (spent_ns >= budget_ns && part.operations == 0) spent_ns = budget_ns - 1;
  }
}

Measurement summarize(const std::vector<std::unique_ptr<Part>>& parts, const std::string& what) {
  Measurement result;
  Histogram latencies;
  double operations = 0;
  double busy_ns = 0;
  for (const auto& part : parts) {
    if (part->failure) std::rethrow_exception(part->failure);
    if (part->wrong > 0) {
      throw Failure(what + ": " + std::to_string(part->wrong) +
                    " answers were wrong; the figures would mean nothing");
    }
    latencies.merge(part->latencies);
    const auto part_operations = static_cast<double>(part->operations);
    const auto part_ns = static_cast<double>(part->busy_ns);
    result.ops_per_second += part_operations / part_ns * 1e9;
    operations += part_operations;
    busy_ns += part_ns;
  }
  result.ns_per_op = busy_ns / operations;
  result.latencies = latencies_of(latencies);
  return result;
}

}  // namespace

Latencies latencies_of(const Histogram& ticks) {
  const auto ns = [&](double share) { return ticks.percentile(share) * ns_per_tick(); };
  return {.p50_ns = ns(0.5),
          .p99_ns = ns(0.99),
          .p999_ns = ns(0.999),
          .p9999_ns = ns(0.9999),
          .p99999_ns = ns(0.99999),
          .max_ns = ns(1)};
}

Measurement measure(Contestant& contestant, const Dataset& dataset, const KeyPicker& picker,
                    const Mix& mix, const MeasureSettings& settings) {
  const std::size_t chunk_operations = contestant.is_slow() ? 128 : 8192;
  std::vector<std::unique_ptr<Part>> parts;
  std::vector<std::thread> threads;
  std::barrier start(static_cast<std::ptrdiff_t>(settings.threads));
  for (unsigned number = 0; number < settings.threads; ++number) {
    parts.push_back(std::make_unique<Part>());
    threads.emplace_back([&, number, part = parts.back().get()] {
      try {
        if (settings.pin) pin_to_core(number);
        const std::unique_ptr<Lane> lane = contestant.lane();
        Chunk chunk(dataset, picker, mix, chunk_operations, settings.seed * 1000 + number);
        chunk.prepare(*lane);
        chunk.refill();
        part->wrong += chunk.run(*lane);  // warms caches and buffers
        start.arrive_and_wait();
        run_chunks(*lane, chunk, settings, *part);
        part->wrong += chunk.settle(*lane);
      } catch (...) {
        part->failure = std::current_exception();
        start.arrive_and_drop();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return summarize(parts, settings.what);
}

}  // namespace cloakroom::bench
