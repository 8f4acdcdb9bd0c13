// Walking over a store's records with several threads, each over parts of the keys.
//
// At rest a walk uses every core; beside a live server half of them, and it steps back: the server
// goes first (be_gentle). Memory is that of the iterators, some MiB a thread.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_READING_PARALLEL_WALK_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_READING_PARALLEL_WALK_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "offline/store_reader.h"
#include "text/progress.h"

namespace cloakroom::cli {

struct WalkPlan {
  std::vector<KeyRange> parts;  // ascending; together the range that was asked for
  std::size_t workers = 1;
};

// Divides `range` of the store's keys.
[[nodiscard]] WalkPlan plan_walk(StoreReader& reader, const KeyRange& range = {});

// The keys that begin with `prefix`; all for an empty one.
[[nodiscard]] KeyRange prefix_range(std::string_view prefix);

// Lets every other process have the processor first.
void be_gentle() noexcept;

struct WalkPlace {
  std::size_t worker = 0;  // of plan.workers; one thread is one worker
  std::size_t part = 0;    // of plan.parts; handed out in ascending order
};

struct WalkVisitor {
  // Called for every record of a part in key order, for several parts at a time. False ends the
  // part.
  FunctionRef<bool(const WalkPlace&, const RecordView&)> record;
  // Called when a part has ended, however. False ends the whole walk.
  FunctionRef<bool(const WalkPlace&)> part_done;
  // Called for a damaged record, by one thread at a time; the walk goes on.
  FunctionRef<void(const Finding&)> damage;
};

// The first failure ends the walk. The calling thread is worker 0 and draws the progress.
[[nodiscard]] Status walk_parts(StoreReader& reader, const WalkPlan& plan,
                                const WalkVisitor& visitor, Progress& progress);

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_READING_PARALLEL_WALK_H_
