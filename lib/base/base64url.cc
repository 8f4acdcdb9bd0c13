#include "base/base64url.h"

#include <array>
#include <cstdint>

namespace cloakroom {
namespace {

alignas(64) constexpr std::array<char, 64> kDigits{
    'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', 'P',
    'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'a', 'b', 'c', 'd', 'e', 'f',
    'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v',
    'w', 'x', 'y', 'z', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '-', '_'};

constexpr std::uint8_t kForeign = 0x80;

constexpr std::array<std::uint8_t, 256> values_of_digits() {
  std::array<std::uint8_t, 256> values{};
  values.fill(kForeign);
  for (std::size_t value = 0; value < kDigits.size(); ++value) {
    values[static_cast<unsigned char>(kDigits[value])] = static_cast<std::uint8_t>(value);
  }
  return values;
}

alignas(64) constexpr std::array<std::uint8_t, 256> kValues = values_of_digits();

// The six bits of the digit, plus kForeign when it is none.
std::uint32_t value_of(char digit) noexcept { return kValues[static_cast<unsigned char>(digit)]; }

}  // namespace

void base64url_encode(std::span<const unsigned char> bytes, char* out) noexcept {
  std::size_t at = 0;
  for (; at + 3 <= bytes.size(); at += 3) {
    const std::uint32_t group = std::uint32_t{bytes[at]} << 16 | std::uint32_t{bytes[at + 1]} << 8 |
                                std::uint32_t{bytes[at + 2]};
    *out++ = kDigits[group >> 18];
    *out++ = kDigits[group >> 12 & 63];
    *out++ = kDigits[group >> 6 & 63];
    *out++ = kDigits[group & 63];
  }
  const std::size_t rest = bytes.size() - at;
  if (rest == 0) return;
  const std::uint32_t group =
      std::uint32_t{bytes[at]} << 16 | (rest == 2 ? std::uint32_t{bytes[at + 1]} << 8 : 0);
  *out++ = kDigits[group >> 18];
  *out++ = kDigits[group >> 12 & 63];
  if (rest == 2) *out++ = kDigits[group >> 6 & 63];
}

std::string base64url(std::span<const unsigned char> bytes) {
  std::string text(base64url_chars(bytes.size()), '\0');
  base64url_encode(bytes, text.data());
  return text;
}

bool base64url_decode(std::string_view text, std::span<unsigned char> out) noexcept {
  if (text.size() != base64url_chars(out.size())) return false;
  std::uint32_t foreign = 0;
  std::size_t from = 0;
  std::size_t to = 0;
  for (; to + 3 <= out.size(); to += 3, from += 4) {
    const std::uint32_t a = value_of(text[from]);
    const std::uint32_t b = value_of(text[from + 1]);
    const std::uint32_t c = value_of(text[from + 2]);
    const std::uint32_t d = value_of(text[from + 3]);
    foreign |= a | b | c | d;
    out[to] = static_cast<unsigned char>(a << 2 | b >> 4);
    out[to + 1] = static_cast<unsigned char>(b << 4 | c >> 2);
    out[to + 2] = static_cast<unsigned char>(c << 6 | d);
  }
  std::uint32_t spare = 0;
  if (const std::size_t rest = out.size() - to; rest != 0) {
    const std::uint32_t a = value_of(text[from]);
    const std::uint32_t b = value_of(text[from + 1]);
    foreign |= a | b;
    out[to] = static_cast<unsigned char>(a << 2 | b >> 4);
    spare = b & 15;
    if (rest == 2) {
      const std::uint32_t c = value_of(text[from + 2]);
      foreign |= c;
      out[to + 1] = static_cast<unsigned char>(b << 4 | c >> 2);
      spare = c & 3;
    }
  }
  return (foreign & kForeign) == 0 && spare == 0;
}

}  // namespace cloakroom
