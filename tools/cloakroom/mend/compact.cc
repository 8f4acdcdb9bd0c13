// cloakroom compact: the room of what has expired or was overwritten comes back now.
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cloakroom/store.h"
#include "exit_codes.h"
#include "mend/ending.h"
#include "mend/mend.h"
#include "offline/store_compact.h"
#include "reading/isolate.h"
#include "reading/open_store.h"
#include "reading/record_json.h"
#include "text/output.h"

namespace cloakroom::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Figures {
  std::uint64_t records = 0;
  std::uint64_t expired = 0;
  std::uint64_t bytes_before = 0;
  std::uint64_t bytes_after = 0;
};

int cannot(const Status& status) {
  message(text_of(status));
  return kExitCannotOpen;
}

std::uint64_t table_bytes(const std::string& dir) {
  std::uint64_t bytes = 0;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(dir + "/rocks", failed)) {
    if (entry.path().extension() != ".sst") continue;
    const std::uint64_t here = entry.file_size(failed);
    if (!failed) bytes += here;
  }
  return bytes;
}

int count(const CompactOptions& options, Figures& figures) {
  const auto reader = open_reader(options.dir);
  if (!reader) return kExitCannotOpen;
  figures.bytes_before = table_bytes(options.dir);
  const Status walked = reader->for_each([&](const RecordView& record) {
    ++figures.records;
    if (dead(record, reader->info().now)) ++figures.expired;
    return true;
  });
  return walked ? kExitOk : cannot(walked);
}

// Opening and closing it drops what has expired and leaves a store that was stopped in order.
Status settle(const std::string& dir) {
  auto store = Store::open(
      {.path = dir, .disk_floor_bytes = 0, .create_if_missing = false, .background = false});
  if (!store) return store.status();
  while (store->sweep() != 0) {
  }
  if (Status synced = store->sync(); !synced) return synced;
  return store->close();
}

std::string amount(const Figures& figures) {
  return human_bytes(figures.bytes_before) + " of table files and drop " +
         human_count(figures.expired) + " expired of " + human_count(figures.records) + " records";
}

int tell(const CompactOptions& options, const Figures& figures) {
  if (options.json) {
    print(Json{{"records", figures.records},
               {"expired", figures.expired},
               {"table_bytes_before", figures.bytes_before},
               {"table_bytes_after", options.dry_run ? Json(nullptr) : Json(figures.bytes_after)},
               {"dry_run", options.dry_run}}
              .dump() +
          "\n");
  } else if (options.dry_run) {
    print("would merge " + amount(figures) + "\n");
  } else {
    print("merged: " + human_bytes(figures.bytes_before) + " of table files before, " +
          human_bytes(figures.bytes_after) + " after; " + human_count(figures.expired) +
          " expired records dropped\n");
  }
  return kExitOk;
}

int compact(const CompactOptions& options) {
  Figures figures;
  if (const int code = count(options, figures); code != kExitOk) return code;
  if (options.dry_run) return tell(options, figures);
  const std::string question = "Merge " + amount(figures) + " in " + options.dir + "?";
  if (const auto code = refused(options.yes, question, "merge " + amount(figures))) return *code;
  if (Status settled = settle(options.dir); !settled) return cannot(settled);
  if (Status merged = compact_store(options.dir); !merged) return cannot(merged);
  figures.bytes_after = table_bytes(options.dir);
  return tell(options, figures);
}

}  // namespace

int run_compact(const CompactOptions& options) {
  if (!is_at_rest(options.dir)) return kExitCannotOpen;
  return run_isolated(options.dir, [&] { return compact(options); });
}

}  // namespace cloakroom::cli
