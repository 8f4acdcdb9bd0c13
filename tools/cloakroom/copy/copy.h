// Verbs that carry a store, or what is in it, to another place: each takes its parsed options and
// answers with an exit code. None changes the store it reads.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_COPY_COPY_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_COPY_COPY_H_

#include <cstdint>
#include <optional>
#include <string>

#include "cloakroom/record.h"

namespace cloakroom::cli {

// Which records. Prefix and owner are the bytes themselves.
struct Selection {
  std::string prefix;
  std::optional<std::string> owner;
  std::optional<Kind> kind;
  bool dead = false;  // also what has expired

  [[nodiscard]] bool holds(const RecordView& record, TimeMs now) const noexcept {
    return record.key.starts_with(prefix) && (!owner || record.owner == *owner) &&
           (!kind || record.kind == *kind) && (dead || record.deadline >= now);
  }
};

struct ExportOptions {
  std::string dir;
  std::string out;  // empty: stdout
  Selection selection;
  bool show_values = false;
  bool skip_broken = false;
};
[[nodiscard]] int run_export(const ExportOptions& options);

// What a merge does with a record whose key the store has already.
enum class Existing { kSkip, kReplace, kNewer };

struct ImportOptions {
  std::string dir;
  std::string source;  // a file, or "-"
  std::optional<Existing> merge;
  bool skip_broken = false;
  bool resume = false;
  bool dry_run = false;
  bool json = false;
};
[[nodiscard]] int run_import(const ImportOptions& options);

struct BackupOptions {
  std::string dir;
  std::string to;          // the directory of all backups of this store
  std::uint64_t keep = 0;  // 0: all
  bool list = false;
  bool no_links = false;  // not to the store's own files
  bool json = false;
};
[[nodiscard]] int run_backup(const BackupOptions& options);

struct RestoreOptions {
  std::string backup;
  std::string dir;
  bool json = false;
};
[[nodiscard]] int run_restore(const RestoreOptions& options);

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_COPY_COPY_H_
