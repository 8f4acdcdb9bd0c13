#include "index/ledger.h"

#include <algorithm>
#include <utility>

#include "base/coding.h"

namespace cloakroom {
namespace {

// Keys are random bytes: any eight of them are a hash.
std::uint64_t hash_of(const Ledger::Key& key) noexcept {
  return load_u64(reinterpret_cast<const char*>(key.data()));
}

}  // namespace

Status Ledger::keep_in(const std::string& dir, const std::string& name) {
  if (capacity_ == 0) return Status();
  auto opened = LedgerFile::open(dir, name, std::min(capacity_, kLedgerFileEntriesMax));
  for (Entry& entry : opened.entries) remember(std::move(entry));
  file_ = std::move(opened.file);
  return opened.problem;
}

void Ledger::add(Entry entry) {
  if (capacity_ == 0) return;
  if (file_) file_->append(entry);
  remember(std::move(entry));
}

void Ledger::remember(Entry entry) {
  const std::uint64_t hash = hash_of(entry.key);
  MutexLock guard(mutex_);
  std::size_t at = ring_.size();
  if (at < capacity_) {
    newest_[hash] = at;
    ring_.push_back(std::move(entry));
    return;
  }
  at = std::exchange(next_, (next_ + 1) % capacity_);
  const auto leaving = newest_.find(hash_of(ring_[at].key));
  if (leaving != newest_.end() && leaving->second == at) newest_.erase(leaving);
  newest_[hash] = at;
  ring_[at] = std::move(entry);
}

std::optional<Ledger::Entry> Ledger::find(const Key& key) const {
  MutexLock guard(mutex_);
  const auto found = newest_.find(hash_of(key));
  if (found == newest_.end() || ring_[found->second].key != key) return std::nullopt;
  return ring_[found->second];
}

}  // namespace cloakroom
