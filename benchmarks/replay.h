// The workload replay: a trace, its counts, and on the way the store closed or its process killed.
#ifndef CLOAKROOM_BENCHMARKS_REPLAY_H_
#define CLOAKROOM_BENCHMARKS_REPLAY_H_

#include "options.h"

namespace cloakroom::bench {

// kExitOk when everything is as the file says, kExitFailed when not; the counts are printed in both
// cases.
[[nodiscard]] int run_replay(const ReplayOptions& options);

// The process that is to be killed: replays from where the shared state stands.
[[nodiscard]] int run_replay_child(const ReplayOptions& options);

}  // namespace cloakroom::bench

#endif  // CLOAKROOM_BENCHMARKS_REPLAY_H_
