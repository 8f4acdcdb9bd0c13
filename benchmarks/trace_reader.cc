#include "trace_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "cloakroom/record.h"
#include "failure.h"
#include "trace_source.h"

namespace cloakroom::bench {
namespace {

enum Column : std::size_t { kTime, kKey, kKeySize, kValueSize, kOp, kTtl, kColumns };
constexpr std::array<std::string_view, kColumns> kColumnNames{"t_seconds",  "key", "key_size",
                                                              "value_size", "op",  "ttl"};

constexpr std::array<std::pair<std::string_view, TraceOp>, 7> kOps{{{"get", TraceOp::kGet},
                                                                    {"set", TraceOp::kSet},
                                                                    {"add", TraceOp::kAdd},
                                                                    {"gets", TraceOp::kGets},
                                                                    {"cas", TraceOp::kCas},
                                                                    {"touch", TraceOp::kTouch},
                                                                    {"delete", TraceOp::kDelete}}};

// Bounds of what a line may say: they keep a damaged number from becoming a huge allocation.
constexpr std::uint64_t kKeyMax = std::uint64_t{1} << 28;
constexpr std::uint64_t kValueBytesMax = std::uint64_t{16} << 20;
constexpr std::uint64_t kSecondsMax = std::uint64_t{1} << 31;  // 68 years

bool needs_ttl(TraceOp op) noexcept {
  return op == TraceOp::kSet || op == TraceOp::kAdd || op == TraceOp::kCas || op == TraceOp::kTouch;
}

// Splits at commas; nothing when there are more than kColumns fields.
std::optional<std::size_t> split(std::string_view line,
                                 std::array<std::string_view, kColumns>& fields) {
  std::size_t count = 0;
  while (true) {
    if (count == kColumns) return std::nullopt;
    const std::size_t comma = line.find(',');
    fields[count++] = line.substr(0, comma);
    if (comma == std::string_view::npos) return count;
    line.remove_prefix(comma + 1);
  }
}

class TraceReader {
 public:
  explicit TraceReader(const std::string& path) : source_(path) { trace_.path = path; }

  Trace read() {
    read_header();
    while (const auto line = source_.next()) read_line(*line);
    if (trace_.lines.empty()) {
      throw Failure(
          fmt::format("{} holds no operation behind its header; was it cut off?", trace_.path),
          kExitUsage);
    }
    return std::move(trace_);
  }

 private:
  void read_header();
  void read_line(std::string_view line);
  void check_order(const TraceLine& line) const;
  void note_key(std::uint32_t key, std::uint64_t bytes);
  [[nodiscard]] std::uint64_t number(Column column, std::uint64_t max) const;
  [[nodiscard]] TraceOp op() const;
  [[noreturn]] void bad_header(const std::string& what) const;
  [[noreturn]] void bad_line(const std::string& what) const;

  LineSource source_;
  Trace trace_;
  std::array<std::size_t, kColumns> position_{};  // by column: which field of a line
  std::array<std::string_view, kColumns> fields_{};
};

void TraceReader::bad_header(const std::string& what) const {
  throw Failure(fmt::format("{}: {}; the header must name the columns {}, each once, in any order",
                            trace_.path, what, fmt::join(kColumnNames, ",")),
                kExitUsage);
}

void TraceReader::bad_line(const std::string& what) const {
  throw Failure(fmt::format("{}, line {}: {}; correct the line or take it out", trace_.path,
                            source_.line_number(), what),
                kExitUsage);
}

void TraceReader::read_header() {
  const auto header = source_.next();
  if (!header) bad_header("the file is empty");
  std::array<bool, kColumns> seen{};
  std::string_view rest = *header;
  for (std::size_t field = 0; !rest.empty() || field == 0; ++field) {
    const std::size_t comma = rest.find(',');
    const std::string_view name = rest.substr(0, comma);
    rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
    const auto column = std::find(kColumnNames.begin(), kColumnNames.end(), name);
    if (column == kColumnNames.end()) {
      bad_header(fmt::format("there is no column '{}' in operation files", name.substr(0, 40)));
    }
    const auto index = static_cast<std::size_t>(column - kColumnNames.begin());
    if (std::exchange(seen[index], true)) bad_header(fmt::format("column '{}' twice", name));
    position_[index] = field;
  }
  for (std::size_t index = 0; index < kColumns; ++index) {
    if (!seen[index]) bad_header(fmt::format("column '{}' is missing", kColumnNames[index]));
  }
}

std::uint64_t TraceReader::number(Column column, std::uint64_t max) const {
  const std::string_view text = fields_[position_[column]];
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value > max) {
    bad_line(fmt::format("{} '{}' is not a number from 0 to {}", kColumnNames[column],
                         text.substr(0, 40), max));
  }
  return value;
}

TraceOp TraceReader::op() const {
  const std::string_view text = fields_[position_[kOp]];
  for (const auto& [name, op] : kOps) {
    if (name == text) return op;
  }
  bad_line(fmt::format("op '{}' is none of get, set, add, gets, cas, touch, delete",
                       text.substr(0, 40)));
}

void TraceReader::read_line(std::string_view text) {
  const auto count = split(text, fields_);
  if (!count || *count != kColumns) {
    bad_line(fmt::format("{} fields in place of {}", count ? std::to_string(*count) : "more",
                         static_cast<std::size_t>(kColumns)));
  }
  TraceLine line;
  line.t_seconds = static_cast<std::int64_t>(number(kTime, kSecondsMax));
  line.key = static_cast<std::uint32_t>(number(kKey, kKeyMax));
  line.value_bytes = static_cast<std::uint32_t>(number(kValueSize, kValueBytesMax));
  line.ttl_seconds = static_cast<std::uint32_t>(number(kTtl, kSecondsMax));
  line.op = op();
  check_order(line);
  note_key(line.key, number(kKeySize, kKeyBytesMax));
  trace_.lines.push_back(line);
}

void TraceReader::check_order(const TraceLine& line) const {
  if (line.key == 0) bad_line("key 0; keys are numbered from 1");
  if (needs_ttl(line.op) && line.ttl_seconds == 0) bad_line("a ttl of 0 where one is needed");
  const TraceLine* before = trace_.lines.empty() ? nullptr : &trace_.lines.back();
  if (before != nullptr && line.t_seconds < before->t_seconds) {
    bad_line(fmt::format("t_seconds {} is before {} of the line above", line.t_seconds,
                         before->t_seconds));
  }
  const bool behind_gets =
      before != nullptr && before->op == TraceOp::kGets && before->key == line.key;
  if (line.op == TraceOp::kCas && !behind_gets) {
    bad_line("a cas that does not follow a gets of its key");
  }
  if (trace_.lines.size() >= UINT32_MAX - 1) bad_line("too many operations");
}

void TraceReader::note_key(std::uint32_t key, std::uint64_t bytes) {
  if (key >= trace_.key_bytes.size()) trace_.key_bytes.resize(key + std::size_t{1});
  std::uint16_t& known = trace_.key_bytes[key];
  if (known == bytes && bytes != 0) return;
  if (known != 0) {
    bad_line(fmt::format("key {} has key_size {} here and {} before", key, bytes, known));
  }
  if (std::to_string(key).size() > bytes) {
    bad_line(fmt::format("key {} does not fit into key_size {}", key, bytes));
  }
  known = static_cast<std::uint16_t>(bytes);
}

}  // namespace

Trace read_trace(const std::string& path) { return TraceReader(path).read(); }

std::string key_text(std::uint32_t key, std::size_t bytes) {
  return fmt::format("{:0>{}}", key, bytes);
}

}  // namespace cloakroom::bench
