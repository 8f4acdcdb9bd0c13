// Several sorted sets at a time: ZUNION, ZINTER, ZDIFF and what stores or counts their results,
// ZMPOP; and ZRANDMEMBER. A plain set counts as a sorted set whose scores are all 1.
#include <algorithm>
#include <cmath>
#include <list>
#include <unordered_map>
#include <unordered_set>

#include "resp/commands.h"
#include "resp/sorted_sets.h"

namespace cloakroom::resp {
namespace {

enum class Operation : std::uint8_t { kUnion, kIntersection, kDifference };
enum class Aggregate : std::uint8_t { kSum, kMin, kMax };

// What the words of a command ask for.
struct Request {
  Operation operation = Operation::kUnion;
  bool counts = false;     // ZINTERCARD
  bool stores = false;     // under argument 1
  std::size_t first = 0;   // argument of the first key
  std::size_t behind = 0;  // argument behind the last key
  std::vector<double> weights = {};
  Aggregate aggregate = Aggregate::kSum;
  bool with_scores = false;
  std::int64_t limit = 0;  // 0: none
};

// A set among those that a command reads; `members` are views into `encoded`, so a source stays
// where it is.
struct Source {
  std::string encoded = {};
  SortedMembers members = {};
  double weight = 1;
};
using Sources = std::list<Source>;

bool parse_keys(Call& call, std::size_t at, Request& request) {
  const auto count = call.integer(at);
  if (!count) return false;
  if (*count < 1) {
    call.error("ERR at least 1 input key is needed for '" + std::string(call.command.name) +
               "' command");
    return false;
  }
  request.first = at + 1;
  if (*count > static_cast<std::int64_t>(call.size() - request.first)) {
    call.error(kSyntaxError);
    return false;
  }
  request.behind = request.first + static_cast<std::size_t>(*count);
  request.weights.assign(static_cast<std::size_t>(*count), 1);
  return true;
}

bool parse_weights(Call& call, std::size_t at, Request& request) {
  for (double& weight : request.weights) {
    const auto given = parse_double(call[at++]);
    if (!given) call.error("ERR weight value is not a float");
    if (!given) return false;
    weight = *given;
  }
  return true;
}

std::optional<Aggregate> aggregate_of(std::string_view word) {
  if (is_word(word, "sum")) return Aggregate::kSum;
  if (is_word(word, "min")) return Aggregate::kMin;
  if (is_word(word, "max")) return Aggregate::kMax;
  return std::nullopt;
}

// The option at argument `i`; moves `i` to its last word. False when it was said what is wrong.
bool parse_option(Call& call, std::size_t& i, Request& request) {
  const std::size_t left = call.size() - 1 - i;
  const bool combines = !request.counts && request.operation != Operation::kDifference;
  if (combines && left >= request.weights.size() && is_word(call[i], "weights")) {
    if (!parse_weights(call, i + 1, request)) return false;
    i += request.weights.size();
    return true;
  }
  if (combines && left >= 1 && is_word(call[i], "aggregate")) {
    const auto aggregate = aggregate_of(call[++i]);
    if (!aggregate) call.error(kSyntaxError);
    if (aggregate) request.aggregate = *aggregate;
    return aggregate.has_value();
  }
  if (request.counts && left >= 1 && is_word(call[i], "limit")) {
    const auto limit = parse_int(call[++i]);
    if (!limit || *limit < 0) call.error("ERR LIMIT can't be negative");
    request.limit = limit.value_or(-1);
    return request.limit >= 0;
  }
  request.with_scores = !request.counts && !request.stores && is_word(call[i], "withscores");
  if (!request.with_scores) call.error(kSyntaxError);
  return request.with_scores;
}

// Reads one set of either kind. False when it was said what is wrong.
bool read_source(Call& call, std::string_view raw_key, Source& source) {
  Type type = Type::kSortedSet;
  const auto seen = call.store().visit(call.map(raw_key), [&](const RecordView& record) {
    type = type_of(record);
    source.encoded = record.value;
  });
  if (!call.read(seen.status())) return false;
  if (type == Type::kSet) {
    for (const auto member : decode_set(source.encoded)) source.members.push_back({1, member});
  } else if (type == Type::kSortedSet) {
    source.members = decode_sorted_set(source.encoded);
  } else {
    call.wrong_type();
    return false;
  }
  return true;
}

double weighted(double score, double weight) noexcept {
  const double product = score * weight;
  return std::isnan(product) ? 0 : product;  // 0 times infinity
}

double aggregated(Aggregate aggregate, double a, double b) noexcept {
  if (aggregate == Aggregate::kMin) return std::min(a, b);
  if (aggregate == Aggregate::kMax) return std::max(a, b);
  return std::isnan(a + b) ? 0 : a + b;  // infinity minus infinity
}

struct Tally {
  double score = 0;
  std::size_t sets = 0;
};

// Union and intersection. The smallest set comes first, as in Redis: sums round alike.
SortedMembers combine(const Request& request, Sources& sources) {
  sources.sort(
      [](const Source& a, const Source& b) { return a.members.size() < b.members.size(); });
  std::unordered_map<std::string_view, Tally> tallies;
  for (const Source& source : sources) {
    for (const Scored& scored : source.members) {
      Tally& tally = tallies[scored.member];
      const double score = weighted(scored.score, source.weight);
      tally.score = tally.sets == 0 ? score : aggregated(request.aggregate, tally.score, score);
      ++tally.sets;
    }
  }
  const std::size_t wanted = request.operation == Operation::kUnion ? 1 : sources.size();
  SortedMembers result;
  for (const auto& [member, tally] : tallies) {
    if (tally.sets >= wanted) result.push_back({tally.score, member});
  }
  std::sort(result.begin(), result.end());
  return result;
}

SortedMembers subtract(const Sources& sources) {
  std::unordered_set<std::string_view> unwanted;
  for (auto source = std::next(sources.begin()); source != sources.end(); ++source) {
    for (const Scored& scored : source->members) unwanted.insert(scored.member);
  }
  SortedMembers result = sources.front().members;
  std::erase_if(result, [&](const Scored& scored) { return unwanted.contains(scored.member); });
  return result;
}

void store(Call& call, const SortedMembers& result, std::string_view event) {
  if (result.empty()) {
    const auto erased = erase_key(call, call[1]);
    if (!erased) return call.fail(erased.status());
    if (*erased) call.notify(kNotifyGeneric, "del", call[1]);
    return call.out.integer(0);
  }
  if (Status stored =
          store_value(call, call.key(1), Kind::kMembers, encode_sorted_set(result), kNever);
      !stored) {
    return call.fail(stored);
  }
  call.notify(kNotifySortedSet, event, call[1]);
  call.out.integer(static_cast<std::int64_t>(result.size()));
}

void tell_count(Call& call, std::size_t count, std::int64_t limit) {
  const auto found = static_cast<std::int64_t>(count);
  call.out.integer(limit == 0 ? found : std::min(found, limit));
}

// Redis looks at the keys before it looks at the options.
void compute(Call& call, Request request) {
  if (!parse_keys(call, request.stores ? 2 : 1, request)) return;
  Sources sources;
  for (std::size_t i = request.first; i < request.behind; ++i) {
    if (!read_source(call, call[i], sources.emplace_back())) return;
  }
  for (std::size_t i = request.behind; i < call.size(); ++i) {
    if (!parse_option(call, i, request)) return;
  }
  auto weight = request.weights.begin();
  for (Source& source : sources) source.weight = *weight++;
  const SortedMembers result =
      request.operation == Operation::kDifference ? subtract(sources) : combine(request, sources);
  if (request.counts) return tell_count(call, result.size(), request.limit);
  if (request.stores) return store(call, result, call.command.name);
  tell_sorted_members(call, result, request.with_scores);
}

// --- ZMPOP
// ----------------------------------------------------------------------------------------

struct PopRequest {
  std::size_t behind = 0;  // argument behind the last key; the first is 2
  bool highest = false;
  std::int64_t count = 1;
};

std::optional<PopRequest> pop_request(Call& call) {
  const auto refuse = [&](std::string_view text) -> std::optional<PopRequest> {
    call.error(text);
    return std::nullopt;
  };
  const auto keys = parse_int(call[1]);
  if (!keys || *keys < 1) return refuse("ERR numkeys should be greater than 0");
  if (*keys >= static_cast<std::int64_t>(call.size()) - 2) return refuse(kSyntaxError);
  PopRequest request{.behind = 2 + static_cast<std::size_t>(*keys)};
  request.highest = is_word(call[request.behind], "max");
  if (!request.highest && !is_word(call[request.behind], "min")) return refuse(kSyntaxError);
  const std::size_t words = call.size() - request.behind;
  if (words == 1) return request;
  if (words != 3 || !is_word(call[request.behind + 1], "count")) return refuse(kSyntaxError);
  const auto count = parse_int(call[request.behind + 2]);
  if (!count || *count < 1) return refuse("ERR count should be greater than 0");
  request.count = *count;
  return request;
}

void zmpop(Call& call) {
  const auto request = pop_request(call);
  if (!request) return;
  for (std::size_t i = 2; i < request->behind; ++i) {
    std::vector<PoppedMember> popped;
    if (!pop_sorted_members(call, call[i], request->highest, request->count, popped)) return;
    if (popped.empty()) continue;
    call.out.array(2);
    call.out.bulk(call[i]);
    call.out.array(popped.size());
    for (const auto& [member, score] : popped) {
      call.out.array(2);
      call.out.bulk(member);
      call.out.number(score);
    }
    return;
  }
  call.out.null_array();
}

// --- ZRANDMEMBER
// ----------------------------------------------------------------------------------

void zrandmember(Call& call) {
  std::optional<std::int64_t> count;
  bool with_scores = false;
  if (call.size() > 2) {
    count = call.integer(2);
    if (!count) return;
    with_scores = call.size() == 4 && is_word(call[3], "withscores");
    if (call.size() > 4 || (call.size() == 4 && !with_scores)) return call.error(kSyntaxError);
    if (*count < -kRandomMax || *count > INT64_MAX / 2) {
      return call.error("ERR value is out of range");
    }
  }
  std::string encoded;
  if (!look_at_sorted_set(call, call[1], [&](auto found) { encoded = found; })) return;
  const SortedMembers members = decode_sorted_set(encoded);
  SortedMembers chosen;
  for (const std::size_t i : random_choice(members.size(), count.value_or(1))) {
    chosen.push_back(members[i]);
  }
  if (count) return tell_sorted_members(call, chosen, with_scores);
  chosen.empty() ? call.out.null() : call.out.bulk(chosen[0].member);
}

constexpr auto kUnion = Operation::kUnion;
constexpr auto kIntersection = Operation::kIntersection;
constexpr auto kDifference = Operation::kDifference;

void zunion(Call& call) { compute(call, {.operation = kUnion}); }
void zinter(Call& call) { compute(call, {.operation = kIntersection}); }
void zdiff(Call& call) { compute(call, {.operation = kDifference}); }
void zintercard(Call& call) { compute(call, {.operation = kIntersection, .counts = true}); }
void zunionstore(Call& call) { compute(call, {.operation = kUnion, .stores = true}); }
void zinterstore(Call& call) { compute(call, {.operation = kIntersection, .stores = true}); }
void zdiffstore(Call& call) { compute(call, {.operation = kDifference, .stores = true}); }

constexpr std::uint32_t kGetFlags = kReadOnly | kMovableKeys;
constexpr std::uint32_t kStoreFlags = kWrite | kDenyOom | kMovableKeys | kExclusive;
constexpr std::string_view kGroup = "sorted-set";

constexpr Command kCommands[] = {
    {"zunion", -3, kGetFlags, 0, 1, 0, kGroup, "6.2.0", "Unite sorted sets", zunion},
    {"zinter", -3, kGetFlags, 0, 1, 0, kGroup, "6.2.0", "Intersect sorted sets", zinter},
    {"zdiff", -3, kGetFlags, 0, 1, 0, kGroup, "6.2.0", "Subtract sorted sets", zdiff},
    {"zintercard", -3, kGetFlags, 0, 1, 0, kGroup, "7.0.0", "Count the intersection of sorted sets",
     zintercard},
    {"zunionstore", -4, kStoreFlags, 1, 2, 1, kGroup, "2.0.0",
     "Unite sorted sets and store the result", zunionstore},
    {"zinterstore", -4, kStoreFlags, 1, 2, 1, kGroup, "2.0.0",
     "Intersect sorted sets and store the result", zinterstore},
    {"zdiffstore", -4, kStoreFlags, 1, 2, 1, kGroup, "6.2.0",
     "Subtract sorted sets and store the result", zdiffstore},
    {"zmpop", -4, kWrite | kMovableKeys | kExclusive, 0, 1, 0, kGroup, "7.0.0",
     "Remove the lowest or highest members of the first sorted set that has any", zmpop},
    {"zrandmember", -2, kReadOnly, 1, 1, 1, kGroup, "6.2.0", "Get random members", zrandmember},
};

}  // namespace

std::span<const Command> sorted_algebra_commands() { return kCommands; }

}  // namespace cloakroom::resp
