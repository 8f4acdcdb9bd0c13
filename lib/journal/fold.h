// Folding: several changes of one key in a round come to fewer.
#ifndef CLOAKROOM_LIB_JOURNAL_FOLD_H_
#define CLOAKROOM_LIB_JOURNAL_FOLD_H_

#include <cstdint>
#include <vector>

#include "journal/frame.h"

namespace cloakroom {

// Leaves out every frame that a later one makes void: whatever comes before a record or an erase of
// its key, and a touch before another touch. Keeps the order. Linear, if nobody can choose keys
// that collide under `seed`; may throw bad_alloc.
void fold(std::vector<Frame>& frames, std::uint64_t seed);

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_JOURNAL_FOLD_H_
