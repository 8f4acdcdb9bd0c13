// Owners: which records belong to whom, derived from the table.
//
// For each owner the hashes of its records' keys, 8 bytes and a node each, not the keys: whoever
// asks looks the records up by hash and compares their owner, so an entry can be superfluous for a
// moment but never wrong. The engine changes it under the lock of the record's stripe, together
// with the record; lock order: stripe, then owners.
#ifndef CLOAKROOM_LIB_INDEX_OWNERS_H_
#define CLOAKROOM_LIB_INDEX_OWNERS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/mutex.h"
#include "base/thread_annotations.h"

namespace cloakroom {

// std::allocator that keeps count, so that memory accounting is exact to the allocation.
template <class T>
class CountingAllocator {
 public:
  using value_type = T;
  explicit CountingAllocator(std::atomic<std::uint64_t>* bytes) noexcept : bytes_(bytes) {}
  template <class U>
  CountingAllocator(const CountingAllocator<U>& other) noexcept  // NOLINT: as the standard asks
      : bytes_(other.bytes()) {}

  T* allocate(std::size_t count) {
    T* const memory = std::allocator<T>().allocate(count);
    bytes_->fetch_add(count * sizeof(T), std::memory_order_relaxed);
    return memory;
  }
  void deallocate(T* memory, std::size_t count) noexcept {
    bytes_->fetch_sub(count * sizeof(T), std::memory_order_relaxed);
    std::allocator<T>().deallocate(memory, count);
  }
  [[nodiscard]] std::atomic<std::uint64_t>* bytes() const noexcept { return bytes_; }
  friend bool operator==(const CountingAllocator& a, const CountingAllocator& b) noexcept {
    return a.bytes_ == b.bytes_;
  }

 private:
  std::atomic<std::uint64_t>* bytes_;
};

class Owners {
 public:
  Owners();

  // An empty owner is no owner: nothing happens. May throw bad_alloc, then nothing was changed.
  void add(std::string_view owner, std::uint64_t hash);
  void remove(std::string_view owner, std::uint64_t hash) noexcept;

  // The hashes of this owner's records at some moment during the call.
  [[nodiscard]] std::vector<std::uint64_t> hashes_of(std::string_view owner) const;

  [[nodiscard]] std::uint64_t owner_count() const noexcept;
  [[nodiscard]] std::uint64_t memory_bytes() const noexcept {
    return bytes_.load(std::memory_order_relaxed);
  }

 private:
  using Name = std::basic_string<char, std::char_traits<char>, CountingAllocator<char>>;
  using Hashes = std::unordered_multiset<std::uint64_t, std::hash<std::uint64_t>, std::equal_to<>,
                                         CountingAllocator<std::uint64_t>>;
  struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const noexcept {
      return std::hash<std::string_view>()(name);
    }
  };
  using Map = std::unordered_map<Name, Hashes, NameHash, std::equal_to<>,
                                 CountingAllocator<std::pair<const Name, Hashes>>>;
  struct Part {
    explicit Part(std::atomic<std::uint64_t>* bytes);
    mutable Mutex mutex;
    Map owners GUARDED_BY(mutex);
  };
  static constexpr std::size_t kPartCount = 64;

  [[nodiscard]] Part& part_of(std::string_view owner) const noexcept;

  std::atomic<std::uint64_t> bytes_{0};
  std::vector<std::unique_ptr<Part>> parts_;
};

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_INDEX_OWNERS_H_
