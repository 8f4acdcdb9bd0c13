#include "copy/record_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/coding.h"
#include "reading/record_json.h"
#include "store/fields.h"
#include "text/output.h"

namespace cloakroom::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// --- writing ---------------------------------------------------------------------------------

constexpr std::uint64_t kHighs = 0x8080808080808080;

// How a byte stands in a JSON string: as it is, behind a backslash, or otherwise.
enum Look : std::uint8_t { kPlain = 0, kBackslash = 1, kOtherwise = 2 };

constexpr auto kLooks = [] {
  std::array<std::uint8_t, 256> looks{};
  for (std::size_t c = 0; c < looks.size(); ++c) {
    looks[c] = c < 0x20 || c >= 0x7f ? kOtherwise : c == '"' || c == '\\' ? kBackslash : kPlain;
  }
  return looks;
}();

// Appends what is plain or takes a backslash, and returns how many bytes of `text` that was. Values
// are mostly JSON, with a quote every few bytes: a branch for each would be mispredicted, so the
// backslash is always written, and stays where it is wanted.
std::size_t append_easy(std::string& out, std::string_view text) {
  constexpr std::size_t kPiece = 256;
  std::array<char, 2 * kPiece> piece;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.size(), at + kPiece);
    std::size_t to = 0;
    std::uint8_t look = kPlain;
    for (; at < end; ++at) {
      look = kLooks[static_cast<unsigned char>(text[at])];
      if (look == kOtherwise) break;
      piece[to] = '\\';
      piece[to + look] = text[at];
      to += std::size_t{1} + look;
    }
    out.append(piece.data(), to);
    if (look == kOtherwise) break;
  }
  return at;
}

bool is_ascii(std::string_view bytes) noexcept {
  std::uint64_t all = 0;
  std::size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, sizeof(word));
    all |= word;
  }
  for (; at < bytes.size(); ++at) all |= static_cast<unsigned char>(bytes[at]);
  return (all & kHighs) == 0;
}

// The code point that `bytes`, valid UTF-8, begins with, as \uNNNN; and its length.
std::size_t append_escaped(std::string& out, std::string_view bytes) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  unsigned value = byte(0);
  std::size_t length = 1;
  if (value >= 0xe0) {  // everything that prints badly is below U+10000
    value = (value & 0xfU) << 12 | (byte(1) & 0x3fU) << 6 | (byte(2) & 0x3fU);
    length = 3;
  } else if (value >= 0xc0) {
    value = (value & 0x1fU) << 6 | (byte(1) & 0x3fU);
    length = 2;
  }
  fmt::format_to(std::back_inserter(out), "\\u{:04x}", value);
  return length;
}

// REQUIRES: valid UTF-8.
void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (;;) {
    text.remove_prefix(append_easy(out, text));
    if (text.empty()) break;
    std::size_t length = printable_prefix(text);
    if (text[0] == '\n') {
      out += "\\n";
      length = 1;
    } else if (length != 0) {
      out.append(text.data(), length);
    } else {
      length = append_escaped(out, text);
    }
    text.remove_prefix(length);
  }
  out += '"';
}

void append_number(std::string& out, std::uint64_t number) {
  const fmt::format_int text(number);
  out.append(text.data(), text.size());
}

void append_number(std::string& out, std::int64_t number) {
  const fmt::format_int text(number);
  out.append(text.data(), text.size());
}

void append_time(std::string& out, TimeMs time) {
  if (time == kNever) {
    out += "null";
  } else {
    append_number(out, time);
  }
}

enum class FieldsForm { kObject, kPairs, kNone };

// An object must have distinct names, or whoever reads it loses one.
FieldsForm form_of(std::string_view encoded) {
  bool text = true;
  std::vector<std::string_view> names;
  const Status decoded = for_each_field(encoded, [&](const Field& field) {
    text = text && is_utf8(field.name);
    names.push_back(field.name);
    return true;
  });
  if (!decoded || names.empty()) return FieldsForm::kNone;
  if (!text) return FieldsForm::kPairs;
  std::ranges::sort(names);
  const bool distinct = std::ranges::adjacent_find(names) == names.end();
  return distinct ? FieldsForm::kObject : FieldsForm::kPairs;
}

void append_fields(std::string& out, std::string_view encoded, FieldsForm form) {
  const bool object = form == FieldsForm::kObject;
  out += object ? "\"fields\":{" : "\"fields\":[";
  bool first = true;
  // It decoded a moment ago.
  (void)for_each_field(encoded, [&](const Field& field) {
    if (!first) out += ',';
    first = false;
    if (!object) out += '[';
    append_json_bytes(out, field.name);
    out += object ? ':' : ',';
    append_json_bytes(out, field.value);
    if (!object) out += ']';
    return true;
  });
  out += object ? '}' : ']';
}

// --- reading ---------------------------------------------------------------------------------

Status wrong(std::string what) { return Status(StatusCode::kInvalidArgument, std::move(what)); }

