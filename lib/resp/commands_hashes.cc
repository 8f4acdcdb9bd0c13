// Hashes: records of fields, in the encoding of Store::set_fields, changed in place (fields.h) under
// the lock of their stripe.
#include <algorithm>
#include <cmath>
#include <vector>

#include "base/random.h"
#include "resp/change_members.h"
#include "resp/commands.h"
#include "resp/glob.h"
#include "store/fields.h"

namespace cloakroom::resp {
namespace {

std::vector<Field> fields_of(std::string_view encoded) {
  std::vector<Field> fields;
  for (FieldWalk walk(encoded); walk.next();) fields.push_back(walk.field());
  return fields;
}

std::size_t count_fields(std::string_view encoded) {
  std::size_t count = 0;
  for (FieldWalk walk(encoded); walk.next();) ++count;
  return count;
}

// f(std::string&) changes the encoded hash, "" when there is none, and says as a Result<bool> whether
// it did. An empty hash is erased. True when it went well; `gone` says whether the record went.
template <class F>
bool change(Call& call, F&& f, bool* gone = nullptr) {
  PutOptions options = call.keeping();
  options.kind = Kind::kFields;
  Result<bool> did = false;
  const auto changed = call.store().update(
      call.key(1),
      [&](const RecordView* record, std::string& value) {
        did = f(value);
        if (!did || !*did) return UpdateAction::kLeave;
        if (!value.empty()) return UpdateAction::kStore;
        if (gone != nullptr) *gone = record != nullptr;
        return UpdateAction::kErase;
      },
      options);
  if (!changed || !did) fail_change(call, changed ? did.status() : changed.status());
  return changed.ok() && did.ok();
}

// Sets one field.
Result<bool> put_one(std::string& encoded, const Field& field) {
  const Result<std::size_t> put = put_fields(encoded, {&field, 1});
  if (!put) return put.status();
  return true;
}

// Calls f(encoded) on the hash, if there is one. True when the call goes on.
template <class F>
bool look(Call& call, F&& f) {
  bool wrong = false;
  const auto seen = call.store().visit(call.key(1), [&](const RecordView& record) {
    wrong = record.kind != Kind::kFields;
    if (!wrong) f(record.value);
  });
  if (!call.read(seen.status())) return false;
  if (wrong) call.wrong_type();
  return !wrong;
}

bool set_pairs(Call& call, std::int64_t& added) {
  if (call.size() % 2 != 0) {
    call.error("ERR wrong number of arguments for '" + std::string(call.command.name) +
               "' command");
    return false;
  }
  if (!call.server.options.tombstones.empty() && tombstone_of(call.server.options, call[1]) &&
      is_buried(call.store(), call.key(1))) {
    return true;
  }
  std::vector<Field> fields;
  fields.reserve(call.size() / 2);
  for (std::size_t i = 2; i < call.size(); i += 2) fields.push_back({call[i], call[i + 1]});
  const bool fine = change(call, [&](std::string& encoded) -> Result<bool> {
    const Result<std::size_t> put = put_fields(encoded, fields);
    if (!put) return put.status();
    added = static_cast<std::int64_t>(*put);
    return true;
  });
  if (fine) call.notify(kNotifyHash, "hset", call[1]);
  return fine;
}

void hset(Call& call) {
  std::int64_t added = 0;
  if (set_pairs(call, added)) call.out.integer(added);
}

void hmset(Call& call) {
  std::int64_t added = 0;
  if (set_pairs(call, added)) call.out.ok();
}

void hsetnx(Call& call) {
  bool added = false;
  if (!change(call, [&](std::string& encoded) -> Result<bool> {
        if (find_field(encoded, call[2])) return false;
        added = true;
        return put_one(encoded, {call[2], call[3]});
      })) {
    return;
  }
  if (added) call.notify(kNotifyHash, "hset", call[1]);
  call.out.integer(added ? 1 : 0);
}

void hget(Call& call) {
  std::optional<std::string> value;
  if (!look(call, [&](std::string_view encoded) {
        if (const auto found = find_field(encoded, call[2])) value = *found;
      })) {
    return;
  }
  value ? call.out.bulk(*value) : call.out.null();
}

void hmget(Call& call) {
  std::vector<std::optional<std::string>> values(call.size() - 2);
  if (!look(call, [&](std::string_view encoded) {
        const auto found = find_fields(encoded, call.args.subspan(2));
        for (std::size_t i = 0; i < found.size(); ++i) {
          if (found[i]) values[i] = std::string(*found[i]);
        }
      })) {
    return;
  }
  call.out.array(values.size());
  for (const auto& value : values) value ? call.out.bulk(*value) : call.out.null();
}

void hdel(Call& call) {
  std::int64_t erased = 0;
  bool gone = false;
  if (!change(
          call,
          [&](std::string& encoded) -> Result<bool> {
            const Result<std::size_t> cut = cut_fields(encoded, call.args.subspan(2));
            if (!cut) return cut.status();
            erased = static_cast<std::int64_t>(*cut);
            return erased != 0;
          },
          &gone)) {
    return;
  }
  if (erased != 0) call.notify(kNotifyHash, "hdel", call[1]);
  if (gone) call.notify(kNotifyGeneric, "del", call[1]);
  call.out.integer(erased);
}

void tell_all(Call& call, bool names, bool values) {
  bool told = false;
  const auto tell = [&](std::string_view encoded) {
    const std::size_t count = count_fields(encoded);
    names&& values ? call.out.map(count) : call.out.array(count);
    for (FieldWalk walk(encoded); walk.next();) {
      if (names) call.out.bulk(walk.field().name);
      if (values) call.out.bulk(walk.field().value);
    }
    told = true;
  };
  if (look(call, tell) && !told) tell({});
}

void hgetall(Call& call) { tell_all(call, true, true); }
void hkeys(Call& call) { tell_all(call, true, false); }
void hvals(Call& call) { tell_all(call, false, true); }

void hlen(Call& call) {
  std::size_t count = 0;
  if (look(call, [&](std::string_view encoded) { count = count_fields(encoded); })) {
    call.out.integer(static_cast<std::int64_t>(count));
  }
}

void hexists(Call& call) {
  bool found = false;
  if (look(call,
           [&](std::string_view encoded) { found = find_field(encoded, call[2]).has_value(); })) {
    call.out.integer(found ? 1 : 0);
  }
}

void hstrlen(Call& call) {
  std::size_t length = 0;
  if (look(call, [&](std::string_view encoded) {
        length = find_field(encoded, call[2]).value_or(std::string_view()).size();
      })) {
    call.out.integer(static_cast<std::int64_t>(length));
  }
}

void hincrby(Call& call) {
  const auto delta = call.integer(3);
  if (!delta) return;
  std::string_view problem;
  std::int64_t sum = 0;
  if (!change(call, [&](std::string& encoded) -> Result<bool> {
        const auto found = find_field(encoded, call[2]);
        const auto current = found ? parse_int(*found) : std::int64_t{0};
        if (!current) {
          problem = "ERR hash value is not an integer";
        } else if (__builtin_add_overflow(*current, *delta, &sum)) {
          problem = "ERR increment or decrement would overflow";
        }
        if (!problem.empty()) return false;
        return put_one(encoded, {call[2], std::to_string(sum)});
      })) {
    return;
  }
  if (!problem.empty()) return call.error(problem);
  call.notify(kNotifyHash, "hincrby", call[1]);
  call.out.integer(sum);
}

void hincrbyfloat(Call& call) {
  const auto delta = parse_long_double(call[3]);
  if (!delta) return call.error(kNotFloat);
  if (std::isinf(*delta)) return call.error("ERR value is NaN or Infinity");
  std::string_view problem;
  std::string text;
  if (!change(call, [&](std::string& encoded) -> Result<bool> {
        const auto found = find_field(encoded, call[2]);
        const auto current = found ? parse_long_double(*found) : 0.0L;
        if (!current) {
          problem = "ERR hash value is not a float";
          return false;
        }
        const long double sum = *current + *delta;
        if (std::isnan(sum) || std::isinf(sum)) {
          problem = "ERR increment would produce NaN or Infinity";
          return false;
        }
        text = format_long_double(sum);
        return put_one(encoded, {call[2], text});
      })) {
    return;
  }
  if (!problem.empty()) return call.error(problem);
  call.notify(kNotifyHash, "hincrbyfloat", call[1]);
  call.out.bulk(text);
}

void tell_random(Call& call, const std::vector<Field>& fields, std::int64_t count, bool values) {
  std::vector<std::size_t> chosen = random_choice(fields.size(), count);
  const bool pairs = values && call.out.protocol() >= 3;
  call.out.array(values && !pairs ? chosen.size() * 2 : chosen.size());
  for (const std::size_t i : chosen) {
    if (pairs) call.out.array(2);
    call.out.bulk(fields[i].name);
    if (values) call.out.bulk(fields[i].value);
  }
}

void hrandfield(Call& call) {
  std::optional<std::int64_t> count;
  bool values = false;
  if (call.size() > 2) {
    count = call.integer(2);
    if (!count) return;
    values = call.size() == 4 && is_word(call[3], "withvalues");
    if (call.size() > 4 || (call.size() == 4 && !values)) return call.error(kSyntaxError);
    if (*count < -kRandomMax || *count > INT64_MAX / 2) {
      return call.error("ERR value is out of range");
    }
  }
  std::string encoded;
  if (!look(call, [&](std::string_view found) { encoded = found; })) return;
  const std::vector<Field> fields = fields_of(encoded);
  if (count) return tell_random(call, fields, *count, values);
  if (fields.empty()) return call.out.null();
  call.out.bulk(fields[random_choice(fields.size(), 1)[0]].name);
}

// All at once: the guarantee of SCAN holds for any hash, and COUNT is a hint.
void hscan(Call& call) {
  if (!scan_cursor(call, call[2])) return;
  std::string encoded;
  if (!look(call, [&](std::string_view found) { encoded = found; })) return;
  if (encoded.empty()) return tell_empty_scan(call);
  const auto options = scan_options(call, 3, false);
  if (!options) return;
  std::vector<Field> matching;
  (void)for_each_field(encoded, [&](const Field& field) {
    if (!options->has_pattern || glob_matches(options->pattern, field.name)) {
      matching.push_back(field);
    }
    return true;
  });
  call.out.array(2);
  call.out.bulk("0");
  call.out.array(matching.size() * 2);
  for (const Field& field : matching) {
    call.out.bulk(field.name);
    call.out.bulk(field.value);
  }
}

constexpr std::uint32_t kSetFlags = kWrite | kDenyOom | kFast;
constexpr std::uint32_t kGetFlags = kReadOnly | kFast;

constexpr Command kCommands[] = {
    {"hset", -4, kSetFlags, 1, 1, 1, "hash", "2.0.0", "Set fields of a hash", hset},
    {"hmset", -4, kSetFlags, 1, 1, 1, "hash", "2.0.0", "Set fields of a hash", hmset},
    {"hsetnx", 4, kSetFlags, 1, 1, 1, "hash", "2.0.0", "Set a field, only if it does not exist",
     hsetnx},
    {"hget", 3, kGetFlags, 1, 1, 1, "hash", "2.0.0", "Get a field", hget},
    {"hmget", -3, kGetFlags, 1, 1, 1, "hash", "2.0.0", "Get several fields", hmget},
    {"hgetall", 2, kReadOnly, 1, 1, 1, "hash", "2.0.0", "Get all fields and values", hgetall},
    {"hdel", -3, kWrite | kFast, 1, 1, 1, "hash", "2.0.0", "Delete fields", hdel},
    {"hexists", 3, kGetFlags, 1, 1, 1, "hash", "2.0.0", "Whether a field exists", hexists},
    {"hkeys", 2, kReadOnly, 1, 1, 1, "hash", "2.0.0", "Get all fields", hkeys},
    {"hvals", 2, kReadOnly, 1, 1, 1, "hash", "2.0.0", "Get all values", hvals},
    {"hlen", 2, kGetFlags, 1, 1, 1, "hash", "2.0.0", "Count the fields", hlen},
    {"hstrlen", 3, kGetFlags, 1, 1, 1, "hash", "3.2.0", "The length of a field's value", hstrlen},
    {"hincrby", 4, kSetFlags, 1, 1, 1, "hash", "2.0.0", "Increment an integer field", hincrby},
    {"hincrbyfloat", 4, kSetFlags, 1, 1, 1, "hash", "2.6.0", "Increment a float field",
     hincrbyfloat},
    {"hrandfield", -2, kReadOnly, 1, 1, 1, "hash", "6.2.0", "Get random fields", hrandfield},
    {"hscan", -3, kReadOnly, 1, 1, 1, "hash", "2.8.0", "Go through the fields", hscan},
};

}  // namespace

std::span<const Command> hash_commands() { return kCommands; }

std::vector<std::size_t> random_choice(std::size_t size, std::int64_t count) {
  std::vector<std::size_t> chosen;
  if (size == 0 || count == 0) return chosen;
  const auto seed = random_u64();
  std::uint64_t state = seed ? *seed : 1;
  const auto next = [&state](std::size_t below) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<std::size_t>((state >> 33) % below);
  };
  if (count < 0) {
    for (std::int64_t i = 0; i < -count; ++i) chosen.push_back(next(size));
    return chosen;
  }
  if (count == 1) return {next(size)};
  for (std::size_t i = 0; i < size; ++i) chosen.push_back(i);
  const auto wanted = std::min(size, static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < wanted; ++i) std::swap(chosen[i], chosen[i + next(size - i)]);
  chosen.resize(wanted);
  return chosen;
}

}  // namespace cloakroom::resp
