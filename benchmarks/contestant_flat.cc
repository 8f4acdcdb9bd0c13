// boost::unordered_flat_map (-r: unordered_flat_set) in 64 or 1024 stripes, each behind a spin
// lock.
#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <boost/version.hpp>
#include <string>

#include "roster.h"
#include "striped_table.h"
#include "table_contestant.h"

namespace cloakroom::bench {
namespace {

using Map = boost::unordered_flat_map<std::string, TimedString, KeyHash, KeyEqual>;
using Set = boost::unordered_flat_set<FlatRecord, KeyHash, KeyEqual>;

template <class Records>
std::unique_ptr<Contestant> make_striped(FlatStripes stripes) {
  if (stripes == FlatStripes::k64) {
    return std::make_unique<TableContestant<StripedTable<Records, SpinLock, 64>>>();
  }
  return std::make_unique<TableContestant<StripedTable<Records, SpinLock, 1024>>>();
}

}  // namespace

std::string boost_version() {
  return std::to_string(BOOST_VERSION / 100000) + "." + std::to_string(BOOST_VERSION / 100 % 1000);
}

std::unique_ptr<Contestant> make_flat(FlatStripes stripes, RecordForm form) {
  return form == RecordForm::kFlat ? make_striped<Set>(stripes) : make_striped<Map>(stripes);
}

}  // namespace cloakroom::bench
