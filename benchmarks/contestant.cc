#include "contestant.h"

#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>

#include "failure.h"

namespace cloakroom::bench {
namespace {

#if defined(CLOAKROOM_BENCH_REDIS)
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
#endif

std::string why_no_redis() {
#if defined(CLOAKROOM_BENCH_REDIS)
  if (in_path("redis-server")) return {};
  return "redis-server is not installed; apt-get install redis-server";
#else
  return "this program was built without hiredis; apt-get install libhiredis-dev and build again";
#endif
}

std::string why_no_tbb() {
#if defined(CLOAKROOM_BENCH_TBB)
  return {};
#else
  return "this program was built without oneTBB; apt-get install libtbb-dev and build again";
#endif
}

}  // namespace

void Contestant::load(const Dataset& dataset) {
  const std::unique_ptr<Lane> lane = this->lane();
  std::array<char, kKeyBytes> key{};
  for (std::uint64_t index = 0; index < dataset.sessions(); ++index) {
    write_key(index, key.data());
    lane->put({key.data(), key.size()}, dataset.value(index));
  }
}

pid_t Contestant::process() const { return ::getpid(); }

const std::vector<std::string>& contestant_names() {
  static const std::vector<std::string> names{std::string(kCloakroom), std::string(kCloakroomDisk),
                                              std::string(kUmap),      std::string(kTbb),
                                              std::string(kRocksdb),   std::string(kRedis)};
  return names;
}

std::string why_missing(std::string_view name) {
  if (name == kRedis) return why_no_redis();
  if (name == kTbb) return why_no_tbb();
  return {};
}

std::string describe_contestant(std::string_view name) {
  if (name == kCloakroom) return "a Store in memory";
  if (name == kCloakroomDisk) return "a Store with a directory, kProcess unless said otherwise";
  if (name == kUmap) return "std::unordered_map in 64 stripes, each behind a std::shared_mutex";
  if (name == kRocksdb) return "RocksDB " + rocksdb_version() + " used directly, log on";
#if defined(CLOAKROOM_BENCH_TBB)
  if (name == kTbb) return "oneTBB " + tbb_version() + ", concurrent_hash_map";
#endif
#if defined(CLOAKROOM_BENCH_REDIS)
  if (name == kRedis) return "redis-server " + redis_version() + " over a unix socket";
#endif
  return {};
}

std::unique_ptr<Contestant> make_contestant(std::string_view name, const ContestantSetup& setup) {
  if (name == kCloakroom) return make_store(setup, false);
  if (name == kCloakroomDisk) return make_store(setup, true);
  if (name == kUmap) return make_umap(setup);
  if (name == kRocksdb) return make_rocksdb(setup);
#if defined(CLOAKROOM_BENCH_TBB)
  if (name == kTbb) return make_tbb(setup);
#endif
#if defined(CLOAKROOM_BENCH_REDIS)
  if (name == kRedis) return make_redis(setup);
#endif
  throw Failure("there is no contestant " + std::string(name), kExitUsage);
}

}  // namespace cloakroom::bench
