// The attributes of a session as they lie in its record: name, value, name, value, each with a
// varint length in front, in the order they were first set, no name twice.
#ifndef CLOAKROOM_LIB_SESSIONS_ATTRIBUTES_H_
#define CLOAKROOM_LIB_SESSIONS_ATTRIBUTES_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/coding.h"
#include "cloakroom/record.h"
#include "cloakroom/session.h"
#include "cloakroom/status.h"

namespace cloakroom {

// Walks over attributes that are sound.
class AttributeReader {
 public:
  explicit AttributeReader(std::string_view attributes) noexcept : reader_(attributes) {}

  [[nodiscard]] bool next(Field& field) noexcept {
    if (reader_.empty()) return false;
    field.name = reader_.string();
    field.value = reader_.string();
    return reader_.ok();
  }

 private:
  Reader reader_;
};

// Can they be walked to their end?
[[nodiscard]] bool attributes_are_sound(std::string_view attributes) noexcept;

[[nodiscard]] std::optional<std::string_view> find_attribute(std::string_view attributes,
                                                             std::string_view name) noexcept;

// A 64-bit decimal, all of it; nothing when it is none.
[[nodiscard]] std::optional<std::int64_t> parse_decimal(std::string_view text) noexcept;

// The attributes with the changes made, into `out`. kTooLarge when a limit of session.h is passed,
// kInvalidArgument for a counter that is no number or overflows. The messages show no attribute.
[[nodiscard]] Status change_attributes(std::string_view attributes,
                                       std::span<const AttributeChange> changes, std::string& out);

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_SESSIONS_ATTRIBUTES_H_
