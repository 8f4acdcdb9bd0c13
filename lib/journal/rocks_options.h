// How Cloakroom runs RocksDB 7.8.3. Every choice has its reason beside it in rocks_options.cc.
#ifndef CLOAKROOM_LIB_JOURNAL_ROCKS_OPTIONS_H_
#define CLOAKROOM_LIB_JOURNAL_ROCKS_OPTIONS_H_

#include <rocksdb/db.h>

#include <vector>

#include "journal/expiry_filter.h"

namespace cloakroom {

// In the order of the handles that opening returns. RocksDB insists on `default`; it stays empty.
enum FamilyIndex { kDefaultFamily, kRecordsFamily, kDeadlinesFamily, kMetaFamily, kFamilyCount };
inline constexpr const char* kMetaName = "meta";  // the last one to be created

[[nodiscard]] rocksdb::DBOptions database_options(rocksdb::Env* env);

// The filters are borrowed and may be null (tools never drop anything).
[[nodiscard]] std::vector<rocksdb::ColumnFamilyDescriptor> family_descriptors(
    const ExpiryFilter* records_filter, const ExpiryFilter* deadlines_filter);

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_JOURNAL_ROCKS_OPTIONS_H_
