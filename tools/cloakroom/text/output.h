// What the verbs print with: escaping, sizes and times for people, tables, colours.
//
// Keys and owners come from the network. Nothing of them reaches a terminal unescaped, or a session
// key could move the cursor, change the title or hide its neighbours.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_TEXT_OUTPUT_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_TEXT_OUTPUT_H_

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cloakroom/clock.h"
#include "cloakroom/status.h"

namespace cloakroom::cli {

// Where messages go: stderr, or what use_messages_on() named.
[[nodiscard]] std::FILE* messages() noexcept;
void use_messages_on(std::FILE* file) noexcept;

void print(std::string_view text);    // to stdout
void message(std::string_view text);  // "cloakroom: text" and a newline, escaped, to messages()

// Hands what was printed to the kernel; false and a message when it did not take everything.
[[nodiscard]] bool flush_output();

// The text of a Status for people: its message, or its code when it has none.
[[nodiscard]] std::string text_of(const Status& status);

// --- bytes of strangers ----------------------------------------------------------------------

// Length of the printable UTF-8 character at the front of `text`; 0 when there is none: a control
// character, one that reorders what follows it, or bytes that are not UTF-8.
[[nodiscard]] std::size_t printable_prefix(std::string_view text) noexcept;

// Printable UTF-8 stays, a backslash is doubled, every other byte becomes \xNN. One-to-one.
[[nodiscard]] std::string escape(std::string_view bytes);
// The same without doubling backslashes: for sentences, which nobody turns back.
[[nodiscard]] std::string escape_text(std::string_view text);
// Back from escape(); nothing when `text` is not its output.
[[nodiscard]] std::optional<std::string> unescape(std::string_view text);

[[nodiscard]] bool is_utf8(std::string_view bytes) noexcept;
[[nodiscard]] std::string base64(std::string_view bytes);

// --- for people ------------------------------------------------------------------------------

[[nodiscard]] std::string human_count(std::uint64_t count);        // "1,234,567"
[[nodiscard]] std::string human_bytes(std::uint64_t bytes);        // "512 B", "3.4 MiB"
[[nodiscard]] std::string human_duration(std::int64_t ms);         // "29 min 12 s"; "never"
[[nodiscard]] std::string human_nanos(std::uint64_t nanoseconds);  // "480 ns", "1.20 us", "3.40 ms"
[[nodiscard]] std::string utc_time(TimeMs time);                   // "2026-01-31 09:30:00"

// "250ms", "90s", "15min", "2h", "7d"; nothing when it is none of these.
[[nodiscard]] std::optional<std::int64_t> parse_duration(std::string_view text);

enum class Colour { kBold, kDim, kGreen, kRed, kYellow };

// `text` in a colour when `file` is a terminal that wants colours (NO_COLOR unset), else as it is.
[[nodiscard]] std::string paint(std::FILE* file, Colour colour, std::string_view text);
[[nodiscard]] bool is_terminal(std::FILE* file) noexcept;

// A bar of `width` columns of which `share` (0 to 1) is filled: blocks on a UTF-8 terminal, else #.
[[nodiscard]] std::string bar(std::FILE* file, double share, std::size_t width);

// Columns in a terminal: characters, not bytes. REQUIRES: `text` is valid UTF-8.
[[nodiscard]] std::size_t columns_of(std::string_view text) noexcept;
[[nodiscard]] std::string pad_right(std::string_view text, std::size_t columns);
[[nodiscard]] std::string pad_left(std::string_view text, std::size_t columns);

// Rows in columns, the header first. Widths are chosen from the first kSampleRows rows, so that a
// listing of millions streams; a later cell that is wider pushes its row to the right.
class Table {
 public:
  struct Column {
    std::string title;
    bool right = false;  // numbers
  };

  explicit Table(std::vector<Column> columns);

  void add(std::vector<std::string> row);
  void finish();  // prints what is still held back
  [[nodiscard]] std::size_t rows() const noexcept { return rows_; }

 private:
  static constexpr std::size_t kSampleRows = 500;

  void print_row(const std::vector<std::string>& row, bool header) const;

  std::vector<Column> columns_;
  std::vector<std::size_t> widths_;
  std::vector<std::vector<std::string>> held_;
  std::size_t rows_ = 0;
  bool streaming_ = false;
};

// "Name   value" lines of one object.
void print_pairs(const std::vector<std::pair<std::string, std::string>>& pairs);

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_TEXT_OUTPUT_H_
