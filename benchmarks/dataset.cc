#include "dataset.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <numeric>

namespace cloakroom::bench {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

// Two digits for every byte.
constexpr std::array<char, 512> kHex = [] {
  std::array<char, 512> table{};
  for (std::size_t byte = 0; byte < 256; ++byte) {
    table[2 * byte] = kHexDigits[byte >> 4];
    table[2 * byte + 1] = kHexDigits[byte & 15];
  }
  return table;
}();

void write_hex(std::uint64_t value, char* out) noexcept {
  for (int byte = 0; byte < 8; ++byte) {
    std::memcpy(out + 2 * byte, &kHex[2 * ((value >> (8 * byte)) & 255)], 2);
  }
}

void write_named(const char* name, std::uint64_t index, char* out) noexcept {
  std::memcpy(out, name, 4);
  write_hex(mix(index), out + 4);
  write_hex(mix(~index), out + 20);
}
static_assert(kKeyBytes == 4 + 16 + 16);

// Zipf by rejection-inversion (W. Hoermann and G. Derflinger, 1996): exact, no table, about 1.2
// tries a number. integral() is the antiderivative of x^-kExponent.
constexpr double kExponent = 0.99;

double integral(double x) noexcept { return (std::pow(x, 1 - kExponent) - 1) / (1 - kExponent); }
double integral_inverse(double y) noexcept {
  return std::pow(1 + y * (1 - kExponent), 1 / (1 - kExponent));
}

}  // namespace

void write_key(std::uint64_t index, char* out) noexcept { write_named("key-", index, out); }
void write_absent_key(std::uint64_t index, char* out) noexcept { write_named("mis-", index, out); }

Dataset::Dataset(std::uint64_t sessions, std::size_t value_bytes)
    : sessions_(sessions), value_bytes_(value_bytes), values_(kValues * value_bytes, '\0') {
  Random random(1);
  for (char& byte : values_) byte = kHexDigits[random.below(kHexDigits.size())];
}

KeyPicker::KeyPicker(std::uint64_t keys, Popularity popularity)
    : keys_(keys), popularity_(popularity) {
  if (popularity == Popularity::kUniform) return;
  stride_ = mix(keys) % keys | 1;
  while (std::gcd(stride_, keys) != 1) stride_ += 2;
  integral_first_ = integral(1.5) - 1;
  integral_last_ = integral(static_cast<double>(keys) + 0.5);
  shortcut_ = 2 - integral_inverse(integral(2.5) - std::pow(2, -kExponent));
}

std::uint64_t KeyPicker::rank(Random& random) const noexcept {
  while (true) {
    const double u = integral_last_ + random.unit() * (integral_first_ - integral_last_);
    const double x = integral_inverse(u);
    const double k = std::clamp(std::floor(x + 0.5), 1.0, static_cast<double>(keys_));
    if (k - x <= shortcut_ || u >= integral(k + 0.5) - std::pow(k, -kExponent)) {
      return static_cast<std::uint64_t>(k) - 1;
    }
  }
}

}  // namespace cloakroom::bench
