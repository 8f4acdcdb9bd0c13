// Sorted sets: records of scored members (members.h). What reads ranges is in
// commands_sorted_ranges.cc.
#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "resp/change_members.h"
#include "resp/commands.h"
#include "resp/glob.h"
#include "resp/sorted_sets.h"

namespace cloakroom::resp {
namespace {

struct AddOptions {
  bool nx = false;
  bool xx = false;
  bool gt = false;
  bool lt = false;
  bool changed = false;
  bool increment = false;
  std::size_t from = 2;  // of the pairs
};

std::optional<AddOptions> add_options(Call& call) {
  AddOptions options;
  for (; options.from < call.size(); ++options.from) {
    const std::string_view word = call[options.from];
    if (is_word(word, "nx")) {
      options.nx = true;
    } else if (is_word(word, "xx")) {
      options.xx = true;
    } else if (is_word(word, "gt")) {
      options.gt = true;
    } else if (is_word(word, "lt")) {
      options.lt = true;
    } else if (is_word(word, "ch")) {
      options.changed = true;
    } else if (is_word(word, "incr")) {
      options.increment = true;
    } else {
      break;
    }
  }
  const std::size_t rest = call.size() - options.from;
  std::string_view problem;
  if (rest == 0 || rest % 2 != 0) {
    problem = kSyntaxError;
  } else if (options.nx && options.xx) {
    problem = "ERR XX and NX options at the same time are not compatible";
  } else if ((options.gt && options.nx) || (options.lt && options.nx) ||
             (options.gt && options.lt)) {
    problem = "ERR GT, LT, and/or NX options at the same time are not compatible";
  } else if (options.increment && rest > 2) {
    problem = "ERR INCR option supports a single increment-element pair";
  }
  if (problem.empty()) return options;
  call.error(problem);
  return std::nullopt;
}

// What adding one pair does to what there is.
enum class Effect : std::uint8_t { kNothing, kAdded, kUpdated, kNan };

// Decides the new score in `score`, given the old one.
Effect decide(const AddOptions& options, std::optional<double> old, double& score) {
  if (!old) return options.xx ? Effect::kNothing : Effect::kAdded;
  if (options.nx) return Effect::kNothing;
  if (options.increment) score += *old;
  if (std::isnan(score)) return Effect::kNan;
  if ((options.gt && score <= *old) || (options.lt && score >= *old)) return Effect::kNothing;
  return score == *old ? Effect::kNothing : Effect::kUpdated;
}

struct AddOutcome {
  std::int64_t added = 0;
  std::int64_t updated = 0;
  std::optional<double> score = std::nullopt;  // after INCR; nothing when it was refused
  bool nan = false;
};

// The members that a command names, each once: its score now, and what lies in the set.
class Candidates {
 public:
  Candidates(std::string_view encoded, std::span<const Scored> pairs) : pairs_(pairs) {
    if (pairs.size() == 1) {
      members_.push_back(pairs[0].member);
    } else {
      for (const Scored& pair : pairs) {
        if (index_.emplace(pair.member, members_.size()).second) members_.push_back(pair.member);
      }
    }
    places_ = find_scored(encoded, members_);
    now_.reserve(members_.size());
    for (const ScoredPlace& place : places_) now_.push_back(place.score);
  }

  // Of the i-th pair's member.
  [[nodiscard]] std::optional<double>& score(std::size_t i) {
    return now_[pairs_.size() == 1 ? 0 : index_.at(pairs_[i].member)];
  }

  [[nodiscard]] std::vector<NewScore> changes() const {
    std::vector<NewScore> changes;
    for (std::size_t i = 0; i < members_.size(); ++i) {
      if (now_[i]) changes.push_back({members_[i], *now_[i], places_[i]});
    }
    return changes;
  }

