// Ranges of sorted sets: by place, by score, by name; told, counted, stored or removed.
#include <algorithm>
#include <cstdint>

#include "resp/commands.h"
#include "resp/sorted_sets.h"

namespace cloakroom::resp {
namespace {

constexpr std::string_view kBadScores = "ERR min or max is not a float";
constexpr std::string_view kBadNames = "ERR min or max not valid string range item";

enum class By : std::uint8_t { kRank, kScore, kName };

struct ScoreBound {
  double score = 0;
  bool open = false;
};

struct NameBound {
  std::string_view name = {};
  bool open = false;
  int infinite = 0;  // -1: before everything, 1: behind everything
};

struct Range {
  By by = By::kRank;
  bool reversed = false;
  std::int64_t start = 0;  // of kRank
  std::int64_t stop = 0;
  ScoreBound low = {};
  ScoreBound high = {};
  NameBound first = {};
  NameBound last = {};
  bool limited = false;
  std::int64_t offset = 0;
  std::int64_t count = -1;
};

std::optional<ScoreBound> score_bound(std::string_view text) {
  ScoreBound bound;
  bound.open = text.starts_with('(');
  const auto score = parse_double(bound.open ? text.substr(1) : text);
  if (!score) return std::nullopt;
  bound.score = *score;
  return bound;
}

std::optional<NameBound> name_bound(std::string_view text) {
  if (text == "-") return NameBound{.infinite = -1};
  if (text == "+") return NameBound{.infinite = 1};
  if (text.starts_with('(')) return NameBound{text.substr(1), true};
  if (text.starts_with('[')) return NameBound{text.substr(1)};
  return std::nullopt;
}

bool is_above(const Scored& scored, const ScoreBound& low) noexcept {
  return low.open ? scored.score > low.score : scored.score >= low.score;
}

bool is_below(const Scored& scored, const ScoreBound& high) noexcept {
  return high.open ? scored.score < high.score : scored.score <= high.score;
}

bool is_after(const Scored& scored, const NameBound& first) noexcept {
  if (first.infinite != 0) return first.infinite < 0;
  return first.open ? scored.member > first.name : scored.member >= first.name;
}

bool is_before(const Scored& scored, const NameBound& last) noexcept {
  if (last.infinite != 0) return last.infinite > 0;
  return last.open ? scored.member < last.name : scored.member <= last.name;
}

// The two arguments of the range; when it is reversed by score or name, the higher comes first.
bool parse_bounds(Call& call, std::size_t at, Range& range) {
  const bool swapped = range.reversed && range.by != By::kRank;
  const std::string_view low = call[swapped ? at + 1 : at];
  const std::string_view high = call[swapped ? at : at + 1];
  if (range.by == By::kRank) {
    const auto start = call.integer(at);
    if (!start) return false;
    const auto stop = call.integer(at + 1);
    if (!stop) return false;
    range.start = *start;
    range.stop = *stop;
    return true;
  }
  if (range.by == By::kScore) {
    const auto from = score_bound(low);
    const auto to = score_bound(high);
    if (!from || !to) call.error(kBadScores);
    if (!from || !to) return false;
    range.low = *from;
    range.high = *to;
    return true;
  }
  const auto from = name_bound(low);
  const auto to = name_bound(high);
  if (!from || !to) call.error(kBadNames);
  if (!from || !to) return false;
  range.first = *from;
  range.last = *to;
  return true;
}

// By name, of members that all have one score; of others what Redis answers: the run of members
// inside the range that begins at the first one not below it, seen from the side of the beginning.
SortedMembers select_names(const SortedMembers& members, const Range& range) {
  SortedMembers chosen;
  if (members.empty() || !is_after(members.back(), range.first) ||
      !is_before(members.front(), range.last)) {
    return chosen;
  }
  const auto take = [&](auto begin, auto end, auto starts, auto goes_on) {
    begin = std::find_if(begin, end, starts);
    const auto stop = std::find_if_not(begin, end, goes_on);
    chosen.assign(begin, stop);
  };
  const auto after = [&](const Scored& scored) { return is_after(scored, range.first); };
  const auto before = [&](const Scored& scored) { return is_before(scored, range.last); };
  range.reversed ? take(members.rbegin(), members.rend(), before, after)
                 : take(members.begin(), members.end(), after, before);
  return chosen;
}

SortedMembers limited(SortedMembers chosen, const Range& range) {
  if (!range.limited) return chosen;
  const auto size = static_cast<std::int64_t>(chosen.size());
  if (range.offset < 0 || range.offset >= size) return {};
  chosen.erase(chosen.begin(), chosen.begin() + range.offset);
  if (range.count >= 0 && range.count < size - range.offset) {
    chosen.resize(static_cast<std::size_t>(range.count));
  }
  return chosen;
}

// By place. Only as far as the last one is the set walked.
SortedMembers select_places(std::string_view encoded, const Range& range) {
  SortedMembers chosen;
  const auto size = static_cast<std::int64_t>(member_count(encoded));
  std::int64_t start = range.start < 0 ? std::max<std::int64_t>(range.start + size, 0) : range.start;
  std::int64_t stop = range.stop < 0 ? range.stop + size : std::min(range.stop, size - 1);
  if (start > stop || start >= size) return chosen;
  if (range.reversed) {
    const std::int64_t from = size - 1 - stop;
    stop = size - 1 - start;
    start = from;
  }
  std::int64_t place = 0;
  for (MemberWalk walk(encoded); place <= stop && walk.next(); ++place) {
    if (place >= start) chosen.push_back({walk.score(), walk.member()});
  }
  if (range.reversed) std::reverse(chosen.begin(), chosen.end());
  return chosen;
}

// By score. Ends behind the range, or when there are as many as are asked for.
SortedMembers select_scores(std::string_view encoded, const Range& range) {
  SortedMembers chosen;
  std::int64_t wanted = INT64_MAX;
  if (range.limited && !range.reversed && range.offset >= 0 && range.count >= 0) {
    if (__builtin_add_overflow(range.offset, range.count, &wanted)) wanted = INT64_MAX;
  }
  for (MemberWalk walk(encoded); static_cast<std::int64_t>(chosen.size()) < wanted && walk.next();) {
    const Scored scored{walk.score(), walk.member()};
    if (!is_below(scored, range.high)) break;
    if (is_above(scored, range.low)) chosen.push_back(scored);
  }
  if (range.reversed) std::reverse(chosen.begin(), chosen.end());
  return limited(std::move(chosen), range);
}

// The members of a range, in its order: views into `encoded`.
SortedMembers select(std::string_view encoded, const Range& range) {
  if (range.by == By::kRank) return select_places(encoded, range);
  if (range.by == By::kScore) return select_scores(encoded, range);
  return limited(select_names(decode_sorted_set(encoded), range), range);
}

struct RangeWords {
  bool with_scores = false;
  bool allow_scores = true;
  bool allow_by = false;  // BYSCORE BYLEX REV
};

// The words behind the range, from argument `from` on.
bool parse_words(Call& call, std::size_t from, Range& range, RangeWords& words) {
  for (std::size_t i = from; i < call.size(); ++i) {
    if (words.allow_scores && is_word(call[i], "withscores")) {
      words.with_scores = true;
    } else if (is_word(call[i], "limit") && i + 2 < call.size()) {
      const auto offset = call.integer(i + 1);
      if (!offset) return false;
      const auto count = call.integer(i + 2);
      if (!count) return false;
      range.limited = true;
      range.offset = *offset;
      range.count = *count;
      i += 2;
    } else if (words.allow_by && is_word(call[i], "rev")) {
      range.reversed = true;
    } else if (words.allow_by && is_word(call[i], "byscore")) {
      range.by = By::kScore;
    } else if (words.allow_by && is_word(call[i], "bylex")) {
      range.by = By::kName;
    } else {
      call.error(kSyntaxError);
      return false;
    }
  }
  // Redis takes a count of -1 as no limit, here too.
  if (range.by == By::kRank && range.count == -1) range.limited = false;
  if (range.limited && range.by == By::kRank) {
    call.error(
        "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX");
    return false;
  }
  if (words.with_scores && range.by == By::kName) {
    call.error("ERR syntax error, WITHSCORES not supported in combination with BYLEX");
    return false;
  }
  return true;
}

void range_of(Call& call, Range range, RangeWords words) {
  if (!parse_words(call, 4, range, words) || !parse_bounds(call, 2, range)) return;
  bool told = false;
  const auto tell = [&](std::string_view encoded) {
    tell_sorted_members(call, select(encoded, range), words.with_scores);
    told = true;
  };
  if (look_at_sorted_set(call, call[1], tell) && !told) tell_sorted_members(call, {}, false);
}

void count(Call& call, Range range) {
  if (!parse_bounds(call, 2, range)) return;
  std::size_t found = 0;
  if (look_at_sorted_set(call, call[1], [&](auto encoded) {
        found = select(encoded, range).size();
      })) {
    call.out.integer(static_cast<std::int64_t>(found));
  }
}

void remove(Call& call, Range range, std::string_view event) {
  if (!parse_bounds(call, 2, range)) return;
  std::size_t removed = 0;
  bool gone = false;
  const bool fine = change_sorted_set(
      call, call[1],
      [&](std::string& encoded) {
        const SortedMembers unwanted = select(encoded, range);
        removed = unwanted.size();
        remove_run(encoded, unwanted);
        return removed != 0;
      },
      &gone);
  if (!fine) return;
  if (removed != 0) call.notify(kNotifySortedSet, event, call[1]);
  if (gone) call.notify(kNotifyGeneric, "del", call[1]);
  call.out.integer(static_cast<std::int64_t>(removed));
}

}  // namespace

void tell_sorted_members(Call& call, const SortedMembers& members, bool with_scores) {
  const bool pairs = with_scores && call.out.protocol() >= 3;
  call.out.array(with_scores && !pairs ? members.size() * 2 : members.size());
  for (const Scored& scored : members) {
    if (pairs) call.out.array(2);
    call.out.bulk(scored.member);
    if (with_scores) call.out.number(scored.score);
  }
}

void zrange_command(Call& call) { range_of(call, {}, {.allow_by = true}); }

void zrevrange_command(Call& call) {
  // It never had LIMIT.
  if (call.size() > 5 || (call.size() == 5 && !is_word(call[4], "withscores"))) {
    return call.error(kSyntaxError);
  }
  range_of(call, {.reversed = true}, {});
}

void zrangebyscore_command(Call& call) { range_of(call, {.by = By::kScore}, {}); }

void zrevrangebyscore_command(Call& call) {
  range_of(call, {.by = By::kScore, .reversed = true}, {});
}

void zrangebylex_command(Call& call) { range_of(call, {.by = By::kName}, {.allow_scores = false}); }

void zrevrangebylex_command(Call& call) {
  range_of(call, {.by = By::kName, .reversed = true}, {.allow_scores = false});
}

void zrangestore_command(Call& call) {
  Range range;
  RangeWords words{.allow_scores = false, .allow_by = true};
  if (!parse_words(call, 5, range, words) || !parse_bounds(call, 3, range)) return;
  std::string encoded;
  if (!look_at_sorted_set(call, call[2], [&](auto found) { encoded = found; })) return;
  SortedMembers chosen = select(encoded, range);
  if (chosen.empty()) {
    const auto erased = erase_key(call, call[1]);
    if (!erased) return call.fail(erased.status());
    if (*erased) call.notify(kNotifyGeneric, "del", call[1]);
    return call.out.integer(0);
  }
  std::sort(chosen.begin(), chosen.end());
  if (Status stored =
          store_value(call, call.key(1), Kind::kMembers, encode_sorted_set(chosen), kNever);
      !stored) {
    return call.fail(stored);
  }
  call.notify(kNotifySortedSet, "zrangestore", call[1]);
  call.out.integer(static_cast<std::int64_t>(chosen.size()));
}

void zcount_command(Call& call) { count(call, {.by = By::kScore}); }
void zlexcount_command(Call& call) { count(call, {.by = By::kName}); }
void zremrangebyrank_command(Call& call) { remove(call, {}, "zremrangebyrank"); }
void zremrangebyscore_command(Call& call) { remove(call, {.by = By::kScore}, "zremrangebyscore"); }
void zremrangebylex_command(Call& call) { remove(call, {.by = By::kName}, "zremrangebylex"); }

}  // namespace cloakroom::resp
