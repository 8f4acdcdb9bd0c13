// The value of a kFields record: (varint length, name, varint length, value) per field, in the
// order in which the names were first set. Also how it lies on disk.
//
// Who looks for a field walks the value (2-5 ns a field); who changes some of them moves bytes where
// they lie (splices.h). All of it is linear in the record.
#ifndef CLOAKROOM_LIB_STORE_FIELDS_H_
#define CLOAKROOM_LIB_STORE_FIELDS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cloakroom/record.h"
#include "cloakroom/status.h"

namespace cloakroom {

// Goes from field to field of a value, which must outlive it.
class FieldWalk {
 public:
  explicit FieldWalk(std::string_view encoded) noexcept : encoded_(encoded) {}

  // False at the end, and at what does not decode: ok() tells the two apart.
  bool next() noexcept {
    begin_ = end_;
    std::size_t at = end_;
    if (!string_at(at, field_.name)) return false;
    value_begin_ = at;
    if (!string_at(at, field_.value)) return false;
    end_ = at;
    return true;
  }
  [[nodiscard]] bool ok() const noexcept { return end_ == encoded_.size(); }

  // REQUIRES: next() was true.
  [[nodiscard]] const Field& field() const noexcept { return field_; }

  // Where the field lies, and its value with the length before it.
  [[nodiscard]] std::size_t begin() const noexcept { return begin_; }
  [[nodiscard]] std::size_t value_begin() const noexcept { return value_begin_; }
  [[nodiscard]] std::size_t end() const noexcept { return end_; }

 private:
  bool string_at(std::size_t& at, std::string_view& string) const noexcept {
    if (at == encoded_.size()) return false;
    const auto size = static_cast<std::uint8_t>(encoded_[at]);
    if (size >= 0x80) return long_string_at(at, string);
    if (size > encoded_.size() - at - 1) return false;
    string = {encoded_.data() + at + 1, size};
    at += std::size_t{1} + size;
    return true;
  }
  bool long_string_at(std::size_t& at, std::string_view& string) const noexcept;

  std::string_view encoded_;
  std::size_t begin_ = 0;
  std::size_t value_begin_ = 0;
  std::size_t end_ = 0;
  Field field_ = {};
};

// Calls f for every field while it returns true. kCorruption when `encoded` is not such a value.
Status for_each_field(std::string_view encoded, FunctionRef<bool(const Field&)> f);

[[nodiscard]] std::optional<std::string_view> find_field(std::string_view encoded,
                                                         std::string_view name);

// The same for several names; of one given twice both places are filled.
[[nodiscard]] std::vector<std::optional<std::string_view>> find_fields(
    std::string_view encoded, std::span<const std::string_view> names);

// Sets these fields in place: known names keep theirs, new ones follow. Of a name given twice the last
// value counts. Returns how many names are new; kCorruption, and nothing was changed.
[[nodiscard]] Result<std::size_t> put_fields(std::string& encoded, std::span<const Field> fields);

// Removes these fields in place and returns how many were there.
[[nodiscard]] Result<std::size_t> cut_fields(std::string& encoded,
                                             std::span<const std::string_view> names);

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
