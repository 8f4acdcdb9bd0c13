#include "journal/rocks_options.h"

#include <rocksdb/cache.h>
#include <rocksdb/file_checksum.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/memtablerep.h>
#include <rocksdb/table.h>

#include <memory>

namespace cloakroom {
namespace {

constexpr int kNoStall = 1 << 20;

// RocksDB's log would name keys (it prints the range of a compaction); what matters comes back as a
// Status and reaches the operator through Options::log.
class NullLogger final : public rocksdb::Logger {
 public:
  NullLogger() : Logger(rocksdb::InfoLogLevel::FATAL_LEVEL) {}
  using Logger::Logv;
  void Logv(const char*, va_list) override {}
};

rocksdb::BlockBasedTableOptions table_options(const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions options;
  // A miss while warming up costs 0.5 us instead of a read.
  options.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  options.block_cache = cache;
  options.format_version = 5;
  return options;
}

rocksdb::ColumnFamilyOptions data_family(std::size_t write_buffer_bytes,
                                         const std::shared_ptr<rocksdb::Cache>& cache,
                                         const ExpiryFilter* filter) {
  rocksdb::ColumnFamilyOptions options;
  // Vector memtable: twice the write rate and six times the replay rate of a skip list. It is
  // sorted when flushed; the filter keeps cold reads of other keys from sorting it before.
  options.memtable_factory = std::make_shared<rocksdb::VectorRepFactory>();
  options.memtable_whole_key_filtering = true;
  options.memtable_prefix_bloom_size_ratio = 0.02;
  // Never reached: max_total_wal_size flushes long before. It has room for all that a replay may
  // find, which would otherwise write a table file before the store can be opened. The number of
  // them absorbs a burst while the one flush thread works.
  options.write_buffer_size = write_buffer_bytes;
  options.max_write_buffer_number = 24;
  // RocksDB would stop a writer until compaction has caught up: also the one that opens the store
  // after a crash, before anybody is served. The committer waits instead (RocksSnapshot::behind()).
  options.level0_slowdown_writes_trigger = kNoStall;
  options.level0_stop_writes_trigger = kNoStall;
  // Half the space of leveled compaction under overwrites and touches, at the same write cost.
  options.compaction_style = rocksdb::kCompactionStyleUniversal;
  options.compression = rocksdb::kLZ4Compression;
  options.compaction_filter = filter;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table_options(cache)));
  return options;
}

}  // namespace

rocksdb::DBOptions database_options(rocksdb::Env* env) {
  rocksdb::DBOptions options;
  options.env = env;
  options.info_log = std::make_shared<NullLogger>();
  options.create_missing_column_families = true;
  // What is found must be a prefix of what was written. A power cut can leave a log whose unsynced
  // end has holes, and a torn log with a later one intact: replay ends at the first damage, and
  // rocks_replay ends it where RocksDB would not notice. Whether that cut off anything that was
  // synced we check ourselves (recovery.cc, decisions/0006).
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  // A later fsync that succeeds proves nothing about what an earlier one lost.
  options.max_bgerror_resume_count = 0;
  options.paranoid_checks = true;
  // One writer (the committer), as the vector memtable demands.
  options.allow_concurrent_memtable_write = false;
  options.enable_pipelined_write = false;
  // More than one parallel flush has known faults in 7.8; one compaction follows a session server.
  options.max_background_flushes = 1;
  options.max_background_compactions = 1;
  // What is in memory only must be replayed after a crash: 3 MiB are 8,000 sessions, some 15 ms. It
  // also flushes families that change slowly and would keep old logs alive. (12 MiB and memtables
  // of 8: first read after a SIGKILL under load 65 ms in place of 33 to 48, writes 8 % faster.)
  options.max_total_wal_size = std::uint64_t{3} << 20;
  // The log must stay until the head in it has been compared; recovery flushes afterwards. A clean
  // close flushes explicitly, and after a failure nothing must be flushed.
  options.avoid_flush_during_recovery = true;
  options.avoid_flush_during_shutdown = true;
  options.file_checksum_gen_factory = rocksdb::GetFileChecksumGenCrc32cFactory();
  options.skip_stats_update_on_db_open = true;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.keep_log_file_num = 1;
  options.max_open_files = -1;
  // For each family at each open RocksDB starts so many threads, 16 if it is not told otherwise: more
  // than they save.
  options.max_file_opening_threads = 2;
  return options;
}

std::vector<rocksdb::ColumnFamilyDescriptor> family_descriptors(
    const ExpiryFilter* records_filter, const ExpiryFilter* deadlines_filter) {
  // Only cold reads while warming up and tools use it; the table is the cache.
  const auto cache = rocksdb::NewLRUCache(std::size_t{8} << 20);
  std::vector<rocksdb::ColumnFamilyDescriptor> families(kFamilyCount);
  families[kDefaultFamily].name = rocksdb::kDefaultColumnFamilyName;
  families[kRecordsFamily] = {"records", data_family(std::size_t{16} << 20, cache, records_filter)};
  families[kDeadlinesFamily] = {"deadlines",
                                data_family(std::size_t{8} << 20, cache, deadlines_filter)};
  families[kMetaFamily].name = kMetaName;
  families[kMetaFamily].options.write_buffer_size = std::size_t{4} << 20;
  return families;
}

}  // namespace cloakroom
