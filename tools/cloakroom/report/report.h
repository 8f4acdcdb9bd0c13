// cloakroom report: a page about a store, for people who were not there.
//
// One HTML file that asks the network for nothing: no script, no font, no picture. What strangers
// wrote (owners, the path) is escaped twice over: for what a terminal or a bidirectional text would
// make of it, then for HTML; and the page forbids itself whatever such an error could load
// (Content-Security-Policy).
//
// Owners are people. A report is made to be passed on, so their names are in it only when asked
// for.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_REPORT_REPORT_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_REPORT_REPORT_H_

#include <cstddef>
#include <string>

namespace cloakroom::cli {

struct ReportOptions {
  std::string dir;
  std::string output;  // a file, or "-"
  bool show_owners = false;
  std::size_t limit = 10;  // owners
};

// Writes the page; the file appears whole or not at all. Exit code 1 when records were damaged: the
// page is there, and says so.
[[nodiscard]] int run_report(const ReportOptions& options);

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_REPORT_REPORT_H_
