// The values of kMembers records: sets and sorted sets (docs/format.md draws them).
//
//   set         type 1 | varint count | count times: string               by bytes, ascending
//   sorted set  type 2 | varint count | count times: score u64, string    by score, then by bytes
//
// A string is a varint length and its bytes; a score is the bits of an IEEE double, little-endian.
// No member is there twice, no set is empty: the record goes with its last member. Reading walks
// the value; changing decodes it to views, changes those and encodes anew: linear in the record,
// which is right for the indexes of sessions and correct for any size.
#ifndef CLOAKROOM_LIB_STORE_MEMBERS_H_
#define CLOAKROOM_LIB_STORE_MEMBERS_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cloakroom/status.h"

namespace cloakroom {

[[nodiscard]] bool is_sorted_set(std::string_view encoded) noexcept;
[[nodiscard]] bool is_set(std::string_view encoded) noexcept;
[[nodiscard]] std::size_t member_count(std::string_view encoded) noexcept;

// Whether a value is a whole set or sorted set: kCorruption with what is wrong, and nothing of it.
[[nodiscard]] Status check_members(std::string_view encoded);

// Views into what was decoded; what does not decode is empty.
using Members = std::vector<std::string_view>;
[[nodiscard]] Members decode_set(std::string_view encoded);
[[nodiscard]] std::string encode_set(const Members& members);  // REQUIRES: sorted, distinct
[[nodiscard]] bool set_contains(std::string_view encoded, std::string_view member) noexcept;

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
[[nodiscard]] std::optional<double> score_of(std::string_view encoded,
                                             std::string_view member) noexcept;

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_STORE_MEMBERS_H_
