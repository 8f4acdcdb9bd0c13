// Strings: records of bytes.
#include <algorithm>
#include <cmath>
#include <vector>

#include "resp/call.h"
#include "resp/commands.h"

namespace cloakroom::resp {
namespace {

// update() of a string; f gets the current value, empty when absent. True when it went well.
template <class F>
bool change(Call& call, std::string_view raw_key, F&& f, bool keep_deadline = true) {
  PutOptions options = call.keeping();
  options.keep_deadline = keep_deadline;
  const auto changed = call.store().update(call.map(raw_key), std::forward<F>(f), options);
  if (!changed) call.fail(changed.status());
  return changed.ok();
}

void get(Call& call) { (void)read_strings(call, call.args.subspan(1), /*strict=*/true, 0); }

void mget(Call& call) {
  const std::size_t before = call.out.size();
  const auto keys = call.args.subspan(1);
  call.out.array(keys.size());
  const std::size_t most = call.server.options.limits.output_bytes;
  if (read_strings(call, keys, /*strict=*/false, most) == keys.size()) return;
  call.out.truncate(before);
  call.error("ERR the reply is larger than this server allows");
}

void strlen_(Call& call) {
  std::int64_t length = 0;
  bool wrong = false;
  const auto seen = call.store().visit(call.key(1), [&](const RecordView& record) {
    wrong = record.kind != Kind::kBytes;
    length = static_cast<std::int64_t>(record.value.size());
  });
  if (!call.read(seen.status())) return;
  wrong ? call.wrong_type() : call.out.integer(length);
}

// Start and end as Redis counts them, from the end when negative, to offset and length.
std::string_view range_of(std::string_view value, std::int64_t start, std::int64_t end) {
  const auto size = static_cast<std::int64_t>(value.size());
  if (start < 0 && end < 0 && start > end) return {};
  if (start < 0) start = std::max<std::int64_t>(start + size, 0);
  if (end < 0) end = std::max<std::int64_t>(end + size, 0);
  end = std::min(end, size - 1);
  if (size == 0 || start > end) return {};
  return value.substr(static_cast<std::size_t>(start), static_cast<std::size_t>(end - start + 1));
}

void getrange(Call& call) {
  const auto start = call.integer(2);
  if (!start) return;
  const auto end = call.integer(3);
  if (!end) return;
  std::string part;
  bool wrong = false;
  const auto seen = call.store().visit(call.key(1), [&](const RecordView& record) {
    wrong = record.kind != Kind::kBytes;
    if (!wrong) part = range_of(record.value, *start, *end);
  });
  if (!call.read(seen.status())) return;
  wrong ? call.wrong_type() : call.out.bulk(part);
}

void setrange(Call& call) {
  const auto offset = call.integer(2);
  if (!offset) return;
  if (*offset < 0) return call.error("ERR offset is out of range");
  // Refused before the value is made longer: that would be done under the lock of its stripe.
  const auto longest = static_cast<std::int64_t>(call.server.options.limits.bulk_bytes);
  const std::string_view patch = call[3];
  const auto patch_bytes = static_cast<std::int64_t>(patch.size());
  if (!patch.empty() && (patch_bytes > longest || *offset > longest - patch_bytes)) {
    return call.error("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
  }
  const auto at = static_cast<std::size_t>(*offset);
  std::size_t length = 0;
  const bool fine = change(call, call[1], [&](const RecordView*, std::string& value) {
    length = value.size();
    if (patch.empty()) return UpdateAction::kLeave;
    if (value.size() < at + patch.size()) value.resize(at + patch.size());
    std::copy(patch.begin(), patch.end(), value.begin() + static_cast<std::ptrdiff_t>(at));
    length = value.size();
    return UpdateAction::kStore;
  });
  if (!fine) return;
  if (!patch.empty()) call.notify(kNotifyString, "setrange", call[1]);
  call.out.integer(static_cast<std::int64_t>(length));
}

void append(Call& call) {
  std::size_t length = 0;
  if (!change(call, call[1], [&](const RecordView*, std::string& value) {
        value += call[2];
        length = value.size();
        return UpdateAction::kStore;
      })) {
    return;
  }
  call.notify(kNotifyString, "append", call[1]);
  call.out.integer(static_cast<std::int64_t>(length));
}

void add(Call& call, std::int64_t delta) {
  std::string_view problem;
  std::int64_t sum = 0;
  const bool fine = change(call, call[1], [&](const RecordView* record, std::string& value) {
    const auto current = record == nullptr ? std::int64_t{0} : parse_int(value);
    if (!current) {
      problem = kNotInteger;
    } else if (__builtin_add_overflow(*current, delta, &sum)) {
      problem = "ERR increment or decrement would overflow";
    }
    if (!problem.empty()) return UpdateAction::kLeave;
    value = std::to_string(sum);
    return UpdateAction::kStore;
  });
  if (!fine) return;
  if (!problem.empty()) return call.error(problem);
  call.notify(kNotifyString, "incrby", call[1]);
  call.out.integer(sum);
}

void incr(Call& call) { add(call, 1); }
void decr(Call& call) { add(call, -1); }

void incrby(Call& call) {
  if (const auto delta = call.integer(2)) add(call, *delta);
}

void decrby(Call& call) {
  const auto delta = call.integer(2);
  if (!delta) return;
  if (*delta == INT64_MIN) return call.error("ERR decrement would overflow");
  add(call, -*delta);
}

void incrbyfloat(Call& call) {
  std::string_view problem;
  std::string sum;
  const bool fine = change(call, call[1], [&](const RecordView* record, std::string& value) {
    const auto current = record == nullptr ? 0.0L : parse_long_double(value);
    const auto delta = parse_long_double(call[2]);
    if (!current || !delta) {
      problem = kNotFloat;
      return UpdateAction::kLeave;
    }
    const long double total = *current + *delta;
    if (std::isnan(total) || std::isinf(total)) {
      problem = "ERR increment would produce NaN or Infinity";
      return UpdateAction::kLeave;
    }
    sum = format_long_double(total);
    value = sum;
    return UpdateAction::kStore;
  });
  if (!fine) return;
  if (!problem.empty()) return call.error(problem);
  call.notify(kNotifyString, "incrbyfloat", call[1]);
  call.out.bulk(sum);
}

void mset(Call& call) {
  if (call.size() % 2 == 0) {
    return call.error("ERR wrong number of arguments for 'mset' command");
  }
  for (std::size_t i = 1; i < call.size(); i += 2) {
    if (!store_string(call, call[i], call[i + 1], call.fresh())) return;
    call.notify(kNotifyString, "set", call[i]);
  }
  call.out.ok();
}

void msetnx(Call& call) {
  if (call.size() % 2 == 0) {
    return call.error("ERR wrong number of arguments for 'msetnx' command");
  }
  for (std::size_t i = 1; i < call.size(); i += 2) {
    const auto seen = call.store().visit(call.key(i), [](const RecordView&) {});
    if (seen.ok()) return call.out.integer(0);
    if (!call.read(seen.status())) return;
  }
  for (std::size_t i = 1; i < call.size(); i += 2) {
    if (!store_string(call, call[i], call[i + 1], call.fresh())) return;
    call.notify(kNotifyString, "set", call[i]);
  }
  call.out.integer(1);
}

constexpr Command kCommands[] = {
    {"get", 2, kReadOnly | kFast, 1, 1, 1, "string", "1.0.0", "Get the value of a key", get},
    {"set", -3, kWrite | kDenyOom, 1, 1, 1, "string", "1.0.0", "Set the string value of a key",
     set_command},
    {"setex", 4, kWrite | kDenyOom, 1, 1, 1, "string", "2.0.0",
     "Set the value and expiration of a key", setex_command},
    {"psetex", 4, kWrite | kDenyOom, 1, 1, 1, "string", "2.6.0",
     "Set the value and expiration in milliseconds of a key", psetex_command},
    {"setnx", 3, kWrite | kDenyOom | kFast, 1, 1, 1, "string", "1.0.0",
     "Set the value of a key, only if the key does not exist", setnx_command},
    {"getset", 3, kWrite | kDenyOom | kFast, 1, 1, 1, "string", "1.0.0",
     "Set the string value of a key and return its old value", getset_command},
    {"getdel", 2, kWrite | kFast, 1, 1, 1, "string", "6.2.0",
     "Get the value of a key and delete the key", getdel_command},
    {"getex", -2, kWrite | kFast, 1, 1, 1, "string", "6.2.0",
     "Get the value of a key and optionally set its expiration", getex_command},
    {"mget", -2, kReadOnly | kFast, 1, -1, 1, "string", "1.0.0", "Get the values of all the keys",
     mget},
    {"mset", -3, kWrite | kDenyOom | kExclusive, 1, -1, 2, "string", "1.0.1",
     "Set multiple keys to multiple values", mset},
    {"msetnx", -3, kWrite | kDenyOom | kExclusive, 1, -1, 2, "string", "1.0.1",
     "Set multiple keys to multiple values, only if none of them exist", msetnx},
    {"append", 3, kWrite | kDenyOom | kFast, 1, 1, 1, "string", "2.0.0", "Append a value to a key",
     append},
    {"strlen", 2, kReadOnly | kFast, 1, 1, 1, "string", "2.2.0",
     "Get the length of the value stored in a key", strlen_},
    {"getrange", 4, kReadOnly, 1, 1, 1, "string", "2.4.0", "Get a part of the string of a key",
     getrange},
    {"substr", 4, kReadOnly, 1, 1, 1, "string", "1.0.0", "Get a part of the string of a key",
     getrange},
    {"setrange", 4, kWrite | kDenyOom, 1, 1, 1, "string", "2.2.0",
     "Overwrite a part of the string of a key from an offset on", setrange},
    {"incr", 2, kWrite | kDenyOom | kFast, 1, 1, 1, "string", "1.0.0",
     "Increment the integer value of a key by one", incr},
    {"decr", 2, kWrite | kDenyOom | kFast, 1, 1, 1, "string", "1.0.0",
     "Decrement the integer value of a key by one", decr},
    {"incrby", 3, kWrite | kDenyOom | kFast, 1, 1, 1, "string", "1.0.0",
     "Increment the integer value of a key by a number", incrby},
    {"decrby", 3, kWrite | kDenyOom | kFast, 1, 1, 1, "string", "1.0.0",
     "Decrement the integer value of a key by a number", decrby},
    {"incrbyfloat", 3, kWrite | kDenyOom | kFast, 1, 1, 1, "string", "2.6.0",
     "Increment the float value of a key by a number", incrbyfloat},
};

}  // namespace

std::span<const Command> string_commands() { return kCommands; }

namespace {

enum class Found : std::uint8_t { kNothing, kString, kOther, kLater };

struct Part {
  Found found = Found::kNothing;
  std::size_t at = 0;
  std::size_t size = 0;
};

void read_one(Call& call, std::string_view key, bool strict) {
  Found found = Found::kNothing;
  const auto seen = call.store().visit(call.map(key), [&](const RecordView& record) {
    found = record.kind == Kind::kBytes ? Found::kString : Found::kOther;
    if (found == Found::kString) call.out.bulk(record.value);
  });
  if (found == Found::kString || !call.read(seen.status())) return;
  found == Found::kOther&& strict ? call.wrong_type() : call.out.null();
}

}  // namespace

std::size_t read_strings(Call& call, std::span<const std::string_view> keys, bool strict,
                         std::size_t budget) {
  if (keys.size() == 1) {
    read_one(call, keys[0], strict);
    return 1;
  }
  std::vector<std::string_view> mapped;
  mapped.reserve(keys.size());
  for (const auto key : keys) mapped.push_back(call.map(key));
  std::vector<Part> parts(keys.size());
  std::string values;
  const auto seen = call.store().visit_many(mapped, [&](std::size_t i, const RecordView& record) {
    if (record.kind != Kind::kBytes) {
      parts[i].found = Found::kOther;
    } else if (values.size() > budget) {
      parts[i].found = Found::kLater;
    } else {
      parts[i] = {Found::kString, values.size(), record.value.size()};
      values += record.value;
    }
  });
  bool missed = false;
  std::size_t answered = 0;
  for (const Part& part : parts) {
    if (seen.ok() && part.found == Found::kLater) break;
    const std::string_view stored = mapped[answered++];
    if (!seen) {
      call.fail(seen.status());
    } else if (part.found == Found::kString) {
      call.out.bulk(std::string_view(values).substr(part.at, part.size));
    } else if (part.found == Found::kOther && strict) {
      call.wrong_type();
    } else {
      if (part.found == Found::kNothing) {
        missed = true;
        call.tell_missed(stored);
      }
      call.out.null();
    }
  }
  if (missed) call.server.notifications.note_miss();
  if (answered != 0) return answered;
  read_one(call, keys[0], strict);
  return 1;
}

}  // namespace cloakroom::resp
