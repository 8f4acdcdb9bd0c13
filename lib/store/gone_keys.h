// GoneKeys: which keys were removed while the store warms up.
//
// Until everything on disk is in the table, "not in the table" does not mean "absent": the disk is
// asked. Yet the disk may still hold, or the loader be about to deliver, what was removed a moment
// ago. These keys are never taken from disk again. Empty, and not used, once the store is warm.
#ifndef CLOAKROOM_LIB_STORE_GONE_KEYS_H_
#define CLOAKROOM_LIB_STORE_GONE_KEYS_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "base/mutex.h"
#include "base/thread_annotations.h"

namespace cloakroom {

class GoneKeys {
 public:
  void add(std::uint64_t hash, std::string_view key) {
    Part& part = parts_[hash % kPartCount];
    MutexLock guard(part.mutex);
    part.keys.emplace(key);
  }

  [[nodiscard]] bool contains(std::uint64_t hash, std::string_view key) const {
    const Part& part = parts_[hash % kPartCount];
    MutexLock guard(part.mutex);
    return part.keys.contains(key);
  }

  void clear() {
    for (Part& part : parts_) {
      MutexLock guard(part.mutex);
      std::exchange(part.keys, {});
    }
  }

 private:
  struct KeyHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const noexcept {
      return std::hash<std::string_view>()(key);
    }
  };
  struct Part {
    mutable Mutex mutex;
    std::unordered_set<std::string, KeyHash, std::equal_to<>> keys GUARDED_BY(mutex);
  };
  static constexpr std::size_t kPartCount = 64;
  std::array<Part, kPartCount> parts_;
};

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_STORE_GONE_KEYS_H_
