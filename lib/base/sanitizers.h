// Which sanitizer this is built with, and how to tell AddressSanitizer about memory of our own
// allocator: what is free there must not be read or written.
#ifndef CLOAKROOM_LIB_BASE_SANITIZERS_H_
#define CLOAKROOM_LIB_BASE_SANITIZERS_H_

#include <cstddef>

#if defined(__has_feature)
#define CLOAKROOM_HAS_FEATURE(x) __has_feature(x)
#else
#define CLOAKROOM_HAS_FEATURE(x) 0
#endif

// ThreadSanitizer understands atomics, but neither fences nor vector loads of what is atomic.
#if defined(__SANITIZE_THREAD__) || CLOAKROOM_HAS_FEATURE(thread_sanitizer)
#define CLOAKROOM_TSAN 1
#else
#define CLOAKROOM_TSAN 0
#endif

#if defined(__SANITIZE_ADDRESS__) || CLOAKROOM_HAS_FEATURE(address_sanitizer)
#include <sanitizer/asan_interface.h>
#define CLOAKROOM_ASAN 1
#else
#define CLOAKROOM_ASAN 0
#endif

namespace cloakroom {

inline void poison([[maybe_unused]] const void* memory,
                   [[maybe_unused]] std::size_t bytes) noexcept {
#if CLOAKROOM_ASAN
  __asan_poison_memory_region(memory, bytes);
#endif
}

inline void unpoison([[maybe_unused]] const void* memory,
                     [[maybe_unused]] std::size_t bytes) noexcept {
#if CLOAKROOM_ASAN
  __asan_unpoison_memory_region(memory, bytes);
#endif
}

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_BASE_SANITIZERS_H_
