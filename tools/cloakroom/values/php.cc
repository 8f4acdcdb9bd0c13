// PHP's serialize() and its session format.
//
//   N;   b:1;   i:-5;   d:0.5;   s:3:"abc";   E:9:"Suit:Club";   r:2;  R:2;  (references)
//   a:2:{key value key value}      O:4:"User":2:{name value name value}
//   C:4:"User":3:{abc}             an object that serialized itself
//
// Session: `name|value` one after the other, `!name|` for one without a value.
#include <fmt/format.h>

#include <cstdint>
#include <vector>

#include "reading/value_view.h"
#include "values/cursor.h"
#include "values/decoders.h"
#include "values/outline.h"

namespace cloakroom::cli {
namespace {

constexpr std::size_t kNameBytesMax = 256;

class PhpReader {
 public:
  PhpReader(Cursor& cursor, Outline& outline) : cursor_(cursor), outline_(outline) {}

  // One value with all that is in it.
  bool read() {
    do {
      if (!naming() && closes()) {
        if (!cursor_.skip("}")) return false;
        open_.pop_back();
        outline_.close();
      } else if (!read_one()) {
        return false;
      }
    } while (!open_.empty());
    return cursor_.ok();
  }

  // What a string on its own holds.
  [[nodiscard]] std::string_view last_string() const noexcept { return string_; }

 private:
  struct Level {
    std::uint64_t left = 0;   // names and values to come
    std::uint64_t index = 0;  // a list so far: the names were 0, 1, 2, ...
    bool object = false;
  };

  [[nodiscard]] bool naming() const noexcept {
    return !open_.empty() && open_.back().left != 0 && open_.back().left % 2 == 0;
  }
  [[nodiscard]] bool closes() const noexcept { return !open_.empty() && open_.back().left == 0; }

  bool read_one() {
    const std::string_view type = cursor_.take(1);
    if (!cursor_.ok()) return false;
    switch (type[0]) {
      case 'N':
        return cursor_.skip(";") && put("null");
      case 'b':
        return put_boolean();
      case 'i':
        return put_integer();
      case 'd':
        return put_double();
      case 's':
        return put_string();
      case 'r':
      case 'R':
        return cursor_.skip(":") && put(fmt::format("<value {} again>", number(';')));
      case 'E':
        return cursor_.skip(":") && put(std::string(printable(length_and_quoted(';'))));
      case 'a':
        return cursor_.skip(":") && open(number(':'), {});
      case 'O':
        return put_object();
      case 'C':
        return put_custom();
      default:
        return false;
    }
  }

  std::uint64_t number(char end) { return cursor_.number_before<std::uint64_t>(end); }

  // LENGTH:"bytes" and `end`, behind the first colon.
  std::string_view length_and_quoted(char end) {
    const std::uint64_t bytes = number(':');
    if (!cursor_.skip("\"")) return {};
    const std::string_view text = cursor_.take(bytes);
    if (!cursor_.skip("\"") || !cursor_.skip({&end, 1})) return {};
    return text;
  }

  static std::string printable(std::string_view bytes) {
    const std::string text = quoted(bytes);
    return text.substr(1, text.size() - 2);
  }

  bool put_boolean() {
    if (!cursor_.skip(":")) return false;
    const std::uint64_t truth = number(';');
    return truth <= 1 && put(truth == 1 ? "true" : "false");
  }

  bool put_integer() {
    if (!cursor_.skip(":")) return false;
    const auto integer = cursor_.number_before<std::int64_t>(';');
    if (!cursor_.ok()) return false;
    if (!naming()) return put(std::to_string(integer));
    Level& level = open_.back();
    --level.left;
    if (!level.object && integer >= 0 && static_cast<std::uint64_t>(integer) == level.index) {
      ++level.index;
      return true;
    }
    level.index = UINT64_MAX;
    outline_.key(std::to_string(integer));
    return true;
  }

  bool put_double() {
    if (!cursor_.skip(":")) return false;
    const std::string_view text = cursor_.before(';');
    if (text == "INF" || text == "-INF" || text == "NAN") return put(std::string(text));
    if (text.empty() || text.find_first_not_of("+-.0123456789eE") != std::string_view::npos) {
      return false;
    }
    return put(std::string(text));
  }

