// A place in bytes of strangers. Going past the end makes it bad, and it stays bad.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_VALUES_CURSOR_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_VALUES_CURSOR_H_

#include <charconv>
#include <cstdint>
#include <string_view>

namespace cloakroom::cli {

class Cursor {
 public:
  explicit Cursor(std::string_view bytes) noexcept : rest_(bytes) {}

  [[nodiscard]] std::string_view take(std::uint64_t count) noexcept {
    if (count > rest_.size()) return fail();
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }

  // What stands before the next `end`, which is passed; it is looked for in the next 64 bytes.
  [[nodiscard]] std::string_view before(char end) noexcept {
    const std::size_t at = rest_.substr(0, 64).find(end);
    if (at == std::string_view::npos) return fail();
    const std::string_view taken = rest_.substr(0, at);
    rest_.remove_prefix(at + 1);
    return taken;
  }

  // Passes `text`, which must be next.
  bool skip(std::string_view text) noexcept {
    if (rest_.starts_with(text)) {
      rest_.remove_prefix(text.size());
    } else {
      (void)fail();
    }
    return ok_;
  }

  // A decimal that stands before `end`, all of it.
  template <class Number>
  Number number_before(char end) noexcept {
    const std::string_view text = before(end);
    Number number = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || stop != text.data() + text.size()) (void)fail();
    return number;
  }

  // A big-endian number of so many bytes, at most 8.
  std::uint64_t big_endian(std::size_t bytes) noexcept {
    std::uint64_t number = 0;
    for (const char c : take(bytes)) number = number << 8 | static_cast<unsigned char>(c);
    return number;
  }

  [[nodiscard]] char peek() const noexcept { return rest_.empty() ? '\0' : rest_.front(); }
  [[nodiscard]] std::string_view rest() const noexcept { return rest_; }
  [[nodiscard]] bool empty() const noexcept { return rest_.empty(); }
  [[nodiscard]] bool ok() const noexcept { return ok_; }

 private:
  std::string_view fail() noexcept {
    ok_ = false;
    rest_ = {};
    return {};
  }

  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_VALUES_CURSOR_H_
