// Changing a set or a sorted set in place: decode, change, encode, under the lock of its stripe.
#ifndef CLOAKROOM_LIB_RESP_CHANGE_MEMBERS_H_
#define CLOAKROOM_LIB_RESP_CHANGE_MEMBERS_H_

#include <string>
#include <string_view>
#include <utility>

#include "resp/commands.h"

namespace cloakroom::resp {

// How a kind of collection lies in a record (members.h).
template <class M>
struct MembersForm {
  bool (*is)(std::string_view encoded) noexcept;
  M (*decode)(std::string_view encoded);
  std::string (*encode)(const M& members);
};

// f(M&) changes the members, leaves them sorted, and says whether it did. Views it adds must
// outlive the call. An empty collection is erased, and `gone`, if given, then says whether there was
// one. True when it went well; else the error is in the reply.
template <class M, class F>
bool change_members(Call& call, std::string_view raw_key, const MembersForm<M>& form, F&& f,
                    bool* gone) {
  PutOptions options = call.keeping();
  options.kind = Kind::kMembers;
  bool wrong = false;
  const auto changed = call.store().update(
      call.map(raw_key),
      [&](const RecordView* record, std::string& value) {
        wrong = record != nullptr && !form.is(value);
        if (wrong) return UpdateAction::kLeave;
        const std::string before = std::move(value);
        M members = form.decode(before);
        if (!f(members)) return UpdateAction::kLeave;
        if (!members.empty()) {
          value = form.encode(members);
          return UpdateAction::kStore;
        }
        if (gone != nullptr) *gone = record != nullptr;
        return UpdateAction::kErase;
      },
      options);
  if (!changed) {
    call.fail(changed.status());
  } else if (wrong) {
    call.wrong_type();
  }
  return changed.ok() && !wrong;
}

}  // namespace cloakroom::resp

#endif  // CLOAKROOM_LIB_RESP_CHANGE_MEMBERS_H_
