// What was measured, as a table for people, a JSON document for programs and a page of Markdown.
#ifndef CLOAKROOM_BENCHMARKS_REPORT_H_
#define CLOAKROOM_BENCHMARKS_REPORT_H_

#include <cstdio>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "machine.h"
#include "measure.h"

namespace cloakroom::bench {

// All rounds of one contestant in one row.
struct Figure {
  std::string measure;  // "get"
  std::string contestant;
  std::vector<double> rounds;
  std::vector<Latencies> latencies;  // empty where they were not taken
};

[[nodiscard]] double median(std::vector<double> values);

// A table: the rows of one measure follow each other, in the order they were first added.
class Section {
 public:
  Section(std::string id, std::string title, std::string unit, std::string_view reference)
      : id_(std::move(id)),
        title_(std::move(title)),
        unit_(std::move(unit)),
        reference_(reference) {}

  void add(std::string_view measure, std::string_view contestant, double value);
  void add(std::string_view measure, std::string_view contestant, double value,
           const Latencies& latencies);

  // Percentiles beyond the 99.9th and the largest value, too: where there are enough values.
  void show_far_tail() noexcept { far_tail_ = true; }

  [[nodiscard]] std::string as_text() const;
  [[nodiscard]] std::string as_markdown() const;
  [[nodiscard]] nlohmann::ordered_json as_json() const;

 private:
  Figure& figure(std::string_view measure, std::string_view contestant);
  // How many times the reference's figure in the same measure; 0 when it has none.
  [[nodiscard]] double ratio(const Figure& figure) const;
  [[nodiscard]] bool has_latencies() const;
  [[nodiscard]] std::vector<std::vector<std::string>> cells() const;  // the header first
  [[nodiscard]] std::vector<const Figure*> in_order() const;

  std::string id_;
  std::string title_;
  std::string unit_;
  std::string reference_;
  bool far_tail_ = false;
  std::vector<Figure> figures_;
};

struct ReportTargets {
  std::string json;      // a file, "-" for stdout, empty: none
  std::string markdown;  // a file, empty: none
};

class Report {
 public:
  // The readable part goes to stdout, or to stderr when the JSON document takes stdout.
  Report(ReportTargets targets, std::string command);

  void note(const std::string& line);      // "peer redis is left out: ..."
  void progress(const std::string& line);  // to stderr, for those who wait; may stop here
  void add(const Section& section);

  // Writes the JSON document and the page. Failure when a file cannot be written.
  void finish();

 private:
  ReportTargets targets_;
  std::string command_;
  Machine machine_;
  std::FILE* text_;
  std::vector<std::string> notes_;
  std::vector<Section> sections_;
};

// Failure (kExitUsage) when a file cannot be written; to be asked before the work is done. Leaves
// an empty file behind where there was none.
void require_writable(const std::string& target);

// Writes a JSON document to a file, or to stdout for "-".
void write_json(const std::string& target, const nlohmann::ordered_json& document);

}  // namespace cloakroom::bench

#endif  // CLOAKROOM_BENCHMARKS_REPORT_H_
