// Going through the keys. A page is about COUNT records of the store, of which those of other
// databases are left out, so a page may be empty and the scan not over, as with Redis.
#include <algorithm>
#include <vector>

#include "base/random.h"
#include "index/events.h"
#include "resp/commands.h"
#include "resp/glob.h"

namespace cloakroom::resp {
namespace {

constexpr std::size_t kPage = 1024;
constexpr std::size_t kPageMax = 65536;
constexpr std::size_t kRandomPages = 32;

// Calls f(record, key) for every record of a database, the client's or (-1) each.
template <class F>
Status for_each_key(Call& call, int database, F&& f) {
  Cursor cursor = kScanStart;
  do {
    const auto next = call.store().scan(cursor, kPage, [&](const RecordView& record) {
      const auto key = database_key(record.key);
      if (key && (database < 0 || key->database == database)) f(record, *key);
    });
    if (!next) return next.status();
    cursor = *next;
  } while (cursor != kScanStart);
  return Status();
}

// Erases by pages, so that a page of keys is all the memory it takes.
Status erase_all(Call& call, int database) {
  Cursor cursor = kScanStart;
  do {
    std::vector<std::string> keys;
    const auto next = call.store().scan(cursor, kPage, [&](const RecordView& record) {
      const auto key = database_key(record.key);
      const bool its = key && (database < 0 || key->database == database);
      if (its && record.kind != Kind::kSession) keys.emplace_back(record.key);
    });
    if (!next) return next.status();
    for (const std::string& key : keys) {
      // The wait for the disk, if any, is for the last one.
      const Status erased = call.store().erase(key, call.erasing());
      if (!erased && erased.code() != StatusCode::kNotFound) return erased;
    }
    cursor = *next;
  } while (cursor != kScanStart);
  return Status();
}

void flush(Call& call, int database) {
  const bool word = call.size() == 2 && (is_word(call[1], "async") || is_word(call[1], "sync"));
  if (call.size() > 1 && !word) return call.error(kSyntaxError);
  const EventOrigin flush(Tracking::kFlush);
  const Status erased = erase_all(call, database);
  if (call.server.tracking.any()) call.server.tracking.flushed();
  erased ? call.out.ok() : call.fail(erased);
}

}  // namespace

std::optional<std::uint64_t> scan_cursor(Call& call, std::string_view text) {
  const auto cursor = parse_uint(text);
  if (!cursor) call.error("ERR invalid cursor");
  return cursor;
}

std::optional<ScanOptions> scan_options(Call& call, std::size_t from, bool with_type) {
  ScanOptions options;
  for (std::size_t i = from; i < call.size(); i += 2) {
    const bool has_value = i + 1 < call.size();
    if (has_value && is_word(call[i], "count")) {
      const auto count = call.integer(i + 1);
      if (!count) return std::nullopt;
      if (*count < 1) {
        call.error(kSyntaxError);
        return std::nullopt;
      }
      options.count = static_cast<std::size_t>(*count);
    } else if (has_value && is_word(call[i], "match")) {
      options.pattern = call[i + 1];
      options.has_pattern = options.pattern != "*";
    } else if (has_value && with_type && is_word(call[i], "type")) {
      options.type = lower_case(call[i + 1]);
    } else {
      call.error(kSyntaxError);
      return std::nullopt;
    }
  }
  return options;
}

void tell_empty_scan(Call& call) {
  call.out.array(2);
  call.out.bulk("0");
  call.out.array(0);
}

void scan_command(Call& call) {
  const auto cursor = scan_cursor(call, call[1]);
  if (!cursor) return;
  const auto options = scan_options(call, 2, true);
  if (!options) return;
  std::vector<std::string> keys;
  const auto next =
      call.store().scan(*cursor, std::min(options->count, kPageMax), [&](const RecordView& record) {
        const auto key = database_key(record.key);
        if (!key || key->database != call.database) return;
        if (options->type && *options->type != type_name(type_of(record))) return;
        if (options->has_pattern && !glob_matches(options->pattern, key->key)) return;
        keys.emplace_back(key->key);
      });
  if (next.code() == StatusCode::kInvalidArgument) return call.error("ERR invalid cursor");
  if (!next) return call.fail(next.status());
  call.out.array(2);
  call.out.bulk(std::to_string(*next));
  call.out.array(keys.size());
  for (const std::string& key : keys) call.out.bulk(key);
}

void keys_command(Call& call) {
  std::vector<std::string> keys;
  const Status walked =
      for_each_key(call, call.database, [&](const RecordView&, const DatabaseKey& key) {
        if (glob_matches(call[1], key.key)) keys.emplace_back(key.key);
      });
  if (!walked) return call.fail(walked);
  call.out.array(keys.size());
  for (const std::string& key : keys) call.out.bulk(key);
}

// One of a page some way into the scan: random enough for sampling, and never a walk of it all.
void randomkey_command(Call& call) {
  const std::uint64_t random = random_u64().ok() ? *random_u64() : 0;
  const std::uint64_t pages = random % kRandomPages;
  std::vector<std::string> keys;
  Cursor cursor = kScanStart;
  for (std::uint64_t page = 0;; ++page) {
    std::vector<std::string> found;
    const auto next = call.store().scan(cursor, 64, [&](const RecordView& record) {
      const auto key = database_key(record.key);
      if (key && key->database == call.database) found.emplace_back(key->key);
    });
    if (!next) return call.fail(next.status());
    if (!found.empty()) keys = std::move(found);
    cursor = *next;
    if (cursor == kScanStart || (page >= pages && !keys.empty())) break;
  }
  keys.empty() ? call.out.null() : call.out.bulk(keys[(random >> 8) % keys.size()]);
}

void dbsize_command(Call& call) {
  const bool alone =
      call.server.databases() == 1 && call.database == 0 && call.server.options.tombstones.empty();
  if (alone && call.server.databases_known.load(std::memory_order_relaxed)) {
    const Stats stats = call.store().stats();
    if (stats.warm) return call.out.integer(static_cast<std::int64_t>(stats.records));
  }
  std::int64_t count = 0;
  const Status walked = for_each_key(call, -1, [&](const RecordView&, const DatabaseKey& key) {
    call.server.note_database(key.database);
    count += key.database == call.database ? 1 : 0;
  });
  if (!walked) return call.fail(walked);
  call.server.databases_known.store(true, std::memory_order_relaxed);
  call.out.integer(count);
}

void flushdb_command(Call& call) { flush(call, call.database); }

void flushall_command(Call& call) { flush(call, -1); }

}  // namespace cloakroom::resp
