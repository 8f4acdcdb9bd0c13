// Changing the value of a set or a sorted set (members.h) in place: one walk to the places of what
// changes, then a move of bytes.
//
// All of these REQUIRE that `encoded` is a value of their type, or "" where it says so, and that
// what is given has no views into it. After the last member is gone `encoded` is "": there is no
// empty set. Of bytes that do not decode nothing is read beyond their end, and they stay where they
// are.
#ifndef CLOAKROOM_LIB_STORE_MEMBER_CHANGES_H_
#define CLOAKROOM_LIB_STORE_MEMBER_CHANGES_H_

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/members.h"

namespace cloakroom {

// --- sets; `wanted` and `unwanted` are sorted and distinct
// ----------------------------------------

// How many were new. "" becomes a set.
std::size_t add_to_set(std::string& encoded, const Members& wanted);
// How many were there.
std::size_t remove_from_set(std::string& encoded, const Members& unwanted);
// Takes the members at these places, which ascend.
std::vector<std::string> take_from_set(std::string& encoded, std::span<const std::size_t> places);

// --- sorted sets
// ------------------------------------------------------------------------------------

// A member's entry, if it has one.
struct ScoredPlace {
  std::optional<double> score = std::nullopt;
  std::size_t begin = 0;
  std::size_t end = 0;
};
// REQUIRES: the members are distinct. "" holds none.
[[nodiscard]] std::vector<ScoredPlace> find_scored(std::string_view encoded,
                                                   std::span<const std::string_view> members);

struct NewScore {
  std::string_view member = {};
  double score = 0;
  ScoredPlace old = {};  // as find_scored() has it
};
// REQUIRES: the members are distinct. "" becomes a sorted set.
void set_scores(std::string& encoded, std::span<const NewScore> scores);

// How many were there.
std::size_t remove_scored(std::string& encoded, std::span<const std::string_view> unwanted);

// Takes up to `count` members from one end, the outermost first.
std::vector<std::pair<std::string, double>> take_scored(std::string& encoded, bool highest,
                                                        std::size_t count);

// Removes a run of members that follow one another, given as views into `encoded`.
void remove_run(std::string& encoded, const SortedMembers& run);

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_STORE_MEMBER_CHANGES_H_
