// Drops dead records while RocksDB compacts, so that the space of what expired comes back.
//
// A deadline that has passed on disk is no proof: a touch may have moved it in memory, or in the
// other column family. So the filter asks the engine whether this version is still held alive, and
// drops only what is not (Journal::set_dead_check). The engine says "alive" while it warms up.
#ifndef CLOAKROOM_LIB_JOURNAL_EXPIRY_FILTER_H_
#define CLOAKROOM_LIB_JOURNAL_EXPIRY_FILTER_H_

#include <rocksdb/compaction_filter.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <string_view>

#include "cloakroom/record.h"

namespace cloakroom {

// What the filters share with the journal; outlives the database.
struct ExpiryRule {
  // Both are set before the first compaction that may drop anything: `active` goes up last and
  // down first.
  std::function<bool(std::string_view key, Version version)> dead_check;
  std::function<TimeMs()> now;
  std::atomic<bool> active{false};
  std::atomic<std::uint64_t> dropped{0};
};

enum class FilteredFamily { kRecords, kDeadlines };

class ExpiryFilter final : public rocksdb::CompactionFilter {
 public:
  ExpiryFilter(FilteredFamily family, ExpiryRule& rule) : family_(family), rule_(rule) {}

  bool Filter(int level, const rocksdb::Slice& key, const rocksdb::Slice& value,
              std::string* new_value, bool* value_changed) const override;
  const char* Name() const override { return "CloakroomExpiryFilter"; }

 private:
  const FilteredFamily family_;
  ExpiryRule& rule_;
};

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_JOURNAL_EXPIRY_FILTER_H_
