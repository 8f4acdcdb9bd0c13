// Integers and strings to bytes and back. Writers append to a std::string; the Reader checks every
// bound and goes bad instead of reading past the end, so a decoder asks ok() once, at its end.
// Fixed integers are little-endian; varints are LEB128 as in protocol buffers.
#ifndef CLOAKROOM_LIB_BASE_CODING_H_
#define CLOAKROOM_LIB_BASE_CODING_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace cloakroom {

void put_u8(std::string& out, std::uint8_t value);
void put_u32(std::string& out, std::uint32_t value);
void put_u64(std::string& out, std::uint64_t value);
void put_varint(std::string& out, std::uint64_t value);
void put_string(std::string& out, std::string_view bytes);  // varint length, then the bytes

// Bytes that put_varint and put_string would append.
[[nodiscard]] std::size_t varint_bytes(std::uint64_t value) noexcept;
[[nodiscard]] std::size_t string_bytes(std::string_view bytes) noexcept;

[[nodiscard]] std::uint32_t load_u32(const char* from) noexcept;
[[nodiscard]] std::uint64_t load_u64(const char* from) noexcept;
void store_u32(char* to, std::uint32_t value) noexcept;
void store_u64(char* to, std::uint64_t value) noexcept;

class Reader {
 public:
  explicit Reader(std::string_view bytes) noexcept : rest_(bytes) {}

  // Each returns 0 or "" and makes the reader bad when the bytes do not suffice; a bad reader
  // stays bad. Strings are views into the input. A varint must be in its shortest form.
  std::uint8_t u8() noexcept;
  std::uint32_t u32() noexcept;
  std::uint64_t u64() noexcept;
  std::uint64_t varint() noexcept;
  std::string_view string() noexcept;
  std::string_view bytes(std::uint64_t count) noexcept;

  [[nodiscard]] bool ok() const noexcept { return ok_; }
  [[nodiscard]] bool empty() const noexcept { return rest_.empty(); }
  [[nodiscard]] std::string_view rest() const noexcept { return rest_; }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_BASE_CODING_H_
