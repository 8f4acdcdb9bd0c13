// Is a recorded history linearizable: can every operation be given one moment between its beginning
// and its end, such that a store that does one thing at a time would have answered the same?
//
// Judged key by key, for a history is linearizable exactly if its part on each object is (Herlihy
// and Wing's locality); the model of a key, and how time is part of it, is in key_model.h.
//
// The search is Wing and Gong's with Lowe's memory: from the operations that may come first, try
// one that the model allows, go on from its state, and take it back when some operation that has
// returned can find no place any more. A configuration, which is the set of operations done and the
// state, is never entered twice. A read, or a write that was refused, is taken as soon as it fits
// and nothing else is tried in its stead: in any order that works it can be moved to here.
//
// An operation that never returned may have happened at any moment since it began, or not at all.
#ifndef CLOAKROOM_TESTS_SUPPORT_LINEARIZABILITY_H_
#define CLOAKROOM_TESTS_SUPPORT_LINEARIZABILITY_H_

#include <cstddef>
#include <string>

#include "support/history.h"
#include "support/key_model.h"

namespace cloakroom::testing {

// Of one key, steps of the clock included.
inline constexpr std::size_t kOperationsMax = 256;

// The search is exponential at worst: past this many configurations it gives up. Histories of 200
// operations and 8 threads take some hundred.
inline constexpr std::size_t kConfigurationsMax = 1'000'000;

enum class Verdict { kLinearizable, kNotLinearizable, kUndecided };

struct Judgement {
  Verdict verdict = Verdict::kLinearizable;
  // What is wrong, or empty: the shortest prefix of the history that cannot be explained, without
  // the operations that are not needed for that, from the last moment at which nothing was in
  // flight, with the states that were possible then.
  std::string report = {};
};

// REQUIRES: operations_on() one key, at most kOperationsMax of them.
[[nodiscard]] Judgement judge(const Operations& history, const KeyState& initial);

}  // namespace cloakroom::testing

#endif  // CLOAKROOM_TESTS_SUPPORT_LINEARIZABILITY_H_
