#include "store/members.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "base/coding.h"

namespace cloakroom {
namespace {

constexpr std::uint8_t kSetType = 1;
constexpr std::uint8_t kSortedSetType = 2;

// Behind the type, when it is this one.
std::optional<Reader> open(std::string_view encoded, std::uint8_t type) noexcept {
  Reader reader(encoded);
  if (reader.u8() != type) return std::nullopt;
  return reader;
}

// No more than the bytes can hold, so that damage reserves no memory.
std::size_t plausible(std::uint64_t count, const Reader& reader) noexcept {
  return static_cast<std::size_t>(std::min<std::uint64_t>(count, reader.rest().size()));
}

Scored next_scored(Reader& reader) noexcept {
  Scored scored;
  scored.score = std::bit_cast<double>(reader.u64());
  scored.member = reader.string();
  return scored;
}

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
  return static_cast<std::size_t>(reader.varint());
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
    const Scored next = sorted ? next_scored(reader) : Scored{.member = reader.string()};
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
  auto reader = open(encoded, kSetType);
  if (!reader) return members;
  members.reserve(plausible(reader->varint(), *reader));
  while (!reader->empty()) {
    const std::string_view member = reader->string();
    if (!reader->ok()) break;
    members.push_back(member);
  }
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
  auto reader = open(encoded, kSetType);
  if (!reader) return false;
  (void)reader->varint();
  while (!reader->empty() && reader->ok()) {
    const std::string_view member = reader->string();
    if (member == wanted) return reader->ok();
    if (member > wanted) return false;
  }
  return false;
}

SortedMembers decode_sorted_set(std::string_view encoded) {
  SortedMembers members;
  auto reader = open(encoded, kSortedSetType);
  if (!reader) return members;
  members.reserve(plausible(reader->varint(), *reader));
  while (!reader->empty()) {
    const Scored scored = next_scored(*reader);
    if (!reader->ok()) break;
    members.push_back(scored);
  }
  return members;
}

std::string encode_sorted_set(const SortedMembers& members) {
  std::string out;
  put_u8(out, kSortedSetType);
  put_varint(out, members.size());
  for (const Scored& scored : members) {
    put_u64(out, std::bit_cast<std::uint64_t>(scored.score));
    put_string(out, scored.member);
  }
  return out;
}

std::optional<double> score_of(std::string_view encoded, std::string_view member) noexcept {
  auto reader = open(encoded, kSortedSetType);
  if (!reader) return std::nullopt;
  (void)reader->varint();
  while (!reader->empty()) {
    const Scored scored = next_scored(*reader);
    if (!reader->ok()) break;
    if (scored.member == member) return scored.score;
  }
  return std::nullopt;
}

}  // namespace cloakroom
