// export, import, backup, restore: what they are called and what they take.
#include <map>
#include <memory>
#include <string>

#include "command_line.h"
#include "copy/copy.h"
#include "exit_codes.h"
#include "move/move.h"
#include "text/output.h"

namespace cloakroom::cli {
namespace {

// Prefixes and owners as the other verbs print them, or as their bytes.
std::string bytes_of(const std::string& text) { return unescape(text).value_or(text); }

void add_selection(CLI::App* app, Selection& selection) {
  call_it(
      app->add_option_function<std::string>(
          "--prefix", [&selection](const std::string& text) { selection.prefix = bytes_of(text); },
          "only keys that begin so"),
      "TEXT");
  call_it(
      app->add_option_function<std::string>(
          "--owner", [&selection](const std::string& text) { selection.owner = bytes_of(text); },
          "only records of this owner"),
      "OWNER");
  const std::map<std::string, Kind> kinds{{"bytes", Kind::kBytes},
                                          {"fields", Kind::kFields},
                                          {"session", Kind::kSession},
                                          {"members", Kind::kMembers}};
  call_it(app->add_option("--kind", selection.kind, "only records of this kind")
              ->transform(CLI::CheckedTransformer(kinds)),
          "bytes|fields|session|members");
  app->add_flag("--dead", selection.dead, "include what has expired and is not yet dropped");
}

void add_redis_access(CLI::App* app, RedisAccess& access) {
  call_it(app->add_option("--password-file", access.password_file,
                          "whose first line is the Redis's password; or set "
                          "CLOAKROOM_REDIS_PASSWORD"),
          "FILE");
  call_it(app->add_option("--tls-ca", access.tls_ca,
                          "certificates to trust with rediss://, in place of the system's"),
          "FILE");
  call_it(app->add_option("--tls-cert", access.tls_cert, "our own certificate"), "FILE");
  call_it(app->add_option("--tls-key", access.tls_key, "the key of our certificate"), "FILE");
}

struct ExportBoth {
  ExportOptions file;
  RedisExportOptions redis;
  std::string target;
};

int run_either(ExportBoth& options) {
  if (options.target.empty()) return run_export(options.file);
  if (!is_redis_url(options.target)) {
    message("to a file it is -o FILE; to a Redis redis://HOST/DB, rediss:// or unix://");
    return kExitUsage;
  }
  options.redis.dir = options.file.dir;
  options.redis.redis.url = options.target;
  return run_export_redis(options.redis);
}

Verb add_export(CLI::App& root) {
  const auto both = std::make_shared<ExportBoth>();
  ExportOptions* const options = &both->file;
  CLI::App* app = add_store_verb(root, "export", "Write every record as a line of JSON, lossless",
                                 "cloakroom export sessions --show-values -o sessions.jsonl\n"
                                 "  cloakroom export sessions redis://localhost/0",
                                 options->dir);
  app->add_option("TARGET", both->target, "redis://HOST[:PORT][/DB], in place of JSON");
  call_it(app->add_option("-o,--output", options->out, "a new file, mode 0600, in place of stdout"),
          "FILE");
  app->add_flag("--show-values", options->show_values,
                "needed: an export holds every value in the clear");
  app->add_flag("--skip-broken", options->skip_broken,
                "leave out what is damaged and say so, instead of stopping there");
  add_selection(app, options->selection);
  app->add_flag("--replace", both->redis.replace,
                "to a Redis: overwrite keys that are there, instead of keeping them");
  app->add_flag("-n,--dry-run", both->redis.dry_run, "to a Redis: count, write nothing");
  app->add_flag("--json", both->redis.json, "to a Redis: one JSON object at the end");
  add_redis_access(app, both->redis.redis);
  return {app, [both] { return run_either(*both); }};
}

struct ImportBoth {
  ImportOptions file;
  RedisImportOptions redis;
};

int run_either(ImportBoth& options) {
  if (!is_redis_url(options.file.source)) return run_import(options.file);
  options.redis.dir = options.file.dir;
  options.redis.redis.url = options.file.source;
  options.redis.merge = options.file.merge;
  options.redis.dry_run = options.file.dry_run;
  options.redis.json = options.file.json;
  return run_import_redis(options.redis);
}

Verb add_import(CLI::App& root) {
  const auto both = std::make_shared<ImportBoth>();
  ImportOptions* const options = &both->file;
  CLI::App* app =
      add_store_verb(root, "import", "Make a store of an export, or merge it into one",
                     "cloakroom import new-sessions sessions.jsonl\n"
                     "  cloakroom import new-sessions 'redis://localhost/0?match=sess:*' --follow",
                     options->dir);
  app->add_option(
         "SOURCE", options->source,
         "the file that export wrote, - for stdin, or redis://HOST[:PORT][/DB][?match=GLOB]")
      ->required();
  const std::map<std::string, Existing> existing{
      {"skip", Existing::kSkip}, {"replace", Existing::kReplace}, {"newer", Existing::kNewer}};
  call_it(app->add_option("--merge", options->merge,
                          "into a store that exists and is closed; what happens to keys it has")
              ->transform(CLI::CheckedTransformer(existing)),
          "skip|replace|newer");
  app->add_flag("--skip-broken", options->skip_broken,
                "leave out broken lines and say which, instead of stopping there");
  app->add_flag("--resume", options->resume, "go on where an import into STORE-DIR stopped");
  app->add_flag("-n,--dry-run", options->dry_run, "read everything, write nothing");
  app->add_flag("--json", options->json, "one JSON object");
  app->add_flag("--follow", both->redis.follow,
                "from a Redis: go on with what changes there, until Ctrl-C");
  app->add_flag("--set-events", both->redis.set_events,
                "let --follow switch the Redis's keyspace events on while it runs");
  add_redis_access(app, both->redis.redis);
  return {app, [both] { return run_either(*both); }};
}

Verb add_backup(CLI::App& root) {
  const auto options = std::make_shared<BackupOptions>();
  CLI::App* app =
      add_store_verb(root, "backup", "Copy a store, also while a server writes to it",
                     "cloakroom backup sessions /backup/sessions --keep 7", options->dir);
  app->add_option("BACKUP-DIR", options->to,
                  "directory of this store's backups, made when missing");
  call_it(app->add_option("--keep", options->keep, "then remove all but the last N (0: none)")
              ->check(CLI::NonNegativeNumber),
          "N");
  app->add_flag("--no-links", options->no_links,
                "copy every file, instead of linking to those of the store");
  app->add_flag("--list", options->list, "list the backups in the directory instead");
  app->add_flag("--json", options->json, "one JSON object, with --list one for each backup");
  return {app, [options] {
            if (options->list && options->to.empty()) options->to = options->dir;
            if (!options->to.empty()) return run_backup(*options);
            message("name the directory for the backups: cloakroom backup STORE-DIR BACKUP-DIR");
            return kExitUsage;
          }};
}

Verb add_restore(CLI::App& root) {
  const auto options = std::make_shared<RestoreOptions>();
  CLI::App* app = root.add_subcommand("restore", "Make a store of a backup, and verify it");
  app->add_option("BACKUP", options->backup, "a backup, or a directory of backups: its last one")
      ->required();
  app->add_option("NEW-DIR", options->dir, "the store to be, a new directory")->required();
  app->add_flag("--json", options->json, "one JSON object");
  app->footer("Example:\n  cloakroom restore /backup/sessions/000012 sessions\n");
  return {app, [options] { return run_restore(*options); }};
}

}  // namespace

void add_copy(CLI::App& root, Verbs& verbs) {
  verbs.push_back(add_export(root));
  verbs.push_back(add_import(root));
  verbs.push_back(add_backup(root));
  verbs.push_back(add_restore(root));
}

}  // namespace cloakroom::cli
