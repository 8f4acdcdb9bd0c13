// Hashes: records of fields, in the encoding of Store::set_fields. Changing one decodes it, changes
// the fields and encodes anew, under the lock of its stripe.
#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <vector>

#include "base/coding.h"
#include "base/random.h"
#include "resp/commands.h"
#include "resp/glob.h"
#include "store/fields.h"

namespace cloakroom::resp {
namespace {

constexpr std::size_t kIndexFrom = 16;  // more fields than this are looked up by an index

// The fields of a hash, as views into what was decoded and into the arguments.
class Hash {
 public:
  explicit Hash(std::string_view encoded) {
    (void)for_each_field(encoded, [this](const Field& field) {
      fields_.push_back(field);
      return true;
    });
  }

  [[nodiscard]] const Field* find(std::string_view name) {
    const auto at = index_of(name);
    return at ? &fields_[*at] : nullptr;
  }

  // True when the field is new.
  bool set(std::string_view name, std::string_view value) {
    if (const auto at = index_of(name)) {
      fields_[*at].value = value;
      return false;
    }
    if (!index_.empty()) index_.emplace(name, fields_.size());
    fields_.push_back({name, value});
    return true;
  }

  bool erase(std::string_view name) {
    const auto at = index_of(name);
    if (!at) return false;
    gone_.resize(fields_.size());
    if (gone_[*at]) return false;
    gone_[*at] = true;
    return true;
  }

  [[nodiscard]] std::string encode() const {
    std::string out;
    for (std::size_t i = 0; i < fields_.size(); ++i) {
      if (i < gone_.size() && gone_[i]) continue;
      put_string(out, fields_[i].name);
      put_string(out, fields_[i].value);
    }
    return out;
  }

  [[nodiscard]] const std::vector<Field>& fields() const noexcept { return fields_; }

 private:
  std::optional<std::size_t> index_of(std::string_view name) {
    if (fields_.size() < kIndexFrom) {
      const auto found = std::find_if(fields_.begin(), fields_.end(),
                                      [&](const Field& field) { return field.name == name; });
      if (found == fields_.end()) return std::nullopt;
      return static_cast<std::size_t>(found - fields_.begin());
    }
    if (index_.empty()) {
      for (std::size_t i = 0; i < fields_.size(); ++i) index_.emplace(fields_[i].name, i);
    }
    const auto found = index_.find(name);
    if (found == index_.end()) return std::nullopt;
    return found->second;
  }

  std::vector<Field> fields_ = {};
  std::vector<bool> gone_ = {};
  std::unordered_map<std::string_view, std::size_t> index_ = {};
};

// f(Hash&) says whether the hash changed. An empty hash is erased. True when it went well; `gone`
// says whether the record went.
template <class F>
bool change(Call& call, F&& f, bool* gone = nullptr) {
  PutOptions options = call.keeping();
  options.kind = Kind::kFields;
  const auto changed = call.store().update(
      call.key(1),
      [&](const RecordView* record, std::string& value) {
        const std::string before = std::move(value);
        Hash hash(before);
        if (!f(hash)) {
          value = before;
          return UpdateAction::kLeave;
        }
        value = hash.encode();
        if (!value.empty()) return UpdateAction::kStore;
        if (gone != nullptr) *gone = record != nullptr;
        return UpdateAction::kErase;
      },
      options);
  if (!changed) call.fail(changed.status());
  return changed.ok();
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
  const bool fine = change(call, [&](Hash& hash) {
    added = 0;
    for (std::size_t i = 2; i < call.size(); i += 2) {
      added += hash.set(call[i], call[i + 1]) ? 1 : 0;
    }
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
  if (!change(call, [&](Hash& hash) {
        added = hash.find(call[2]) == nullptr && hash.set(call[2], call[3]);
        return added;
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
        Hash hash(encoded);
        for (std::size_t i = 2; i < call.size(); ++i) {
          if (const Field* const field = hash.find(call[i])) values[i - 2] = field->value;
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
          [&](Hash& hash) {
            for (std::size_t i = 2; i < call.size(); ++i) erased += hash.erase(call[i]) ? 1 : 0;
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
  std::string encoded;
  std::size_t count = 0;
  const auto copy = [&](std::string_view found) {
    encoded = found;
    (void)for_each_field(found, [&](const Field&) { return ++count != 0; });
  };
  if (!look(call, copy)) return;
  names&& values ? call.out.map(count) : call.out.array(count);
  (void)for_each_field(encoded, [&](const Field& field) {
    if (names) call.out.bulk(field.name);
    if (values) call.out.bulk(field.value);
    return true;
  });
}

void hgetall(Call& call) { tell_all(call, true, true); }
void hkeys(Call& call) { tell_all(call, true, false); }
void hvals(Call& call) { tell_all(call, false, true); }

void hlen(Call& call) {
  std::int64_t count = 0;
  const auto count_them = [&](std::string_view encoded) {
    (void)for_each_field(encoded, [&](const Field&) { return ++count != 0; });
  };
  if (look(call, count_them)) call.out.integer(count);
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
  std::string text;
  if (!change(call, [&](Hash& hash) {
        const Field* const field = hash.find(call[2]);
        const auto current = field == nullptr ? std::int64_t{0} : parse_int(field->value);
        if (!current) {
          problem = "ERR hash value is not an integer";
        } else if (__builtin_add_overflow(*current, *delta, &sum)) {
          problem = "ERR increment or decrement would overflow";
        }
        if (!problem.empty()) return false;
        text = std::to_string(sum);
        hash.set(call[2], text);
        return true;
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
  if (!change(call, [&](Hash& hash) {
        const Field* const field = hash.find(call[2]);
        const auto current = field == nullptr ? 0.0L : parse_long_double(field->value);
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
        hash.set(call[2], text);
        return true;
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
  const Hash hash(encoded);
  if (count) return tell_random(call, hash.fields(), *count, values);
  if (hash.fields().empty()) return call.out.null();
  call.out.bulk(hash.fields()[random_choice(hash.fields().size(), 1)[0]].name);
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
  for (std::size_t i = 0; i < size; ++i) chosen.push_back(i);
  const auto wanted = std::min(size, static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < wanted; ++i) std::swap(chosen[i], chosen[i + next(size - i)]);
  chosen.resize(wanted);
  return chosen;
}

}  // namespace cloakroom::resp
