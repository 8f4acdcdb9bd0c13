#include "store/members.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "base/coding.h"
#include "store/splices.h"

namespace cloakroom {
namespace {

constexpr std::uint8_t kSetType = 1;
constexpr std::uint8_t kSortedSetType = 2;

}  // namespace

bool is_sorted_set(std::string_view encoded) noexcept {
  return !encoded.empty() && static_cast<std::uint8_t>(encoded.front()) == kSortedSetType;
}

bool is_set(std::string_view encoded) noexcept {
  return !encoded.empty() && static_cast<std::uint8_t>(encoded.front()) == kSetType;
}

std::size_t member_count(std::string_view encoded) noexcept {
  Reader reader(encoded);
  (void)reader.u8();
  const std::uint64_t count = reader.varint();
  return static_cast<std::size_t>(std::min<std::uint64_t>(count, reader.rest().size()));
}

MemberWalk::MemberWalk(std::string_view encoded) noexcept
    : encoded_(encoded), score_bytes_(is_sorted_set(encoded) ? sizeof(std::uint64_t) : 0) {
  Reader reader(encoded);
  (void)reader.u8();
  (void)reader.varint();
  end_ = encoded.size() - (reader.ok() ? reader.rest().size() : 0);
}

bool MemberWalk::next_long() noexcept {
  Reader reader(encoded_.substr(end_ + score_bytes_));
  const std::string_view member = reader.string();
  if (!reader.ok()) return false;
  member_ = member;
  end_ = encoded_.size() - reader.rest().size();
  return true;
}

Status check_members(std::string_view encoded) {
  const auto wrong = [](const char* what) { return Status(StatusCode::kCorruption, what); };
  const bool sorted = is_sorted_set(encoded);
  if (!sorted && !is_set(encoded)) return wrong("its members are neither a set nor a sorted set");
  Reader reader(encoded.substr(1));
  const std::uint64_t count = reader.varint();
  if (reader.ok() && count == 0) return wrong("it has no members, and such a record is none");
  std::optional<Scored> last;
  std::uint64_t seen = 0;
  for (; reader.ok() && seen < count; ++seen) {
    Scored next;
    if (sorted) next.score = std::bit_cast<double>(reader.u64());
    next.member = reader.string();
    if (!reader.ok()) break;
    if (std::isnan(next.score)) return wrong("a score of its members is no number");
    if (last && !(*last < next)) return wrong("its members are out of order");
    last = next;
  }
  if (!reader.ok() || !reader.empty()) return wrong("its members cannot be told apart");
  return Status();
}

Members decode_set(std::string_view encoded) {
  Members members;
  if (!is_set(encoded)) return members;
  members.reserve(member_count(encoded));
  for (MemberWalk walk(encoded); walk.next();) members.push_back(walk.member());
  return members;
}

std::string encode_set(const Members& members) {
  std::string out;
  std::size_t bytes = 1 + varint_bytes(members.size());
  for (const auto member : members) bytes += string_bytes(member);
  out.reserve(bytes);
  put_u8(out, kSetType);
  put_varint(out, members.size());
  for (const auto member : members) put_string(out, member);
  return out;
}

bool set_contains(std::string_view encoded, std::string_view wanted) noexcept {
  if (!is_set(encoded)) return false;
  for (MemberWalk walk(encoded); walk.next();) {
    const int order = walk.member().compare(wanted);
    if (order >= 0) return order == 0;
  }
  return false;
}

std::vector<bool> set_contains_each(std::string_view encoded,
                                    std::span<const std::string_view> members) {
  std::vector<bool> found(members.size());
  if (!is_set(encoded)) return found;
  const Wanted wanted(members);
  std::size_t left = wanted.distinct();
  for (MemberWalk walk(encoded); left != 0 && walk.next();) {
    const std::size_t place = wanted.find(walk.member());
    if (place == Wanted::kNone) continue;
    found[place] = true;
    --left;
  }
  for (std::size_t i = 0; i < members.size(); ++i) found[i] = found[wanted.find(members[i])];
  return found;
}

SortedMembers decode_sorted_set(std::string_view encoded) {
  SortedMembers members;
  if (!is_sorted_set(encoded)) return members;
  members.reserve(member_count(encoded));
  for (MemberWalk walk(encoded); walk.next();) members.push_back({walk.score(), walk.member()});
  return members;
}

std::string encode_sorted_set(const SortedMembers& members) {
  std::string out;
  std::size_t bytes = 1 + varint_bytes(members.size());
  for (const Scored& scored : members) bytes += sizeof(std::uint64_t) + string_bytes(scored.member);
  out.reserve(bytes);
  put_u8(out, kSortedSetType);
  put_varint(out, members.size());
  for (const Scored& scored : members) {
    put_u64(out, std::bit_cast<std::uint64_t>(scored.score));
    put_string(out, scored.member);
  }
  return out;
}

std::optional<double> score_of(std::string_view encoded, std::string_view member) {
  return scores_of(encoded, {&member, 1})[0];
}

std::vector<std::optional<double>> scores_of(std::string_view encoded,
                                             std::span<const std::string_view> members) {
  std::vector<std::optional<double>> scores(members.size());
  if (!is_sorted_set(encoded)) return scores;
  const Wanted wanted(members);
  std::size_t left = wanted.distinct();
  for (MemberWalk walk(encoded); left != 0 && walk.next();) {
    const std::size_t place = wanted.find(walk.member());
    if (place == Wanted::kNone) continue;
    scores[place] = walk.score();
    --left;
  }
  for (std::size_t i = 0; i < members.size(); ++i) scores[i] = scores[wanted.find(members[i])];
  return scores;
}

std::optional<std::size_t> rank_of(std::string_view encoded, std::string_view member) {
  if (!is_sorted_set(encoded)) return std::nullopt;
  const Wanted wanted({&member, 1});
  std::size_t rank = 0;
  for (MemberWalk walk(encoded); walk.next(); ++rank) {
    if (wanted.find(walk.member()) != Wanted::kNone) return rank;
  }
  return std::nullopt;
}

}  // namespace cloakroom
