// Runs random operations of several threads on few keys of a store, and records them.
#ifndef CLOAKROOM_TESTS_SUPPORT_RANDOM_HISTORY_H_
#define CLOAKROOM_TESTS_SUPPORT_RANDOM_HISTORY_H_

#include <atomic>
#include <functional>
#include <string>

#include "support/history.h"
#include "support/linearizability.h"
#include "support/manual_clock.h"
#include "support/store_shim.h"

namespace cloakroom::testing {

struct HistoryPlan {
  std::uint64_t seed = 0;
  std::uint32_t threads = 3;
  std::uint32_t keys = 2;          // at most 4
  std::uint32_t operations = 160;  // of all threads together
  unsigned yield_one_in = 6;       // see YieldPoints

  // 2 to 4 threads on 1 to 4 keys, 40 to 100 operations a key; those of visit_many and the steps of
  // the clock come on top.
  [[nodiscard]] static HistoryPlan random(std::uint64_t seed);
};

// Runs in a thread beside the history until the flag is set.
using Bystander = std::function<void(const std::atomic<bool>& done)>;

// The keys are absent at first and erased at the end. The store's time must be clock.wall_ms();
// times in the history count from its beginning. All threads start at once.
[[nodiscard]] Operations run_history(StoreShim& store, ManualClock& clock, const HistoryPlan& plan,
                                     const Bystander& bystander = {});

// What is wrong with a history that run_history() recorded, with its seed; empty if nothing is.
[[nodiscard]] std::string complaint_about(const Operations& history, const HistoryPlan& plan);

}  // namespace cloakroom::testing

#endif  // CLOAKROOM_TESTS_SUPPORT_RANDOM_HISTORY_H_
