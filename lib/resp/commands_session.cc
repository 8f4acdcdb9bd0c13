// CLOAKROOM: what sessions have and Redis has not.
#include <algorithm>

#include "resp/commands.h"

namespace cloakroom::resp {
namespace {

// Ends every session of an owner; each is told as a deletion.
void revoke(Call& call) {
  const auto owned = call.store().owned_by(call[2]);
  if (!owned) return call.fail(owned.status());
  for (const OwnedRecord& record : *owned) {
    const auto key = database_key(record.key);
    if (!key) continue;
    const auto duration = tombstone_of(call.server.options, key->key);
    if (!duration) continue;
    if (Status buried = bury(call.store(), record.key, *duration); !buried) {
      return call.fail(buried);
    }
  }
  const auto erased = call.store().erase_owned(call[2], {}, {.durability = Durability::kDisk});
  if (!erased) return call.fail(erased.status());
  for (const OwnedRecord& record : *owned) {
    if (const auto key = database_key(record.key)) {
      call.server.notifications.publish(kNotifyGeneric, "del", key->database, key->key);
    }
  }
  call.out.integer(static_cast<std::int64_t>(*erased));
}

void owned(Call& call) {
  const auto records = call.store().owned_by(call[2]);
  if (!records) return call.fail(records.status());
  std::vector<std::string_view> keys;
  for (const OwnedRecord& record : *records) {
    const auto key = database_key(record.key);
    if (key && key->database == call.database) keys.push_back(key->key);
  }
  call.out.array(keys.size());
  for (const auto key : keys) call.out.bulk(key);
}

constexpr Command kCommands[] = {
    {"cloakroom", -2, kContainer, 0, 0, 0, "server", "7.0.0", "Sessions and their owners", nullptr},
    {"cloakroom|revoke", 3, kWrite | kAdmin | kExclusive, 0, 0, 0, "server", "7.0.0",
     "End all sessions of an owner", revoke},
    {"cloakroom|owned", 3, kReadOnly | kAdmin, 0, 0, 0, "server", "7.0.0",
     "The keys of an owner's sessions", owned},
};

}  // namespace

std::span<const Command> session_commands() { return kCommands; }

}  // namespace cloakroom::resp
