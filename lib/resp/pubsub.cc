#include "resp/pubsub.h"

#include <algorithm>
#include <array>

#include "resp/client.h"
#include "resp/glob.h"
#include "resp/reply.h"

namespace cloakroom::resp {
namespace {

// A message in both protocols, made when first needed.
class Message {
 public:
  Message(std::string_view channel, std::string_view text) : channel_(channel), text_(text) {}

  const std::string& of(int protocol, std::string_view pattern, bool by_pattern) {
    std::string& made = made_[protocol >= 3 ? 1 : 0];
    if (!made.empty() && pattern == pattern_ && by_pattern == by_pattern_) return made;
    if (pattern != pattern_ || by_pattern != by_pattern_) made_ = {};
    pattern_ = pattern;
    by_pattern_ = by_pattern;
    Reply reply(made, protocol);
    reply.push(by_pattern ? 4 : 3);
    reply.bulk(by_pattern ? "pmessage" : "message");
    if (by_pattern) reply.bulk(pattern);
    reply.bulk(channel_);
    reply.bulk(text_);
    return made;
  }

 private:
  std::string_view channel_;
  std::string_view text_;
  std::string_view pattern_ = {};
  bool by_pattern_ = false;
  std::array<std::string, 2> made_ = {};
};

}  // namespace

void PubSub::add(Registry& registry, const std::string& name, Client& client) {
  registry[name].push_back(&client);
  listeners_.fetch_add(1, std::memory_order_relaxed);
}

void PubSub::remove(Registry& registry, const std::string& name, Client& client) {
  const auto found = registry.find(name);
  if (found == registry.end()) return;
  const auto gone = std::remove(found->second.begin(), found->second.end(), &client);
  listeners_.fetch_sub(static_cast<std::size_t>(found->second.end() - gone),
                       std::memory_order_relaxed);
  found->second.erase(gone, found->second.end());
  if (found->second.empty()) registry.erase(found);
}

void PubSub::subscribe(const std::string& channel, Client& client) {
  MutexLock guard(mutex_);
  add(channels_, channel, client);
}

void PubSub::unsubscribe(const std::string& channel, Client& client) {
  MutexLock guard(mutex_);
  remove(channels_, channel, client);
}

void PubSub::subscribe_pattern(const std::string& pattern, Client& client) {
  MutexLock guard(mutex_);
  add(patterns_, pattern, client);
}

void PubSub::unsubscribe_pattern(const std::string& pattern, Client& client) {
  MutexLock guard(mutex_);
  remove(patterns_, pattern, client);
}

std::size_t PubSub::publish(std::string_view channel, std::string_view message) {
  if (!anybody()) return 0;
  Message made(channel, message);
  std::size_t received = 0;
  MutexLock guard(mutex_);
  if (const auto found = channels_.find(std::string(channel)); found != channels_.end()) {
    for (Client* client : found->second) client->push(made.of(client->protocol(), {}, false));
    received += found->second.size();
  }
  for (const auto& [pattern, clients] : patterns_) {
    if (!glob_matches(pattern, channel)) continue;
    for (Client* client : clients) client->push(made.of(client->protocol(), pattern, true));
    received += clients.size();
  }
  return received;
}

std::size_t PubSub::receivers(std::string_view channel) const {
  std::size_t count = 0;
  MutexLock guard(mutex_);
  if (const auto found = channels_.find(std::string(channel)); found != channels_.end()) {
    count += found->second.size();
  }
  for (const auto& [pattern, clients] : patterns_) {
    if (glob_matches(pattern, channel)) count += clients.size();
  }
  return count;
}

std::vector<std::string> PubSub::channels(std::string_view pattern) const {
  std::vector<std::string> names;
  MutexLock guard(mutex_);
  for (const auto& [name, clients] : channels_) {
    if (pattern.empty() || glob_matches(pattern, name)) names.push_back(name);
  }
  return names;
}

std::size_t PubSub::subscribers(const std::string& channel) const {
  MutexLock guard(mutex_);
  const auto found = channels_.find(channel);
  return found == channels_.end() ? 0 : found->second.size();
}

std::size_t PubSub::channel_count() const {
  MutexLock guard(mutex_);
  return channels_.size();
}

std::size_t PubSub::pattern_count() const {
  MutexLock guard(mutex_);
  return patterns_.size();
}

}  // namespace cloakroom::resp