Result<Json> parse_object(std::string_view line) {
  Json json = Json::parse(line.begin(), line.end(), nullptr, false);
  if (json.is_discarded()) return wrong("it is no JSON");
  if (!json.is_object()) return wrong("it is no JSON object");
  return json;
}

std::optional<std::string> bytes_of(Json& json) {
  if (json.is_string()) return std::move(json.get_ref<std::string&>());
  if (!json.is_object() || json.size() != 1) return std::nullopt;
  const auto base64 = json.find("base64");
  if (base64 == json.end() || !base64->is_string()) return std::nullopt;
  return decode_base64(base64->get_ref<const std::string&>());
}

std::optional<TimeMs> time_of(const Json& json) {
  if (json.is_null()) return kNever;
  if (!json.is_number_integer()) return std::nullopt;
  if (json.is_number_unsigned() && json.get<std::uint64_t>() > INT64_MAX) return std::nullopt;
  return json.get<std::int64_t>();
}

std::optional<Kind> kind_of(const Json& json) {
  if (!json.is_string()) return std::nullopt;
  for (const Kind kind : {Kind::kBytes, Kind::kFields, Kind::kSession, Kind::kMembers}) {
    if (json.get_ref<const std::string&>() == kind_name(kind)) return kind;
  }
  return std::nullopt;
}

bool append_field(std::string& out, const std::string& name, Json& value) {
  const auto bytes = bytes_of(value);
  if (!bytes) return false;
  put_string(out, name);
  put_string(out, *bytes);
  return true;
}

// The encoded fields; nothing when they are none.
std::optional<std::string> fields_of(Json& json) {
  std::string out;
  if (json.is_object()) {
    for (auto& [name, value] : json.items()) {
      if (!append_field(out, name, value)) return std::nullopt;
    }
    return out;
  }
  if (!json.is_array()) return std::nullopt;
  for (Json& pair : json) {
    if (!pair.is_array() || pair.size() != 2) return std::nullopt;
    const auto name = bytes_of(pair[0]);
    if (!name || !append_field(out, *name, pair[1])) return std::nullopt;
  }
  return out;
}

// Puts one member of the object where it belongs; the name of what is wrong with it, or nothing.
const char* take(const std::string& name, Json& json, RecordLine& record, bool& has_value) {
  const auto into = [](auto&& found, auto& place) {
    if (found) place = *std::move(found);
    return found.has_value();
  };
  if (name == "key") return into(bytes_of(json), record.key) ? nullptr : "its \"key\" is no string";
  if (name == "value") {
    has_value = true;
    return into(bytes_of(json), record.value) ? nullptr : "its \"value\" is no string";
  }
  if (name == "fields") {
    has_value = true;
    return into(fields_of(json), record.value) ? nullptr : "its \"fields\" are none";
  }
  if (name == "owner") {
    if (json.is_null()) return nullptr;
    return into(bytes_of(json), record.owner) ? nullptr : "its \"owner\" is no string";
  }
  if (name == "kind") return into(kind_of(json), record.kind) ? nullptr : "its \"kind\" is unknown";
  if (name == "deadline_ms") {
    return into(time_of(json), record.deadline) ? nullptr : "its \"deadline_ms\" is no time";
  }
  if (name == "lifetime_ms") {
    return into(time_of(json), record.lifetime) ? nullptr : "its \"lifetime_ms\" is no time";
  }
  if (name == "created_ms") {
    return into(time_of(json), record.created) ? nullptr : "its \"created_ms\" is no time";
  }
  if (name == "version") {
    if (!json.is_number_unsigned()) return "its \"version\" is no number";
    record.version = json.get<std::uint64_t>();
    return nullptr;
  }
  return "it has a member that no export has";
}

std::optional<std::uint64_t> number_in(const Json& json, const char* name) {
  const auto found = json.find(name);
  if (found == json.end() || !found->is_number_unsigned()) return std::nullopt;
  return found->get<std::uint64_t>();
}

}  // namespace

void append_base64(std::string& out, std::string_view bytes) {
  const auto byte = [&](std::size_t i) -> std::uint32_t {
    return static_cast<unsigned char>(bytes[i]);
  };
  std::size_t to = out.size();
  out.resize(to + (bytes.size() + 2) / 3 * 4);
  const auto put = [&](std::uint32_t group, int shift) {
    out[to++] = kBase64[group >> shift & 63];
  };
  std::size_t at = 0;
  for (; at + 3 <= bytes.size(); at += 3) {
    const std::uint32_t group = byte(at) << 16 | byte(at + 1) << 8 | byte(at + 2);
    for (const int shift : {18, 12, 6, 0}) put(group, shift);
  }
  const std::size_t rest = bytes.size() - at;
  if (rest == 0) return;
  const std::uint32_t group = byte(at) << 16 | (rest == 2 ? byte(at + 1) << 8 : 0);
  put(group, 18);
  put(group, 12);
  if (rest == 2) put(group, 6);
  while (to < out.size()) out[to++] = '=';
}

