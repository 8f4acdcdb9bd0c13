// The page of `cloakroom report`, made of what was read.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_REPORT_PAGE_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_REPORT_PAGE_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "journal/table_files.h"
#include "offline/store_reader.h"
#include "reading/survey.h"

namespace cloakroom::cli {

extern const char* const kReportStyle;

struct ReportData {
  StoreInfo info;
  Survey survey;
  TableFiles tables;
  std::string files_unknown;  // why they could not be listed; empty: they were
  TimeMs made = 0;            // wall time of the page
  std::string version;        // of the program
  std::size_t owners = 10;    // how many of them
  bool show_owners = false;
};

[[nodiscard]] std::string report_page(const ReportData& data);

// The sections, in their order; each a <section> with a heading of the id that its name says.
[[nodiscard]] std::string sessions_section(const ReportData& data);
[[nodiscard]] std::string owners_section(const ReportData& data);
[[nodiscard]] std::string files_section(const ReportData& data);
[[nodiscard]] std::string writes_section(const ReportData& data);

// What was written between two flushes, from RocksDB's count of operations.
struct WriteInterval {
  TimeMs from = 0;  // wall time
  TimeMs to = 0;
  std::uint64_t operations = 0;
};
// The last `limit` of them, oldest first. Files that were merged say nothing and are passed over.
[[nodiscard]] std::vector<WriteInterval> write_intervals(const std::vector<TableInfo>& files,
                                                         std::size_t limit);

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_REPORT_PAGE_H_
