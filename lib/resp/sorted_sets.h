// What the files of sorted set commands share.
#ifndef CLOAKROOM_LIB_RESP_SORTED_SETS_H_
#define CLOAKROOM_LIB_RESP_SORTED_SETS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cloakroom/record.h"
#include "resp/call.h"
#include "store/member_changes.h"
#include "store/members.h"

namespace cloakroom::resp {

// f changes the encoded set (member_changes.h), "" when there is none, and says whether it did. An
// empty one is erased, and `gone` says so. True when it went well; otherwise it was said what is
// wrong.
bool change_sorted_set(Call& call, std::string_view raw_key, FunctionRef<bool(std::string&)> f,
                       bool* gone = nullptr);

// Calls f with the encoded set, if there is one. True when the call goes on.
bool look_at_sorted_set(Call& call, std::string_view raw_key,
                        FunctionRef<void(std::string_view)> f);

// Removes up to `count` members from one end, with their events. No members: there were none. True
// when the call goes on.
using PoppedMember = std::pair<std::string, double>;
bool pop_sorted_members(Call& call, std::string_view raw_key, bool highest, std::int64_t count,
                        std::vector<PoppedMember>& popped);

// commands_sorted_ranges.cc

// Members, and their scores if wanted: in RESP3 pairs.
void tell_sorted_members(Call& call, const SortedMembers& members, bool with_scores);
void zrange_command(Call& call);
void zrevrange_command(Call& call);
void zrangebyscore_command(Call& call);
void zrevrangebyscore_command(Call& call);
void zrangebylex_command(Call& call);
void zrevrangebylex_command(Call& call);
void zrangestore_command(Call& call);
void zcount_command(Call& call);
void zlexcount_command(Call& call);
void zremrangebyrank_command(Call& call);
void zremrangebyscore_command(Call& call);
void zremrangebylex_command(Call& call);

}  // namespace cloakroom::resp

#endif  // CLOAKROOM_LIB_RESP_SORTED_SETS_H_
