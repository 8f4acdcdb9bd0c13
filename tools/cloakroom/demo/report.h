// What the demo found out, and how it says so.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_DEMO_REPORT_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_DEMO_REPORT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "demo/demo.h"
#include "demo/shared.h"

namespace cloakroom::cli {

// Acknowledged calls, summed over the threads.
struct LoadCounts {
  std::uint64_t sessions = 0;
  std::uint64_t puts = 0;
  std::uint64_t touches = 0;
  std::uint64_t erases = 0;
  std::uint64_t gets = 0;
  std::uint64_t wrong_answers = 0;

  [[nodiscard]] std::uint64_t writes() const noexcept { return puts + touches + erases; }
};
[[nodiscard]] LoadCounts counts_of(const SharedMemory& memory);

// One kill and what the store was like after it.
struct DemoRound {
  bool killed = false;  // by our SIGKILL, while it served
  double load_seconds = 0;
  LoadCounts total;          // since the start of the demo
  std::uint64_t writes = 0;  // acknowledged in this round
  CheckResult check{};       // only when `checked`
  bool checked = false;
};

struct DemoOutcome {
  std::string dir;
  bool dir_kept = false;
  std::vector<DemoRound> rounds;
  std::vector<std::string> failures;  // empty: the demo passed
  LogHistogram get_ns;
  LogHistogram put_ns;
  LogHistogram touch_ns;
};

// What is wrong with a round, in sentences.
[[nodiscard]] std::vector<std::string> faults_of(const DemoRound& round,
                                                 const SharedMemory& memory);

void print_demo_start(const DemoOptions& options, const std::string& dir, const DemoPlan& plan);
void print_round(const DemoRound& round, std::uint32_t number, std::uint32_t of);
void print_outcome(const DemoOutcome& outcome);
void print_outcome_json(const DemoOutcome& outcome, const DemoPlan& plan);

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_DEMO_REPORT_H_