  bool put_string() {
    if (!cursor_.skip(":")) return false;
    const std::string_view text = length_and_quoted(';');
    if (!cursor_.ok()) return false;
    string_ = text;
    if (!naming() || !open_.back().object || !text.starts_with('\0')) return put(quoted(text));
    // A property that is not public: \0*\0name, \0Class\0name.
    const std::size_t end = text.find('\0', 1);
    if (end == std::string_view::npos) return put(quoted(text));
    return put((text.substr(1, end - 1) == "*" ? "protected " : "private ") +
               quoted(text.substr(end + 1)));
  }

  bool put_object() {
    if (!cursor_.skip(":")) return false;
    const std::string_view name = length_and_quoted(':');
    if (!cursor_.ok()) return false;
    const std::uint64_t count = number(':');
    return open(count, name);
  }

  bool put_custom() {
    if (!cursor_.skip(":")) return false;
    const std::string name = printable(length_and_quoted(':'));
    const std::uint64_t bytes = number(':');
    if (!cursor_.skip("{")) return false;
    const std::string_view data = cursor_.take(bytes);
    return cursor_.skip("}") && put(name + " <" + quoted(data) + ">");
  }

  bool open(std::uint64_t count, std::string_view object) {
    // A pair has some bytes: what claims more than can follow is not true, and 2 * count no
    // overflow.
    if (!cursor_.skip("{") || naming() || count > cursor_.rest().size()) return false;
    if (!open_.empty()) --open_.back().left;
    if (!outline_.open(object.empty() ? '[' : '{', printable(object))) return false;
    open_.push_back({.left = 2 * count, .object = !object.empty()});
    return true;
  }

  bool put(const std::string& text) {
    if (!cursor_.ok()) return false;
    if (naming()) {
      open_.back().index = UINT64_MAX;
      outline_.key(text);
    } else {
      outline_.value(text);
    }
    if (!open_.empty()) --open_.back().left;
    return true;
  }

  Cursor& cursor_;
  Outline& outline_;
  std::vector<Level> open_;
  std::string_view string_;
};

std::optional<Decoded> decode_one(std::string_view value) {
  Cursor cursor(value);
  Outline outline;
  PhpReader reader(cursor, outline);
  if (!reader.read() || !cursor.empty()) return std::nullopt;
  if (value[0] != 's') return Decoded{.format = "PHP serialized", .text = outline.take()};
  // Of a string on its own only what is in it is of interest: once, not as deep as it goes.
  Cursor inner(reader.last_string());
  Outline inside;
  const bool again = inner.peek() != 's' && PhpReader(inner, inside).read() && inner.empty();
  if (again) return Decoded{.format = "PHP serialized, in a string", .text = inside.take()};
  if (is_json(reader.last_string())) {
    return Decoded{.format = "JSON, in a string of PHP",
                   .text = pretty_json(reader.last_string()) + "\n"};
  }
  return Decoded{.format = "PHP serialized", .text = outline.take()};
}

std::optional<Decoded> decode_session(std::string_view value) {
  Cursor cursor(value);
  Outline outline;
  while (!cursor.empty()) {
    const bool without = cursor.peek() == '!';
    if (without && !cursor.skip("!")) return std::nullopt;
    const std::size_t bar = cursor.rest().substr(0, kNameBytesMax).find('|');
    if (bar == std::string_view::npos || bar == 0) return std::nullopt;
    outline.key(quoted(cursor.take(bar)));
    if (!cursor.skip("|")) return std::nullopt;
    if (without) {
      outline.value("<no value>");
    } else if (!PhpReader(cursor, outline).read()) {
      return std::nullopt;
    }
  }
  if (value.empty()) return std::nullopt;
  return Decoded{.format = "PHP session", .text = outline.take()};
}

}  // namespace

std::optional<Decoded> decode_php(std::string_view value) {
  if (auto one = decode_one(value)) return one;
  return decode_session(value);
}

}  // namespace cloakroom::cli
