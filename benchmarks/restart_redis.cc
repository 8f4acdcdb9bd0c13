// Redis' side of the workload restart: a snapshot of the same records, loaded again and again.
#include <utility>

#include "redis_server.h"
#include "ticks.h"
#include "workloads.h"

namespace cloakroom::bench {
namespace {

class SnapshotRestart final : public RedisRestart {
 public:
  SnapshotRestart(std::string directory, const Dataset& dataset)
      : directory_(std::move(directory)), key_(kKeyBytes, '\0') {
    write_key(dataset.sessions() / 2, key_.data());
    RedisServer server(directory_, RedisPersistence::kNone);
    const auto client = server.wait_until_serving(key_);
    load_redis(*client, dataset);
    client->call({"SAVE"});
  }

  double first_read_ms() override {
    const std::uint64_t began = monotonic_ns();
    RedisServer server(directory_, RedisPersistence::kNone);
    server.wait_until_serving(key_);
    return static_cast<double>(monotonic_ns() - began) * 1e-6;
  }

 private:
  std::string directory_;
  std::string key_;
};

}  // namespace

std::unique_ptr<RedisRestart> make_redis_restart(const std::string& directory,
                                                 const Dataset& dataset) {
  return std::make_unique<SnapshotRestart>(directory, dataset);
}

}  // namespace cloakroom::bench
