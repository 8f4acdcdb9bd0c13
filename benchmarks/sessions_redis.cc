// What a session stack does with Redis at every request: read the session, move its deadline.
#include <string>

#include "failure.h"
#include "redis_client.h"
#include "redis_server.h"
#include "workloads.h"

namespace cloakroom::bench {
namespace {

class PipelinedRequests final : public RedisSessions {
 public:
  PipelinedRequests(const std::string& directory, const Dataset& dataset)
      : server_(directory, RedisPersistence::kAppendEverysec),
        client_(server_.wait_until_serving("any")) {
    load_redis(*client_, dataset);
  }

  void request(std::string_view key) override {
    client_->send({"GET", key});
    client_->send({"EXPIRE", key, "1800"});
    const RedisClient::Reply value = client_->take();
    const RedisClient::Reply moved = client_->take();
    if (is_nil(value) || number_of(moved) != 1) throw Failure("sessions: redis lost a session");
  }

 private:
  RedisServer server_;
  std::unique_ptr<RedisClient> client_;
};

}  // namespace

std::unique_ptr<RedisSessions> make_redis_sessions(const std::string& directory,
                                                   const Dataset& dataset) {
  return std::make_unique<PipelinedRequests>(directory, dataset);
}

}  // namespace cloakroom::bench
