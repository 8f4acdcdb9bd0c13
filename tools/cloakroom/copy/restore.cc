// cloakroom restore: a backup becomes a store, and is a store only when it was verified.
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "copy/backups.h"
#include "copy/copy.h"
#include "exit_codes.h"
#include "reading/isolate.h"
#include "reading/open_store.h"
#include "text/output.h"
#include "text/progress.h"

namespace cloakroom::cli {
namespace {

using Json = nlohmann::ordered_json;

int cannot(const Status& status) {
  message(text_of(status));
  return kExitCannotOpen;
}

// The backup itself, or the last one of a directory of backups.
Result<Backup> find(const std::string& path) {
  if (auto backup = read_backup(path)) return *std::move(backup);
  const auto backups = list_backups(path);
  if (!backups) return backups.status();
  if (!backups->empty()) return backups->back();
  return Status(StatusCode::kNotFound, "there is no backup in " + path +
                                           "; name one that `cloakroom backup` made, or the "
                                           "directory of all");
}

std::string without_slashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

// The number of records, or -1 after saying what is wrong.
std::int64_t verify(const std::string& dir, Version promised) {
  const auto reader = open_reader(dir);
  if (!reader) return -1;
  std::uint64_t findings = 0;
  std::uint64_t records = 0;
  Progress progress("verifying");
  const Status verified = reader->verify(
      [&](const Finding& finding) {
        ++findings;
        progress.clear();
        message(text_of(finding));
      },
      [&](std::uint64_t done, std::uint64_t total) {
        records = done;
        progress.update(done, total);
      });
  progress.clear();
  if (!verified) message(text_of(verified));
  if (reader->info().version_last != promised) {
    ++findings;
    message(dir + " ends at version " + std::to_string(reader->info().version_last) +
            ", the backup at " + std::to_string(promised));
  }
  return verified && findings == 0 ? static_cast<std::int64_t>(records) : -1;
}

int copy_and_verify(const Backup& backup, const RestoreOptions& options,
                    const std::string& partial) {
  Progress progress("copying");
  CopySettings settings;
  settings.progress = [&](std::uint64_t done, std::uint64_t total) {
    progress.update(done, total, human_bytes(done));
  };
  const Status copied = copy_closed_store(backup.dir, partial, settings);
  progress.clear();
  if (!copied) return cannot(copied);
  const std::int64_t records = verify(partial, backup.copy.version);
  if (records < 0) {
    message("the backup " + backup.dir + " is damaged and was not restored; restore another one, " +
            "or salvage it with `cloakroom repair`");
    return kExitFindings;
  }
  const std::string dir = without_slashes(options.dir);
  if (exists(dir) || ::rename(partial.c_str(), dir.c_str()) != 0) {
    return cannot(io_error("rename to", dir, exists(dir) ? EEXIST : errno));
  }
  if (Status synced = sync_directory(parent_of(dir)); !synced) return cannot(synced);
  if (options.json) {
    print(Json{{"backup", escape_text(backup.dir)},
               {"store", escape_text(options.dir)},
               {"made_ms", backup.made},
               {"version", backup.copy.version},
               {"generation", backup.copy.generation},
               {"records", records}}
              .dump() +
          "\n");
  } else {
    print("restored " + escape_text(backup.dir) + " of " + utc_time(backup.made) + " UTC to " +
          escape_text(options.dir) + ": " + human_count(static_cast<std::uint64_t>(records)) +
          " records, verified\n"
          "Sessions that have ended since are alive in it; its first open ends those of the web\n"
          "layer, unless SessionsOptions::trust_copy says otherwise.\n");
  }
  return kExitOk;
}

}  // namespace

int run_restore(const RestoreOptions& options) {
  if (exists(options.dir)) {
    message(options.dir + " exists already; restore to a new directory, then put it in its place");
    return kExitCannotOpen;
  }
  const auto backup = find(options.backup);
  if (!backup) return cannot(backup.status());
  const std::string partial = without_slashes(options.dir) + ".partial";
  std::error_code ignored;
  std::filesystem::remove_all(partial, ignored);  // of one that was killed
  IsolatedChild child([&] { return copy_and_verify(*backup, options, partial); });
  const ChildEnd end = child.wait();
  std::filesystem::remove_all(partial, ignored);
  return finish_isolated(backup->dir, end);
}

}  // namespace cloakroom::cli