 private:
  const std::span<const Scored> pairs_;
  std::vector<std::string_view> members_ = {};
  std::unordered_map<std::string_view, std::size_t> index_ = {};
  std::vector<ScoredPlace> places_ = {};
  std::vector<std::optional<double>> now_ = {};
};

bool add_pairs(const AddOptions& options, std::span<const Scored> pairs, std::string& encoded,
               AddOutcome& outcome) {
  Candidates candidates(encoded, pairs);
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    double score = pairs[i].score;
    std::optional<double>& now = candidates.score(i);
    const Effect effect = decide(options, now, score);
    outcome.nan = effect == Effect::kNan;
    if (outcome.nan) return false;
    outcome.added += effect == Effect::kAdded ? 1 : 0;
    outcome.updated += effect == Effect::kUpdated ? 1 : 0;
    const bool refused =
        effect == Effect::kNothing && (!now || options.nx || options.gt || options.lt);
    if (effect != Effect::kNothing) now = score;
    if (!refused) outcome.score = score;
  }
  if (outcome.added + outcome.updated == 0) return false;
  set_scores(encoded, candidates.changes());
  return true;
}

void add(Call& call, const AddOptions& options, std::span<const Scored> pairs) {
  AddOutcome outcome;
  const bool fine = change_sorted_set(call, call[1], [&](std::string& encoded) {
    return add_pairs(options, pairs, encoded, outcome);
  });
  if (!fine) return;
  if (outcome.nan) return call.error("ERR resulting score is not a number (NaN)");
  if (outcome.added + outcome.updated != 0) {
    call.notify(kNotifySortedSet, options.increment ? "zincr" : "zadd", call[1]);
  }
  if (!options.increment) {
    return call.out.integer(outcome.added + (options.changed ? outcome.updated : 0));
  }
  outcome.score ? call.out.number(*outcome.score) : call.out.null();
}

void zadd(Call& call) {
  const auto options = add_options(call);
  if (!options) return;
  std::vector<Scored> pairs;
  for (std::size_t i = options->from; i < call.size(); i += 2) {
    const auto score = parse_double(call[i]);
    if (!score) return call.error(kNotFloat);
    pairs.push_back({*score, call[i + 1]});
  }
  add(call, *options, pairs);
}

void zincrby(Call& call) {
  const auto delta = parse_double(call[2]);
  if (!delta) return call.error(kNotFloat);
  const Scored pair{*delta, call[3]};
  add(call, {.increment = true}, {&pair, 1});
}

void zrem(Call& call) {
  std::size_t removed = 0;
  bool gone = false;
  const auto unwanted = call.args.subspan(2);
  const bool fine = change_sorted_set(
      call, call[1],
      [&](std::string& encoded) {
        removed = remove_scored(encoded, unwanted);
        return removed != 0;
      },
      &gone);
  if (!fine) return;
  if (removed != 0) call.notify(kNotifySortedSet, "zrem", call[1]);
  if (gone) call.notify(kNotifyGeneric, "del", call[1]);
  call.out.integer(static_cast<std::int64_t>(removed));
}

void zcard(Call& call) {
  std::size_t count = 0;
  if (look_at_sorted_set(call, call[1], [&](auto encoded) { count = member_count(encoded); })) {
    call.out.integer(static_cast<std::int64_t>(count));
  }
}

void zscore(Call& call) {
  std::optional<double> score;
  if (!look_at_sorted_set(call, call[1],
                          [&](auto encoded) { score = score_of(encoded, call[2]); })) {
    return;
  }
  score ? call.out.number(*score) : call.out.null();
}

void zmscore(Call& call) {
  std::vector<std::optional<double>> scores(call.size() - 2);
  if (!look_at_sorted_set(call, call[1], [&](auto encoded) {
        scores = scores_of(encoded, call.args.subspan(2));
      })) {
    return;
  }
  call.out.array(scores.size());
  for (const auto& score : scores) score ? call.out.number(*score) : call.out.null();
}

void rank(Call& call, bool reversed) {
  std::optional<std::size_t> found;
  if (!look_at_sorted_set(call, call[1], [&](auto encoded) {
        found = rank_of(encoded, call[2]);
        if (found && reversed) found = member_count(encoded) - 1 - *found;
      })) {
    return;
  }
  found ? call.out.integer(static_cast<std::int64_t>(*found)) : call.out.null();
}

void zrank(Call& call) { rank(call, false); }
void zrevrank(Call& call) { rank(call, true); }

void pop(Call& call, bool highest) {
  std::optional<std::int64_t> count;
  if (call.size() > 3) return call.error(kSyntaxError);
  if (call.size() == 3) {
    count = parse_int(call[2]);
    if (!count || *count < 0) return call.error("ERR value is out of range, must be positive");
  }
  std::vector<PoppedMember> popped;
  if (!pop_sorted_members(call, call[1], highest, count.value_or(1), popped)) return;
  // Only with a count are there pairs in RESP3.
  const bool pairs = count && call.out.protocol() >= 3;
  call.out.array(pairs ? popped.size() : popped.size() * 2);
  for (const auto& [member, score] : popped) {
    if (pairs) call.out.array(2);
    call.out.bulk(member);
    call.out.number(score);
  }
}

void zpopmin(Call& call) { pop(call, false); }
void zpopmax(Call& call) { pop(call, true); }

void zscan(Call& call) {
  if (!scan_cursor(call, call[2])) return;
  std::string encoded;
  if (!look_at_sorted_set(call, call[1], [&](auto found) { encoded = found; })) return;
  if (encoded.empty()) return tell_empty_scan(call);
  const auto options = scan_options(call, 3, false);
  if (!options) return;
  SortedMembers members = decode_sorted_set(encoded);
  if (options->has_pattern) {
    std::erase_if(members, [&](const Scored& scored) {
      return !glob_matches(options->pattern, scored.member);
    });
  }
  call.out.array(2);
  call.out.bulk("0");
  call.out.array(members.size() * 2);
  for (const Scored& scored : members) {
    call.out.bulk(scored.member);
    call.out.bulk(format_double(scored.score));
  }
}

constexpr std::uint32_t kSetFlags = kWrite | kDenyOom | kFast;
constexpr std::uint32_t kGetFlags = kReadOnly | kFast;
constexpr std::string_view kGroup = "sorted-set";

constexpr Command kCommands[] = {
    {"zadd", -4, kSetFlags, 1, 1, 1, kGroup, "1.2.0", "Add members or change their scores", zadd},
    {"zincrby", 4, kSetFlags, 1, 1, 1, kGroup, "1.2.0", "Increment the score of a member", zincrby},
    {"zrem", -3, kWrite | kFast, 1, 1, 1, kGroup, "1.2.0", "Remove members", zrem},
    {"zcard", 2, kGetFlags, 1, 1, 1, kGroup, "1.2.0", "Count the members", zcard},
    {"zscore", 3, kGetFlags, 1, 1, 1, kGroup, "1.2.0", "The score of a member", zscore},
    {"zmscore", -3, kGetFlags, 1, 1, 1, kGroup, "6.2.0", "The scores of members", zmscore},
    {"zrank", 3, kGetFlags, 1, 1, 1, kGroup, "2.0.0", "The place of a member", zrank},
    {"zrevrank", 3, kGetFlags, 1, 1, 1, kGroup, "2.0.0", "The place of a member from the end",
     zrevrank},
    {"zpopmin", -2, kWrite | kFast, 1, 1, 1, kGroup, "5.0.0", "Remove the lowest members", zpopmin},
    {"zpopmax", -2, kWrite | kFast, 1, 1, 1, kGroup, "5.0.0", "Remove the highest members",
     zpopmax},
    {"zscan", -3, kReadOnly, 1, 1, 1, kGroup, "2.8.0", "Go through the members", zscan},
    {"zrange", -4, kReadOnly, 1, 1, 1, kGroup, "1.2.0", "Get a range of members", zrange_command},
    {"zrevrange", -4, kReadOnly, 1, 1, 1, kGroup, "1.2.0", "Get a range from the end",
     zrevrange_command},
    {"zrangebyscore", -4, kReadOnly, 1, 1, 1, kGroup, "1.0.5", "Get members by score",
     zrangebyscore_command},
    {"zrevrangebyscore", -4, kReadOnly, 1, 1, 1, kGroup, "2.2.0",
     "Get members by score from the end", zrevrangebyscore_command},
    {"zrangebylex", -4, kReadOnly, 1, 1, 1, kGroup, "2.8.9", "Get members by name",
     zrangebylex_command},
    {"zrevrangebylex", -4, kReadOnly, 1, 1, 1, kGroup, "2.8.9", "Get members by name from the end",
     zrevrangebylex_command},
    {"zrangestore", -5, kWrite | kDenyOom | kExclusive, 1, 2, 1, kGroup, "6.2.0",
     "Store a range of members", zrangestore_command},
    {"zcount", 4, kGetFlags, 1, 1, 1, kGroup, "2.0.0", "Count members by score", zcount_command},
    {"zlexcount", 4, kGetFlags, 1, 1, 1, kGroup, "2.8.9", "Count members by name",
     zlexcount_command},
    {"zremrangebyrank", 4, kWrite, 1, 1, 1, kGroup, "2.0.0", "Remove members by place",
     zremrangebyrank_command},
    {"zremrangebyscore", 4, kWrite, 1, 1, 1, kGroup, "1.2.0", "Remove members by score",
     zremrangebyscore_command},
    {"zremrangebylex", 4, kWrite, 1, 1, 1, kGroup, "2.8.9", "Remove members by name",
     zremrangebylex_command},
};

}  // namespace

