// Charts of horizontal bars, as inline SVG with the same numbers in a table behind it.
//
// Lengths across are shares of the width, letters keep their size: a chart reads as well on a phone
// as on a screen. To a screen reader it is one picture with a name and a sentence; the table has
// the rest.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_REPORT_CHARTS_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_REPORT_CHARTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "reading/spread.h"

namespace cloakroom::cli {

struct Bar {
  std::string label;  // as it is to be read: escaped for terminals, not for HTML
  std::uint64_t amount = 0;
  std::string figure;  // the amount for people
};

struct Chart {
  std::string id;           // of the element; unique in the page
  std::string title;        // its accessible name
  std::string note;         // a sentence below the title; may be empty
  std::string labels;       // heading of the table's first column
  std::string amounts;      // and of its second
  bool cumulative = false;  // the bars are ordered: the table adds them up
  bool names = false;       // labels are names that may be long, and are cut
  std::vector<Bar> bars;
};

// A <figure>; of one without bars only the title and "Nothing to show.".
[[nodiscard]] std::string bar_chart(const Chart& chart);

// "up to 30 min", "over 365 d": the bars of a spread, from the first to the last that is not empty.
[[nodiscard]] std::vector<Bar> bars_of(const Spread& spread, std::string (*text)(std::int64_t));

// A table with a caption; the first column heads its row, the others are numbers.
struct HtmlTable {
  std::string caption;
  std::vector<std::string> headings;
  std::vector<std::vector<std::string>> rows;
};
[[nodiscard]] std::string html_table(const HtmlTable& table);

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_REPORT_CHARTS_H_
