// How much memory a record takes beyond its key and its value.
//
// Each contestant is alone in a fresh process, so that nothing it frees or shares is another's. The
// figure is resident memory after loading minus before, divided by the number of records.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "failure.h"
#include "machine.h"
#include "workloads.h"

namespace cloakroom::bench {
namespace {

double bytes_a_record(const std::string& name, const std::string& directory,
                      const Dataset& dataset) {
  Child child = Child::self(
      {"child-memory", "--contestant", name, "--store", directory, "--sessions",
       std::to_string(dataset.sessions()), "--value-bytes", std::to_string(dataset.value_bytes())},
      {.capture = true});
  const auto line = child.read_line();
  if (const ChildEnd end = child.wait(); !line || !end.clean()) {
    throw Failure(fmt::format("the process that holds {} {}", name, to_string(end)));
  }
  const double payload = static_cast<double>(kKeyBytes + dataset.value_bytes());
  return std::stod(*line) / static_cast<double>(dataset.sessions()) - payload;
}

}  // namespace

void run_memory(const Bench& bench) {
  const Dataset dataset(bench.sessions(kSessions), bench.options.value_bytes);
  const auto names = line_up(bench, {kCloakroom}, peer_names());
  Section section("memory",
                  fmt::format("memory: resident bytes a record beyond {}-byte key and {}-byte "
                              "value (the deadline counts as overhead), {} records, {} rounds",
                              kKeyBytes, dataset.value_bytes(), grouped(dataset.sessions()),
                              bench.options.rounds),
                  "bytes", kCloakroom);
  for (unsigned round = 0; round < bench.options.rounds; ++round) {
    bench.report.progress(fmt::format("memory: round {} of {}", round + 1, bench.options.rounds));
    for (const std::string& name : names) {
      section.add("bytes a record", name,
                  bytes_a_record(name, bench.workspace.fresh(name), dataset));
    }
  }
  bench.report.add(section);
}

int run_memory_child(const ChildOptions& options) {
  const Dataset dataset(options.sessions, options.value_bytes);
  const auto own_before = resident_bytes(::getpid());
  // RocksDB keeps everything in its memtable here: otherwise its memory would be whatever its
  // caches were allowed to take.
  auto contestant = make_contestant(options.contestant, {.directory = options.store,
                                                         .durability = Durability::kProcess,
                                                         .sessions = options.sessions,
                                                         .all_in_memory = true});
  // An empty table counts as overhead, an empty server process does not.
  const bool elsewhere = contestant->process() != ::getpid();
  const auto before = elsewhere ? resident_bytes(contestant->process()) : own_before;
  contestant->load(dataset);
  const auto after = resident_bytes(contestant->process());
  fmt::print("{}\n", after - before);
  std::fflush(stdout);
  return kExitOk;
}

}  // namespace cloakroom::bench
