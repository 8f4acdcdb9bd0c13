// Merging a store's table files, for tools: the room of what was overwritten, erased or has been
// reclaimed comes back at once instead of when RocksDB gets to it.
#ifndef CLOAKROOM_LIB_OFFLINE_STORE_COMPACT_H_
#define CLOAKROOM_LIB_OFFLINE_STORE_COMPACT_H_

#include <cstdint>
#include <string>

#include "cloakroom/status.h"

namespace cloakroom {

// The store must have been stopped in order: open and close it before. It may be interrupted at any
// moment: files are exchanged as RocksDB always does it. kIo when a process has it open, with its
// id; kInvalidArgument when it was not stopped in order; kCorruption.
Status compact_store(const std::string& dir);

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_OFFLINE_STORE_COMPACT_H_
