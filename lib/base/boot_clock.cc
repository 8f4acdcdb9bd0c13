#include "base/boot_clock.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <charconv>

namespace cloakroom {
namespace {

// Takes the number at the beginning of `text` away; 0 when there is none.
std::int64_t take_number(std::string_view& text) noexcept {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  std::int64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  text.remove_prefix(static_cast<std::size_t>(parsed.ptr - text.data()));
  return number;
}

}  // namespace

TimeMs parse_boot_clock_shift(std::string_view offsets) noexcept {
  constexpr std::string_view kName = "boottime";
  const std::size_t at = offsets.find(kName);
  if (at == std::string_view::npos) return 0;
  offsets.remove_prefix(at + kName.size());
  const std::int64_t seconds = take_number(offsets);
  const std::int64_t nanoseconds = take_number(offsets);
  return seconds * 1000 + nanoseconds / 1'000'000;
}

TimeMs boot_clock_shift() noexcept {
  const int fd = ::open("/proc/self/timens_offsets", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  std::array<char, 256> text;
  const ssize_t size = ::read(fd, text.data(), text.size());
  ::close(fd);
  return size <= 0 ? 0 : parse_boot_clock_shift({text.data(), static_cast<std::size_t>(size)});
}

}  // namespace cloakroom
