#include "resp/text.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace cloakroom::resp {
namespace {

constexpr std::size_t kNumberBytesMax = 5 * 1024;  // no number is longer

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

bool is_blank(char c) noexcept { return c == ' ' || (c >= '\t' && c <= '\r'); }

template <class T>
std::optional<T> parse_strict(std::string_view text) noexcept {
  const std::string_view digits = text.starts_with('-') ? text.substr(1) : text;
  if (digits.empty() || digits.front() < '0' || digits.front() > '9') return std::nullopt;
  if (digits.front() == '0' && text.size() > 1) return std::nullopt;
  T number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

template <class T>
std::optional<T> parse_float(std::string_view text, T (*convert)(const char*, char**), T huge) {
  if (text.empty() || text.size() > kNumberBytesMax || is_blank(text.front())) return std::nullopt;
  const std::string terminated(text);
  char* stop = nullptr;
  errno = 0;
  const T value = convert(terminated.c_str(), &stop);
  if (stop != terminated.c_str() + terminated.size() || std::isnan(value)) return std::nullopt;
  if (errno == ERANGE && (value == huge || value == -huge || value == 0)) return std::nullopt;
  return value;
}

}  // namespace

std::optional<std::int64_t> parse_int(std::string_view text) noexcept {
  return parse_strict<std::int64_t>(text);
}

std::optional<std::uint64_t> parse_uint(std::string_view text) noexcept {
  if (text.starts_with('-')) return std::nullopt;
  return parse_strict<std::uint64_t>(text);
}

std::optional<double> parse_double(std::string_view text) {
  return parse_float<double>(text, std::strtod, HUGE_VAL);
}

std::optional<long double> parse_long_double(std::string_view text) {
  return parse_float<long double>(text, std::strtold, HUGE_VALL);
}

std::string format_double(double value) {
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char text[40];
  const int length = std::snprintf(text, sizeof(text), "%.17g", value);
  return std::string(text, static_cast<std::size_t>(length));
}

std::string format_long_double(long double value) {
  // The largest long double has 4933 digits before the point.
  std::string text(kNumberBytesMax, '\0');
  const int length = std::snprintf(text.data(), text.size(), "%.17Lf", value);
  text.resize(static_cast<std::size_t>(length));
  if (text.find('.') != std::string::npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
  }
  return text == "-0" ? "0" : text;
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

bool is_word(std::string_view text, std::string_view word) noexcept {
  return text.size() == word.size() && std::equal(text.begin(), text.end(), word.begin(),
                                                  [](char a, char b) { return lower(a) == b; });
}

}  // namespace cloakroom::resp
