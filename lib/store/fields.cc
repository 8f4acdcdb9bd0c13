#include "store/fields.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "base/coding.h"

namespace cloakroom {
namespace {

void append_field(std::string& out, const Field& field) {
  put_string(out, field.name);
  put_string(out, field.value);
}

// The last value given for this name; a later entry overrules an earlier one.
const Field* last_of(std::span<const Field> fields, std::string_view name) {
  const auto found = std::find_if(fields.rbegin(), fields.rend(),
                                  [name](const Field& field) { return field.name == name; });
  return found == fields.rend() ? nullptr : &*found;
}

}  // namespace

Status for_each_field(std::string_view encoded, FunctionRef<bool(const Field&)> f) {
  Reader reader(encoded);
  while (!reader.empty()) {
    Field field;
    field.name = reader.string();
    field.value = reader.string();
    if (!reader.ok()) return Status(StatusCode::kCorruption, "a record of fields does not decode");
    if (!f(field)) break;
  }
  return Status();
}

std::optional<std::string_view> find_field(std::string_view encoded, std::string_view name) {
  std::optional<std::string_view> found;
  const Status walked = for_each_field(encoded, [&](const Field& field) {
    if (field.name != name) return true;
    found = field.value;
    return false;
  });
  return walked ? found : std::nullopt;
}

Result<std::string> with_fields(std::string_view encoded, std::span<const Field> fields) {
  std::string out;
  std::vector<std::string_view> known;
  const Status walked = for_each_field(encoded, [&](const Field& field) {
    const Field* const replaced = last_of(fields, field.name);
    append_field(out, replaced != nullptr ? *replaced : field);
    known.push_back(field.name);
    return true;
  });
  if (!walked) return walked;
  for (const Field& field : fields) {
    if (std::find(known.begin(), known.end(), field.name) != known.end()) continue;
    append_field(out, *last_of(fields, field.name));
    known.push_back(field.name);
  }
  return out;
}

Result<WithoutFields> without_fields(std::string_view encoded,
                                     std::span<const std::string_view> names) {
  WithoutFields out;
  const Status walked = for_each_field(encoded, [&](const Field& field) {
    if (std::find(names.begin(), names.end(), field.name) != names.end()) {
      ++out.removed;
    } else {
      append_field(out.encoded, field);
    }
    return true;
  });
  if (!walked) return walked;
  return out;
}

bool holds_fields(std::string_view encoded) {
  return !encoded.empty() && for_each_field(encoded, [](const Field&) { return true; }).ok();
}

std::optional<std::int64_t> parse_integer(std::string_view text) noexcept {
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end || text.empty()) return std::nullopt;
  return number;
}

}  // namespace cloakroom
