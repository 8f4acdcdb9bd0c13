// Sets: records of members (members.h).
#include <algorithm>
#include <iterator>

#include "resp/change_members.h"
#include "resp/commands.h"
#include "resp/glob.h"
#include "store/member_changes.h"
#include "store/members.h"

namespace cloakroom::resp {
namespace {

template <class F>
bool change_set(Call& call, std::string_view raw_key, F&& f, bool* gone = nullptr) {
  return change_members(call, raw_key, is_set, f, gone);
}

// Calls f(encoded) on the set, if there is one. True when the call goes on.
template <class F>
bool look_at_set(Call& call, std::string_view raw_key, F&& f) {
  bool wrong = false;
  const auto seen = call.store().visit(call.map(raw_key), [&](const RecordView& record) {
    wrong = type_of(record) != Type::kSet;
    if (!wrong) f(record.value);
  });
  if (!call.read(seen.status())) return false;
  if (wrong) call.wrong_type();
  return !wrong;
}

// The set, copied; `members` are views into `encoded`.
struct SetCopy {
  std::string encoded = {};
  Members members = {};
};

bool copy_set(Call& call, std::string_view raw_key, SetCopy& copy) {
  if (!look_at_set(call, raw_key, [&](std::string_view found) { copy.encoded = found; })) {
    return false;
  }
  copy.members = decode_set(copy.encoded);
  return true;
}

Members sorted_args(Call& call, std::size_t from) {
  Members args(call.args.begin() + static_cast<std::ptrdiff_t>(from), call.args.end());
  std::sort(args.begin(), args.end());
  args.erase(std::unique(args.begin(), args.end()), args.end());
  return args;
}

void sadd(Call& call) {
  const Members wanted = sorted_args(call, 2);
  std::size_t added = 0;
  const bool fine = change_set(call, call[1], [&](std::string& encoded) {
    added = add_to_set(encoded, wanted);
    return added != 0;
  });
  if (!fine) return;
  if (added != 0) call.notify(kNotifySet, "sadd", call[1]);
  call.out.integer(static_cast<std::int64_t>(added));
}

void srem(Call& call) {
  const Members unwanted = sorted_args(call, 2);
  std::size_t removed = 0;
  bool gone = false;
  const bool fine = change_set(
      call, call[1],
      [&](std::string& encoded) {
        removed = remove_from_set(encoded, unwanted);
        return removed != 0;
      },
      &gone);
  if (!fine) return;
  if (removed != 0) call.notify(kNotifySet, "srem", call[1]);
  if (gone) call.notify(kNotifyGeneric, "del", call[1]);
  call.out.integer(static_cast<std::int64_t>(removed));
}

void scard(Call& call) {
  std::size_t count = 0;
  if (look_at_set(call, call[1], [&](auto encoded) { count = member_count(encoded); })) {
    call.out.integer(static_cast<std::int64_t>(count));
  }
}

void sismember(Call& call) {
  bool found = false;
  if (look_at_set(call, call[1], [&](auto encoded) { found = set_contains(encoded, call[2]); })) {
    call.out.integer(found ? 1 : 0);
  }
}

void smismember(Call& call) {
  std::vector<bool> found(call.size() - 2);
  if (!look_at_set(call, call[1], [&](auto encoded) {
        found = set_contains_each(encoded, call.args.subspan(2));
      })) {
    return;
  }
  call.out.array(found.size());
  for (const bool is_there : found) call.out.integer(is_there ? 1 : 0);
}

void tell_set(Call& call, const Members& members) {
  call.out.set(members.size());
  for (const auto member : members) call.out.bulk(member);
}

void smembers(Call& call) {
  bool told = false;
  const auto tell = [&](std::string_view encoded) {
    tell_set(call, decode_set(encoded));
    told = true;
  };
  if (look_at_set(call, call[1], tell) && !told) tell_set(call, {});
}

void spop(Call& call) {
  std::optional<std::int64_t> count;
  if (call.size() > 3) return call.error(kSyntaxError);
  if (call.size() == 3) {
    count = parse_int(call[2]);
    if (!count || *count < 0) return call.error("ERR value is out of range, must be positive");
  }
  std::vector<std::string> popped;
  bool gone = false;
  const bool fine = change_set(
      call, call[1],
      [&](std::string& encoded) {
        std::vector<std::size_t> chosen = random_choice(member_count(encoded), count.value_or(1));
        std::sort(chosen.begin(), chosen.end());
        popped = take_from_set(encoded, chosen);
        return !popped.empty();
      },
      &gone);
  if (!fine) return;
  if (!popped.empty()) call.notify(kNotifySet, "spop", call[1]);
  if (gone) call.notify(kNotifyGeneric, "del", call[1]);
  if (!count) return popped.empty() ? call.out.null() : call.out.bulk(popped[0]);
  call.out.set(popped.size());
  for (const std::string& member : popped) call.out.bulk(member);
}

void srandmember(Call& call) {
  std::optional<std::int64_t> count;
  if (call.size() > 3) return call.error(kSyntaxError);
  if (call.size() == 3) {
    count = call.integer(2);
    if (!count) return;
    if (*count < -kRandomMax) return call.error("ERR value is out of range");
  }
  SetCopy copy;
  if (!copy_set(call, call[1], copy)) return;
  const auto chosen = random_choice(copy.members.size(), count.value_or(1));
  if (!count) return chosen.empty() ? call.out.null() : call.out.bulk(copy.members[chosen[0]]);
  call.out.array(chosen.size());
  for (const std::size_t i : chosen) call.out.bulk(copy.members[i]);
}

void smove(Call& call) {
  bool target_wrong = false;
  const auto target = call.store().visit(
      call.key(2), [&](const RecordView& record) { target_wrong = type_of(record) != Type::kSet; });
  bool there = false;
  if (!look_at_set(call, call[1], [&](auto encoded) { there = set_contains(encoded, call[3]); })) {
    return;
  }
  if (!call.read(target.status())) return;
  if (target_wrong && there) return call.wrong_type();
  if (target_wrong) {
    // Redis looks at the target's type unless the source is absent.
    const auto source = call.store().visit(call.key(1), [](const RecordView&) {});
    return source.ok() ? call.wrong_type() : call.out.integer(0);
  }
  if (!there) return call.out.integer(0);
  if (call.key(1) == call.key(2)) return call.out.integer(1);
  bool gone = false;
  bool added = false;
  const auto leave = [&](std::string& encoded) { return remove_from_set(encoded, {call[3]}) != 0; };
  if (!change_set(call, call[1], leave, &gone)) return;
  // Told before the target is touched: it may be new, and that is told at once.
  call.notify(kNotifySet, "srem", call[1]);
  if (gone) call.notify(kNotifyGeneric, "del", call[1]);
  const auto arrive = [&](std::string& encoded) {
    added = add_to_set(encoded, {call[3]}) != 0;
    return added;
  };
  if (!change_set(call, call[2], arrive)) return;
  if (added) call.notify(kNotifySet, "sadd", call[2]);
  call.out.integer(1);
}

// --- several sets -------------------------------------------------------------------------------

enum class Operation : std::uint8_t { kUnion, kIntersection, kDifference };

Members combine(Operation operation, const Members& a, const Members& b) {
  Members out;
  const auto into = std::back_inserter(out);
  switch (operation) {
    case Operation::kUnion:
      std::set_union(a.begin(), a.end(), b.begin(), b.end(), into);
      break;
    case Operation::kIntersection:
      std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), into);
      break;
    case Operation::kDifference:
      std::set_difference(a.begin(), a.end(), b.begin(), b.end(), into);
      break;
  }
  return out;
}

