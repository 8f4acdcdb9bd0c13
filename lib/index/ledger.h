// Ledger: the bounded memory of why sessions ended, for when nothing in the store tells any more.
//
// A ring of entries, the oldest of which makes room for the newest, and a map from the hash of a
// key to its newest entry. With keep_in() the same entries go into a file (journal/ledger_file.h),
// from which the next opening, and whoever looks into the store, have them.
//
// Safe from any thread, but for keep_in(). One lock, held for a map operation; writing to the file,
// which may have to wait for a page, is done outside it.
#ifndef CLOAKROOM_LIB_INDEX_LEDGER_H_
#define CLOAKROOM_LIB_INDEX_LEDGER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "base/thread_annotations.h"
#include "cloakroom/status.h"
#include "journal/ledger_file.h"

namespace cloakroom {

class Ledger {
 public:
  using Key = std::array<unsigned char, 32>;
  using Entry = LedgerEntry;

  // Capacity 0: remembers nothing.
  explicit Ledger(std::size_t capacity) : capacity_(capacity) {}

  // Takes over what the file of `name` in the directory holds, and keeps what comes in it. What is
  // not Ok is worth a word to the host: with is_kept(), the file before was damaged and is begun
  // anew; without, the ledger is in memory only, with what could be read.
  // REQUIRES: before anything else, and alone.
  Status keep_in(const std::string& dir, const std::string& name);
  // True: what is added is in a file, too.
  [[nodiscard]] bool is_kept() const noexcept { return file_ != nullptr; }

  void add(Entry entry) EXCLUDES(mutex_);
  [[nodiscard]] std::optional<Entry> find(const Key& key) const EXCLUDES(mutex_);

 private:
  void remember(Entry entry) EXCLUDES(mutex_);

  const std::size_t capacity_;
  std::unique_ptr<LedgerFile> file_;  // constant after keep_in()
  mutable Mutex mutex_;
  std::vector<Entry> ring_ GUARDED_BY(mutex_);  // grows up to capacity_
  std::size_t next_ GUARDED_BY(mutex_) = 0;     // where the next entry goes once it is full
  std::unordered_map<std::uint64_t, std::size_t> newest_ GUARDED_BY(mutex_);
};

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_INDEX_LEDGER_H_
