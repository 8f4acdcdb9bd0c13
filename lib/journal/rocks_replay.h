// ReplayGuard: RocksDB's replay of its logs ends at the first hole. For RocksSnapshot.
//
// RocksDB ends it at the first damage that it notices. It does not notice zeros where a fragment
// should begin, which it takes for the rest of a preallocated block, nor a log file that is gone:
// it goes on behind them, and what is found is no prefix of what was written. A power cut makes
// such zeros of what had not been synced (docs/decisions/0009).
//
// Every batch names the version of the one before it. The table files hold all versions up to some
// `flushed`; a batch is applied when nothing is missing before it, that is when its `previous` is
// not after what the table files hold or the last one that was applied. What lies behind a hole
// never becomes applicable; what is written after it was found is, since it continues where the
// replay ended.
#ifndef CLOAKROOM_LIB_JOURNAL_ROCKS_REPLAY_H_
#define CLOAKROOM_LIB_JOURNAL_ROCKS_REPLAY_H_

#include <rocksdb/wal_filter.h>

#include <string>

#include "cloakroom/record.h"

namespace cloakroom {

// Called by the one thread that opens the database.
class ReplayGuard final : public rocksdb::WalFilter {
 public:
  // `flushed`: the version in the head that the table files hold.
  explicit ReplayGuard(Version flushed) noexcept : last_(flushed) {}

  const char* Name() const override { return "CloakroomReplayGuard"; }
  WalProcessingOption LogRecordFound(unsigned long long log_number, const std::string& log_name,
                                     const rocksdb::WriteBatch& batch,
                                     rocksdb::WriteBatch* changed_batch, bool* changed) override;

 private:
  Version last_;
};

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_JOURNAL_ROCKS_REPLAY_H_
