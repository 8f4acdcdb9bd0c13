// The parts of the workload expiry: what happens to records whose deadline has passed, and what
// that costs those who are alive. Only contestants that remove them by themselves take part.
//
// Time is real here: records live for seconds, and the parts wait for them.
#ifndef CLOAKROOM_BENCHMARKS_EXPIRY_H_
#define CLOAKROOM_BENCHMARKS_EXPIRY_H_

#include <cstdint>
#include <string>

#include "contestant.h"
#include "report.h"
#include "workloads.h"

namespace cloakroom::bench {

// One round of one contestant, which is empty and can be asked for its reclaimer().
struct ExpiryTurn {
  const Bench& bench;
  const std::string& name;
  Contestant& contestant;
  const Dataset& dataset;  // its sessions() are how many expire, or lie idle
};

struct MassTables {
  Section latencies;
  Section times;
  Section memory;
};
[[nodiscard]] MassTables make_mass_tables(const Bench& bench, const Dataset& dataset);

// All records of the dataset die within one second while others are read.
void run_mass_expiry(const ExpiryTurn& turn, MassTables& tables);

// Some thousand records a second die and are replaced: which share of what is held is dead?
void run_steady_expiry(const ExpiryTurn& turn, Section& table);

// Nobody asks for anything: what does the background do with a processor?
void run_idle(const ExpiryTurn& turn, Section& table);

// Until the clock of all contestants shows `when`; stops when interrupted.
void sleep_until_ms(TimeMs when);

}  // namespace cloakroom::bench

#endif  // CLOAKROOM_BENCHMARKS_EXPIRY_H_
