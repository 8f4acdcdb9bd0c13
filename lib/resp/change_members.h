// Changing a set or a sorted set under the lock of its stripe.
#ifndef CLOAKROOM_LIB_RESP_CHANGE_MEMBERS_H_
#define CLOAKROOM_LIB_RESP_CHANGE_MEMBERS_H_

#include <string>
#include <string_view>

#include "resp/commands.h"

namespace cloakroom::resp {

// Says why a collection was not changed. At the limit of a value the general text would not tell what
// is too large.
inline void fail_change(Call& call, const Status& status) {
  if (status.code() != StatusCode::kTooLarge) return call.fail(status);
  call.error("ERR the collection would be larger than a value may be here (" + status.message() +
             "); nothing was changed");
}

// f(std::string&) changes the encoded collection (member_changes.h), "" when there is none, and says
// whether it did. An empty one is erased, and `gone`, if given, then says whether there was one.
// `is` tells a record of this kind. True when it went well; else the error is in the reply.
template <class F>
bool change_members(Call& call, std::string_view raw_key, bool (*is)(std::string_view) noexcept,
                    F&& f, bool* gone) {
  PutOptions options = call.keeping();
  options.kind = Kind::kMembers;
  bool wrong = false;
  const auto changed = call.store().update(
      call.map(raw_key),
      [&](const RecordView* record, std::string& value) {
        wrong = record != nullptr && !is(value);
        if (wrong || !f(value)) return UpdateAction::kLeave;
        if (!value.empty()) return UpdateAction::kStore;
        if (gone != nullptr) *gone = record != nullptr;
        return UpdateAction::kErase;
      },
      options);
  if (!changed) {
    fail_change(call, changed.status());
  } else if (wrong) {
    call.wrong_type();
  }
  return changed.ok() && !wrong;
}

}  // namespace cloakroom::resp

#endif  // CLOAKROOM_LIB_RESP_CHANGE_MEMBERS_H_
