// Who listens to which channel and pattern.
//
// Thread safety: every method from any thread. A publisher delivers under the registry's lock, so
// that two messages reach every subscriber in one order, and a subscription that has gone receives
// nothing. Delivery only appends to the subscriber's inbox (Client::push). Cost: one map lookup,
// plus one match per pattern.
#ifndef CLOAKROOM_LIB_RESP_PUBSUB_H_
#define CLOAKROOM_LIB_RESP_PUBSUB_H_

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

class PubSub {
 public:
  void subscribe(const std::string& channel, Client& client);
  void unsubscribe(const std::string& channel, Client& client);
  void subscribe_pattern(const std::string& pattern, Client& client);
  void unsubscribe_pattern(const std::string& pattern, Client& client);

  // How many received it. To `self`, who is publishing, it goes behind the reply.
  std::size_t publish(std::string_view channel, std::string_view message);

  // How many would receive it.
  [[nodiscard]] std::size_t receivers(std::string_view channel) const;

  [[nodiscard]] bool anybody() const noexcept {
    return listeners_.load(std::memory_order_relaxed) != 0;
  }
  [[nodiscard]] std::vector<std::string> channels(std::string_view pattern) const;
  [[nodiscard]] std::size_t subscribers(const std::string& channel) const;
  [[nodiscard]] std::size_t channel_count() const;
  [[nodiscard]] std::size_t pattern_count() const;

 private:
  using Subscribers = std::vector<Client*>;
  using Registry = std::unordered_map<std::string, Subscribers>;
  void add(Registry& registry, const std::string& name, Client& client) REQUIRES(mutex_);
  void remove(Registry& registry, const std::string& name, Client& client) REQUIRES(mutex_);

  mutable Mutex mutex_;
  Registry channels_ GUARDED_BY(mutex_) = {};
  Registry patterns_ GUARDED_BY(mutex_) = {};
  std::atomic<std::size_t> listeners_{0};
};

}  // namespace cloakroom::resp

#endif  // CLOAKROOM_LIB_RESP_PUBSUB_H_
