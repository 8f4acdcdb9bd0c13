#include "text/output.h"

#include <fmt/format.h>
#include <langinfo.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <utility>

namespace cloakroom::cli {
namespace {

std::FILE* messages_file = nullptr;  // Set once, before any thread: a forked child's own stderr.

constexpr std::int64_t kSecond = 1000;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kDay = 24 * kHour;

std::string two_units(std::int64_t ms, std::int64_t big, const char* big_name, std::int64_t small,
                      const char* small_name) {
  const std::int64_t rest = ms % big / small;
  if (rest == 0) return fmt::format("{} {}", ms / big, big_name);
  return fmt::format("{} {} {} {}", ms / big, big_name, rest, small_name);
}

bool utf8_terminal(std::FILE* file) noexcept {
  return is_terminal(file) && std::string_view(::nl_langinfo(CODESET)) == "UTF-8";
}

}  // namespace

std::FILE* messages() noexcept { return messages_file != nullptr ? messages_file : stderr; }

void use_messages_on(std::FILE* file) noexcept { messages_file = file; }

void print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void message(std::string_view text) {
  fmt::print(messages(), "cloakroom: {}\n", escape_text(text));
}

bool flush_output() {
  errno = 0;
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return true;
  // An earlier print failed when errno says nothing now; its reason is gone.
  message("cannot write the output" + (errno != 0 ? std::string(": ") + std::strerror(errno) : ""));
  return false;
}

std::string text_of(const Status& status) {
  return status.message().empty() ? status.to_string() : status.message();
}

std::string human_count(std::uint64_t count) {
  std::string digits = std::to_string(count);
  for (std::size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, 1, ',');
  }
  return digits;
}

std::string human_bytes(std::uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  constexpr std::array kUnits{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  while (value >= 1023.95 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  // "64 KiB" where it is exact: bounds of histograms are.
  const int decimals = value == std::floor(value) ? 0 : 1;
  return fmt::format("{:.{}f} {}", value, decimals, kUnits[unit]);
}

std::string human_duration(std::int64_t ms) {
  if (ms == kNever) return "never";
  if (ms < 0) return "-" + human_duration(ms == INT64_MIN ? kNever - 1 : -ms);
  if (ms < kSecond) return fmt::format("{} ms", ms);
  if (ms < kMinute) return fmt::format("{} s", ms / kSecond);
  if (ms < kHour) return two_units(ms, kMinute, "min", kSecond, "s");
  if (ms < kDay) return two_units(ms, kHour, "h", kMinute, "min");
  return two_units(ms, kDay, "d", kHour, "h");
}

std::string human_nanos(std::uint64_t nanoseconds) {
  const auto value = static_cast<double>(nanoseconds);
  if (nanoseconds < 1000) return fmt::format("{} ns", nanoseconds);
  if (nanoseconds < 1'000'000) return fmt::format("{:.2f} us", value / 1e3);
  if (nanoseconds < 1'000'000'000) return fmt::format("{:.2f} ms", value / 1e6);
  return fmt::format("{:.2f} s", value / 1e9);
}

std::string utc_time(TimeMs time) {
  const std::time_t seconds = static_cast<std::time_t>(time / kSecond - (time % kSecond < 0));
  std::tm parts{};
  // A year that does not fit an int: only a damaged record says so.
  if (::gmtime_r(&seconds, &parts) == nullptr) return std::to_string(time) + " ms";
  std::array<char, 64> text{};
  const std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts);
  return {text.data(), length};
}

std::optional<std::int64_t> parse_duration(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number < 0) return std::nullopt;
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  constexpr std::array<std::pair<std::string_view, std::int64_t>, 6> kUnits{
      {{"ms", 1}, {"s", kSecond}, {"min", kMinute}, {"m", kMinute}, {"h", kHour}, {"d", kDay}}};
  for (const auto& [name, ms] : kUnits) {
    if (unit == name) {
      return number <= INT64_MAX / kDay ? std::optional(number * ms) : std::nullopt;
    }
  }
  return std::nullopt;
}

bool is_terminal(std::FILE* file) noexcept { return ::isatty(::fileno(file)) == 1; }

std::string paint(std::FILE* file, Colour colour, std::string_view text) {
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  const bool plain = !is_terminal(file) || (no_color != nullptr && *no_color != '\0') ||
                     term == nullptr || std::string_view(term) == "dumb";
  if (plain) return std::string(text);
  constexpr std::array kCodes{"1", "2", "32", "31", "33"};
  return fmt::format("\x1b[{}m{}\x1b[0m", kCodes[static_cast<std::size_t>(colour)], text);
}

std::string bar(std::FILE* file, double share, std::size_t width) {
  constexpr std::array kEighths{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const double filled = std::clamp(share, 0.0, 1.0) * static_cast<double>(width);
  if (!utf8_terminal(file)) {
    const auto whole = static_cast<std::size_t>(std::lround(filled));
    return std::string(whole, '#') + std::string(width - whole, ' ');
  }
  const auto eighths = static_cast<std::size_t>(std::lround(filled * 8));
  std::string out;
  for (std::size_t i = 0; i < eighths / 8; ++i) out += "█";
  out += kEighths[eighths % 8];
  return pad_right(out, width);
}

std::size_t columns_of(std::string_view text) noexcept {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;  // all but continuation bytes
  }));
}

std::string pad_right(std::string_view text, std::size_t columns) {
  const std::size_t used = columns_of(text);
  return std::string(text) + std::string(used < columns ? columns - used : 0, ' ');
}

std::string pad_left(std::string_view text, std::size_t columns) {
  const std::size_t used = columns_of(text);
  return std::string(used < columns ? columns - used : 0, ' ') + std::string(text);
}

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {
  for (const Column& column : columns_) widths_.push_back(columns_of(column.title));
}

void Table::add(std::vector<std::string> row) {
  ++rows_;
  if (streaming_) return print_row(row, false);
  for (std::size_t i = 0; i < row.size(); ++i) {
    widths_[i] = std::max(widths_[i], columns_of(row[i]));
  }
  held_.push_back(std::move(row));
  if (held_.size() == kSampleRows) finish();
}

void Table::finish() {
  if (streaming_) return;
  streaming_ = true;
  std::vector<std::string> titles;
  for (const Column& column : columns_) titles.push_back(column.title);
  print_row(titles, true);
  for (const auto& row : held_) print_row(row, false);
  held_.clear();
}

void Table::print_row(const std::vector<std::string>& row, bool header) const {
  std::string line;
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (i > 0) line += "  ";
    const bool last = i + 1 == row.size();
    if (columns_[i].right) {
      line += pad_left(row[i], widths_[i]);
    } else {
      line += last ? row[i] : pad_right(row[i], widths_[i]);
    }
  }
  print((header ? paint(stdout, Colour::kBold, line) : line) + "\n");
}

void print_pairs(const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::size_t width = 0;
  for (const auto& [name, value] : pairs) width = std::max(width, columns_of(name));
  for (const auto& [name, value] : pairs) {
    print(paint(stdout, Colour::kBold, pad_right(name, width)) + "  " + value + "\n");
  }
}

}  // namespace cloakroom::cli
