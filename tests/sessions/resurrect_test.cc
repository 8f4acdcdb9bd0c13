// No session comes back: random interleavings of requests that work on sessions with requests that
// end them. How many is up to CLOAKROOM_INTERLEAVINGS.
#include <cstdlib>

#include "sessions/resurrect_world.h"

namespace cloakroom::testing {
namespace {

std::uint64_t interleavings() {
  const char* const text = std::getenv("CLOAKROOM_INTERLEAVINGS");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : 20'000;
}

}  // namespace

TEST_CASE("resurrect: whatever comes in between, no ended session is back and no list is wrong") {
  CLOAKROOM_RANDOM_SEED(seed);
  ResurrectWorld world(seed);
  const std::uint64_t wanted = interleavings();
  const std::uint64_t done = world.run(wanted);
  CHECK_MESSAGE(world.wrong().empty(), "after ", done, " interleavings:\n", world.wrong());
  CHECK(done == wanted);
  CHECK(world.checks() > done);
  MESSAGE(done << " interleavings, " << world.restarts() << " restarts, " << world.checks()
               << " looks at sessions, tokens and lists");
}

TEST_CASE("resurrect: what other session layers do wrong is found out") {
  CLOAKROOM_RANDOM_SEED(seed);
  for (const PlantedFault fault : {PlantedFault::kSaveInserts, PlantedFault::kLogoutNotDurable,
                                   PlantedFault::kRotateInTwoSteps, PlantedFault::kStaleList,
                                   PlantedFault::kSaveWholeSession}) {
    ResurrectWorld world(seed, fault);
    const std::uint64_t done = world.run(50'000);
    CHECK_MESSAGE(!world.wrong().empty(), "fault ", static_cast<int>(fault));
    MESSAGE("fault " << static_cast<int>(fault) << " found after " << done
                     << " interleavings: " << world.wrong());
  }
}

}  // namespace cloakroom::testing
