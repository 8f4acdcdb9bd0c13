// SET, its many options, and the commands that are SET with one of them.
#include <algorithm>

#include "resp/commands.h"

namespace cloakroom::resp {
namespace {

enum Option : unsigned {
  kNx = 1,
  kXx = 2,
  kGet = 4,
  kKeepTtl = 8,
  kPersist = 16,
  kEx = 32,
  kPx = 64,
  kExAt = 128,
  kPxAt = 256,
};
constexpr unsigned kTimes = kEx | kPx | kExAt | kPxAt;

struct SetOptions {
  unsigned given = 0;
  std::string_view time = {};
};

unsigned option_of(std::string_view word) noexcept {
  if (is_word(word, "nx")) return kNx;
  if (is_word(word, "xx")) return kXx;
  if (is_word(word, "get")) return kGet;
  if (is_word(word, "keepttl")) return kKeepTtl;
  if (is_word(word, "persist")) return kPersist;
  if (is_word(word, "ex")) return kEx;
  if (is_word(word, "px")) return kPx;
  if (is_word(word, "exat")) return kExAt;
  if (is_word(word, "pxat")) return kPxAt;
  return 0;
}

// What may not stand beside an option that was given.
unsigned excludes(unsigned option) noexcept {
  switch (option) {
    case kNx:
      return kXx;
    case kXx:
      return kNx;
    case kKeepTtl:
    case kPersist:
      return kTimes | kKeepTtl | kPersist;
    case kGet:
      return 0;
    default:
      return kTimes | kKeepTtl | kPersist;
  }
}

std::optional<SetOptions> parse_options(std::span<const std::string_view> args, std::size_t from,
                                        unsigned allowed) {
  SetOptions options;
  for (std::size_t i = from; i < args.size(); ++i) {
    const unsigned option = option_of(args[i]) & allowed;
    // The same word twice is fine, as in Redis, unless it takes a time.
    const unsigned repeatable = (option & kTimes) != 0 ? 0 : option;
    if (option == 0 || (options.given & excludes(option) & ~repeatable) != 0) return std::nullopt;
    options.given |= option;
    if ((option & kTimes) == 0) continue;
    if (++i >= args.size()) return std::nullopt;
    options.time = args[i];
  }
  return options;
}

// The deadline that was asked for; says itself what is wrong with it.
std::optional<TimeMs> deadline_of(Call& call, unsigned option, std::string_view time, TimeMs now) {
  const auto given = parse_int(time);
  if (!given) {
    call.error(kNotInteger);
    return std::nullopt;
  }
  const bool seconds = (option & (kEx | kExAt)) != 0;
  const auto deadline =
      *given <= 0
          ? std::nullopt
          : resp::deadline_of(*given, seconds ? TimeUnit::kSeconds : TimeUnit::kMilliseconds,
                              (option & (kEx | kPx)) != 0, now,
                              call.server.wall_offset());
  if (!deadline) {
    call.error("ERR invalid expire time in '" + std::string(call.command.name) + "' command");
  }
  return deadline;
}

// What there is under a key.
struct Present {
  Version version = 0;  // 0: nothing
  bool is_string = true;
  TimeMs deadline = kNever;
  std::string value = {};
};

std::optional<Present> look(Call& call, std::string_view stored, bool with_value) {
  Present present;
  const auto seen = call.store().visit(stored, [&](const RecordView& record) {
    present.version = record.version;
    present.is_string = record.kind == Kind::kBytes;
    present.deadline = record.deadline;
    if (with_value && present.is_string) present.value = record.value;
  });
  if (!call.read(seen.status())) return std::nullopt;
  return present;
}

struct Outcome {
  bool answered = false;  // an error was said
  bool stored = false;
  Present before = {};
};

// The rules for sessions, and then put(). kConflict comes back, other failures are said.
Status put_string(Call& call, std::string_view raw_key, std::string_view value,
                  PutOptions options) {
  const RespOptions& rules = call.server.options;
  if (!rules.tombstones.empty() && tombstone_of(rules, raw_key) &&
      is_buried(call.store(), call.map(raw_key))) {
    return Status();
  }
  std::optional<std::string> owner;
  if (!rules.owner_fields.empty()) owner = owner_of(rules, raw_key, value);
  if (owner) options.owner = *owner;
  return call.store().put(call.map(raw_key), value, options).status();
}

// Stores if the conditions hold, however many others write the key meanwhile.
Outcome store_if(Call& call, unsigned given, std::string_view raw_key, std::string_view value,
                 PutOptions options) {
  Outcome outcome;
  if ((given & (kNx | kXx | kGet)) == 0) {
    outcome.stored = store_string(call, raw_key, value, options);
    outcome.answered = !outcome.stored;
    return outcome;
  }
  for (;;) {
    auto present = look(call, call.map(raw_key), (given & kGet) != 0);
    outcome.answered = !present;
    if (!present) return outcome;
    outcome.before = *std::move(present);
    const bool exists = outcome.before.version != 0;
    if ((given & kGet) != 0 && !exists) call.tell_missed(call.map(raw_key));
    if ((given & kGet) != 0 && exists && !outcome.before.is_string) {
      call.wrong_type();
      outcome.answered = true;
      return outcome;
    }
    if (((given & kNx) != 0 && exists) || ((given & kXx) != 0 && !exists)) return outcome;
    options.if_version = outcome.before.version;
    const Status put = put_string(call, raw_key, value, options);
    if (put.code() == StatusCode::kConflict) continue;
    outcome.stored = put.ok();
    outcome.answered = !put.ok();
    if (!put) call.fail(put);
    return outcome;
  }
}

void notify_set(Call& call, std::string_view raw_key, bool with_deadline) {
  call.notify(kNotifyString, "set", raw_key);
  if (with_deadline) call.notify(kNotifyGeneric, "expire", raw_key);
}

// A deadline that is past already: the key was there for no time at all.
void end_at_once(Call& call, std::string_view raw_key) {
  if (call.store().erase(call.map(raw_key), call.erasing()).ok()) {
    call.notify(kNotifyExpired, "expired", raw_key);
  }
}

void set(Call& call, unsigned given, std::string_view time, std::string_view value) {
  PutOptions options = call.fresh();
  const TimeMs now = call.store().now();
  std::optional<TimeMs> deadline;
  if ((given & kTimes) != 0) {
    deadline = deadline_of(call, given & kTimes, time, now);
    if (!deadline) return;
    options.deadline = std::max(*deadline, now + 1);
  }
  options.keep_deadline = (given & kKeepTtl) != 0;
  const Outcome outcome = store_if(call, given, call[1], value, options);
  if (outcome.answered) return;
  if (outcome.stored) {
    notify_set(call, call[1], deadline.has_value());
    if (deadline && *deadline < now) end_at_once(call, call[1]);
  }
  if ((given & kGet) != 0) {
    outcome.before.version != 0 ? call.out.bulk(outcome.before.value) : call.out.null();
  } else {
    outcome.stored ? call.out.ok() : call.out.null();
  }
}

}  // namespace

bool store_string(Call& call, std::string_view raw_key, std::string_view value,
                  PutOptions options) {
  const Status put = put_string(call, raw_key, value, options);
  if (!put) call.fail(put);
  return put.ok();
}

void set_command(Call& call) {
  const auto options = parse_options(call.args, 3, kNx | kXx | kGet | kKeepTtl | kTimes);
  if (!options) return call.error(kSyntaxError);
  set(call, options->given, options->time, call[2]);
}

void setex_command(Call& call) { set(call, kEx, call[2], call[3]); }

void psetex_command(Call& call) { set(call, kPx, call[2], call[3]); }

void setnx_command(Call& call) {
  const Outcome outcome = store_if(call, kNx, call[1], call[2], call.fresh());
  if (outcome.answered) return;
  if (outcome.stored) notify_set(call, call[1], false);
  call.out.integer(outcome.stored ? 1 : 0);
}

void getset_command(Call& call) {
  const Outcome outcome = store_if(call, kGet, call[1], call[2], call.fresh());
  if (outcome.answered) return;
  notify_set(call, call[1], false);
  outcome.before.version != 0 ? call.out.bulk(outcome.before.value) : call.out.null();
}

void getdel_command(Call& call) {
  const RespOptions& rules = call.server.options;
  if (const auto duration = tombstone_of(rules, call[1])) {
    if (Status buried = bury(call.store(), call.key(1), *duration); !buried) {
      return call.fail(buried);
    }
  }
  std::optional<std::string> before;
  const auto changed = call.store().update(
      call.key(1),
      [&](const RecordView* record, std::string& value) {
        if (record == nullptr) return UpdateAction::kLeave;
        before = std::move(value);
        return UpdateAction::kErase;
      },
      call.keeping());
  if (!changed) return call.fail(changed.status());
  if (!before) {
    call.server.notifications.note_miss();
    call.tell_missed(call.key(1));
    return call.out.null();
  }
  call.notify(kNotifyGeneric, "del", call[1]);
  call.out.bulk(*before);
}

// What GETEX does to a key that holds a string, of which `present` was seen. kConflict: something
// else is there by now.
Status getex_change(Call& call, std::string_view stored, const Present& present,
                    std::optional<TimeMs> deadline, bool ends) {
  if (ends) {
    return call.store().erase(stored, {.if_version = present.version,
                                       .durability = call.server.options.durability});
  }
  return call.store()
      .touch(stored, TouchOptions{.deadline = deadline,
                                  .if_version = present.version,
                                  .if_deadline = present.deadline})
      .status();
}

void getex_command(Call& call) {
  const auto options = parse_options(call.args, 2, kPersist | kTimes);
  if (!options) return call.error(kSyntaxError);
  const std::string_view stored = call.key(1);
  const TimeMs now = call.store().now();
  for (;;) {
    const auto present = look(call, stored, true);
    if (!present) return;
    if (present->version == 0) return call.out.null();
    if (!present->is_string) return call.wrong_type();
    const bool persists = options->given == kPersist;
    if (options->given == 0 || (persists && present->deadline == kNever)) {
      return call.out.bulk(present->value);
    }
    std::optional<TimeMs> deadline;
    if (!persists) {
      deadline = deadline_of(call, options->given & kTimes, options->time, now);
      if (!deadline) return;
    }
    const bool ends = deadline && *deadline <= now;
    const Status changed = getex_change(call, stored, *present, deadline, ends);
    if (changed.code() == StatusCode::kNotFound || changed.code() == StatusCode::kConflict) continue;
    if (!changed) return call.fail(changed);
    if (!ends) call.touched(call[1]);
    call.notify(kNotifyGeneric, ends ? "del" : persists ? "persist" : "expire", call[1]);
    return call.out.bulk(present->value);
  }
}

}  // namespace cloakroom::resp
