// Text in HTML.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_REPORT_HTML_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_REPORT_HTML_H_

#include <string>
#include <string_view>

namespace cloakroom::cli {

// Text as the content of an element or the quoted value of an attribute. Bytes that are no
// printable UTF-8 have to be dealt with before: escape(), escape_text().
[[nodiscard]] inline std::string html(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_REPORT_HTML_H_
