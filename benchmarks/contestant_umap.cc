// std::unordered_map (-r: std::unordered_set) in 64 stripes, each behind a std::shared_mutex.
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "roster.h"
#include "striped_table.h"
#include "table_contestant.h"

namespace cloakroom::bench {
namespace {

using Map = std::unordered_map<std::string, TimedString, KeyHash, KeyEqual>;
using Set = std::unordered_set<FlatRecord, KeyHash, KeyEqual>;

template <class Records>
using Table = StripedTable<Records, std::shared_mutex, 64>;

}  // namespace

std::unique_ptr<Contestant> make_umap(RecordForm form) {
  if (form == RecordForm::kFlat) return std::make_unique<TableContestant<Table<Set>>>();
  return std::make_unique<TableContestant<Table<Map>>>();
}

}  // namespace cloakroom::bench
