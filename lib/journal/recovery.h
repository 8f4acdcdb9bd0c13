// Opening a store on disk: is it one, is it ours alone, is it whole.
#ifndef CLOAKROOM_LIB_JOURNAL_RECOVERY_H_
#define CLOAKROOM_LIB_JOURNAL_RECOVERY_H_

#include <memory>
#include <string>

#include "base/timeline.h"
#include "cloakroom/options.h"
#include "cloakroom/status.h"
#include "journal/journal.h"
#include "journal/rocks_snapshot.h"

namespace cloakroom {

inline constexpr const char* kRocksName = "rocks";  // RocksDB's directory within the store's
inline constexpr const char* kLockName = "LOCK";

struct OpenedJournal {
  std::unique_ptr<Journal> journal;
  std::shared_ptr<Timeline> timeline;
};

// Opens or creates the store at options.path (Store::open says with which outcomes) and starts its
// committer. With an empty path: a MemoryJournal.
//
// Steps, each of which may refuse, none of which changes an existing store before the fourth:
//   1. the path: absent and creatable, or a directory with a superblock we can read
//   2. LOCK: nobody else has it open
//   3. the last version covers the superblock's mark, or acknowledged writes are missing; the id in
//      RocksDB is the superblock's
//   4. RocksDB opens for writing; both are asked again
//   5. the mark says "unclean" from here on
[[nodiscard]] Result<OpenedJournal> open_journal(const Options& options,
                                                 const JournalHooks& hooks = {});

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_JOURNAL_RECOVERY_H_
