#include "report/charts.h"

#include <fmt/format.h>

#include <algorithm>

#include "report/html.h"
#include "text/output.h"

namespace cloakroom::cli {
namespace {

constexpr std::size_t kRowHeight = 26;
constexpr std::size_t kBarHeight = 14;
constexpr std::size_t kNameMost = 18;  // columns of a name that fit in front of its bar

std::string percent(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? "0 %"
                    : fmt::format("{:.1f} %",
                                  100 * static_cast<double>(part) / static_cast<double>(whole));
}

std::uint64_t sum_of(const std::vector<Bar>& bars) {
  std::uint64_t sum = 0;
  for (const Bar& bar : bars) sum += bar.amount;
  return sum;
}

const Bar& largest(const std::vector<Bar>& bars) {
  return *std::max_element(bars.begin(), bars.end(),
                           [](const Bar& a, const Bar& b) { return a.amount < b.amount; });
}

// The first `columns` characters, and a sign that there are more.
std::string cut(const std::string& text, std::size_t columns) {
  if (columns_of(text) <= columns) return text;
  std::size_t at = 0;
  for (std::size_t used = 0; used + 1 < columns; ++used) {
    at += printable_prefix(std::string_view(text).substr(at));
  }
  return text.substr(0, at) + "…";
}

std::string row_of(const Chart& chart, std::size_t i, std::uint64_t most) {
  const Bar& bar = chart.bars[i];
  const std::size_t top = i * kRowHeight;
  const std::size_t baseline = top + 17;
  const char* const wide = chart.names ? " wide" : "";
  std::string out = fmt::format(R"(<text class="label" x="0" y="{}">{}</text>)", baseline,
                                html(cut(bar.label, kNameMost)));
  out += fmt::format(R"(<rect class="track{}" y="{}" height="{}" rx="3"/>)", wide, top + 5,
                     kBarHeight);
  // What is there is seen, however small.
  const double share =
      bar.amount == 0
          ? 0
          : std::max(0.006, static_cast<double>(bar.amount) / static_cast<double>(most));
  out += fmt::format(R"(<rect class="bar{}" y="{}" height="{}" rx="3" style="--share:{:.4f}"/>)",
                     wide, top + 5, kBarHeight, share);
  return out +
         fmt::format(R"(<text class="figure" x="100%" y="{}">{}</text>)", baseline,
                     html(bar.figure)) +
         "\n";
}

std::string picture(const Chart& chart) {
  const Bar& most = largest(chart.bars);
  std::string out = fmt::format(
      R"(<svg class="chart" role="img" aria-labelledby="{0}-title {0}-desc" height="{1}">)"
      R"(<title id="{0}-title">{2}</title><desc id="{0}-desc">{3} bars. The longest is {4}, with {5}.</desc>)"
      "\n",
      chart.id, chart.bars.size() * kRowHeight, html(chart.title), chart.bars.size(),
      html(most.label), html(most.figure));
  for (std::size_t i = 0; i < chart.bars.size(); ++i) out += row_of(chart, i, most.amount);
  return out + "</svg>\n";
}

std::string table_behind(const Chart& chart) {
  HtmlTable table{chart.title, {chart.labels, chart.amounts, "Share"}, {}};
  if (chart.cumulative) table.headings.push_back("Up to here");
  const std::uint64_t all = sum_of(chart.bars);
  std::uint64_t so_far = 0;
  for (const Bar& bar : chart.bars) {
    so_far += bar.amount;
    table.rows.push_back({bar.label, bar.figure, percent(bar.amount, all)});
    if (chart.cumulative) table.rows.back().push_back(percent(so_far, all));
  }
  return "<details><summary>The numbers<span class=\"unseen\">: " + html(chart.title) +
         "</span></summary>\n" + html_table(table) + "</details>\n";
}

}  // namespace

std::string bar_chart(const Chart& chart) {
  std::string out = "<figure id=\"" + chart.id + "\">\n<figcaption><h3>" + html(chart.title) +
                    "</h3>" + (chart.note.empty() ? "" : "<p>" + html(chart.note) + "</p>") +
                    "</figcaption>\n";
  if (chart.bars.empty()) return out + "<p class=\"nothing\">Nothing to show.</p>\n</figure>\n";
  return out + picture(chart) + table_behind(chart) + "</figure>\n";
}

std::vector<Bar> bars_of(const Spread& spread, std::string (*text)(std::int64_t)) {
  const auto counts = spread.counts();
  std::vector<Bar> bars;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const std::string label = spread.open_ended(i) ? "over " + text(spread.bounds()[i - 1])
                                                   : "up to " + text(spread.bounds()[i]);
    bars.push_back({label, counts[i], human_count(counts[i])});
  }
  while (!bars.empty() && bars.back().amount == 0) bars.pop_back();
  const auto first =
      std::find_if(bars.begin(), bars.end(), [](const Bar& bar) { return bar.amount > 0; });
  bars.erase(bars.begin(), first);
  return bars;
}

std::string html_table(const HtmlTable& table) {
  std::string out =
      "<table><caption class=\"unseen\">" + html(table.caption) + "</caption>\n<thead><tr>";
  for (const std::string& heading : table.headings) {
    out += "<th scope=\"col\">" + html(heading) + "</th>";
  }
  out += "</tr></thead>\n<tbody>\n";
  for (const auto& row : table.rows) {
    out += "<tr><th scope=\"row\">" + html(row.front()) + "</th>";
    for (std::size_t i = 1; i < row.size(); ++i) out += "<td>" + html(row[i]) + "</td>";
    out += "</tr>\n";
  }
  return out + "</tbody></table>\n";
}

}  // namespace cloakroom::cli
