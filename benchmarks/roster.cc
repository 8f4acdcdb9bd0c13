#include "roster.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "failure.h"

namespace cloakroom::bench {
namespace {

// What makes a contestant, or nothing where this program was built without its library.
using Maker = std::unique_ptr<Contestant> (*)(const ContestantSetup&);
using Describer = std::string (*)();

enum Kind : std::uint8_t { kStore, kTable };
enum LineUp : std::uint8_t { kUsual, kNamed };  // takes part by itself, or when it is named

// A contestant in one place: who it is, how to make it, and what it needs.
struct Listed {
  std::string_view name;
  Kind kind;
  LineUp line_up;
  Maker make;
  Describer describe;
  bool built = true;            // with the library it needs
  std::string_view needs = {};  // that library and its package, for those who have to install it
};

constexpr std::string_view kBoost = "Boost 1.81; apt-get install libboost1.81-dev";
constexpr std::string_view kCuckoo = "libcuckoo; apt-get install libcuckoo-dev";
constexpr std::string_view kTbb = "oneTBB; apt-get install libtbb-dev";
constexpr std::string_view kHiredis = "hiredis; apt-get install libhiredis-dev";

std::string form_of(RecordForm form) {
  return form == RecordForm::kFlat ? "one allocation a record" : "std::string key and value";
}

std::string container_of(RecordForm form) { return form == RecordForm::kFlat ? "set" : "map"; }

// --- A maker and a describer each; those of absent libraries are never called. -------------------

std::unique_ptr<Contestant> memory_store(const ContestantSetup& setup) {
  return make_store(setup, false);
}
std::string describe_memory_store() { return "a Store in memory"; }

std::unique_ptr<Contestant> disk_store(const ContestantSetup& setup) {
  return make_store(setup, true);
}
std::string describe_disk_store() {
  return "a Store with a directory, kProcess unless said otherwise";
}

// Any seed does: nobody chooses keys against it.
std::unique_ptr<Contestant> own_table(const ContestantSetup&) { return make_table(1); }
std::string describe_own_table() { return "the table inside a Store in memory, without the Store"; }

template <RecordForm kForm>
std::unique_ptr<Contestant> umap(const ContestantSetup&) {
  return make_umap(kForm);
}

template <RecordForm kForm>
std::string describe_umap() {
  return "std::unordered_" + container_of(kForm) +
         " in 64 stripes, each behind a std::shared_mutex, " + form_of(kForm);
}

template <RecordForm kForm>
std::unique_ptr<Contestant> tbb_map(const ContestantSetup&) {
  if constexpr (kHasTbb) return make_tbb(kForm);
  return nullptr;
}

template <RecordForm kForm>
std::string describe_tbb() {
  if constexpr (kHasTbb) {
    return "oneTBB " + tbb_version() + ", concurrent_hash_map, " + form_of(kForm);
  }
  return {};
}

template <RecordForm kForm>
std::unique_ptr<Contestant> cuckoo(const ContestantSetup&) {
  if constexpr (kHasCuckoo) return make_cuckoo(kForm);
  return nullptr;
}

template <RecordForm kForm>
std::string describe_cuckoo() {
  return "libcuckoo " CLOAKROOM_BENCH_CUCKOO_VERSION "cuckoohash_map, " + form_of(kForm);
}

template <FlatStripes kStripes, RecordForm kForm>
std::unique_ptr<Contestant> flat(const ContestantSetup&) {
  if constexpr (kHasBoost) return make_flat(kStripes, kForm);
  return nullptr;
}

template <FlatStripes kStripes, RecordForm kForm>
std::string describe_flat() {
  if constexpr (kHasBoost) {
    return "Boost " + boost_version() + ", unordered_flat_" + container_of(kForm) + " in " +
           (kStripes == FlatStripes::k64 ? "64" : "1024") + " stripes, each behind a spin lock, " +
           form_of(kForm);
  }
  return {};
}

std::string describe_rocksdb() { return "RocksDB " + rocksdb_version() + " used directly, log on"; }

std::unique_ptr<Contestant> redis(const ContestantSetup& setup) {
  if constexpr (kHasRedis) return make_redis(setup);
  return nullptr;
}

std::string describe_redis() {
  if constexpr (kHasRedis) return "redis-server " + redis_version() + " over a unix socket";
  return {};
}

constexpr RecordForm kStrings = RecordForm::kStrings;
constexpr RecordForm kFlat = RecordForm::kFlat;
constexpr FlatStripes k64 = FlatStripes::k64;
constexpr FlatStripes k1024 = FlatStripes::k1024;

constexpr Listed kRoster[] = {
    {kCloakroom, kStore, kUsual, memory_store, describe_memory_store},
    {kCloakroomDisk, kStore, kUsual, disk_store, describe_disk_store},
    {"table", kTable, kNamed, own_table, describe_own_table},
    {"umap", kTable, kUsual, umap<kStrings>, describe_umap<kStrings>},
    {"umap-r", kTable, kNamed, umap<kFlat>, describe_umap<kFlat>},
    {"tbb", kTable, kUsual, tbb_map<kStrings>, describe_tbb<kStrings>, kHasTbb, kTbb},
    {"tbb-r", kTable, kNamed, tbb_map<kFlat>, describe_tbb<kFlat>, kHasTbb, kTbb},
    {"cuckoo", kTable, kUsual, cuckoo<kStrings>, describe_cuckoo<kStrings>, kHasCuckoo, kCuckoo},
    {"cuckoo-r", kTable, kNamed, cuckoo<kFlat>, describe_cuckoo<kFlat>, kHasCuckoo, kCuckoo},
    {"flat64", kTable, kUsual, flat<k64, kStrings>, describe_flat<k64, kStrings>, kHasBoost,
     kBoost},
    {"flat64-r", kTable, kNamed, flat<k64, kFlat>, describe_flat<k64, kFlat>, kHasBoost, kBoost},
    {"flat1024", kTable, kNamed, flat<k1024, kStrings>, describe_flat<k1024, kStrings>, kHasBoost,
     kBoost},
    {"flat1024-r", kTable, kUsual, flat<k1024, kFlat>, describe_flat<k1024, kFlat>, kHasBoost,
     kBoost},
    {kRocksdb, kStore, kUsual, make_rocksdb, describe_rocksdb},
    {kRedis, kStore, kUsual, redis, describe_redis, kHasRedis, kHiredis},
};

const Listed& listed(std::string_view name) {
  for (const Listed& one : kRoster) {
    if (one.name == name) return one;
  }
  throw Failure("there is no contestant " + std::string(name), kExitUsage);
}

template <class Predicate>
std::vector<std::string_view> names_of(Predicate belongs) {
  std::vector<std::string_view> names;
  for (const Listed& one : kRoster) {
    if (one.name != kCloakroom && belongs(one)) names.push_back(one.name);
  }
  return names;
}

bool in_path(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::string_view rest = path != nullptr ? path : "";
  while (!rest.empty()) {
    const std::size_t colon = rest.find(':');
    const std::string candidate = std::string(rest.substr(0, colon)) + "/" + program;
    if (::access(candidate.c_str(), X_OK) == 0) return true;
    rest.remove_prefix(colon == std::string_view::npos ? rest.size() : colon + 1);
  }
  return false;
}

}  // namespace

const std::vector<std::string_view>& peer_names() {
  static const auto names = names_of([](const Listed&) { return true; });
  return names;
}

const std::vector<std::string_view>& table_names() {
  static const auto names = names_of([](const Listed& one) { return one.kind == kTable; });
  return names;
}

const std::vector<std::string_view>& usual_peer_names() {
  static const auto names = names_of([](const Listed& one) { return one.line_up == kUsual; });
  return names;
}

std::string why_missing(std::string_view name) {
  const Listed& one = listed(name);
  if (!one.built) {
    return "this program was built without " + std::string(one.needs) + " and build again";
  }
  if (name == kRedis && !in_path("redis-server")) {
    return "redis-server is not installed; apt-get install redis-server";
  }
  return {};
}

std::string describe_contestant(std::string_view name) { return listed(name).describe(); }

std::unique_ptr<Contestant> make_contestant(std::string_view name, const ContestantSetup& setup) {
  return listed(name).make(setup);
}

}  // namespace cloakroom::bench
