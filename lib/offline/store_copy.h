// A copy of a store on disk, also of one that another process writes to at full speed.
//
// For the command line's `backup`; a host that has the store open makes a checkpoint. Nothing is
// asked of the server and nothing in its directory is changed or locked. What comes out is a store
// after an orderly stop, of a generation of its own, that holds every write which was acknowledged
// (at level kProcess or above) before the call, and of later ones a prefix.
//
// How: the files are taken in an order that makes them a state which a SIGKILL of the server, at
// some moment after the call began, could have left; then the copy is opened and closed as any
// store is after a crash. So recovery (recovery.h), with its checks for holes, judges every copy.
//
//   1. superblock     its mark promises versions that the log held then
//   2. ring           header before data. What was acknowledged before, and is not in this copy of
//                     the ring, had been released: it was in the log, or in table files, already
//   3. table files and logs are opened: what is deleted from here on can still be read
//   4. list of files  CURRENT and its MANIFEST, up to its length of now: a prefix of it is what a
//                     crash leaves. It names table files that were finished before it did, and
//                     that are not deleted before it says so: those of step 3, or
//   5. table files and logs that are new since step 3, opened likewise
//   6. the logs' bytes, the older logs first. All but the last were closed before step 5 ended, so
//                     they are whole; of the last a prefix is copied. All of this is after step 2:
//                     the log's end in the copy is no earlier than what its ring calls released
//
// What can still go wrong is a file that came and went between two steps, or a server that was
// restarted meanwhile. Then a file is missing, the ring has another salt than before, or recovery
// finds a hole: the copy is made once more, kAttemptsMax times in all.
//
// A copy of the ring is not a picture of one moment. While it is made, frames are published behind
// the place that is read: they are not in it. Nor is one whose writer was just copying it, though
// the one behind it may be, which makes no prefix: so the ring is copied again until no frame is
// missing that has others behind it. What is overwritten meanwhile had been released.
//
// Table files never change. They are linked where the file system can; else those that an earlier
// copy has from the same file are linked from there, and the rest is copied.
#ifndef CLOAKROOM_LIB_OFFLINE_STORE_COPY_H_
#define CLOAKROOM_LIB_OFFLINE_STORE_COPY_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "cloakroom/record.h"
#include "cloakroom/status.h"

namespace cloakroom {

// A table file as it was in the store: two that agree in all of this are the same bytes.
struct CopiedTable {
  std::string name;
  std::uint64_t bytes = 0;
  std::uint64_t inode = 0;
  std::int64_t changed_ns = 0;
  friend bool operator==(const CopiedTable&, const CopiedTable&) = default;
};

struct CopySettings {
  bool link = true;          // table files from the store itself, where that is possible
  std::string earlier = {};  // the directory of an earlier copy of the same store, or empty
  std::vector<CopiedTable> earlier_tables = {};  // StoreCopy::tables of that one
  std::function<void(std::uint64_t done, std::uint64_t total)> progress = {};  // bytes
};

struct StoreCopy {
  std::string store_id;
  std::uint32_t generation = 0;
  Version version = 0;  // everything up to it is there
  bool live = false;    // the store was not stopped in order: it is open, or was killed
  std::vector<CopiedTable> tables;
  std::uint64_t bytes_linked = 0;
  std::uint64_t bytes_copied = 0;
  unsigned attempts = 0;
};

// Copies the store `from` into the new directory `to`, durably. kNotFound: there is no store; kIo;
// kCorruption: the store itself has a hole, or its files do not belong together. `to` is removed
// then.
[[nodiscard]] Result<StoreCopy> copy_store(const std::string& from, const std::string& to,
                                           const CopySettings& settings);

// Copies a store that nobody has open, file by file, into the new directory `to`, durably. Other
// files than a store's stay behind.
[[nodiscard]] Status copy_closed_store(const std::string& from, const std::string& to,
                                       const CopySettings& settings);

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_OFFLINE_STORE_COPY_H_