std::optional<std::string> decode_base64(std::string_view text) {
  static constexpr auto kValues = [] {
    std::array<std::uint8_t, 256> values{};
    values.fill(64);
    for (std::size_t i = 0; i < kBase64.size(); ++i) {
      values[static_cast<unsigned char>(kBase64[i])] = static_cast<std::uint8_t>(i);
    }
    return values;
  }();
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && !text.empty() && text.back() == '=') {
    text.remove_suffix(1);
    ++padding;
  }
  std::string out;
  out.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t group = 0;
  unsigned bits = 0;
  for (const char c : text) {
    const std::uint8_t value = kValues[static_cast<unsigned char>(c)];
    if (value == 64) return std::nullopt;
    group = group << 6 | value;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out += static_cast<char>(group >> bits & 255U);
  }
  // What is left over must be zeros, or two texts would mean the same bytes.
  if ((group & ((1U << bits) - 1)) != 0) return std::nullopt;
  return out;
}

void append_json_bytes(std::string& out, std::string_view bytes) {
  if (is_ascii(bytes) || is_utf8(bytes)) return append_json_string(out, bytes);
  out += "{\"base64\":\"";
  append_base64(out, bytes);
  out += "\"}";
}

void append_header(std::string& out, const ExportHeader& header) {
  const Json json{{"cloakroom", "export"},
                  {"format", kExportFormat},
                  {"store_id", header.store_id},
                  {"store_created_ms", header.created},
                  {"store_time_ms", header.store_time},
                  {"wall_time_ms", header.wall_time},
                  {"version_last", header.version_last}};
  out += json.dump();
  out += '\n';
}

void append_record_line(std::string& out, const RecordView& record) {
  out += "{\"key\":";
  append_json_bytes(out, record.key);
  out += ",\"kind\":\"";
  out += kind_name(record.kind);
  out += "\",";
  const FieldsForm form = record.kind == Kind::kFields ? form_of(record.value) : FieldsForm::kNone;
  if (form != FieldsForm::kNone) {
    append_fields(out, record.value, form);
  } else {
    out += "\"value\":";
    append_json_bytes(out, record.value);
  }
  out += ",\"owner\":";
  if (record.owner.empty()) {
    out += "null";
  } else {
    append_json_bytes(out, record.owner);
  }
  out += ",\"deadline_ms\":";
  append_time(out, record.deadline);
  out += ",\"lifetime_ms\":";
  append_time(out, record.lifetime);
  out += ",\"created_ms\":";
  append_number(out, record.created);
  out += ",\"version\":";
  append_number(out, record.version);
  out += "}\n";
}

void append_trailer(std::string& out, std::uint64_t records) {
  out += "{\"end\":true,\"records\":";
  append_number(out, records);
  out += "}\n";
}

Result<ExportHeader> parse_header(std::string_view line) {
  const auto json = parse_object(line);
  if (!json) return wrong("this is no export of cloakroom: " + json.status().message());
  if (json->value("cloakroom", Json()) != "export") return wrong("this is no export of cloakroom");
  const auto format = number_in(*json, "format");
  if (format && *format > kExportFormat) {
    return wrong("the export has format " + std::to_string(*format) + ", this version reads " +
                 std::to_string(kExportFormat) + "; import it with a newer cloakroom");
  }
  const auto id = json->find("store_id");
  const auto created = number_in(*json, "store_created_ms");
  const auto store_time = number_in(*json, "store_time_ms");
  const auto wall_time = number_in(*json, "wall_time_ms");
  const auto version = number_in(*json, "version_last");
  const bool whole = format && id != json->end() && id->is_string() && created && store_time &&
                     wall_time && version && *store_time < INT64_MAX && *wall_time < INT64_MAX;
  if (!whole) return wrong("the export's header is not whole");
  return ExportHeader{.store_id = id->get<std::string>(),
                      .created = static_cast<TimeMs>(*created),
                      .store_time = static_cast<TimeMs>(*store_time),
                      .wall_time = static_cast<TimeMs>(*wall_time),
                      .version_last = *version};
}

Result<RecordLine> parse_record_line(std::string_view line) {
  auto json = parse_object(line);
  if (!json) return json.status();
  RecordLine record;
  bool has_value = false;
  for (auto& [name, value] : json->items()) {
    if (const char* trouble = take(name, value, record, has_value)) return wrong(trouble);
  }
  if (!json->contains("key")) return wrong("it has no \"key\"");
  if (!has_value) return wrong("it has neither \"value\" nor \"fields\"");
  if (!json->contains("deadline_ms")) return wrong("it has no \"deadline_ms\"");
  if (json->contains("fields") && json->contains("value")) {
    return wrong("it has \"value\" and \"fields\"");
  }
  if (json->contains("fields") && record.kind != Kind::kFields) {
    return wrong("it has \"fields\" and another kind");
  }
  return record;
}

std::optional<std::uint64_t> parse_trailer(std::string_view line) {
  if (line.size() > 100 || !line.starts_with("{\"end\"")) return std::nullopt;
  const auto json = parse_object(line);
  if (!json || json->value("end", Json()) != true) return std::nullopt;
  return number_in(*json, "records");
}

}  // namespace cloakroom::cli
