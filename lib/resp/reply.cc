#include "resp/reply.h"

#include <algorithm>
#include <charconv>

#include "resp/text.h"

namespace cloakroom::resp {

void Reply::header(char type, std::size_t count) {
  char text[24];
  text[0] = type;
  char* const end = std::to_chars(text + 1, text + sizeof(text) - 2, count).ptr;
  end[0] = '\r';
  end[1] = '\n';
  out_.append(text, static_cast<std::size_t>(end - text) + 2);
}

void Reply::line(char type, std::string_view text) {
  out_.push_back(type);
  const std::size_t begin = out_.size();
  out_ += text.substr(0, kErrorBytesMax);
  std::replace_if(
      out_.begin() + static_cast<std::ptrdiff_t>(begin), out_.end(),
      [](char c) { return c == '\r' || c == '\n'; }, ' ');
  out_ += "\r\n";
}

void Reply::simple(std::string_view text) { line('+', text); }

void Reply::error(std::string_view text) {
  ++errors_;
  code_ = text.substr(0, text.find(' '));
  line('-', text);
}

void Reply::integer(std::int64_t value) {
  char text[28];
  text[0] = ':';
  char* const end = std::to_chars(text + 1, text + sizeof(text) - 2, value).ptr;
  end[0] = '\r';
  end[1] = '\n';
  out_.append(text, static_cast<std::size_t>(end - text) + 2);
}

void Reply::bulk(std::string_view bytes) {
  header('$', bytes.size());
  out_ += bytes;
  out_ += "\r\n";
}

void Reply::bulk_integer(std::int64_t value) { bulk(std::to_string(value)); }

void Reply::number(double value) {
  const std::string text = format_double(value);
  if (protocol_ < 3) return bulk(text);
  out_.push_back(',');
  out_ += text;
  out_ += "\r\n";
}

void Reply::boolean(bool value) {
  if (protocol_ < 3) return integer(value ? 1 : 0);
  out_ += value ? "#t\r\n" : "#f\r\n";
}

void Reply::null() { out_ += protocol_ >= 3 ? "_\r\n" : "$-1\r\n"; }

void Reply::null_array() { out_ += protocol_ >= 3 ? "_\r\n" : "*-1\r\n"; }

void Reply::map(std::size_t pairs) {
  if (protocol_ >= 3) return header('%', pairs);
  header('*', pairs * 2);
}

void Reply::verbatim(std::string_view text) {
  if (protocol_ < 3) return bulk(text);
  header('=', text.size() + 4);
  out_ += "txt:";
  out_ += text;
  out_ += "\r\n";
}

}  // namespace cloakroom::resp
