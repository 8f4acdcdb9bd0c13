#include "resp/pubsub.h"

#include <algorithm>
#include <array>

#include "resp/client.h"
#include "resp/glob.h"
#include "resp/reply.h"

namespace cloakroom::resp {
namespace {

std::size_t index_of(Listening to) noexcept { return static_cast<std::size_t>(to); }

// A message in both protocols, made when first needed.
class Message {
 public:
  Message(std::string_view channel, std::string_view text) : channel_(channel), text_(text) {}

  // `pattern` is what it was heard by, of kPattern.
  const std::string& of(int protocol, Listening by, std::string_view pattern) {
    std::string& made = made_[protocol >= 3 ? 1 : 0];
    if (!made.empty() && pattern == pattern_ && by == by_) return made;
    if (pattern != pattern_ || by != by_) made_ = {};
    pattern_ = pattern;
    by_ = by;
    constexpr std::array<std::string_view, 3> kKinds{"message", "pmessage", "smessage"};
    Reply reply(made, protocol);
    reply.push(by == Listening::kPattern ? 4 : 3);
    reply.bulk(kKinds[index_of(by)]);
    if (by == Listening::kPattern) reply.bulk(pattern);
    reply.bulk(channel_);
    reply.bulk(text_);
    return made;
  }

 private:
  std::string_view channel_;
  std::string_view text_;
  std::string_view pattern_ = {};
  Listening by_ = Listening::kChannel;
  std::array<std::string, 2> made_ = {};
};

}  // namespace

void PubSub::subscribe(Listening to, const std::string& name, Client& client) {
  MutexLock guard(mutex_);
  registries_[index_of(to)][name].push_back(&client);
  listeners_.fetch_add(1, std::memory_order_relaxed);
}

void PubSub::unsubscribe(Listening to, const std::string& name, Client& client) {
  MutexLock guard(mutex_);
  Registry& registry = registries_[index_of(to)];
  const auto found = registry.find(name);
  if (found == registry.end()) return;
  const auto gone = std::remove(found->second.begin(), found->second.end(), &client);
  listeners_.fetch_sub(static_cast<std::size_t>(found->second.end() - gone),
                       std::memory_order_relaxed);
  found->second.erase(gone, found->second.end());
  if (found->second.empty()) registry.erase(found);
}

std::size_t PubSub::publish(std::string_view channel, std::string_view message) {
  if (!anybody()) return 0;
  Message made(channel, message);
  std::size_t received = 0;
  MutexLock guard(mutex_);
  const Registry& channels = registries_[index_of(Listening::kChannel)];
  if (const auto found = channels.find(std::string(channel)); found != channels.end()) {
    for (Client* client : found->second) {
      client->push(made.of(client->protocol(), Listening::kChannel, {}));
    }
    received += found->second.size();
  }
  for (const auto& [pattern, clients] : registries_[index_of(Listening::kPattern)]) {
    if (!glob_matches(pattern, channel)) continue;
    for (Client* client : clients) {
      client->push(made.of(client->protocol(), Listening::kPattern, pattern));
    }
    received += clients.size();
  }
  return received;
}

std::size_t PubSub::publish_sharded(std::string_view channel, std::string_view message) {
  if (!anybody()) return 0;
  Message made(channel, message);
  MutexLock guard(mutex_);
  const Registry& shards = registries_[index_of(Listening::kShard)];
  const auto found = shards.find(std::string(channel));
  if (found == shards.end()) return 0;
  for (Client* client : found->second) {
    client->push(made.of(client->protocol(), Listening::kShard, {}));
  }
  return found->second.size();
}

std::size_t PubSub::receivers(std::string_view channel) const {
  std::size_t count = 0;
  MutexLock guard(mutex_);
  const Registry& channels = registries_[index_of(Listening::kChannel)];
  if (const auto found = channels.find(std::string(channel)); found != channels.end()) {
    count += found->second.size();
  }
  for (const auto& [pattern, clients] : registries_[index_of(Listening::kPattern)]) {
    if (glob_matches(pattern, channel)) count += clients.size();
  }
  return count;
}

std::vector<std::string> PubSub::names(Listening to, std::string_view pattern) const {
  std::vector<std::string> names;
  MutexLock guard(mutex_);
  for (const auto& [name, clients] : registries_[index_of(to)]) {
    if (pattern.empty() || glob_matches(pattern, name)) names.push_back(name);
  }
  return names;
}

std::size_t PubSub::subscribers(Listening to, const std::string& channel) const {
  MutexLock guard(mutex_);
  const Registry& registry = registries_[index_of(to)];
  const auto found = registry.find(channel);
  return found == registry.end() ? 0 : found->second.size();
}

std::size_t PubSub::count(Listening to) const {
  MutexLock guard(mutex_);
  return registries_[index_of(to)].size();
}

}  // namespace cloakroom::resp
