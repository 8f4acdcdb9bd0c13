#include "journal/rocks_replay.h"

#include <rocksdb/write_batch.h>

#include <algorithm>

#include "journal/rocks_batch.h"

namespace cloakroom {

rocksdb::WalFilter::WalProcessingOption ReplayGuard::LogRecordFound(
    unsigned long long, const std::string&, const rocksdb::WriteBatch& batch, rocksdb::WriteBatch*,
    bool*) {
  const auto parsed = parse_batch(batch.Data());
  // RocksDB has checked the bytes. What is not of our making is for it to judge.
  if (!parsed || !parsed->head) return WalProcessingOption::kContinueProcessing;
  if (parsed->head->previous > last_) return WalProcessingOption::kIgnoreCurrentRecord;
  last_ = std::max(last_, parsed->head->version);
  return WalProcessingOption::kContinueProcessing;
}

}  // namespace cloakroom
