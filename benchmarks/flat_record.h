// One record in one allocation: what the contestants whose names end in -r hold.
//
//   deadline 8 | key size 4 | value size 4 | key | value
//
// A FlatRecord owns such a block and is itself as large as a pointer. Tables hash and compare it by
// the key inside. A value of the size that is there is overwritten in place; one of another size
// gets a new block.
//
// Thread safety: that of a plain value, except for the deadline, which is atomic.
#ifndef CLOAKROOM_BENCHMARKS_FLAT_RECORD_H_
#define CLOAKROOM_BENCHMARKS_FLAT_RECORD_H_

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

#include "cloakroom/clock.h"

namespace cloakroom::bench {

class FlatRecord {
 public:
  FlatRecord(std::string_view key, std::string_view value, TimeMs deadline)
      : block_(make_block(key, value, deadline)) {}
  FlatRecord(FlatRecord&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  FlatRecord& operator=(FlatRecord&& other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~FlatRecord() { std::free(block_); }

  [[nodiscard]] std::string_view key() const noexcept { return {bytes(), block_->key_bytes}; }
  [[nodiscard]] std::string_view value() const noexcept {
    return {bytes() + block_->key_bytes, block_->value_bytes};
  }
  [[nodiscard]] std::atomic<TimeMs>& deadline() const noexcept { return block_->deadline; }

  // const because tables hold this as their key, which they let nobody change; what makes it a key
  // does stay. REQUIRES: nobody reads it meanwhile.
  void assign(std::string_view value, TimeMs deadline) const {
    if (value.size() != block_->value_bytes) {
      FlatRecord other(key(), value, deadline);
      std::swap(block_, other.block_);
      return;
    }
    std::memcpy(bytes() + block_->key_bytes, value.data(), value.size());
    block_->deadline.store(deadline, std::memory_order_relaxed);
  }

 private:
  struct Block {
    std::atomic<TimeMs> deadline;
    std::uint32_t key_bytes;
    std::uint32_t value_bytes;
  };
  static_assert(sizeof(Block) == 16);

  static Block* make_block(std::string_view key, std::string_view value, TimeMs deadline) {
    void* memory = std::malloc(sizeof(Block) + key.size() + value.size());
    if (memory == nullptr) throw std::bad_alloc();
    char* bytes = static_cast<char*>(memory) + sizeof(Block);
    std::memcpy(bytes, key.data(), key.size());
    std::memcpy(bytes + key.size(), value.data(), value.size());
    return new (memory) Block{.deadline = deadline,
                              .key_bytes = static_cast<std::uint32_t>(key.size()),
                              .value_bytes = static_cast<std::uint32_t>(value.size())};
  }

  [[nodiscard]] char* bytes() const noexcept { return reinterpret_cast<char*>(block_ + 1); }

  mutable Block* block_;  // see assign()
};

}  // namespace cloakroom::bench

#endif  // CLOAKROOM_BENCHMARKS_FLAT_RECORD_H_
