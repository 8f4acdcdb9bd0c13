#include "store/fields.h"

#include <charconv>

#include "base/coding.h"
#include "store/splices.h"

namespace cloakroom {
namespace {

Status does_not_decode() {
  return Status(StatusCode::kCorruption, "a record of fields does not decode");
}

std::string encoded_string(std::string_view text) {
  std::string out;
  put_string(out, text);
  return out;
}

}  // namespace

bool FieldWalk::long_string_at(std::size_t& at, std::string_view& string) const noexcept {
  Reader reader(encoded_.substr(at));
  const std::string_view read = reader.string();
  if (!reader.ok()) return false;
  string = read;
  at = encoded_.size() - reader.rest().size();
  return true;
}

Status for_each_field(std::string_view encoded, FunctionRef<bool(const Field&)> f) {
  FieldWalk walk(encoded);
  while (walk.next()) {
    if (!f(walk.field())) return Status();
  }
  return walk.ok() ? Status() : does_not_decode();
}

std::optional<std::string_view> find_field(std::string_view encoded, std::string_view name) {
  return find_fields(encoded, {&name, 1})[0];
}

std::vector<std::optional<std::string_view>> find_fields(std::string_view encoded,
                                                         std::span<const std::string_view> names) {
  std::vector<std::optional<std::string_view>> values(names.size());
  const Wanted wanted(names);
  std::size_t left = wanted.distinct();
  for (FieldWalk walk(encoded); left != 0 && walk.next();) {
    const std::size_t place = wanted.find(walk.field().name);
    if (place == Wanted::kNone) continue;
    values[place] = walk.field().value;
    --left;
  }
  for (std::size_t i = 0; i < names.size(); ++i) values[i] = values[wanted.find(names[i])];
  return values;
}

Result<std::size_t> put_fields(std::string& encoded, std::span<const Field> fields) {
  std::vector<std::string_view> names;
  names.reserve(fields.size());
  for (const Field& field : fields) names.push_back(field.name);
  const Wanted wanted(names);
  std::vector<bool> known(fields.size());
  Splices splices;
  FieldWalk walk(encoded);
  while (walk.next()) {
    const std::size_t place = wanted.find(walk.field().name);
    if (place == Wanted::kNone) continue;
    known[place] = true;
    splices.replace(walk.value_begin(), walk.end(), encoded_string(fields[place].value));
  }
  if (!walk.ok()) return does_not_decode();
  std::size_t added = 0;
  std::string behind;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const std::size_t last = wanted.find(names[i]);
    if (known[last]) continue;
    known[last] = true;  // where it is first given, with the value that is given last
    put_string(behind, names[i]);
    put_string(behind, fields[last].value);
    ++added;
  }
  if (added != 0) splices.put(encoded.size(), behind);
  splices.apply(encoded);
  return added;
}

Result<std::size_t> cut_fields(std::string& encoded, std::span<const std::string_view> names) {
  const Wanted wanted(names);
  Splices splices;
  std::size_t removed = 0;
  FieldWalk walk(encoded);
  while (walk.next()) {
    if (wanted.find(walk.field().name) == Wanted::kNone) continue;
    splices.cut(walk.begin(), walk.end());
    ++removed;
  }
  if (!walk.ok()) return does_not_decode();
  splices.apply(encoded);
  return removed;
}

Result<std::string> with_fields(std::string_view encoded, std::span<const Field> fields) {
  std::string out(encoded);
  if (const Result<std::size_t> put = put_fields(out, fields); !put) return put.status();
  return out;
}

Result<WithoutFields> without_fields(std::string_view encoded,
                                     std::span<const std::string_view> names) {
  WithoutFields out{.encoded = std::string(encoded)};
  const Result<std::size_t> cut = cut_fields(out.encoded, names);
  if (!cut) return cut.status();
  out.removed = *cut;
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