// The result's views are into `copies`. False when it was said what is wrong.
bool compute(Call& call, Operation operation, std::size_t from, std::size_t end,
             std::vector<SetCopy>& copies, Members& result) {
  copies.resize(end - from);
  for (std::size_t i = from; i < end; ++i) {
    if (!copy_set(call, call[i], copies[i - from])) return false;
  }
  result = copies[0].members;
  for (std::size_t i = 1; i < copies.size(); ++i) {
    result = combine(operation, result, copies[i].members);
  }
  return true;
}

void tell_combined(Call& call, Operation operation) {
  std::vector<SetCopy> copies;
  Members result;
  if (compute(call, operation, 1, call.size(), copies, result)) tell_set(call, result);
}

void store_combined(Call& call, Operation operation, std::string_view event) {
  std::vector<SetCopy> copies;
  Members result;
  if (!compute(call, operation, 2, call.size(), copies, result)) return;
  if (result.empty()) {
    const auto erased = erase_key(call, call[1]);
    if (!erased) return call.fail(erased.status());
    if (*erased) call.notify(kNotifyGeneric, "del", call[1]);
    return call.out.integer(0);
  }
  if (Status stored = store_value(call, call.key(1), Kind::kMembers, encode_set(result), kNever);
      !stored) {
    return call.fail(stored);
  }
  call.notify(kNotifySet, event, call[1]);
  call.out.integer(static_cast<std::int64_t>(result.size()));
}

