// Faults planted between a test and the Store, each of a kind that a store of this design could
// have, to see whether the checker finds it.
#ifndef CLOAKROOM_TESTS_SUPPORT_FAULTY_STORE_H_
#define CLOAKROOM_TESTS_SUPPORT_FAULTY_STORE_H_

#include <functional>
#include <memory>
#include <span>

#include "support/manual_clock.h"
#include "support/store_shim.h"

namespace cloakroom::testing {

struct PlantedBug {
  const char* name;
  // A fresh shim; the store and the clock must outlive it. Safe from any thread.
  std::function<std::unique_ptr<StoreShim>(Store&, const ManualClock&)> plant;
};

[[nodiscard]] std::span<const PlantedBug> planted_bugs();

}  // namespace cloakroom::testing

#endif  // CLOAKROOM_TESTS_SUPPORT_FAULTY_STORE_H_
