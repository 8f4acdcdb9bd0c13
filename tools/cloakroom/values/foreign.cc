// Formats that only their own language can load, and that must not be loaded from strangers.
#include <fmt/format.h>

#include "values/cursor.h"
#include "values/decoders.h"
#include "values/outline.h"

namespace cloakroom::cli {
namespace {

constexpr std::string_view kJavaMagic("\xac\xed\x00\x05", 4);
constexpr char kJavaObject = '\x73';
constexpr char kJavaClass = '\x72';
constexpr char kJavaString = '\x74';

Decoded name_java(std::string_view value) {
  Cursor cursor(value);
  (void)cursor.skip(kJavaMagic);
  const char type = cursor.peek();
  if (type == kJavaString) {
    (void)cursor.take(1);
    const std::string_view text = cursor.take(cursor.big_endian(2));
    if (cursor.ok()) return {.format = "Java serialized string", .text = quoted(text) + "\n"};
  }
  std::string name;
  if (type == kJavaObject) {
    (void)cursor.take(1);
    if (cursor.skip({&kJavaClass, 1})) name = quoted(cursor.take(cursor.big_endian(2)));
  }
  if (!cursor.ok() || name.empty()) return {.format = "Java serialized", .text = {}};
  return {.format = "Java serialized, an object of class " + name, .text = {}};
}

}  // namespace

std::optional<Decoded> name_foreign(std::string_view value) {
  if (value.starts_with(kJavaMagic)) return name_java(value);
  // Protocols 2 to 5 begin with their number, and all end with STOP.
  const bool pickle = value.size() >= 3 && value[0] == '\x80' && value[1] >= 2 && value[1] <= 5 &&
                      value.back() == '.';
  if (pickle) {
    return Decoded{.format = fmt::format("Python pickle, protocol {} (loading one runs its code)",
                                         static_cast<int>(value[1])),
                   .text = {}};
  }
  if (value.starts_with("\x04\x08") && value.size() > 2) {
    return Decoded{.format = "Ruby Marshal (loading it makes its objects)", .text = {}};
  }
  constexpr std::string_view kIgbinary1("\0\0\0\1", 4);
  constexpr std::string_view kIgbinary2("\0\0\0\2", 4);
  if (value.starts_with(kIgbinary1) || value.starts_with(kIgbinary2)) {
    return Decoded{.format = fmt::format("PHP igbinary {}", static_cast<int>(value[3])),
                   .text = {}};
  }
  return std::nullopt;
}

}  // namespace cloakroom::cli
