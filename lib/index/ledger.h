// Ledger: the bounded memory of why sessions ended, for endings that leave nothing in the store.
//
// A ring of entries, the oldest of which makes room for the newest, and a map from the hash of a
// key to its newest entry. Safe from any thread; one lock, held for a map operation.
#ifndef CLOAKROOM_LIB_INDEX_LEDGER_H_
#define CLOAKROOM_LIB_INDEX_LEDGER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "base/thread_annotations.h"
#include "cloakroom/clock.h"

namespace cloakroom {

class Ledger {
 public:
  struct Entry {
    std::uint64_t key_hash = 0;
    std::uint8_t reason = 0;  // the caller's
    TimeMs when = 0;
    std::string owner = {};
  };

  // Capacity 0: remembers nothing.
  explicit Ledger(std::size_t capacity) : capacity_(capacity) {}

  void add(Entry entry) EXCLUDES(mutex_);
  [[nodiscard]] std::optional<Entry> find(std::uint64_t key_hash) const EXCLUDES(mutex_);

 private:
  const std::size_t capacity_;
  mutable Mutex mutex_;
  std::vector<Entry> ring_ GUARDED_BY(mutex_);  // grows up to capacity_
  std::size_t next_ GUARDED_BY(mutex_) = 0;     // where the next entry goes once it is full
  std::unordered_map<std::uint64_t, std::size_t> newest_ GUARDED_BY(mutex_);
};

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_INDEX_LEDGER_H_
