// Deadlines: EXPIRE and TTL in all their units. Deadlines are in the store's time, which cannot jump;
// absolute times of clients are of the wall clock (Server::wall_offset).
#include <algorithm>

#include "resp/commands.h"

namespace cloakroom::resp {
namespace {

struct Conditions {
  bool nx = false;
  bool xx = false;
  bool gt = false;
  bool lt = false;
};

std::optional<Conditions> conditions_of(Call& call) {
  Conditions conditions;
  for (std::size_t i = 3; i < call.size(); ++i) {
    if (is_word(call[i], "nx")) {
      conditions.nx = true;
    } else if (is_word(call[i], "xx")) {
      conditions.xx = true;
    } else if (is_word(call[i], "gt")) {
      conditions.gt = true;
    } else if (is_word(call[i], "lt")) {
      conditions.lt = true;
    } else {
      call.error("ERR Unsupported option " + std::string(call[i]));
      return std::nullopt;
    }
  }
  if (conditions.nx && (conditions.xx || conditions.gt || conditions.lt)) {
    call.error("ERR NX and XX, GT or LT options at the same time are not compatible");
    return std::nullopt;
  }
  if (conditions.gt && conditions.lt) {
    call.error("ERR GT and LT options at the same time are not compatible");
    return std::nullopt;
  }
  return conditions;
}

bool allows(const Conditions& conditions, TimeMs current, TimeMs wanted) noexcept {
  if (conditions.nx) return current == kNever;
  if (conditions.xx && current == kNever) return false;
  if (conditions.gt && (current == kNever || wanted <= current)) return false;
  return !conditions.lt || current == kNever || wanted < current;
}

// The deadline of a record; nothing when there is no record, or it was said what is wrong.
std::optional<TimeMs> current_deadline(Call& call, std::string_view stored, bool& failed) {
  std::optional<TimeMs> deadline;
  const auto seen =
      call.store().visit(stored, [&](const RecordView& record) { deadline = record.deadline; });
  failed = !call.read(seen.status());
  return deadline;
}

// Ends a key whose new deadline is past, if the conditions hold at that moment. Nothing when it was
// not there or they do not; says itself what failed.
std::optional<bool> end_if(Call& call, const Conditions& conditions, TimeMs wanted) {
  const std::string_view stored = call.key(1);
  for (;;) {
    std::optional<Kind> kind;
    const auto seen =
        call.store().visit(stored, [&](const RecordView& record) { kind = record.kind; });
    if (!call.read(seen.status())) return std::nullopt;
    if (!kind) return false;
    if (const auto duration = tombstone_of(call.server.options, call[1])) {
      if (Status buried = bury(call.store(), stored, *duration); !buried) {
        call.fail(buried);
        return std::nullopt;
      }
    }
    PutOptions options = call.keeping();
    options.kind = *kind;
    bool erased = false;
    const auto changed = call.store().update(
        stored,
        [&](const RecordView* record, std::string&) {
          erased = record != nullptr && allows(conditions, record->deadline, wanted);
          return erased ? UpdateAction::kErase : UpdateAction::kLeave;
        },
        options);
    if (changed.code() == StatusCode::kWrongKind) continue;  // another one by now
    if (changed) return erased;
    call.fail(changed.status());
    return std::nullopt;
  }
}

// Moves a deadline if the conditions hold; decides and acts in one step, however many others touch
// the key meanwhile. kConflict: they do not hold.
Status touch_if(Call& call, const Conditions* conditions, TimeMs wanted) {
  const std::string_view stored = call.key(1);
  TouchOptions options{.deadline = wanted};
  for (;;) {
    if (conditions != nullptr) {
      bool failed = false;
      const auto current = current_deadline(call, stored, failed);
      if (failed || !current) return Status(StatusCode::kNotFound);
      if (!allows(*conditions, *current, wanted)) return Status(StatusCode::kConflict);
      options.if_deadline = *current;
    }
    const auto touched = call.store().touch(stored, options);
    if (touched.code() != StatusCode::kConflict) return touched.status();
  }
}

void expire(Call& call, TimeUnit unit, bool relative) {
  const auto conditions = conditions_of(call);
  if (!conditions) return;
  const auto given = call.integer(2);
  if (!given) return;
  const TimeMs now = call.store().now();
  const auto deadline = deadline_of(*given, unit, relative, now, call.server.wall_offset());
  if (!deadline) {
    return call.error("ERR invalid expire time in '" + std::string(call.command.name) +
                      "' command");
  }
  const bool conditional = call.size() > 3;
  if (*deadline <= now) {
    std::optional<bool> ended;
    if (conditional) {
      ended = end_if(call, *conditions, *deadline);
      if (!ended) return;
    } else {
      const auto erased = erase_key(call, call[1]);
      if (!erased) return call.fail(erased.status());
      ended = *erased;
    }
    if (*ended) call.notify(kNotifyGeneric, "del", call[1]);
    return call.out.integer(*ended ? 1 : 0);
  }
  const std::uint64_t errors = call.out.errors();
  const Status touched = touch_if(call, conditional ? &*conditions : nullptr, *deadline);
  if (call.out.errors() != errors) return;
  if (touched.code() == StatusCode::kNotFound) call.server.notifications.note_miss();
  if (touched.code() == StatusCode::kNotFound || touched.code() == StatusCode::kConflict) {
    return call.out.integer(0);
  }
  if (!touched) return call.fail(touched);
  call.touched(call[1]);
  call.notify(kNotifyGeneric, "expire", call[1]);
  call.out.integer(1);
}

void expire_seconds(Call& call) { expire(call, TimeUnit::kSeconds, true); }
void expire_milliseconds(Call& call) { expire(call, TimeUnit::kMilliseconds, true); }
void expire_at_seconds(Call& call) { expire(call, TimeUnit::kSeconds, false); }
void expire_at_milliseconds(Call& call) { expire(call, TimeUnit::kMilliseconds, false); }

void persist(Call& call) {
  const std::string_view stored = call.key(1);
  for (;;) {
    bool failed = false;
    const auto current = current_deadline(call, stored, failed);
    if (failed) return;
    if (!current || *current == kNever) return call.out.integer(0);
    const auto touched = call.store().touch(stored, TouchOptions{.if_deadline = *current});
    if (touched.code() == StatusCode::kConflict) continue;
    if (touched.code() == StatusCode::kNotFound) return call.out.integer(0);
    if (!touched) return call.fail(touched.status());
    call.touched(call[1]);
    call.notify(kNotifyGeneric, "persist", call[1]);
    return call.out.integer(1);
  }
}

// -2: no key; -1: no deadline. Seconds are rounded to the nearest, as Redis does.
void tell_time(Call& call, TimeUnit unit, bool relative) {
  bool failed = false;
  const auto deadline = current_deadline(call, call.key(1), failed);
  if (failed) return;
  if (!deadline) return call.out.integer(-2);
  if (*deadline == kNever) return call.out.integer(-1);
  const TimeMs time = relative ? std::max<TimeMs>(*deadline - call.store().now(), 0)
                               : *deadline + call.server.wall_offset();
  call.out.integer(unit == TimeUnit::kSeconds ? (time + 500) / 1000 : time);
}

void ttl(Call& call) { tell_time(call, TimeUnit::kSeconds, true); }
void pttl(Call& call) { tell_time(call, TimeUnit::kMilliseconds, true); }
void expiretime(Call& call) { tell_time(call, TimeUnit::kSeconds, false); }
void pexpiretime(Call& call) { tell_time(call, TimeUnit::kMilliseconds, false); }

constexpr std::uint32_t kExpireFlags = kWrite | kFast | kErases | kExclusiveOptions;

constexpr Command kCommands[] = {
    {"expire", -3, kExpireFlags, 1, 1, 1, "generic", "1.0.0",
     "Set the time to live of a key in seconds", expire_seconds},
    {"pexpire", -3, kExpireFlags, 1, 1, 1, "generic", "2.6.0",
     "Set the time to live of a key in milliseconds", expire_milliseconds},
    {"expireat", -3, kExpireFlags, 1, 1, 1, "generic", "1.2.0",
     "Set the expiration of a key as a Unix time in seconds", expire_at_seconds},
    {"pexpireat", -3, kExpireFlags, 1, 1, 1, "generic", "2.6.0",
     "Set the expiration of a key as a Unix time in milliseconds", expire_at_milliseconds},
    {"persist", 2, kWrite | kFast, 1, 1, 1, "generic", "2.2.0", "Remove the expiration of a key",
     persist},
    {"ttl", 2, kReadOnly | kFast, 1, 1, 1, "generic", "1.0.0",
     "Get the time to live of a key in seconds", ttl},
    {"pttl", 2, kReadOnly | kFast, 1, 1, 1, "generic", "2.6.0",
     "Get the time to live of a key in milliseconds", pttl},
    {"expiretime", 2, kReadOnly | kFast, 1, 1, 1, "generic", "7.0.0",
     "Get the expiration of a key as a Unix time in seconds", expiretime},
    {"pexpiretime", 2, kReadOnly | kFast, 1, 1, 1, "generic", "7.0.0",
     "Get the expiration of a key as a Unix time in milliseconds", pexpiretime},
};

}  // namespace

std::span<const Command> expiry_commands() { return kCommands; }

std::optional<TimeMs> deadline_of(std::int64_t given, TimeUnit unit, bool relative, TimeMs now,
                                  TimeMs wall_offset) noexcept {
  std::int64_t time = given;
  if (unit == TimeUnit::kSeconds && __builtin_mul_overflow(given, 1000, &time)) {
    return std::nullopt;
  }
  const bool overflow = relative ? __builtin_add_overflow(time, now, &time)
                                 : __builtin_sub_overflow(time, wall_offset, &time);
  if (overflow) return std::nullopt;
  return time;
}

}  // namespace cloakroom::resp
