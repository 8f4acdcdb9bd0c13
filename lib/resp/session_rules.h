// What keys of sessions may have beyond Redis's semantics, when the listener was told so
// (RespOptions::tombstones, hash_keys, owner_fields). docs/resp.md says what each means to clients.
#ifndef CLOAKROOM_LIB_RESP_SESSION_RULES_H_
#define CLOAKROOM_LIB_RESP_SESSION_RULES_H_

#include <optional>
#include <string>
#include <string_view>

#include "cloakroom/resp_server.h"
#include "cloakroom/store.h"
#include "resp/keys.h"

namespace cloakroom::resp {

// The prefix, and the keyed hash of what follows it, in base64url; nothing when no rule applies.
[[nodiscard]] std::optional<std::string> hashed_key(const RespOptions& options,
                                                    std::string_view key);

// How long a deleted key is refused; nothing when no rule applies. `key` is the client's.
[[nodiscard]] std::optional<Millis> tombstone_of(const RespOptions& options, std::string_view key);

// Whether this key of the store was deleted lately, and marking it so.
[[nodiscard]] bool is_buried(const Keys& store, std::string_view stored_key);
Status bury(const Keys& store, std::string_view stored_key, Millis duration);

// The owner that the JSON value names, where a rule says so; nothing when no rule applies, and ""
// when the value names none.
[[nodiscard]] std::optional<std::string> owner_of(const RespOptions& options, std::string_view key,
                                                  std::string_view value);

}  // namespace cloakroom::resp

#endif  // CLOAKROOM_LIB_RESP_SESSION_RULES_H_
