#include "cloakroom/session.h"

#include <string.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "base/wipe.h"
#include "sessions/attributes.h"

namespace cloakroom {

using ChangeKind = AttributeChange::Kind;

Session::Session() noexcept = default;
Session::~Session() { wipe(); }
Session::Session(const Session&) = default;
Session& Session::operator=(const Session&) = default;

Session::Session(Session&& other) noexcept { *this = std::move(other); }

Session& Session::operator=(Session&& other) noexcept {
  if (this == &other) return *this;
  const Session& from = other;  // the plain members are copied, and what is heap is taken
  token_ = from.token_;
  handle_ = from.handle_;
  digest_ = from.digest_;
  renewal_due_ = from.renewal_due_;
  aliased_ = from.aliased_;
  schema_ = from.schema_;
  value_bytes_ = from.value_bytes_;
  label_at_ = from.label_at_;
  label_bytes_ = from.label_bytes_;
  attributes_at_ = from.attributes_at_;
  created_ = from.created_;
  last_seen_ = from.last_seen_;
  deadline_ = from.deadline_;
  lifetime_ = from.lifetime_;
  authenticated_at_ = from.authenticated_at_;
  version_ = from.version_;
  buffer_ = std::move(other.buffer_);
  new_schema_ = std::exchange(other.new_schema_, std::nullopt);
  changes_ = std::move(other.changes_);
  present_ = from.present_;
  other.clear();
  return *this;
}

// The token, and what the session held: best effort, for strings that have grown left copies
// behind.
void Session::wipe() noexcept {
  explicit_bzero(token_.data(), token_.size());
  cloakroom::wipe(buffer_);
  for (AttributeChange& change : changes_) cloakroom::wipe(change.value);
}

// No session, but the memory is kept.
void Session::clear() noexcept {
  wipe();
  present_ = false;
  renewal_due_ = false;
  aliased_ = false;
  schema_ = 0;
  buffer_.clear();
  value_bytes_ = label_at_ = label_bytes_ = attributes_at_ = 0;
  created_ = last_seen_ = deadline_ = authenticated_at_ = 0;
  lifetime_ = kNever;
  version_ = 0;
  new_schema_.reset();
  changes_.clear();
}

std::string_view Session::owner() const noexcept {
  return std::string_view(buffer_).substr(value_bytes_);
}

std::string_view Session::label() const noexcept {
  return std::string_view(buffer_).substr(label_at_, label_bytes_);
}

std::string_view Session::attributes() const noexcept {
  return std::string_view(buffer_).substr(attributes_at_, value_bytes_ - attributes_at_);
}

const AttributeChange* Session::change_of(std::string_view name) const noexcept {
  const auto found =
      std::find_if(changes_.begin(), changes_.end(),
                   [&](const AttributeChange& change) { return change.name == name; });
  return found != changes_.end() ? &*found : nullptr;
}

// The change of this attribute, new or turned into one of that kind.
AttributeChange& Session::change_to(std::string_view name, ChangeKind kind) {
  for (AttributeChange& change : changes_) {
    if (change.name != name) continue;
    change.kind = kind;
    return change;
  }
  return changes_.emplace_back(AttributeChange{.kind = kind, .name = std::string(name)});
}

std::optional<std::string_view> Session::get(std::string_view name) const noexcept {
  if (const AttributeChange* const change = change_of(name)) {
    if (change->kind == ChangeKind::kErase) return std::nullopt;
    return change->value;
  }
  return find_attribute(attributes(), name);
}

void Session::set(std::string_view name, std::string_view value) {
  std::string copy(value);  // it may be a view of what is being changed
  change_to(name, ChangeKind::kSet).value = std::move(copy);
}

void Session::erase(std::string_view name) {
  std::string copy(name);  // it may be a view of what is being changed
  change_to(copy, ChangeKind::kErase).value.clear();
}

std::optional<std::string> Session::pop(std::string_view name) {
  const std::optional<std::string_view> value = get(name);
  if (!value) return std::nullopt;
  std::string taken(*value);
  erase(name);
  return taken;
}

std::int64_t Session::increment(std::string_view name, std::int64_t delta) {
  const std::int64_t before = parse_decimal(get(name).value_or("0")).value_or(0);
  std::int64_t sum = 0;
  if (__builtin_add_overflow(before, delta, &sum)) {
    sum = delta > 0 ? std::numeric_limits<std::int64_t>::max()
                    : std::numeric_limits<std::int64_t>::min();
  }
  const AttributeChange* const pending = change_of(name);
  if (pending != nullptr && pending->kind != ChangeKind::kAdd) {
    // Counts on what this copy has set, so the sum is what is sent.
    change_to(name, ChangeKind::kSet).value = std::to_string(sum);
    return sum;
  }
  AttributeChange& change = change_to(name, ChangeKind::kAdd);
  change.value = std::to_string(sum);
  if (__builtin_add_overflow(change.delta, delta, &change.delta)) {
    change.delta = delta > 0 ? std::numeric_limits<std::int64_t>::max()
                             : std::numeric_limits<std::int64_t>::min();
  }
  return sum;
}

void Session::visit_attributes(FunctionRef<void(const Field&)> f) const {
  AttributeReader reader(attributes());
  for (Field field; reader.next(field);) {
    const AttributeChange* const change = change_of(field.name);
    if (change == nullptr) {
      f(field);
    } else if (change->kind != ChangeKind::kErase) {
      f({.name = field.name, .value = change->value});
    }
  }
  for (const AttributeChange& change : changes_) {
    if (change.kind == ChangeKind::kErase || find_attribute(attributes(), change.name)) continue;
    f({.name = change.name, .value = change.value});
  }
}

}  // namespace cloakroom
