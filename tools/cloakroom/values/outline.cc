#include "values/outline.h"

#include <fmt/format.h>

#include <algorithm>

#include "text/output.h"

namespace cloakroom::cli {
namespace {

constexpr std::size_t kIndentMax = 64;  // Deeper levels stay at this column: output stays linear.

}  // namespace

void Outline::append(std::string_view text) {
  if (cut_ || out_.size() + text.size() > kTextBytesMax) {
    cut_ = true;
    return;
  }
  out_ += text;
}

void Outline::break_line() {
  append("\n");
  append(std::string(std::min(closing_.size() * 2, kIndentMax), ' '));
}

void Outline::begin_value() {
  if (!closing_.empty()) {
    if (!first_) append(",");
    break_line();
  } else if (!first_) {
    append("\n");
  }
  first_ = false;
  if (key_.empty()) return;
  append(key_ + ": ");
  key_.clear();
}

void Outline::value(std::string_view text) {
  begin_value();
  append(text);
}

bool Outline::open(char bracket, std::string_view head) {
  if (closing_.size() >= kDepthMax) return false;
  begin_value();
  if (!head.empty()) append(std::string(head) + " ");
  append({&bracket, 1});
  closing_.push_back(bracket == '[' ? ']' : '}');
  first_ = true;
  return true;
}

void Outline::close() {
  const char bracket = closing_.back();
  closing_.pop_back();
  if (!first_) break_line();
  first_ = false;
  append({&bracket, 1});
}

std::string Outline::take() {
  if (cut_) out_ += fmt::format("\n... cut after {}; --raw writes all", human_bytes(kTextBytesMax));
  return out_ + "\n";
}

std::string quoted(std::string_view bytes) {
  std::string out = "\"";
  for (const char c : escape(bytes)) {
    if (c == '"') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string number_text(double number) {
  std::string text = fmt::format("{}", number);
  const bool integer = text.find_first_not_of("-0123456789") == std::string::npos;
  return integer ? text + ".0" : text;
}

}  // namespace cloakroom::cli
