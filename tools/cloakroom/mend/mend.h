// Verbs that change a store at rest, or make a new one of a damaged one.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_MEND_MEND_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_MEND_MEND_H_

#include <string>
#include <vector>

namespace cloakroom::cli {

struct RepairOptions {
  std::string dir;
  std::string new_dir;
  bool keep_uncertain = false;
  bool dry_run = false;
  bool json = false;
};
// Saves what can be read into a new directory. Exit code 1 when anything was lost or left out.
[[nodiscard]] int run_repair(const RepairOptions& options);

// What all verbs that end records take.
struct EndingOptions {
  std::string dir;
  bool dry_run = false;
  bool yes = false;
  bool json = false;
};

struct RemoveOptions : EndingOptions {
  std::vector<std::string> keys;  // escaped
  std::string prefix;
  std::string owner;
};
[[nodiscard]] int run_remove(const RemoveOptions& options);

struct RevokeOptions : EndingOptions {
  std::string owner;
};
[[nodiscard]] int run_revoke(const RevokeOptions& options);

struct ExpireAllOptions : EndingOptions {};
[[nodiscard]] int run_expire_all(const ExpireAllOptions& options);

struct CompactOptions {
  std::string dir;
  bool dry_run = false;
  bool yes = false;
  bool json = false;
};
[[nodiscard]] int run_compact(const CompactOptions& options);

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_MEND_MEND_H_
