// Moving in from a Redis and out again: each verb takes its parsed options and answers with an exit
// code. Keys of database N become those that `cloakroom serve` shows in its database N.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_MOVE_MOVE_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_MOVE_MOVE_H_

#include <optional>
#include <string>

#include "copy/copy.h"
#include "move/redis_url.h"

namespace cloakroom::cli {

struct RedisImportOptions {
  std::string dir;
  RedisAccess redis;
  std::optional<Existing> merge;
  bool follow = false;
  bool set_events = false;
  bool dry_run = false;
  bool json = false;
};
[[nodiscard]] int run_import_redis(const RedisImportOptions& options);

struct RedisExportOptions {
  std::string dir;
  RedisAccess redis;
  bool replace = false;
  bool dry_run = false;
  bool json = false;
};
[[nodiscard]] int run_export_redis(const RedisExportOptions& options);

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_MOVE_MOVE_H_
