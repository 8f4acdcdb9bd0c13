// The lines of an export as import reads them, whether into a new store or an old one: broken ones
// are told and counted, the end is compared with what the last line says.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_COPY_IMPORT_LINES_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_COPY_IMPORT_LINES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "copy/line_files.h"
#include "copy/pace.h"
#include "copy/record_line.h"

namespace cloakroom::cli {

class ImportLines {
 public:
  // Reads the header. On failure status() says why.
  ImportLines(const std::string& path, bool skip_broken);

  [[nodiscard]] const Status& status() const noexcept { return status_; }
  [[nodiscard]] const ExportHeader& header() const noexcept { return header_; }
  // Tells one file from another; of its first line.
  [[nodiscard]] std::uint64_t header_checksum() const noexcept { return header_checksum_; }

  // The next record; nothing at the end, or when status() says that it ended early. Valid until the
  // next call.
  [[nodiscard]] RecordLine* next();

  // The record that next() returned cannot be stored: its line counts as broken. False when that is
  // fatal; status() says so then.
  bool reject(std::string_view why);

  // Where a later run goes on: behind the last line that next() returned.
  struct Place {
    std::uint64_t line = 0;
    std::uint64_t offset = 0;
    std::uint64_t records = 0;
    std::uint64_t broken = 0;
  };
  [[nodiscard]] Place place() const noexcept;
  Status go_on(const Place& place);

  [[nodiscard]] std::uint64_t records() const noexcept { return records_ - broken_; }
  [[nodiscard]] std::uint64_t broken() const noexcept { return broken_ + oddities_; }
  [[nodiscard]] Pace& pace() noexcept { return pace_; }

 private:
  bool break_off(std::string_view what);
  void compare_end();

  Pace pace_{"importing"};
  const std::string path_;
  const bool skip_broken_;
  std::optional<LineSource> source_;
  Status status_;
  ExportHeader header_;
  std::uint64_t header_checksum_ = 0;
  RecordLine record_;
  std::uint64_t records_ = 0;  // lines that are records, broken ones included
  std::uint64_t broken_ = 0;
  std::uint64_t oddities_ = 0;             // findings that are no record
  std::optional<std::uint64_t> promised_;  // by the last line
};

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_COPY_IMPORT_LINES_H_