std::span<const Command> sorted_set_commands() { return kCommands; }

bool change_sorted_set(Call& call, std::string_view raw_key, FunctionRef<bool(std::string&)> f,
                       bool* gone) {
  return change_members(call, raw_key, is_sorted_set, f, gone);
}

bool pop_sorted_members(Call& call, std::string_view raw_key, bool highest, std::int64_t count,
                        std::vector<PoppedMember>& popped) {
  bool gone = false;
  const bool fine = change_sorted_set(
      call, raw_key,
      [&](std::string& encoded) {
        popped = take_scored(encoded, highest, static_cast<std::size_t>(count));
        return !popped.empty();
      },
      &gone);
  if (!fine) return false;
  if (!popped.empty()) call.notify(kNotifySortedSet, highest ? "zpopmax" : "zpopmin", raw_key);
  if (gone) call.notify(kNotifyGeneric, "del", raw_key);
  return true;
}

bool look_at_sorted_set(Call& call, std::string_view raw_key,
                        FunctionRef<void(std::string_view)> f) {
  bool wrong = false;
  const auto seen = call.store().visit(call.map(raw_key), [&](const RecordView& record) {
    wrong = type_of(record) != Type::kSortedSet;
    if (!wrong) f(record.value);
  });
  if (!call.read(seen.status())) return false;
  if (wrong) call.wrong_type();
  return !wrong;
}

}  // namespace cloakroom::resp
