// The value of a kFields record: (varint length, name, varint length, value) per field, in the
// order in which the names were first set. Also how it lies on disk.
#ifndef CLOAKROOM_LIB_STORE_FIELDS_H_
#define CLOAKROOM_LIB_STORE_FIELDS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "cloakroom/record.h"
#include "cloakroom/status.h"

namespace cloakroom {

// Calls f for every field while it returns true. kCorruption when `encoded` is not such a value.
Status for_each_field(std::string_view encoded, FunctionRef<bool(const Field&)> f);

[[nodiscard]] std::optional<std::string_view> find_field(std::string_view encoded,
                                                         std::string_view name);

// `encoded` with these fields set: known names keep their place, new ones follow. Of a name given
// twice the last value counts.
[[nodiscard]] Result<std::string> with_fields(std::string_view encoded,
                                              std::span<const Field> fields);

struct WithoutFields {
  std::string encoded;
  std::size_t removed = 0;
};
[[nodiscard]] Result<WithoutFields> without_fields(std::string_view encoded,
                                                   std::span<const std::string_view> names);

// One field or more, and nothing else.
[[nodiscard]] bool holds_fields(std::string_view encoded);

// A whole decimal integer of 64 bits, as increment_field reads it; nothing else counts as one.
[[nodiscard]] std::optional<std::int64_t> parse_integer(std::string_view text) noexcept;

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_STORE_FIELDS_H_
