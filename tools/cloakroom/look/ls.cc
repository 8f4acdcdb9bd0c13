// cloakroom ls: the records of a store, filtered.
#include <fmt/format.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "exit_codes.h"
#include "look/look.h"
#include "reading/open_store.h"
#include "reading/record_json.h"
#include "text/output.h"
#include "text/progress.h"

namespace cloakroom::cli {
namespace {

// Users copy keys from our own listings: a filter matches the bytes, or the escaped form of them.
bool matches(const LsOptions& options, const RecordView& record, TimeMs now) {
  if (!options.dead && dead(record, now)) return false;
  if (options.kind && record.kind != *options.kind) return false;
  if (options.larger_than_bytes && record.value.size() <= *options.larger_than_bytes) return false;
  if (options.expires_before_ms && until(record.deadline, now) > *options.expires_before_ms) {
    return false;
  }
  if (options.owner && record.owner != *options.owner && escape(record.owner) != *options.owner) {
    return false;
  }
  return record.key.starts_with(options.prefix) || escape(record.key).starts_with(options.prefix);
}

// Records come in key order, so nothing behind the prefix can match. An escaped prefix (it holds a
// backslash) has a place in another order.
bool behind_prefix(const LsOptions& options, std::string_view key) {
  return options.prefix.find('\\') == std::string::npos && key > options.prefix &&
         !key.starts_with(options.prefix);
}

std::vector<std::string> row_of(const RecordView& record, TimeMs now) {
  return {escape(record.key),
          kind_name(record.kind),
          human_count(record.value.size()),
          record.owner.empty() ? "-" : escape(record.owner),
          ttl_text(record, now),
          utc_time(record.created)};
}

// Walks and prints; `shown` counts. Returns the status of the walk.
Status walk(const LsOptions& options, StoreReader& reader,
            FunctionRef<void(const RecordView&)> show,
            FunctionRef<void(const Finding&)> on_damage) {
  const TimeMs now = reader.info().now;
  Progress progress("reading");
  std::uint64_t seen = 0;
  std::uint64_t shown = 0;
  const bool quiet = is_terminal(stdout);  // The listing itself shows that something happens.
  return reader.for_each(
      [&](const RecordView& record) {
        ++seen;
        if (!quiet) progress.update(seen, reader.info().records_estimate);
        if (behind_prefix(options, record.key)) return false;
        if (!matches(options, record, now)) return true;
        show(record);
        ++shown;
        return options.limit == 0 || shown < options.limit;
      },
      &on_damage);
}

}  // namespace

int run_ls(const LsOptions& options) {
  const auto reader = open_reader(options.dir);
  if (!reader) return kExitCannotOpen;
  const TimeMs now = reader->info().now;

  Table table({{"KEY"}, {"KIND"}, {"BYTES", true}, {"OWNER"}, {"TTL LEFT"}, {"CREATED (UTC)"}});
  std::uint64_t damaged = 0;
  const auto show = [&](const RecordView& record) {
    if (options.json) {
      print(record_json(record, now).dump() + "\n");
    } else {
      table.add(row_of(record, now));
    }
  };
  const auto on_damage = [&](const Finding& finding) {
    ++damaged;
    message(text_of(finding));
  };
  const Status walked = walk(options, *reader, show, on_damage);
  if (!options.json) table.finish();
  if (!walked) {
    message(text_of(walked));
    return walked.code() == StatusCode::kCorruption ? kExitFindings : kExitCannotOpen;
  }
  if (damaged == 0) return kExitOk;
  message(fmt::format("{} damaged records are left out; run `cloakroom verify {}`",
                      human_count(damaged), options.dir));
  return kExitFindings;
}

}  // namespace cloakroom::cli
