// The boot clock of the kernel, seen from a time namespace.
#ifndef CLOAKROOM_LIB_BASE_BOOT_CLOCK_H_
#define CLOAKROOM_LIB_BASE_BOOT_CLOCK_H_

#include <string_view>

#include "cloakroom/clock.h"

namespace cloakroom {

// By how much CLOCK_BOOTTIME of this process is ahead of the kernel's. A container may be given
// clocks that are moved, and its next start may be given others under the same kernel. 0 where
// there are no time namespaces. Reads a file of /proc.
[[nodiscard]] TimeMs boot_clock_shift() noexcept;

// The same from the text of that file: "boottime  SECONDS NANOSECONDS" on a line. 0 if it has none.
[[nodiscard]] TimeMs parse_boot_clock_shift(std::string_view offsets) noexcept;

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_BASE_BOOT_CLOCK_H_
