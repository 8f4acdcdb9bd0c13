// A finding as `verify --json` and `repair --json` print it.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_READING_FINDING_JSON_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_READING_FINDING_JSON_H_

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "offline/store_reader.h"
#include "text/output.h"

namespace cloakroom::cli {

[[nodiscard]] inline nlohmann::ordered_json finding_json(const Finding& finding) {
  using Json = nlohmann::ordered_json;
  const auto key_or_null = [](const std::optional<std::string>& key) {
    return key ? Json(escape(*key)) : Json(nullptr);
  };
  return {{"type", finding.note ? "note" : "finding"},
          {"file", escape_text(finding.file)},
          {"offset", finding.offset ? Json(*finding.offset) : Json(nullptr)},
          {"key", finding.key.empty() ? Json(nullptr) : Json(escape(finding.key))},
          {"after_key", key_or_null(finding.after)},
          {"before_key", key_or_null(finding.before)},
          {"what", escape_text(finding.what)},
          {"remedy", escape_text(finding.remedy)}};
}

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_READING_FINDING_JSON_H_
