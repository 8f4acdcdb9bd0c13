// oneTBB's concurrent_hash_map.
#include <oneapi/tbb/concurrent_hash_map.h>
#include <oneapi/tbb/version.h>

#include "roster.h"
#include "table_contestant.h"

namespace cloakroom::bench {
namespace {

struct HashCompare {
  using is_transparent = void;

  template <class K>
  [[nodiscard]] std::size_t hash(const K& key) const {
    return KeyHash{}(key);
  }
  template <class A, class B>
  [[nodiscard]] bool equal(const A& a, const B& b) const noexcept {
    return KeyEqual{}(a, b);
  }
};

template <class Form>
class TbbTable {
 public:
  template <class F>
  void read(const HashedKey& key, F f) {
    typename Map::const_accessor found;
    if (map_.find(found, key)) f(record_of(*found));
  }

  void put(const NewRecord& record) {
    while (true) {
      typename Map::accessor found;
      const bool created = map_.insert(found, record);
      if constexpr (Form::kKeyIsRecord) {
        if (created) return;  // with its value
        // Keys are compared under the bucket's lock only, so one that is in the table cannot get a
        // new block. Out with it: for a moment the key is absent.
        if (record_of(*found).value().size() != record.value.size()) {
          map_.erase(found);
          continue;
        }
      }
      return record_of(*found).assign(record.value, record.deadline);
    }
  }

  bool erase(const HashedKey& key) { return map_.erase(key); }

 private:
  using Map = tbb::concurrent_hash_map<typename Form::Key, typename Form::Mapped, HashCompare>;
  Map map_;
};

}  // namespace

std::string tbb_version() {
  return std::to_string(TBB_VERSION_MAJOR) + "." + std::to_string(TBB_VERSION_MINOR);
}

std::unique_ptr<Contestant> make_tbb(RecordForm form) {
  if (form == RecordForm::kFlat) return std::make_unique<TableContestant<TbbTable<Flat>>>();
  return std::make_unique<TableContestant<TbbTable<Strings>>>();
}

}  // namespace cloakroom::bench
