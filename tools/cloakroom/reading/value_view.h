// A value as a person wants to see it. Values come from strangers: nothing here recurses with their
// nesting, reserves by a length they claim, or lets a control character through.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_READING_VALUE_VIEW_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_READING_VALUE_VIEW_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "cloakroom/record.h"
#include "cloakroom/status.h"

namespace cloakroom::cli {

// True for a JSON object or array. (Numbers and words are JSON too, but look better as they are.)
[[nodiscard]] bool is_json(std::string_view text);

// Indents valid JSON, keeping its order, its duplicate names and every digit of its numbers.
// REQUIRES: is_json(text).
[[nodiscard]] std::string pretty_json(std::string_view text);

// "00000000  7b 22 61 22 ...  |{"a"...|"
[[nodiscard]] std::string hex_dump(std::string_view bytes);

// What a value is and what is in it, by the decoders of values/: "JSON", "text", "MessagePack", ...
// or "bytes" with a hex dump. `text` ends with a newline unless it is empty.
struct ValueView {
  std::string format;
  std::string text;
};
[[nodiscard]] ValueView view_value(std::string_view value);

// Calls f for every field of a kFields record's value. kCorruption when it does not decode.
[[nodiscard]] Status decode_fields(std::string_view encoded, FunctionRef<void(const Field&)> f);

// Calls f for every member of a kMembers record's value, with its score when it is of a sorted set.
// kCorruption when it does not decode; members before the damage were told.
[[nodiscard]] Status decode_members(std::string_view encoded,
                                    FunctionRef<void(std::string_view, std::optional<double>)> f);

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_READING_VALUE_VIEW_H_