void sinter(Call& call) { tell_combined(call, Operation::kIntersection); }
void sunion(Call& call) { tell_combined(call, Operation::kUnion); }
void sdiff(Call& call) { tell_combined(call, Operation::kDifference); }
void sinterstore(Call& call) { store_combined(call, Operation::kIntersection, "sinterstore"); }
void sunionstore(Call& call) { store_combined(call, Operation::kUnion, "sunionstore"); }
void sdiffstore(Call& call) { store_combined(call, Operation::kDifference, "sdiffstore"); }

void sintercard(Call& call) {
  const auto keys = parse_int(call[1]);
  if (!keys || *keys <= 0) return call.error("ERR numkeys should be greater than 0");
  if (*keys > static_cast<std::int64_t>(call.size() - 2)) {
    return call.error("ERR Number of keys can't be greater than number of args");
  }
  const std::size_t end = 2 + static_cast<std::size_t>(*keys);
  std::int64_t limit = 0;
  if (call.size() > end) {
    if (call.size() != end + 2 || !is_word(call[end], "limit")) return call.error(kSyntaxError);
    const auto given = parse_int(call[end + 1]);
    if (!given || *given < 0) return call.error("ERR LIMIT can't be negative");
    limit = *given;
  }
  std::vector<SetCopy> copies;
  Members result;
  if (!compute(call, Operation::kIntersection, 2, end, copies, result)) return;
  const auto count = static_cast<std::int64_t>(result.size());
  call.out.integer(limit == 0 ? count : std::min(count, limit));
}

// All at once, as HSCAN.
void sscan(Call& call) {
  if (!scan_cursor(call, call[2])) return;
  SetCopy copy;
  if (!copy_set(call, call[1], copy)) return;
  if (copy.members.empty()) return tell_empty_scan(call);
  const auto options = scan_options(call, 3, false);
  if (!options) return;
  if (options->has_pattern) {
    std::erase_if(copy.members,
                  [&](auto member) { return !glob_matches(options->pattern, member); });
  }
  call.out.array(2);
  call.out.bulk("0");
  call.out.array(copy.members.size());
  for (const auto member : copy.members) call.out.bulk(member);
}

constexpr std::uint32_t kStoreFlags = kWrite | kDenyOom | kExclusive;

constexpr Command kCommands[] = {
    {"sadd", -3, kWrite | kDenyOom | kFast, 1, 1, 1, "set", "1.0.0", "Add members to a set", sadd},
    {"srem", -3, kWrite | kFast, 1, 1, 1, "set", "1.0.0", "Remove members from a set", srem},
    {"scard", 2, kReadOnly | kFast, 1, 1, 1, "set", "1.0.0", "Count the members", scard},
    {"sismember", 3, kReadOnly | kFast, 1, 1, 1, "set", "1.0.0", "Whether it is a member",
     sismember},
    {"smismember", -3, kReadOnly | kFast, 1, 1, 1, "set", "6.2.0", "Whether these are members",
     smismember},
    {"smembers", 2, kReadOnly, 1, 1, 1, "set", "1.0.0", "Get all members", smembers},
    {"spop", -2, kWrite | kFast, 1, 1, 1, "set", "1.0.0", "Remove and return random members", spop},
    {"srandmember", -2, kReadOnly, 1, 1, 1, "set", "1.0.0", "Get random members", srandmember},
    {"smove", 4, kWrite | kFast | kExclusive, 1, 2, 1, "set", "1.0.0",
     "Move a member from one set to another", smove},
    {"sinter", -2, kReadOnly, 1, -1, 1, "set", "1.0.0", "Intersect sets", sinter},
    {"sunion", -2, kReadOnly, 1, -1, 1, "set", "1.0.0", "Unite sets", sunion},
    {"sdiff", -2, kReadOnly, 1, -1, 1, "set", "1.0.0", "Subtract sets", sdiff},
    {"sinterstore", -3, kStoreFlags, 1, -1, 1, "set", "1.0.0", "Intersect sets and store it",
     sinterstore},
    {"sunionstore", -3, kStoreFlags, 1, -1, 1, "set", "1.0.0", "Unite sets and store it",
     sunionstore},
    {"sdiffstore", -3, kStoreFlags, 1, -1, 1, "set", "1.0.0", "Subtract sets and store it",
     sdiffstore},
    {"sintercard", -3, kReadOnly | kMovableKeys, 0, 1, 0, "set", "7.0.0",
     "Count the intersection of sets", sintercard},
    {"sscan", -3, kReadOnly, 1, 1, 1, "set", "2.8.0", "Go through the members", sscan},
};

}  // namespace

std::span<const Command> set_commands() { return kCommands; }

}  // namespace cloakroom::resp
