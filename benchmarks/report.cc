#include "report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "failure.h"
#include "interrupt.h"

namespace cloakroom::bench {
namespace {

std::string grouped(double value) {
  if (value < 10) return fmt::format("{:.2f}", value);
  if (value < 100) return fmt::format("{:.1f}", value);
  std::string digits = fmt::format("{:.0f}", value);
  for (std::size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, 1, ',');
  }
  return digits;
}

std::string cell_of(const std::vector<double>& rounds) {
  return rounds.empty() ? std::string() : grouped(median(rounds));
}

struct Percentile {
  const char* title;
  const char* json_name;
  double Latencies::*value_ns;
};
constexpr std::array<Percentile, 6> kPercentiles{
    {{"p50 ns", "p50_ns", &Latencies::p50_ns},
     {"p99 ns", "p99_ns", &Latencies::p99_ns},
     {"p99.9 ns", "p999_ns", &Latencies::p999_ns},
     {"p99.99 ns", "p9999_ns", &Latencies::p9999_ns},
     {"p99.999 ns", "p99999_ns", &Latencies::p99999_ns},
     {"max ns", "max_ns", &Latencies::max_ns}}};
constexpr std::size_t kNearPercentiles = 3;

std::span<const Percentile> percentiles_of(bool far_tail) {
  return std::span(kPercentiles).first(far_tail ? kPercentiles.size() : kNearPercentiles);
}

std::vector<double> rounds_of(const std::vector<Latencies>& rounds, const Percentile& percentile) {
  std::vector<double> values;
  for (const Latencies& one : rounds) values.push_back(one.*percentile.value_ns);
  return values;
}

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d", &parts)};
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::trunc);
  file << text;
  file.close();
  if (!file) throw Failure("cannot write " + path);
}

constexpr std::string_view kPageIntroduction =
    "Written by `tools/bench`; run it again for figures of your own machine. Contestants take "
    "turns\n"
    "within each round; a figure is the median of all rounds, with the smallest and the largest\n"
    "beside it. Compare within a table only: machines drift.\n";

}  // namespace

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

// --- Section -----------------------------------------------------------------------------------

Figure& Section::figure(std::string_view measure, std::string_view contestant) {
  for (Figure& figure : figures_) {
    if (figure.measure == measure && figure.contestant == contestant) return figure;
  }
  figures_.push_back({.measure = std::string(measure),
                      .contestant = std::string(contestant),
                      .rounds = {},
                      .latencies = {}});
  return figures_.back();
}

void Section::add(std::string_view measure, std::string_view contestant, double value) {
  figure(measure, contestant).rounds.push_back(value);
}

void Section::add(std::string_view measure, std::string_view contestant, double value,
                  const Latencies& latencies) {
  Figure& row = figure(measure, contestant);
  row.rounds.push_back(value);
  row.latencies.push_back(latencies);
}

double Section::ratio(const Figure& figure) const {
  for (const Figure& other : figures_) {
    if (other.measure != figure.measure || other.contestant != reference_) continue;
    const double reference = median(other.rounds);
    return reference > 0 ? median(figure.rounds) / reference : 0;
  }
  return 0;
}

std::vector<const Figure*> Section::in_order() const {
  std::vector<std::string_view> measures;
  for (const Figure& figure : figures_) {
    if (std::find(measures.begin(), measures.end(), figure.measure) == measures.end()) {
      measures.push_back(figure.measure);
    }
  }
  std::vector<const Figure*> rows;
  for (const std::string_view measure : measures) {
    for (const Figure& figure : figures_) {
      if (figure.measure == measure) rows.push_back(&figure);
    }
  }
  return rows;
}

bool Section::has_latencies() const {
  return std::any_of(figures_.begin(), figures_.end(),
                     [](const Figure& figure) { return !figure.latencies.empty(); });
}

std::vector<std::vector<std::string>> Section::cells() const {
  std::vector<std::vector<std::string>> table{
      {"measure", "contestant", unit_, "min..max", "x " + reference_}};
  const auto percentiles =
      has_latencies() ? percentiles_of(far_tail_) : std::span<const Percentile>();
  for (const Percentile& one : percentiles) table[0].emplace_back(one.title);
  std::string_view measure;
  for (const Figure* figure : in_order()) {
    const auto [low, high] = std::minmax_element(figure->rounds.begin(), figure->rounds.end());
    const double times = ratio(*figure);
    std::vector<std::string> row{measure == figure->measure ? std::string() : figure->measure,
                                 figure->contestant, cell_of(figure->rounds),
                                 fmt::format("{}..{}", grouped(*low), grouped(*high)),
                                 times > 0 ? fmt::format("{:.2f}", times) : std::string("-")};
    for (const Percentile& one : percentiles) {
      row.push_back(cell_of(rounds_of(figure->latencies, one)));
    }
    measure = figure->measure;
    table.push_back(std::move(row));
  }
  return table;
}

