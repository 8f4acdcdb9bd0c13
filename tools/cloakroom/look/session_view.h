// What a record of Sessions says about itself, decoded.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_LOOK_SESSION_VIEW_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_LOOK_SESSION_VIEW_H_

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cloakroom/record.h"

namespace cloakroom::cli {

using Pairs = std::vector<std::pair<std::string, std::string>>;

// "live session, 4 attributes", "tombstone: ended by logout", ...; of a Kind::kSession record.
[[nodiscard]] std::string session_kind(const RecordView& record);

// Lines about it, without its label and attributes. Empty when it does not decode.
[[nodiscard]] Pairs session_pairs(const RecordView& record, TimeMs now);

// The same for scripts; `show_values` adds label and attributes. Null when it does not decode.
[[nodiscard]] nlohmann::ordered_json session_json(const RecordView& record, TimeMs now,
                                                  bool show_values);

// Calls f for every attribute of a live session.
void each_attribute(const RecordView& record, FunctionRef<void(const Field&)> f);
[[nodiscard]] std::string label_of(const RecordView& record);

// The key under which the session goes on whose token was rotated away; nothing for all else.
[[nodiscard]] std::optional<std::string> next_key(const RecordView& record);

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_LOOK_SESSION_VIEW_H_
