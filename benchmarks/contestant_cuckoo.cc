// libcuckoo's cuckoohash_map.
#include <libcuckoo/cuckoohash_map.hh>
#include <utility>

#include "roster.h"
#include "table_contestant.h"

namespace cloakroom::bench {
namespace {

// libcuckoo hands out the value that belongs to a key, not the key it holds, which is where a
// FlatRecord lies. The comparison that finds it, under the same lock, leaves word here.
template <class K>
struct Probe : K {
  explicit Probe(const K& key) noexcept : K(key) {}
  mutable const FlatRecord* found = nullptr;
};

struct ProbeEqual : KeyEqual {
  using KeyEqual::operator();

  template <class K>
  bool operator()(const FlatRecord& record, const Probe<K>& probe) const noexcept {
    const bool equal = record.key() == probe.bytes;
    if (equal) probe.found = &record;
    return equal;
  }
};

template <class K>
TimedString& record_of(const Probe<K>&, TimedString& mapped) noexcept {
  return mapped;
}
template <class K>
const TimedString& record_of(const Probe<K>&, const TimedString& mapped) noexcept {
  return mapped;
}
template <class K>
const FlatRecord& record_of(const Probe<K>& probe, const Flat::Mapped&) noexcept {
  return *probe.found;
}

template <class Form>
class CuckooTable {
 public:
  template <class F>
  void read(const HashedKey& key, F f) {
    const Probe<HashedKey> probe(key);
    map_.find_fn(probe, [&](const Mapped& mapped) { f(record_of(probe, mapped)); });
  }

  void put(const NewRecord& record) {
    const Probe<NewRecord> probe(record);
    const auto overwrite = [&](Mapped& mapped) {
      record_of(probe, mapped).assign(record.value, record.deadline);
    };
    if constexpr (Form::kKeyIsRecord) {
      map_.upsert(probe, overwrite);
    } else {
      map_.upsert(probe, overwrite, record.value, record.deadline);
    }
  }

  bool erase(const HashedKey& key) { return map_.erase(key); }

 private:
  using Mapped = typename Form::Mapped;
  libcuckoo::cuckoohash_map<typename Form::Key, Mapped, KeyHash, ProbeEqual> map_;
};

}  // namespace

std::unique_ptr<Contestant> make_cuckoo(RecordForm form) {
  if (form == RecordForm::kFlat) return std::make_unique<TableContestant<CuckooTable<Flat>>>();
  return std::make_unique<TableContestant<CuckooTable<Strings>>>();
}

}  // namespace cloakroom::bench
