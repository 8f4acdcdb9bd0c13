#include "sessions/attributes.h"

#include <charconv>
#include <vector>

namespace cloakroom {
namespace {

constexpr std::size_t kLengthsBytesMax = 20;  // two varints, and a counter's digits

Status too_large(const char* what, std::size_t size, std::size_t limit) {
  return Status(StatusCode::kTooLarge, std::string(what) + ": " + std::to_string(size) +
                                           "; the limit is " + std::to_string(limit));
}

// What an attribute becomes; nothing when it goes.
Result<std::optional<std::string>> changed_value(const AttributeChange& change,
                                                 std::optional<std::string_view> current) {
  if (change.kind == AttributeChange::Kind::kErase) return std::optional<std::string>();
  if (change.kind == AttributeChange::Kind::kSet) return std::optional<std::string>(change.value);
  const std::optional<std::int64_t> before = parse_decimal(current.value_or("0"));
  std::int64_t sum = 0;
  if (!before || __builtin_add_overflow(*before, change.delta, &sum)) {
    return Status(
        StatusCode::kInvalidArgument,
        "increment(): the attribute is not a 64-bit decimal, or the sum is none; set() it");
  }
  return std::optional<std::string>(std::to_string(sum));
}

const AttributeChange* find_change(std::span<const AttributeChange> changes,
                                   std::string_view name) noexcept {
  for (const AttributeChange& change : changes) {
    if (change.name == name) return &change;
  }
  return nullptr;
}

Status append(std::string& out, std::string_view name, std::string_view value, std::size_t& count) {
  if (name.size() > kAttributeNameBytesMax) {
    return too_large("bytes of an attribute's name", name.size(), kAttributeNameBytesMax);
  }
  if (++count > kAttributeCountMax) {
    return too_large("attributes of a session", count, kAttributeCountMax);
  }
  const std::size_t bytes = out.size() + string_bytes(name) + string_bytes(value);
  if (bytes > kSessionBytesMax) {
    return too_large("bytes of a session's attributes", bytes, kSessionBytesMax);
  }
  put_string(out, name);
  put_string(out, value);
  return Status();
}

}  // namespace

bool attributes_are_sound(std::string_view attributes) noexcept {
  Reader reader(attributes);
  while (reader.ok() && !reader.empty()) {
    (void)reader.string();
    (void)reader.string();
  }
  return reader.ok();
}

std::optional<std::string_view> find_attribute(std::string_view attributes,
                                               std::string_view name) noexcept {
  AttributeReader reader(attributes);
  for (Field field; reader.next(field);) {
    if (field.name == name) return field.value;
  }
  return std::nullopt;
}

std::optional<std::int64_t> parse_decimal(std::string_view text) noexcept {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

Status change_attributes(std::string_view attributes, std::span<const AttributeChange> changes,
                         std::string& out) {
  std::size_t most = attributes.size();
  for (const AttributeChange& change : changes) {
    most += change.name.size() + change.value.size() + kLengthsBytesMax;
  }
  out.clear();
  out.reserve(most);  // growing would leave copies behind
  std::size_t count = 0;
  std::vector<bool> done(changes.size());
  AttributeReader reader(attributes);
  for (Field field; reader.next(field);) {
    const AttributeChange* const change = find_change(changes, field.name);
    if (change == nullptr) {
      if (Status fits = append(out, field.name, field.value, count); !fits) return fits;
      continue;
    }
    done[static_cast<std::size_t>(change - changes.data())] = true;
    const auto value = changed_value(*change, field.value);
    if (!value) return value.status();
    if (!*value) continue;
    if (Status fits = append(out, field.name, **value, count); !fits) return fits;
  }
  for (std::size_t at = 0; at < changes.size(); ++at) {
    if (done[at]) continue;
    const auto value = changed_value(changes[at], std::nullopt);
    if (!value) return value.status();
    if (!*value) continue;
    if (Status fits = append(out, changes[at].name, **value, count); !fits) return fits;
  }
  return Status();
}

}  // namespace cloakroom
