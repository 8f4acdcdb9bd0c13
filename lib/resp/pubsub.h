// Who listens to which channel, pattern and sharded channel. Sharded channels are a world of their
// own: in a cluster they live where their slot is, here they are all in one place.
//
// Thread safety: every method from any thread. A publisher delivers under the registry's lock, so
// that two messages reach every subscriber in one order, and a subscription that has gone receives
// nothing. Delivery only appends to the subscriber's inbox (Client::push). Cost: one map lookup,
// plus one match per pattern.
#ifndef CLOAKROOM_LIB_RESP_PUBSUB_H_
#define CLOAKROOM_LIB_RESP_PUBSUB_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/mutex.h"

namespace cloakroom::resp {

class Client;

enum class Listening : std::uint8_t { kChannel, kPattern, kShard };

class PubSub {
 public:
  void subscribe(Listening to, const std::string& name, Client& client);
  void unsubscribe(Listening to, const std::string& name, Client& client);

  // How many received it.
  std::size_t publish(std::string_view channel, std::string_view message);
  std::size_t publish_sharded(std::string_view channel, std::string_view message);

  // How many would receive it.
  [[nodiscard]] std::size_t receivers(std::string_view channel) const;

  [[nodiscard]] bool anybody() const noexcept {
    return listeners_.load(std::memory_order_relaxed) != 0;
  }
  // Of kChannel and kShard.
  [[nodiscard]] std::vector<std::string> names(Listening to, std::string_view pattern) const;
  [[nodiscard]] std::size_t subscribers(Listening to, const std::string& channel) const;
  [[nodiscard]] std::size_t count(Listening to) const;

 private:
  using Subscribers = std::vector<Client*>;
  using Registry = std::unordered_map<std::string, Subscribers>;

  mutable Mutex mutex_;
  std::array<Registry, 3> registries_ GUARDED_BY(mutex_) = {};  // by Listening
  std::atomic<std::size_t> listeners_{0};
};

}  // namespace cloakroom::resp

#endif  // CLOAKROOM_LIB_RESP_PUBSUB_H_
