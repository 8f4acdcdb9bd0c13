// cloakroom info: what a directory is, and how it is.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "exit_codes.h"
#include "look/look.h"
#include "reading/open_store.h"
#include "text/output.h"

namespace cloakroom::cli {
namespace {

std::string state_of(const StoreInfo& info) {
  if (info.live) {
    const std::string holder =
        info.holder_pid > 0 ? fmt::format(" by process {}", info.holder_pid) : std::string();
    return "live: open" + holder;
  }
  return info.clean ? "at rest, stopped cleanly"
                    : "at rest, stopped uncleanly (the next open recovers by itself)";
}

const char* state_word(const StoreInfo& info) {
  if (info.live) return "live";
  return info.clean ? "clean" : "unclean";
}

std::string versions_of(const StoreInfo& info) {
  std::string text = fmt::format("last {}, synced {}", human_count(info.version_last),
                                 human_count(info.version_synced));
  if (info.version_last < info.version_synced) {
    text +=
        paint(stdout, Colour::kRed, " - acknowledged writes are missing; run `cloakroom verify`");
  }
  return text;
}

std::string sizes_of(const StoreInfo& info) {
  const std::uint64_t known = info.sst_bytes + info.wal_bytes + info.ring_bytes;
  const std::uint64_t other = info.total_bytes > known ? info.total_bytes - known : 0;
  return fmt::format("{} in {} files: tables {}, log {}, ring {}, other {}",
                     human_bytes(info.total_bytes), human_count(info.file_count),
                     human_bytes(info.sst_bytes), human_bytes(info.wal_bytes),
                     human_bytes(info.ring_bytes), human_bytes(other));
}

// RocksDB has no estimate for a store that it opened without its statistics: it says 0 then.
bool estimated(const StoreInfo& info) {
  return info.records_estimate > 0 || info.version_last == 0;
}

std::string records_of(const StoreInfo& info) {
  if (!estimated(info)) return "not estimated; `cloakroom stats` counts";
  return "about " + human_count(info.records_estimate) + "; `cloakroom stats` counts";
}

std::string ring_of(const StoreInfo& info) {
  if (info.ring_changes == 0) return "nothing waits";
  return fmt::format("{} changes wait to be handed to the database",
                     human_count(info.ring_changes));
}

void print_text(const StoreInfo& info) {
  print_pairs({
      {"Store", escape_text(info.path)},
      {"Format", std::to_string(info.format_version)},
      {"Store id", info.store_id},
      {"Created", fmt::format("{} UTC, {} ago", utc_time(info.created),
                              human_duration(info.now - info.created))},
      {"State", state_of(info)},
      {"Versions", versions_of(info)},
      {"Ring", ring_of(info)},
      {"Records", records_of(info)},
      {"Size", sizes_of(info)},
  });
}

void print_json(const StoreInfo& info) {
  const nlohmann::ordered_json out{
      {"path", escape_text(info.path)},
      {"format_version", info.format_version},
      {"store_id", info.store_id},
      {"created_ms", info.created},
      {"age_ms", info.now - info.created},
      {"now_ms", info.now},
      {"state", state_word(info)},
      {"live", info.live},
      {"clean", info.clean},
      {"holder_pid", info.holder_pid > 0 ? nlohmann::ordered_json(info.holder_pid)
                                         : nlohmann::ordered_json(nullptr)},
      {"version_last", info.version_last},
      {"version_synced", info.version_synced},
      {"records_estimate", estimated(info) ? nlohmann::ordered_json(info.records_estimate)
                                           : nlohmann::ordered_json(nullptr)},
      {"sst_bytes", info.sst_bytes},
      {"wal_bytes", info.wal_bytes},
      {"ring_bytes", info.ring_bytes},
      {"ring_changes", info.ring_changes},
      {"total_bytes", info.total_bytes},
      {"file_count", info.file_count},
  };
  print(out.dump(2) + "\n");
}

}  // namespace

int run_info(const InfoOptions& options) {
  const auto reader = open_reader(options.dir);
  if (!reader) return kExitCannotOpen;
  if (options.json) {
    print_json(reader->info());
  } else {
    print_text(reader->info());
  }
  return kExitOk;
}

}  // namespace cloakroom::cli
