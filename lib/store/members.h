// The values of kMembers records: sets and sorted sets (docs/format.md draws them).
//
//   set         type 1 | varint count | count times: string               by bytes, ascending
//   sorted set  type 2 | varint count | count times: score u64, string    by score, then by bytes
//
// A string is a varint length and its bytes; a score is the bits of an IEEE double, little-endian.
// No member is there twice, no set is empty: the record goes with its last member. Who looks for a
// member walks the value (2-5 ns a member); who changes some of them moves bytes where they lie
// (member_changes.h). All of it is linear in the record, and the record is written as a whole:
// docs/decisions/0016 says how far that carries, and what comes after it.
#ifndef CLOAKROOM_LIB_STORE_MEMBERS_H_
#define CLOAKROOM_LIB_STORE_MEMBERS_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cloakroom/status.h"

namespace cloakroom {

[[nodiscard]] bool is_sorted_set(std::string_view encoded) noexcept;
[[nodiscard]] bool is_set(std::string_view encoded) noexcept;
// No more than the bytes can hold, so that damage reserves no memory.
[[nodiscard]] std::size_t member_count(std::string_view encoded) noexcept;

// Goes from member to member of a set or a sorted set, which must outlive it. Ends at the first
// bytes that do not decode.
class MemberWalk {
 public:
  explicit MemberWalk(std::string_view encoded) noexcept;

  // False when there is no other.
  bool next() noexcept {
    begin_ = end_;
    if (encoded_.size() - end_ <= score_bytes_) return false;
    const std::size_t at = end_ + score_bytes_;
    const auto size = static_cast<std::uint8_t>(encoded_[at]);
    if (size >= 0x80) return next_long();
    if (size > encoded_.size() - at - 1) return false;
    member_ = {encoded_.data() + at + 1, size};
    end_ = at + 1 + size;
    return true;
  }

  // REQUIRES: next() was true.
  [[nodiscard]] std::string_view member() const noexcept { return member_; }
  // REQUIRES: of a sorted set.
  [[nodiscard]] double score() const noexcept {
    std::uint64_t bits;
    std::memcpy(&bits, encoded_.data() + begin_, sizeof(bits));
    return std::bit_cast<double>(bits);
  }

  // Where the member's entry lies; behind the last one, where another would begin.
  [[nodiscard]] std::size_t begin() const noexcept { return begin_; }
  [[nodiscard]] std::size_t end() const noexcept { return end_; }

 private:
  bool next_long() noexcept;

  std::string_view encoded_;
  std::size_t score_bytes_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::string_view member_ = {};
};
// Whether a value is a whole set or sorted set: kCorruption with what is wrong, and nothing of it.
[[nodiscard]] Status check_members(std::string_view encoded);

// Views into what was decoded; what does not decode is empty.
using Members = std::vector<std::string_view>;
[[nodiscard]] Members decode_set(std::string_view encoded);
[[nodiscard]] std::string encode_set(const Members& members);  // REQUIRES: sorted, distinct
[[nodiscard]] bool set_contains(std::string_view encoded, std::string_view member) noexcept;
// The same for each of them, which need not be sorted.
[[nodiscard]] std::vector<bool> set_contains_each(std::string_view encoded,
                                                  std::span<const std::string_view> members);

struct Scored {
  double score = 0;
  std::string_view member = {};
  friend bool operator<(const Scored& a, const Scored& b) noexcept {
    return a.score < b.score || (a.score == b.score && a.member < b.member);
  }
};
using SortedMembers = std::vector<Scored>;
[[nodiscard]] SortedMembers decode_sorted_set(std::string_view encoded);
[[nodiscard]] std::string encode_sorted_set(const SortedMembers& members);  // REQUIRES: sorted
[[nodiscard]] std::optional<double> score_of(std::string_view encoded, std::string_view member);
[[nodiscard]] std::vector<std::optional<double>> scores_of(
    std::string_view encoded, std::span<const std::string_view> members);
// How many members are before this one.
[[nodiscard]] std::optional<std::size_t> rank_of(std::string_view encoded, std::string_view member);

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_STORE_MEMBERS_H_
