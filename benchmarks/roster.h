// Who there is to compare with: names, groups of names, and who of them can take part here.
#ifndef CLOAKROOM_BENCHMARKS_ROSTER_H_
#define CLOAKROOM_BENCHMARKS_ROSTER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "contestant.h"

namespace cloakroom::bench {

// Names as in --peers. Those of the tables are in roster.cc only: no workload singles one out.
inline constexpr std::string_view kCloakroom = "cloakroom";           // in memory only
inline constexpr std::string_view kCloakroomDisk = "cloakroom-disk";  // with a store on disk
inline constexpr std::string_view kRocksdb = "rocksdb";
inline constexpr std::string_view kRedis = "redis";

// All of them but Cloakroom in memory, with which they are compared; in the order of the reports.
[[nodiscard]] const std::vector<std::string_view>& peer_names();
// Of these: tables in the memory of this process.
[[nodiscard]] const std::vector<std::string_view>& table_names();
// Of all these: the line-up when nobody was named. One of each kind, since every one of them holds
// all records at the same time.
[[nodiscard]] const std::vector<std::string_view>& usual_peer_names();

// Why this one cannot take part here; empty when it can.
[[nodiscard]] std::string why_missing(std::string_view name);

// What it is, with its version: a line for the report. REQUIRES: why_missing(name) is empty.
[[nodiscard]] std::string describe_contestant(std::string_view name);

// REQUIRES: why_missing(name) is empty.
[[nodiscard]] std::unique_ptr<Contestant> make_contestant(std::string_view name,
                                                          const ContestantSetup& setup);

// Whether this program was built with what needs a library that may be missing.
inline constexpr bool kHasBoost = CLOAKROOM_BENCH_BOOST != 0;
inline constexpr bool kHasCuckoo = CLOAKROOM_BENCH_CUCKOO != 0;
inline constexpr bool kHasRedis = CLOAKROOM_BENCH_REDIS != 0;
inline constexpr bool kHasTbb = CLOAKROOM_BENCH_TBB != 0;

enum class RecordForm : std::uint8_t {
  kStrings,  // std::string for key and for value
  kFlat,     // one allocation, a FlatRecord
};
enum class FlatStripes : std::uint8_t { k64, k1024 };

// The factories behind make_contestant(), each in a file of its own, which is there only with its
// library: call them where `if constexpr` asks for that.
[[nodiscard]] std::unique_ptr<Contestant> make_store(const ContestantSetup& setup, bool on_disk);
[[nodiscard]] std::unique_ptr<Contestant> make_table(std::uint64_t seed);
[[nodiscard]] std::unique_ptr<Contestant> make_umap(RecordForm form);
[[nodiscard]] std::unique_ptr<Contestant> make_tbb(RecordForm form);
[[nodiscard]] std::unique_ptr<Contestant> make_cuckoo(RecordForm form);
[[nodiscard]] std::unique_ptr<Contestant> make_flat(FlatStripes stripes, RecordForm form);
[[nodiscard]] std::unique_ptr<Contestant> make_rocksdb(const ContestantSetup& setup);
[[nodiscard]] std::unique_ptr<Contestant> make_redis(const ContestantSetup& setup);
[[nodiscard]] std::string boost_version();
[[nodiscard]] std::string tbb_version();
[[nodiscard]] std::string rocksdb_version();
[[nodiscard]] std::string redis_version();

}  // namespace cloakroom::bench

#endif  // CLOAKROOM_BENCHMARKS_ROSTER_H_
