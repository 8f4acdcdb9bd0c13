// A directory of backups of one store:
//
//   DIR/LOCK            locked while a backup is made or removed
//   DIR/000001/         a store after an orderly stop, and beside it
//            BACKUP     a JSON object: what it is a copy of, when, and its table files
//   DIR/000002/ ...     what has not changed since the one before is linked
//   DIR/partial/        one that is being made, or was when its process died; the next one removes
//   it
//
// A number stands there only when all that it names is on disk.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_COPY_BACKUPS_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_COPY_BACKUPS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "cloakroom/clock.h"
#include "cloakroom/status.h"
#include "offline/store_copy.h"

namespace cloakroom::cli {

inline constexpr const char* kPartialName = "partial";

struct Backup {
  std::uint64_t number = 0;
  std::string dir;
  TimeMs made = 0;  // wall time
  StoreCopy copy;
};

// In their order; directories that are none are left out.
[[nodiscard]] Result<std::vector<Backup>> list_backups(const std::string& dir);

// Nothing when `dir` is no backup.
[[nodiscard]] std::optional<Backup> read_backup(const std::string& dir);
// Writes DIR/BACKUP, durably.
[[nodiscard]] Status write_backup(const Backup& backup);

// The lock of a directory of backups, which is made when it is missing. kIo when another has it.
[[nodiscard]] Result<Fd> lock_backups(const std::string& dir);

[[nodiscard]] std::string backup_name(std::uint64_t number);  // "000012"

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_COPY_BACKUPS_H_
