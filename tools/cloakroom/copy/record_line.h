// A record as a line of an export (docs/cli.md describes the format): JSON Lines, lossless.
//
//   {"cloakroom":"export","format":1,"store_id":...,...}        the first line
//   {"key":...,"kind":"bytes","value":...,"owner":null,"deadline_ms":...,"lifetime_ms":null,
//    "created_ms":...,"version":...}                            a line for each record
//   {"end":true,"records":N}                                    the last line
//
// Strings are JSON strings where the bytes are UTF-8 and {"base64":"..."} where they are not. What
// a terminal would obey is written as \u00NN, which is the same string. A record of fields has
// "fields" in place of "value": an object, when the names are UTF-8, else a list of pairs; a
// damaged one, which has no fields, keeps "value".
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_COPY_RECORD_LINE_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_COPY_RECORD_LINE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cloakroom/record.h"
#include "cloakroom/status.h"

namespace cloakroom::cli {

inline constexpr std::uint64_t kExportFormat = 1;

struct ExportHeader {
  std::string store_id;
  TimeMs created = 0;
  TimeMs store_time = 0;  // of the same moment as wall_time
  TimeMs wall_time = 0;
  Version version_last = 0;
};

// Each with its newline.
void append_header(std::string& out, const ExportHeader& header);
void append_record_line(std::string& out, const RecordView& record);
void append_trailer(std::string& out, std::uint64_t records);

// What a line holds; strings of its own.
struct RecordLine {
  std::string key;
  std::string value;
  std::string owner;
  Kind kind = Kind::kBytes;
  std::optional<Version> version;  // nothing: the store gives it one
  std::optional<TimeMs> created;   // nothing: now
  TimeMs deadline = kNever;
  TimeMs lifetime = kNever;

  [[nodiscard]] RecordView view() const noexcept {
    return {.key = key,
            .value = value,
            .owner = owner,
            .kind = kind,
            .version = version.value_or(0),
            .deadline = deadline,
            .lifetime = lifetime,
            .created = created.value_or(0)};
  }
};

// kInvalidArgument with what is wrong, never with anything of the line.
[[nodiscard]] Result<ExportHeader> parse_header(std::string_view line);
[[nodiscard]] Result<RecordLine> parse_record_line(std::string_view line);
// Nothing when it is no trailer.
[[nodiscard]] std::optional<std::uint64_t> parse_trailer(std::string_view line);

// --- for both directions ---------------------------------------------------------------------

void append_base64(std::string& out, std::string_view bytes);
[[nodiscard]] std::optional<std::string> decode_base64(std::string_view text);
// A JSON string, or {"base64":"..."}.
void append_json_bytes(std::string& out, std::string_view bytes);

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_COPY_RECORD_LINE_H_
