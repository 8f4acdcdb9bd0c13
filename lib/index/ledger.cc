#include "index/ledger.h"

#include <utility>

namespace cloakroom {

void Ledger::add(Entry entry) {
  if (capacity_ == 0) return;
  MutexLock guard(mutex_);
  std::size_t at = ring_.size();
  if (at < capacity_) {
    newest_[entry.key_hash] = at;
    ring_.push_back(std::move(entry));
    return;
  }
  at = std::exchange(next_, (next_ + 1) % capacity_);
  const auto leaving = newest_.find(ring_[at].key_hash);
  if (leaving != newest_.end() && leaving->second == at) newest_.erase(leaving);
  newest_[entry.key_hash] = at;
  ring_[at] = std::move(entry);
}

std::optional<Ledger::Entry> Ledger::find(std::uint64_t key_hash) const {
  MutexLock guard(mutex_);
  const auto found = newest_.find(key_hash);
  if (found == newest_.end()) return std::nullopt;
  return ring_[found->second];
}

}  // namespace cloakroom
