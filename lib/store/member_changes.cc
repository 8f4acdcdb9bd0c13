#include "store/member_changes.h"

#include <algorithm>
#include <bit>
#include <cstdint>

#include "base/coding.h"
#include "store/splices.h"

namespace cloakroom {
namespace {

// The entry of a sorted set.
void append_scored(std::string& out, double score, std::string_view member) {
  put_u64(out, std::bit_cast<std::uint64_t>(score));
  put_string(out, member);
}

// Makes the changes and counts them. `encoded` is "" when none is left.
void apply(std::string& encoded, Splices& splices, std::size_t added, std::size_t removed) {
  constexpr std::size_t kCountAt = 1;  // behind the type
  const std::size_t count = member_count(encoded);
  const std::size_t left = count + added - std::min(removed, count + added);
  if (left == 0) {
    encoded.clear();
    return;
  }
  if (left != count) {
    const std::size_t count_end = MemberWalk(encoded).end();
    std::string bytes;
    put_varint(bytes, left);
    if (bytes.size() == count_end - kCountAt) {
      std::copy(bytes.begin(), bytes.end(), encoded.begin() + kCountAt);
    } else {
      splices.replace(kCountAt, count_end, bytes);
    }
  }
  splices.apply(encoded);
}

bool same_bits(double a, double b) noexcept {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

}  // namespace

std::size_t add_to_set(std::string& encoded, const Members& wanted) {
  if (encoded.empty()) {
    encoded = encode_set(wanted);
    return wanted.size();
  }
  Splices splices;
  std::string entry;
  std::size_t added = 0;
  MemberWalk walk(encoded);
  bool there = walk.next();
  for (const std::string_view member : wanted) {
    int order = 1;
    while (there && (order = walk.member().compare(member)) < 0) there = walk.next();
    if (there && order == 0) continue;
    entry.clear();
    put_string(entry, member);
    splices.put(walk.begin(), entry);
    ++added;
  }
  if (added != 0) apply(encoded, splices, added, 0);
  return added;
}

std::size_t remove_from_set(std::string& encoded, const Members& unwanted) {
  Splices splices;
  std::size_t removed = 0;
  auto next = unwanted.begin();
  for (MemberWalk walk(encoded); next != unwanted.end() && walk.next();) {
    while (next != unwanted.end() && *next < walk.member()) ++next;
    if (next == unwanted.end() || *next != walk.member()) continue;
    splices.cut(walk.begin(), walk.end());
    ++removed;
    ++next;
  }
  if (removed != 0) apply(encoded, splices, 0, removed);
  return removed;
}

std::vector<std::string> take_from_set(std::string& encoded, std::span<const std::size_t> places) {
  std::vector<std::string> taken;
  Splices splices;
  auto next = places.begin();
  std::size_t place = 0;
  for (MemberWalk walk(encoded); next != places.end() && walk.next(); ++place) {
    if (place != *next) continue;
    taken.emplace_back(walk.member());
    splices.cut(walk.begin(), walk.end());
    ++next;
  }
  if (!taken.empty()) apply(encoded, splices, 0, taken.size());
  return taken;
}

std::vector<ScoredPlace> find_scored(std::string_view encoded,
                                     std::span<const std::string_view> members) {
  std::vector<ScoredPlace> places(members.size());
  if (!is_sorted_set(encoded)) return places;
  const Wanted wanted(members);
  std::size_t left = wanted.distinct();
  for (MemberWalk walk(encoded); left != 0 && walk.next();) {
    const std::size_t place = wanted.find(walk.member());
    if (place == Wanted::kNone) continue;
    places[place] = {.score = walk.score(), .begin = walk.begin(), .end = walk.end()};
    --left;
  }
  return places;
}

void set_scores(std::string& encoded, std::span<const NewScore> scores) {
  Splices splices;
  std::size_t added = 0;
  SortedMembers coming;
  for (const NewScore& change : scores) {
    if (change.old.score && same_bits(*change.old.score, change.score)) continue;
    coming.push_back({change.score, change.member});
    if (change.old.score) {
      splices.cut(change.old.begin, change.old.end);
    } else {
      ++added;
    }
  }
  if (coming.empty()) return;
  std::sort(coming.begin(), coming.end());
  if (encoded.empty()) {
    encoded = encode_sorted_set(coming);
    return;
  }
  // Before what is greater; what goes may be greater, too, and does not matter.
  std::string entry;
  MemberWalk walk(encoded);
  bool there = walk.next();
  for (const Scored& scored : coming) {
    while (there && (walk.score() < scored.score ||
                     (walk.score() == scored.score && walk.member() < scored.member))) {
      there = walk.next();
    }
    entry.clear();
    append_scored(entry, scored.score, scored.member);
    splices.put(walk.begin(), entry);
  }
  apply(encoded, splices, added, 0);
}

std::size_t remove_scored(std::string& encoded, std::span<const std::string_view> unwanted) {
  Splices splices;
  std::size_t removed = 0;
  const Wanted wanted(unwanted);
  for (MemberWalk walk(encoded); removed < wanted.distinct() && walk.next();) {
    if (wanted.find(walk.member()) == Wanted::kNone) continue;
    splices.cut(walk.begin(), walk.end());
    ++removed;
  }
  if (removed != 0) apply(encoded, splices, 0, removed);
  return removed;
}

std::vector<std::pair<std::string, double>> take_scored(std::string& encoded, bool highest,
                                                        std::size_t count) {
  std::vector<std::pair<std::string, double>> taken;
  const std::size_t size = member_count(encoded);
  std::size_t skipped = highest && count < size ? size - count : 0;
  std::size_t begin = 0;
  std::size_t end = 0;
  for (MemberWalk walk(encoded); taken.size() < count && walk.next();) {
    if (skipped != 0) {
      --skipped;
      continue;
    }
    if (taken.empty()) begin = walk.begin();
    end = walk.end();
    taken.emplace_back(walk.member(), walk.score());
  }
  if (highest) std::reverse(taken.begin(), taken.end());
  if (taken.empty()) return taken;
  Splices splices;
  splices.cut(begin, end);
  apply(encoded, splices, 0, taken.size());
  return taken;
}

void remove_run(std::string& encoded, const SortedMembers& run) {
  if (run.empty()) return;
  const auto offset = [&](const char* at) { return static_cast<std::size_t>(at - encoded.data()); };
  const std::string_view first = run.front().member;
  const std::string_view last = run.back().member;
  Splices splices;
  splices.cut(offset(first.data()) - varint_bytes(first.size()) - sizeof(std::uint64_t),
              offset(last.data() + last.size()));
  apply(encoded, splices, 0, run.size());
}

}  // namespace cloakroom
