// MessagePack (github.com/msgpack/msgpack/blob/master/spec.md).
#include <fmt/format.h>

#include <bit>
#include <cstdint>
#include <vector>

#include "text/output.h"
#include "values/cursor.h"
#include "values/decoders.h"
#include "values/outline.h"

namespace cloakroom::cli {
namespace {

constexpr std::size_t kBinaryShown = 64;

class MsgpackReader {
 public:
  explicit MsgpackReader(std::string_view value) : cursor_(value) {}

  std::optional<std::string> read() {
    do {
      if (!read_one()) return std::nullopt;
      close_what_is_full();
    } while (!open_.empty());
    if (!cursor_.ok() || !cursor_.empty()) return std::nullopt;
    return outline_.take();
  }

 private:
  struct Level {
    std::uint64_t left = 0;  // values to come, in a map names too
    bool map = false;
  };

  bool read_one() {
    const std::string_view first = cursor_.take(1);
    if (!cursor_.ok()) return false;
    const auto type = static_cast<unsigned char>(first[0]);
    if (type >= 0x80 && type <= 0x8f) return open(true, type & 0x0fU);
    if (type >= 0x90 && type <= 0x9f) return open(false, type & 0x0fU);
    if (type == 0xdc || type == 0xdd) return open(false, cursor_.big_endian(type == 0xdc ? 2 : 4));
    if (type == 0xde || type == 0xdf) return open(true, cursor_.big_endian(type == 0xde ? 2 : 4));
    if (open_.empty()) return false;  // A value on its own might be anything.
    const std::string text = scalar(type);
    if (!cursor_.ok() || text.empty()) return false;
    put(text);
    return true;
  }

  bool open(bool map, std::uint64_t count) {
    if (!cursor_.ok() || naming()) return false;
    count_one();
    if (!outline_.open(map ? '{' : '[')) return false;
    open_.push_back({.left = map ? 2 * count : count, .map = map});
    return true;
  }

  void close_what_is_full() {
    while (!open_.empty() && open_.back().left == 0) {
      open_.pop_back();
      outline_.close();
    }
  }

  [[nodiscard]] bool naming() const noexcept {
    return !open_.empty() && open_.back().map && open_.back().left % 2 == 0;
  }
  void count_one() noexcept {
    if (!open_.empty()) --open_.back().left;
  }

  void put(const std::string& text) {
    if (naming()) {
      outline_.key(text);
    } else {
      outline_.value(text);
    }
    count_one();
  }

  // Empty: no such type.
  std::string scalar(unsigned type) {
    if (type < 0x80) return std::to_string(type);
    if (type >= 0xe0) return std::to_string(static_cast<int>(type) - 256);
    if (type >= 0xa0 && type <= 0xbf) return quoted(cursor_.take(type & 0x1fU));
    switch (type) {
      case 0xc0:
        return "null";
      case 0xc2:
        return "false";
      case 0xc3:
        return "true";
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return binary("bytes", cursor_.take(cursor_.big_endian(1U << (type - 0xc4))));
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return extension(cursor_.big_endian(1U << (type - 0xc7)));
      case 0xca:
        return number_text(std::bit_cast<float>(static_cast<std::uint32_t>(cursor_.big_endian(4))));
      case 0xcb:
        return number_text(std::bit_cast<double>(cursor_.big_endian(8)));
      case 0xcc:
      case 0xcd:
      case 0xce:
      case 0xcf:
        return std::to_string(cursor_.big_endian(1U << (type - 0xcc)));
      case 0xd0:
      case 0xd1:
      case 0xd2:
      case 0xd3:
        return signed_integer(1U << (type - 0xd0));
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return extension(1U << (type - 0xd4));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return quoted(cursor_.take(cursor_.big_endian(1U << (type - 0xd9))));
      default:
        return {};
    }
  }

  std::string signed_integer(std::size_t bytes) {
    const std::uint64_t shift = 64 - 8 * bytes;
    const std::uint64_t raw = cursor_.big_endian(bytes) << shift;
    return std::to_string(static_cast<std::int64_t>(raw) >> shift);
  }

  static std::string binary(std::string_view what, std::string_view bytes) {
    std::string hex;
    for (const char c : bytes.substr(0, kBinaryShown)) {
      hex += fmt::format(" {:02x}", static_cast<unsigned char>(c));
    }
    return fmt::format("<{} {}:{}{}>", human_count(bytes.size()), what, hex,
                       bytes.size() > kBinaryShown ? " ..." : "");
  }

  std::string extension(std::uint64_t bytes) {
    const auto type = static_cast<signed char>(cursor_.big_endian(1));
    const std::string_view data = cursor_.take(bytes);
    if (type == -1 && bytes == 4) {
      return utc_time(static_cast<TimeMs>(Cursor(data).big_endian(4)) * 1000) + " UTC";
    }
    return binary(fmt::format("bytes of extension {}", type), data);
  }

  Cursor cursor_;
  Outline outline_;
  std::vector<Level> open_;
};

}  // namespace

std::optional<Decoded> decode_msgpack(std::string_view value) {
  auto text = MsgpackReader(value).read();
  if (!text) return std::nullopt;
  return Decoded{.format = "MessagePack", .text = *std::move(text)};
}

}  // namespace cloakroom::cli
