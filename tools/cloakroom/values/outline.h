// Outline: nested data written down, indented, in the manner of JSON.
//
// What does not fit into kTextBytesMax is left out, and a last line says so.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_VALUES_OUTLINE_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_VALUES_OUTLINE_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace cloakroom::cli {

class Outline {
 public:
  static constexpr std::size_t kDepthMax = 128;
  static constexpr std::size_t kTextBytesMax = std::size_t{1} << 20;

  // What the next value is called: as it is, printable.
  void key(std::string_view text) { key_ = text; }

  // `text` is printable.
  void value(std::string_view text);

  // `head` stands before the bracket, '[' or '{'. False, and nothing was opened, beyond kDepthMax.
  [[nodiscard]] bool open(char bracket, std::string_view head = {});
  // REQUIRES: depth() > 0.
  void close();
  [[nodiscard]] std::size_t depth() const noexcept { return closing_.size(); }

  // All of it, with a newline at the end.
  [[nodiscard]] std::string take();

 private:
  void begin_value();
  void append(std::string_view text);
  void break_line();

  std::string out_;
  std::string key_;
  std::vector<char> closing_;
  bool first_ = true;  // nothing yet in the innermost bracket
  bool cut_ = false;
};

// Bytes in quotes: printable UTF-8 as it is, \" and \\, every other byte as \xNN.
[[nodiscard]] std::string quoted(std::string_view bytes);

// "true" and so on; a number with a decimal point or exponent, so that it is seen to be no integer.
[[nodiscard]] std::string number_text(double number);

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_VALUES_OUTLINE_H_