std::string Section::as_text() const {
  const auto table = cells();
  std::vector<std::size_t> widths(table[0].size());
  for (const auto& row : table) {
    for (std::size_t at = 0; at < row.size(); ++at)
      widths[at] = std::max(widths[at], row[at].size());
  }
  std::string text = "\n" + title_ + "\n";
  for (const auto& row : table) {
    std::string line;
    for (std::size_t at = 0; at < row.size(); ++at) {
      line += at < 2 ? fmt::format("{:<{}}  ", row[at], widths[at])
                     : fmt::format("{:>{}}  ", row[at], widths[at]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string Section::as_markdown() const {
  std::string text = "\n## " + title_ + "\n\n";
  const auto table = cells();
  for (std::size_t number = 0; number < table.size(); ++number) {
    text += fmt::format("| {} |\n", fmt::join(table[number], " | "));
    if (number > 0) continue;
    text += "|---|---|";
    for (std::size_t at = 2; at < table[0].size(); ++at) text += "--:|";
    text += "\n";
  }
  return text;
}

nlohmann::ordered_json Section::as_json() const {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const Figure* figure : in_order()) {
    const auto [low, high] = std::minmax_element(figure->rounds.begin(), figure->rounds.end());
    nlohmann::ordered_json row{{"measure", figure->measure},
                               {"contestant", figure->contestant},
                               {"median", median(figure->rounds)},
                               {"min", *low},
                               {"max", *high},
                               {"rounds", figure->rounds}};
    if (const double times = ratio(*figure); times > 0) row["ratio"] = times;
    if (!figure->latencies.empty()) {
      for (const Percentile& one : percentiles_of(far_tail_)) {
        row[one.json_name] = median(rounds_of(figure->latencies, one));
      }
    }
    rows.push_back(std::move(row));
  }
  return {{"workload", id_},
          {"title", title_},
          {"unit", unit_},
          {"reference", reference_},
          {"rows", rows}};
}

// --- Report ------------------------------------------------------------------------------------

Report::Report(ReportTargets targets, std::string command)
    : targets_(std::move(targets)),
      command_(std::move(command)),
      machine_(describe_machine()),
      text_(targets_.json == "-" ? stderr : stdout) {
  require_writable(targets_.json);
  require_writable(targets_.markdown);
  fmt::print(text_, "machine  {}\ncommand  {}\n", to_string(machine_), command_);
  std::fflush(text_);
}

void Report::note(const std::string& line) {
  if (std::find(notes_.begin(), notes_.end(), line) != notes_.end()) return;
  notes_.push_back(line);
  fmt::print(text_, "note     {}\n", line);
  std::fflush(text_);
}

void Report::progress(const std::string& line) {
  stop_if_interrupted();
  fmt::print(stderr, "{}\n", line);
}

void Report::add(const Section& section) {
  fmt::print(text_, "{}", section.as_text());
  std::fflush(text_);
  sections_.push_back(section);
}

void Report::finish() {
  if (!targets_.json.empty()) {
    nlohmann::ordered_json workloads = nlohmann::ordered_json::array();
    for (const Section& section : sections_) workloads.push_back(section.as_json());
    write_json(targets_.json, {{"machine",
                                {{"cpu", machine_.cpu},
                                 {"cores", machine_.cores},
                                 {"memory_bytes", machine_.memory_bytes},
                                 {"kernel", machine_.kernel},
                                 {"compiler", machine_.compiler}}},
                               {"command", command_},
                               {"notes", notes_},
                               {"workloads", workloads}});
  }
  if (targets_.markdown.empty()) return;
  std::string page = fmt::format("# Benchmarks\n\n{}\n- Machine: {}\n- Date: {}\n- Command: `{}`\n",
                                 kPageIntroduction, to_string(machine_), today(), command_);
  for (const std::string& note : notes_) page += "- " + note + "\n";
  for (const Section& section : sections_) page += section.as_markdown();
  write_file(targets_.markdown, page);
}

void require_writable(const std::string& target) {
  if (target.empty() || target == "-" || std::ofstream(target, std::ios::app)) return;
  throw Failure(fmt::format("cannot write {}: {}", target, std::strerror(errno)), kExitUsage);
}

void write_json(const std::string& target, const nlohmann::ordered_json& document) {
  const std::string text = document.dump(2) + "\n";
  if (target == "-") {
    fmt::print("{}", text);
    return;
  }
  write_file(target, text);
}

}  // namespace cloakroom::bench
