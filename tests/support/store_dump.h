// Everything a store holds, as text that can be read, compared and committed.
#ifndef CLOAKROOM_TESTS_SUPPORT_STORE_DUMP_H_
#define CLOAKROOM_TESTS_SUPPORT_STORE_DUMP_H_

#include <map>
#include <string>
#include <string_view>

#include "cloakroom/store.h"

namespace cloakroom::testing {

// Printable characters as they are, all others and the backslash as \xHH.
[[nodiscard]] inline std::string escaped(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= ' ' && byte < 0x7f && c != '\\') {
      text += c;
    } else {
      text.append("\\x").append({kDigits[byte >> 4], kDigits[byte & 15]});
    }
  }
  return text;
}

// One line a record, in key order; a line that begins with "!" when a scan fails.
[[nodiscard]] inline std::string dump_of(Store& store) {
  std::map<std::string, std::string> lines;
  Cursor cursor = kScanStart;
  do {
    const auto next = store.scan(cursor, 256, [&](const RecordView& view) {
      lines[escaped(view.key)] = (view.kind == Kind::kFields ? "fields" : "bytes") +
                                 std::string(" version ") + std::to_string(view.version) +
                                 " deadline " + std::to_string(view.deadline) + " lifetime " +
                                 std::to_string(view.lifetime) + " created " +
                                 std::to_string(view.created) + " owner '" + escaped(view.owner) +
                                 "' value '" + escaped(view.value) + "'";
    });
    if (!next) return "! " + next.status().to_string() + "\n";
    cursor = *next;
  } while (cursor != kScanStart);
  std::string text;
  for (const auto& [key, line] : lines) text += "'" + key + "' " + line + "\n";
  return text;
}

}  // namespace cloakroom::testing

#endif  // CLOAKROOM_TESTS_SUPPORT_STORE_DUMP_H_
