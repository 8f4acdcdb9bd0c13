// Would the checker notice? Histories of stores with a planted fault: every fault must be found.
#include <string>

#include "support/faulty_store.h"
#include "support/random_history.h"
#include "support/random_seed.h"
#include "support/store_fixture.h"
#include "support/yield_points.h"

namespace cloakroom::testing {
namespace {

// Most are found within ten; those that need two threads at one spot take some tens.
constexpr std::uint64_t kHistoriesMax = 2000;

// How many histories it took to find the fault; 0: it was not.
std::uint64_t histories_to_find(const PlantedBug& bug, std::uint64_t seed) {
  ManualClock clock;
  const YieldingClock yielding(clock);
  Store store = open_store(quiet_options(yielding));
  for (std::uint64_t i = 1; i <= kHistoriesMax; ++i) {
    const HistoryPlan plan = HistoryPlan::random(seed + i);
    const auto shim = bug.plant(store, clock);
    const Operations history = run_history(*shim, clock, plan);
    if (!complaint_about(history, plan).empty()) return i;
  }
  return 0;
}

}  // namespace

TEST_CASE("linearizable: every planted fault is found") {
  CLOAKROOM_RANDOM_SEED(seed);
  std::size_t found = 0;
  for (const PlantedBug& bug : planted_bugs()) {
    const std::uint64_t histories = histories_to_find(bug, seed);
    const std::string name = bug.name;  // doctest prints a pointer as a pointer
    CHECK_MESSAGE(histories != 0, "not found in ", kHistoriesMax, " histories: ", name);
    if (histories == 0) continue;
    ++found;
    MESSAGE("history " << histories << " shows: " << name);
  }
  MESSAGE(found << " of " << planted_bugs().size() << " planted faults found");
  CHECK(planted_bugs().size() >= 10);
}

}  // namespace cloakroom::testing
