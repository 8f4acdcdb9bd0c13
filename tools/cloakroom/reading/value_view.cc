#include "reading/value_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "base/coding.h"
#include "store/fields.h"
#include "text/output.h"
#include "values/decoders.h"

namespace cloakroom::cli {
namespace {

constexpr std::string_view kJsonSpace = " \t\r\n";
constexpr std::size_t kIndentMax = 64;  // Deeper levels stay at this column: output stays linear.

// One string of the text with its quotes. What a terminal would obey becomes \u00NN, which is the
// same JSON string.
std::size_t copy_json_string(std::string_view text, std::string& out) {
  std::size_t at = 1;
  out += '"';
  while (text[at] != '"') {
    const std::size_t printable = printable_prefix(text.substr(at));
    if (text[at] == '\\') {
      out += text.substr(at, 2);
      at += 2;
    } else if (printable > 0) {
      out += text.substr(at, printable);
      at += printable;
    } else {
      // Valid JSON is UTF-8 and every character that prints badly is below U+10000.
      const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
      std::size_t length = 1;
      unsigned value = byte(0);
      if (value >= 0xe0) {
        value = (value & 0xfU) << 12 | (byte(1) & 0x3fU) << 6 | (byte(2) & 0x3fU);
        length = 3;
      } else if (value >= 0xc0) {
        value = (value & 0x1fU) << 6 | (byte(1) & 0x3fU);
        length = 2;
      }
      out += fmt::format("\\u{:04x}", value);
      at += length;
    }
  }
  out += '"';
  return at + 1;
}

// UTF-8 that prints as it is, but for the ends of its lines.
bool is_text(std::string_view value) {
  while (!value.empty()) {
    const std::size_t printable = printable_prefix(value);
    if (printable == 0 && value.front() != '\n' && value.front() != '\t') return false;
    value.remove_prefix(std::max<std::size_t>(printable, 1));
  }
  return true;
}

std::string lines_of(std::string_view text) {
  std::string out(text);
  if (!out.ends_with('\n')) out += '\n';
  return out;
}

void break_line(std::string& out, std::size_t depth) {
  out += '\n';
  out.append(std::min(depth * 2, kIndentMax), ' ');
}

}  // namespace

bool is_json(std::string_view text) {
  const std::size_t start = text.find_first_not_of(kJsonSpace);
  if (start == std::string_view::npos || (text[start] != '{' && text[start] != '[')) return false;
  // The parser takes a zero byte for the end, and what stands behind it would reach the terminal.
  if (text.find('\0') != std::string_view::npos) return false;
  return nlohmann::json::accept(text.begin(), text.end());
}

std::string pretty_json(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 2);
  std::size_t depth = 0;
  bool opened = false;  // the last token opened an object or array
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (kJsonSpace.find(c) != std::string_view::npos) {
      ++at;
      continue;
    }
    const bool closes = c == '}' || c == ']';
    if (closes) --depth;
    if (opened != closes) break_line(out, depth);
    opened = c == '{' || c == '[';
    if (opened) ++depth;
    if (c == '"') {
      at += copy_json_string(text.substr(at), out);
      continue;
    }
    out += c;
    ++at;
    if (c == ':') out += ' ';
    if (c == ',') break_line(out, depth);
  }
  return out;
}

std::string hex_dump(std::string_view bytes) {
  constexpr std::size_t kPerLine = 16;
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += kPerLine) {
    const std::string_view line = bytes.substr(at, kPerLine);
    std::string hex;
    std::string text;
    for (const char c : line) {
      hex += fmt::format("{:02x} ", static_cast<unsigned char>(c));
      text += c >= 0x20 && c < 0x7f ? c : '.';
    }
    out += fmt::format("{:08x}  {:<48} |{}|\n", at, hex, text);
  }
  return out;
}

ValueView view_value(std::string_view value) {
  if (value.empty()) return {.format = "empty", .text = {}};
  if (is_json(value)) return {.format = "JSON", .text = pretty_json(value) + "\n"};
  for (const auto decode : {decode_php, decode_django, name_foreign, decode_msgpack}) {
    if (auto decoded = decode(value)) {
      std::string text = decoded->text.empty() ? hex_dump(value) : std::move(decoded->text);
      return {.format = std::move(decoded->format), .text = std::move(text)};
    }
  }
  if (is_text(value)) return {.format = "text", .text = lines_of(value)};
  return {.format = "bytes", .text = hex_dump(value)};
}

Status decode_fields(std::string_view encoded, FunctionRef<void(const Field&)> f) {
  return for_each_field(encoded, [&](const Field& field) {
    f(field);
    return true;
  });
}

Status decode_members(std::string_view encoded,
                      FunctionRef<void(std::string_view, std::optional<double>)> f) {
  constexpr std::uint8_t kSet = 1;
  constexpr std::uint8_t kSortedSet = 2;
  Reader reader(encoded);
  const std::uint8_t type = reader.u8();
  std::uint64_t left = reader.varint();
  bool sound = reader.ok() && (type == kSet || type == kSortedSet);
  for (; sound && left > 0; --left) {
    std::optional<double> score;
    if (type == kSortedSet) score = std::bit_cast<double>(reader.u64());
    const std::string_view member = reader.string();
    sound = reader.ok();
    if (sound) f(member, score);
  }
  if (sound && reader.empty()) return Status();
  return Status(StatusCode::kCorruption, "the members of the record cannot be decoded");
}

}  // namespace cloakroom::cli
