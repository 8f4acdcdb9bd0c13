// repair, compact, rm, revoke, expire-all: what they are called and what they take.
#include <memory>

#include "command_line.h"
#include "mend/mend.h"

namespace cloakroom::cli {
namespace {

void add_ending(CLI::App* app, EndingOptions& options) {
  app->add_flag("--dry-run", options.dry_run, "only count what would be ended");
  app->add_flag("--yes", options.yes, "do not ask; needed where there is no terminal");
  app->add_flag("--json", options.json, "one JSON object");
}

Verb add_repair(CLI::App& root) {
  const auto options = std::make_shared<RepairOptions>();
  CLI::App* app =
      add_store_verb(root, "repair", "Save what can be read of a damaged store into a new one",
                     "cloakroom repair sessions sessions-saved", options->dir);
  app->add_option("NEW-DIR", options->new_dir, "directory to make; it must not exist")->required();
  app->add_flag("--keep-uncertain", options->keep_uncertain,
                "keep records of which a newer state, or their end, may have been lost");
  app->add_flag("--dry-run", options->dry_run, "only tell what would be saved and lost");
  app->add_flag("--json", options->json, "JSON Lines: a line for each loss, then a summary");
  return {app, [options] { return run_repair(*options); }};
}

Verb add_compact(CLI::App& root) {
  const auto options = std::make_shared<CompactOptions>();
  CLI::App* app = add_store_verb(root, "compact", "Give the room of what has expired back now",
                                 "cloakroom compact sessions --yes", options->dir);
  app->add_flag("--dry-run", options->dry_run, "only tell what there is");
  app->add_flag("--yes", options->yes, "do not ask; needed where there is no terminal");
  app->add_flag("--json", options->json, "one JSON object");
  return {app, [options] { return run_compact(*options); }};
}

Verb add_remove(CLI::App& root) {
  const auto options = std::make_shared<RemoveOptions>();
  CLI::App* app = add_store_verb(root, "rm", "End records by key, prefix or owner",
                                 "cloakroom rm sessions --prefix cart: --dry-run", options->dir);
  call_it(app->add_option("KEY", options->keys, "keys, as `cloakroom ls` prints them"), "...");
  call_it(app->add_option("--prefix", options->prefix, "every record whose key begins so"), "TEXT");
  call_it(app->add_option("--owner", options->owner, "every record of this owner"), "OWNER");
  add_ending(app, *options);
  return {app, [options] { return run_remove(*options); }};
}

Verb add_revoke(CLI::App& root) {
  const auto options = std::make_shared<RevokeOptions>();
  CLI::App* app = add_store_verb(root, "revoke", "End all sessions of an owner",
                                 "cloakroom revoke sessions alice --yes", options->dir);
  app->add_option("OWNER", options->owner, "as `cloakroom ls` prints it")->required();
  add_ending(app, *options);
  return {app, [options] { return run_revoke(*options); }};
}

Verb add_expire_all(CLI::App& root) {
  const auto options = std::make_shared<ExpireAllOptions>();
  CLI::App* app = add_store_verb(root, "expire-all", "End every session and every other record",
                                 "cloakroom expire-all sessions --dry-run", options->dir);
  add_ending(app, *options);
  return {app, [options] { return run_expire_all(*options); }};
}

}  // namespace

void add_mend(CLI::App& root, Verbs& verbs) {
  verbs.push_back(add_repair(root));
  verbs.push_back(add_compact(root));
  verbs.push_back(add_remove(root));
  verbs.push_back(add_revoke(root));
  verbs.push_back(add_expire_all(root));
}

}  // namespace cloakroom::cli
