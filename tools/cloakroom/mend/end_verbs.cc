// rm, revoke, expire-all: which records each is about.
#include "exit_codes.h"
#include "mend/ending.h"
#include "mend/mend.h"
#include "text/output.h"

namespace cloakroom::cli {

int run_remove(const RemoveOptions& options) {
  const std::string prefix = bytes_of(options.prefix);
  const std::string owner = bytes_of(options.owner);
  if (options.keys.empty() && prefix.empty() && owner.empty()) {
    message("rm: name keys, --prefix or --owner; `cloakroom expire-all` ends everything");
    return kExitUsage;
  }
  if (!options.keys.empty() && !(prefix.empty() && owner.empty())) {
    message("rm: name keys, or --prefix and --owner, not both");
    return kExitUsage;
  }
  Ending ending{.options = options,
                .what = "records",
                .reason = EndReason::kEvicted,
                .concerns = [&](const RecordView& record) {
                  return record.key.starts_with(prefix) && (owner.empty() || record.owner == owner);
                }};
  for (const std::string& key : options.keys) ending.keys.push_back(bytes_of(key));
  if (!owner.empty()) ending.what += " of " + escape(owner);
  return run_ending(ending);
}

int run_revoke(const RevokeOptions& options) {
  const std::string owner = bytes_of(options.owner);
  if (owner.empty()) {
    message("revoke: the owner is empty; `cloakroom owners STORE-DIR` lists them");
    return kExitUsage;
  }
  return run_ending({.options = options,
                     .what = "records of " + escape(owner),
                     .reason = EndReason::kRevoked,
                     .concerns = [&](const RecordView& record) { return record.owner == owner; }});
}

int run_expire_all(const ExpireAllOptions& options) {
  return run_ending({.options = options,
                     .what = "records",
                     .reason = EndReason::kEveryone,
                     .concerns = [](const RecordView&) { return true; },
                     .new_epoch = true});
}

}  // namespace cloakroom::cli
