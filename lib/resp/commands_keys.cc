// Keys of any type.
#include <algorithm>

#include "resp/commands.h"
#include "store/fields.h"
#include "store/members.h"

namespace cloakroom::resp {
namespace {

constexpr std::size_t kRecordOverhead = 64;  // of MEMORY USAGE: record header, slot, hint

void del(Call& call) {
  std::int64_t erased = 0;
  for (std::size_t i = 1; i < call.size(); ++i) {
    const auto one = erase_key(call, call[i]);
    if (!one) return call.fail(one.status());
    if (!*one) continue;
    ++erased;
    call.notify(kNotifyGeneric, "del", call[i]);
  }
  call.out.integer(erased);
}

void exists(Call& call) {
  std::int64_t found = 0;
  for (std::size_t i = 1; i < call.size(); ++i) {
    const auto seen = call.store().visit(call.key(i), [](const RecordView&) {});
    if (!call.read(seen.status())) return;
    found += seen.ok() ? 1 : 0;
  }
  call.out.integer(found);
}

void type(Call& call) {
  std::string_view name = "none";
  const auto seen = call.store().visit(
      call.key(1), [&](const RecordView& record) { name = type_name(type_of(record)); });
  if (call.read(seen.status())) call.out.simple(name);
}

// Moves a key over whatever there is, or says why not. True when it was moved or is where it was.
bool move_key(Call& call, bool only_if_absent, bool& refused) {
  const std::string_view from = call.key(1);
  const std::string_view to = call.key(2);
  const auto present = call.store().visit(from, [](const RecordView&) {});
  if (present.code() == StatusCode::kNotFound) {
    call.error("ERR no such key");
    return false;
  }
  if (!call.read(present.status())) return false;
  refused = only_if_absent && from == to;
  if (from == to) return true;
  const RenameOptions options{.durability = call.server.options.durability};
  auto moved = call.store().rename(from, to, options);
  if (moved.code() == StatusCode::kConflict && !only_if_absent) {
    const Status erased = call.store().erase(to, call.erasing());
    if (!erased && erased.code() != StatusCode::kNotFound) {
      call.fail(erased);
      return false;
    }
    moved = call.store().rename(from, to, options);
  }
  refused = moved.code() == StatusCode::kConflict;
  if (refused) return true;
  if (!moved) {
    moved.code() == StatusCode::kNotFound ? call.error("ERR no such key")
                                          : call.fail(moved.status());
    return false;
  }
  call.notify(kNotifyGeneric, "rename_from", call[1]);
  call.notify(kNotifyGeneric, "rename_to", call[2]);
  return true;
}

void rename_(Call& call) {
  bool refused = false;
  if (move_key(call, false, refused)) call.out.ok();
}

void renamenx(Call& call) {
  bool refused = false;
  if (move_key(call, true, refused)) call.out.integer(refused ? 0 : 1);
}

void move(Call& call) {
  const auto database = call.integer(2);
  if (!database) return;
  if (*database < 0 || *database >= kDatabases) return call.error("ERR DB index is out of range");
  const auto target = static_cast<int>(*database);
  if (target == call.database) {
    return call.error("ERR source and destination objects are the same");
  }
  const auto moved = call.store().rename(call.key(1), call.map(call[1], target),
                                         {.durability = call.server.options.durability});
  if (moved.code() == StatusCode::kConflict) return call.out.integer(0);
  if (!call.read(moved.status())) return;
  if (!moved) return call.out.integer(0);
  call.server.note_database(target);
  call.notify(kNotifyGeneric, "move_from", call[1]);
  call.notify_in(target, kNotifyGeneric, "move_to", call[1]);
  call.out.integer(1);
}

struct CopyOptions {
  int database = 0;
  bool replace = false;
};

std::optional<CopyOptions> copy_options(Call& call) {
  CopyOptions options{.database = call.database};
  for (std::size_t i = 3; i < call.size(); ++i) {
    if (is_word(call[i], "replace")) {
      options.replace = true;
    } else if (is_word(call[i], "db") && i + 1 < call.size()) {
      const auto database = call.integer(++i);
      if (!database) return std::nullopt;
      if (*database < 0 || *database >= kDatabases) {
        call.error("ERR DB index is out of range");
        return std::nullopt;
      }
      options.database = static_cast<int>(*database);
    } else {
      call.error(kSyntaxError);
      return std::nullopt;
    }
  }
  return options;
}

void copy(Call& call) {
  const auto options = copy_options(call);
  if (!options) return;
  const std::string_view from = call.key(1);
  const std::string_view to = call.map(call[2], options->database);
  if (from == to) return call.error("ERR source and destination objects are the same");
  std::string value;
  Kind kind = Kind::kBytes;
  TimeMs deadline = kNever;
  const auto seen = call.store().visit(from, [&](const RecordView& record) {
    value = record.value;
    kind = record.kind;
    deadline = record.deadline;
  });
  if (!call.read(seen.status())) return;
  if (!seen) {
    call.tell_missed(from);
    return call.out.integer(0);
  }
  const auto target = call.store().visit(to, [](const RecordView&) {});
  if (!call.read(target.status())) return;
  if (target.ok() && !options->replace) return call.out.integer(0);
  if (target.ok()) {  // the copy is a new record, whatever was there
    if (Status erased = call.store().erase(to, call.erasing()); !erased) return call.fail(erased);
  }
  if (Status stored = store_value(call, to, kind, value, deadline); !stored) {
    return call.fail(stored);
  }
  call.server.note_database(options->database);
  call.notify_in(options->database, kNotifyGeneric, "copy_to", call[2]);
  call.out.integer(1);
}

// --- OBJECT and MEMORY --------------------------------------------------------------------------

bool are_integers(const Members& members) {
  return std::all_of(members.begin(), members.end(),
                     [](std::string_view member) { return parse_int(member).has_value(); });
}

std::string_view encoding_of_hash(std::string_view value) {
  std::size_t count = 0;
  bool small = true;
  (void)for_each_field(value, [&](const Field& field) {
    small = ++count <= 512 && field.name.size() <= 64 && field.value.size() <= 64;
    return small;
  });
  return small ? "listpack" : "hashtable";
}

std::string_view encoding_of(const RecordView& record) {
  switch (type_of(record)) {
    case Type::kString:
      if (record.value.size() <= 20 && parse_int(record.value)) return "int";
      return record.value.size() <= 44 ? "embstr" : "raw";
    case Type::kHash:
      return encoding_of_hash(record.value);
    case Type::kSet:
      return member_count(record.value) <= 512 && are_integers(decode_set(record.value))
                 ? "intset"
                 : "hashtable";
    case Type::kSortedSet: {
      const SortedMembers members = decode_sorted_set(record.value);
      const bool small = members.size() <= 128 &&
                         std::all_of(members.begin(), members.end(),
                                     [](const Scored& s) { return s.member.size() <= 64; });
      return small ? "listpack" : "skiplist";
    }
    case Type::kSession:
      break;
  }
  return "raw";
}

void object_encoding(Call& call) {
  std::string_view encoding;
  const auto seen = call.store().visit(
      call.key(2), [&](const RecordView& record) { encoding = encoding_of(record); });
  if (!call.read(seen.status())) return;
  seen.ok() ? call.out.bulk(encoding) : call.out.null();
}

void object_number(Call& call, std::int64_t number) {
  const auto seen = call.store().visit(call.key(2), [](const RecordView&) {});
  if (!call.read(seen.status())) return;
  seen.ok() ? call.out.integer(number) : call.out.null();
}

void object_refcount(Call& call) { object_number(call, 1); }
void object_idletime(Call& call) { object_number(call, 0); }

void object_freq(Call& call) {
  call.error(
      "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please "
      "note that when switching between policies at runtime LRU and LFU data will take some "
      "time to adjust.");
}

void memory_usage(Call& call) {
  if (call.size() > 3 && (call.size() != 5 || !is_word(call[3], "samples"))) {
    return call.error(kSyntaxError);
  }
  if (call.size() == 5 && !call.integer(4)) return;
  std::size_t bytes = 0;
  const auto seen = call.store().visit(call.key(2), [&](const RecordView& record) {
    bytes = record.key.size() + record.value.size() + record.owner.size() + kRecordOverhead;
  });
  if (!call.read(seen.status())) return;
  seen.ok() ? call.out.integer(static_cast<std::int64_t>(bytes)) : call.out.null();
}

constexpr Command kCommands[] = {
    {"del", -2, kWrite | kErases, 1, -1, 1, "generic", "1.0.0", "Delete keys", del},
    {"unlink", -2, kWrite | kFast | kErases, 1, -1, 1, "generic", "4.0.0", "Delete keys", del},
    {"exists", -2, kReadOnly | kFast, 1, -1, 1, "generic", "1.0.0", "Count the keys that exist",
     exists},
    {"touch", -2, kReadOnly | kFast, 1, -1, 1, "generic", "3.2.1", "Count the keys that exist",
     exists},
    {"type", 2, kReadOnly | kFast, 1, 1, 1, "generic", "1.0.0", "Tell the type of a key", type},
    {"rename", 3, kWrite | kExclusive, 1, 2, 1, "generic", "1.0.0", "Rename a key", rename_},
    {"renamenx", 3, kWrite | kFast | kExclusive, 1, 2, 1, "generic", "1.0.0",
     "Rename a key, only if the new one does not exist", renamenx},
    {"move", 3, kWrite | kFast | kExclusive, 1, 1, 1, "generic", "1.0.0",
     "Move a key to another database", move},
    {"copy", -3, kWrite | kDenyOom | kExclusive, 1, 2, 1, "generic", "6.2.0", "Copy a key", copy},
    {"keys", 2, kReadOnly | kDangerous, 0, 0, 0, "generic", "1.0.0",
     "Find all keys that match a pattern", keys_command},
    {"scan", -2, kReadOnly, 0, 0, 0, "generic", "2.8.0", "Go through the keys bit by bit",
     scan_command},
    {"randomkey", 1, kReadOnly, 0, 0, 0, "generic", "1.0.0", "Return a random key",
     randomkey_command},
    {"dbsize", 1, kReadOnly | kFast, 0, 0, 0, "server", "1.0.0", "Count the keys of the database",
     dbsize_command},
    {"flushdb", -1, kWrite | kExclusive | kDangerous, 0, 0, 0, "server", "1.0.0",
     "Delete all keys of the database", flushdb_command},
    {"flushall", -1, kWrite | kExclusive | kDangerous, 0, 0, 0, "server", "1.0.0",
     "Delete all keys of all databases", flushall_command},
    {"object", -2, kContainer | kReadOnly, 0, 0, 0, "generic", "2.2.3", "About the inside of keys",
     nullptr},
    {"object|encoding", 3, kReadOnly, 2, 2, 1, "generic", "2.2.3", "How a key is encoded",
     object_encoding},
    {"object|refcount", 3, kReadOnly, 2, 2, 1, "generic", "2.2.3", "References to a value",
     object_refcount},
    {"object|idletime", 3, kReadOnly, 2, 2, 1, "generic", "2.2.3",
     "Seconds since a key was used; not counted here", object_idletime},
    {"object|freq", 3, kReadOnly, 2, 2, 1, "generic", "4.0.0", "How often a key is used",
     object_freq},
    {"memory", -2, kContainer | kReadOnly, 0, 0, 0, "server", "4.0.0", "About memory", nullptr},
    {"memory|usage", -3, kReadOnly, 2, 2, 1, "server", "4.0.0", "Estimate the memory of a key",
     memory_usage},
};

}  // namespace

std::span<const Command> key_commands() { return kCommands; }

Result<bool> erase_key(Call& call, std::string_view raw_key) {
  const std::string_view stored = call.map(raw_key);
  if (const auto duration = tombstone_of(call.server.options, raw_key)) {
    if (Status buried = bury(call.store(), stored, *duration); !buried) return buried;
  }
  const Status erased = call.store().erase(stored, call.erasing());
  if (erased) return true;
  if (erased.code() != StatusCode::kNotFound) return erased;
  call.server.notifications.note_miss();
  return false;
}

Status store_value(Call& call, std::string_view stored_key, Kind kind, std::string_view value,
                   TimeMs deadline) {
  PutOptions options = call.fresh();
  options.deadline = deadline;
  options.kind = kind;
  if (kind != Kind::kFields) return call.store().put(stored_key, value, options).status();
  // Fields are stored by update() alone, which asks for a record of fields or none.
  const Status erased = call.store().erase(stored_key, call.erasing());
  if (!erased && erased.code() != StatusCode::kNotFound) return erased;
  return call.store()
      .update(
          stored_key,
          [&](const RecordView*, std::string& next) {
            next = value;
            return UpdateAction::kStore;
          },
          options)
      .status();
}

}  // namespace cloakroom::resp
