#include "base/coding.h"

#include <bit>
#include <cstring>

namespace cloakroom {

static_assert(std::endian::native == std::endian::little,
              "fixed integers are copied as they lie in memory");

std::uint32_t load_u32(const char* from) noexcept {
  std::uint32_t value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

std::uint64_t load_u64(const char* from) noexcept {
  std::uint64_t value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

void store_u32(char* to, std::uint32_t value) noexcept { std::memcpy(to, &value, sizeof(value)); }
void store_u64(char* to, std::uint64_t value) noexcept { std::memcpy(to, &value, sizeof(value)); }

void put_u8(std::string& out, std::uint8_t value) { out.push_back(static_cast<char>(value)); }

void put_u32(std::string& out, std::uint32_t value) {
  char bytes[sizeof(value)];
  store_u32(bytes, value);
  out.append(bytes, sizeof(bytes));
}

void put_u64(std::string& out, std::uint64_t value) {
  char bytes[sizeof(value)];
  store_u64(bytes, value);
  out.append(bytes, sizeof(bytes));
}

void put_varint(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

void put_string(std::string& out, std::string_view bytes) {
  put_varint(out, bytes.size());
  out.append(bytes);
}

std::size_t varint_bytes(std::uint64_t value) noexcept {
  std::size_t bytes = 1;
  while (value >= 0x80) {
    value >>= 7;
    ++bytes;
  }
  return bytes;
}

std::size_t string_bytes(std::string_view bytes) noexcept {
  return varint_bytes(bytes.size()) + bytes.size();
}

std::string_view Reader::bytes(std::uint64_t count) noexcept {
  if (!ok_ || count > rest_.size()) {
    ok_ = false;
    return {};
  }
  const std::string_view taken = rest_.substr(0, static_cast<std::size_t>(count));
  rest_.remove_prefix(static_cast<std::size_t>(count));
  return taken;
}

std::uint8_t Reader::u8() noexcept {
  const std::string_view taken = bytes(1);
  return taken.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(taken[0]);
}

std::uint32_t Reader::u32() noexcept {
  const std::string_view taken = bytes(sizeof(std::uint32_t));
  return taken.empty() ? 0 : load_u32(taken.data());
}

std::uint64_t Reader::u64() noexcept {
  const std::string_view taken = bytes(sizeof(std::uint64_t));
  return taken.empty() ? 0 : load_u64(taken.data());
}

std::uint64_t Reader::varint() noexcept {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const std::uint8_t byte = u8();
    if (!ok_) return 0;
    const std::uint64_t bits = byte & 0x7fU;
    const bool overflows = shift == 63 && bits > 1;
    const bool padded = shift > 0 && byte == 0;  // the shortest form has no such last byte
    if (overflows || padded) break;
    value |= bits << shift;
    if ((byte & 0x80U) == 0) return value;
  }
  ok_ = false;
  return 0;
}

std::string_view Reader::string() noexcept { return bytes(varint()); }

}  // namespace cloakroom
