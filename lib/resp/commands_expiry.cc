// Deadlines: EXPIRE and TTL in all their units. Times are the store's, which cannot jump.
#include <algorithm>

#include "resp/commands.h"

namespace cloakroom::resp {
namespace {

constexpr int kExactTries = 4;

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

// touch() counts from its own now, a millisecond later at times: an absolute deadline is corrected.
Status touch_until(Call& call, std::string_view stored, TimeMs deadline, bool exact) {
  for (int i = 0;; ++i) {
    const TimeMs now = call.store().now();
    if (const auto touched = call.store().touch(stored, until(deadline, now)); !touched) {
      return touched.status();
    }
    if (!exact || i >= kExactTries) return Status();
    bool failed = false;
    const auto got = current_deadline(call, stored, failed);
    if (failed || !got || *got == deadline || *got == kNever) return Status();
  }
}

void expire(Call& call, TimeUnit unit, bool relative) {
  const auto conditions = conditions_of(call);
  if (!conditions) return;
  const auto given = call.integer(2);
  if (!given) return;
  const TimeMs now = call.store().now();
  const auto deadline = deadline_of(*given, unit, relative, now);
  if (!deadline) {
    return call.error("ERR invalid expire time in '" + std::string(call.command.name) +
                      "' command");
  }
  const std::string_view stored = call.key(1);
  if (call.size() > 3) {
    bool failed = false;
    const auto current = current_deadline(call, stored, failed);
    if (failed) return;
    if (!current || !allows(*conditions, *current, *deadline)) return call.out.integer(0);
  }
  if (*deadline <= now) {
    const auto erased = erase_key(call, call[1]);
    if (!erased) return call.fail(erased.status());
    if (*erased) call.notify(kNotifyGeneric, "del", call[1]);
    return call.out.integer(*erased ? 1 : 0);
  }
  const Status touched = touch_until(call, stored, *deadline, !relative);
  if (touched.code() == StatusCode::kNotFound) {
    call.server.notifications.note_miss();
    return call.out.integer(0);
  }
  if (!touched) return call.fail(touched);
  call.notify(kNotifyGeneric, "expire", call[1]);
  call.out.integer(1);
}

void expire_seconds(Call& call) { expire(call, TimeUnit::kSeconds, true); }
void expire_milliseconds(Call& call) { expire(call, TimeUnit::kMilliseconds, true); }
void expire_at_seconds(Call& call) { expire(call, TimeUnit::kSeconds, false); }
void expire_at_milliseconds(Call& call) { expire(call, TimeUnit::kMilliseconds, false); }

void persist(Call& call) {
  bool failed = false;
  const std::string_view stored = call.key(1);
  const auto current = current_deadline(call, stored, failed);
  if (failed) return;
  if (!current || *current == kNever) return call.out.integer(0);
  const auto touched = call.store().touch(stored, kNoExpiry);
  if (touched.code() == StatusCode::kNotFound) return call.out.integer(0);
  if (!touched) return call.fail(touched.status());
  call.notify(kNotifyGeneric, "persist", call[1]);
  call.out.integer(1);
}

// -2: no key; -1: no deadline. Seconds are rounded to the nearest, as Redis does.
void tell_time(Call& call, TimeUnit unit, bool relative) {
  bool failed = false;
  const auto deadline = current_deadline(call, call.key(1), failed);
  if (failed) return;
  if (!deadline) return call.out.integer(-2);
  if (*deadline == kNever) return call.out.integer(-1);
  const TimeMs time = relative ? std::max<TimeMs>(*deadline - call.store().now(), 0) : *deadline;
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

std::optional<TimeMs> deadline_of(std::int64_t given, TimeUnit unit, bool relative,
                                  TimeMs now) noexcept {
  std::int64_t time = given;
  if (unit == TimeUnit::kSeconds && __builtin_mul_overflow(given, 1000, &time)) {
    return std::nullopt;
  }
  if (relative && __builtin_add_overflow(time, now, &time)) return std::nullopt;
  return time;
}

Millis until(TimeMs deadline, TimeMs now) noexcept {
  std::int64_t left = 0;
  if (__builtin_sub_overflow(deadline, now, &left)) return kNoExpiry;
  return Millis(std::max<std::int64_t>(left, 1));
}

}  // namespace cloakroom::resp
