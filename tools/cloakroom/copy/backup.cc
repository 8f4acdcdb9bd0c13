// cloakroom backup: a copy of a store, also beside the server that writes to it.
#include <fmt/format.h>

#include <algorithm>
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

Json json_of(const Backup& backup) {
  return {{"number", backup.number},
          {"dir", escape_text(backup.dir)},
          {"made_ms", backup.made},
          {"store_id", backup.copy.store_id},
          {"generation", backup.copy.generation},
          {"version", backup.copy.version},
          {"live", backup.copy.live},
          {"bytes_linked", backup.copy.bytes_linked},
          {"bytes_copied", backup.copy.bytes_copied}};
}

int list(const BackupOptions& options) {
  const auto backups = list_backups(options.to);
  if (!backups) return cannot(backups.status());
  if (options.json) {
    for (const Backup& backup : *backups) print(json_of(backup).dump() + "\n");
    return kExitOk;
  }
  Table table({{.title = "NUMBER"},
               {.title = "MADE (UTC)"},
               {.title = "VERSION", .right = true},
               {.title = "LINKED", .right = true},
               {.title = "COPIED", .right = true}});
  for (const Backup& backup : *backups) {
    table.add({backup_name(backup.number), utc_time(backup.made),
               std::to_string(backup.copy.version), human_bytes(backup.copy.bytes_linked),
               human_bytes(backup.copy.bytes_copied)});
  }
  table.finish();
  return kExitOk;
}

// Under another name first: what is half removed must not look whole.
Status remove_old(const BackupOptions& options, std::vector<Backup> backups) {
  if (options.keep == 0 || backups.size() <= options.keep) return Status();
  backups.resize(backups.size() - static_cast<std::size_t>(options.keep));
  for (const Backup& backup : backups) {
    const std::string removed = options.to + "/removed";
    std::error_code failed;
    std::filesystem::remove_all(removed, failed);
    if (!failed) std::filesystem::rename(backup.dir, removed, failed);
    if (!failed) std::filesystem::remove_all(removed, failed);
    if (failed) return io_error("remove", backup.dir, failed.value());
  }
  return Status();
}

Result<Backup> make(const BackupOptions& options, const std::vector<Backup>& earlier) {
  Backup backup;
  const std::string partial = options.to + "/" + kPartialName;
  std::error_code failed;
  std::filesystem::remove_all(partial, failed);  // of one that was killed
  if (failed) return io_error("remove", partial, failed.value());
  Progress progress("copying");
  CopySettings settings;
  settings.link = !options.no_links;
  settings.progress = [&](std::uint64_t done, std::uint64_t total) {
    progress.update(done, total, human_bytes(done));
  };
  if (!earlier.empty()) {
    settings.earlier = earlier.back().dir;
    settings.earlier_tables = earlier.back().copy.tables;
  }
  backup.made = system_clock().wall_ms();  // what was acknowledged before this is in it
  auto copied = copy_store(options.dir, partial, settings);
  progress.clear();
  if (!copied) return copied.status();
  backup.copy = *std::move(copied);
  if (!earlier.empty() && earlier.back().copy.store_id != backup.copy.store_id) {
    std::filesystem::remove_all(partial, failed);
    return Status(StatusCode::kInvalidArgument,
                  options.to + " holds backups of another store; name a directory of its own");
  }
  backup.number = earlier.empty() ? 1 : earlier.back().number + 1;
  backup.dir = partial;
  if (Status written = write_backup(backup); !written) return written;
  backup.dir = options.to + "/" + backup_name(backup.number);
  if (::rename(partial.c_str(), backup.dir.c_str()) != 0) {
    return io_error("rename to", backup.dir, errno);
  }
  if (Status synced = sync_directory(options.to); !synced) return synced;
  return backup;
}

int make_and_tell(const BackupOptions& options) {
  if (!open_reader(options.dir)) return kExitCannotOpen;  // it says best why not
  if (lies_in_store(options.to, options.dir)) return kExitUsage;
  const auto lock = lock_backups(options.to);
  if (!lock) return cannot(lock.status());
  auto earlier = list_backups(options.to);
  if (!earlier) return cannot(earlier.status());
  const auto backup = make(options, *earlier);
  if (!backup) return cannot(backup.status());
  earlier->push_back(*backup);
  if (options.json) {
    print(json_of(*backup).dump() + "\n");
  } else {
    print(fmt::format("backup {} of {} at version {}: {} linked, {} copied\n",
                      escape_text(backup->dir), escape_text(options.dir), backup->copy.version,
                      human_bytes(backup->copy.bytes_linked),
                      human_bytes(backup->copy.bytes_copied)));
  }
  const Status removed = remove_old(options, *std::move(earlier));
  return removed ? kExitOk : cannot(removed);
}

// What a child that was ended left. Not while another backup is at work there.
void remove_unfinished(const std::string& to) {
  const std::string partial = to + "/" + kPartialName;
  if (!exists(partial) || !lock_backups(to)) return;
  std::error_code ignored;
  std::filesystem::remove_all(partial, ignored);
}

}  // namespace

int run_backup(const BackupOptions& options) {
  if (options.list) return list(options);
  IsolatedChild child([&] { return make_and_tell(options); });
  const ChildEnd end = child.wait();
  if (end.signal != 0) remove_unfinished(options.to);
  return finish_isolated(options.dir, end);
}

}  // namespace cloakroom::cli
