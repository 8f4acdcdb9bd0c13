#include "resp/absent_keys.h"

namespace cloakroom::resp {

std::unique_ptr<AbsentKeys::Watch> AbsentKeys::watch(std::string key) {
  auto watch = std::make_unique<Watch>(*this, std::move(key));
  store_.deliver_events();  // what is queued still is older than this watch
  MutexLock guard(mutex_);
  if (watches_.empty()) {
    created_ = store_.subscribe([this](const Event& event) { note(event); },
                                event_bit(EventType::kCreated) | event_bit(EventType::kOverflow));
  }
  watches_.emplace(watch->key_, watch.get());
  return watch;
}

void AbsentKeys::remove(Watch& watch) {
  Subscription ended;  // waits for a call in flight, which takes the mutex
  MutexLock guard(mutex_);
  const auto [begin, end] = watches_.equal_range(watch.key_);
  for (auto at = begin; at != end; ++at) {
    if (at->second != &watch) continue;
    watches_.erase(at);
    break;
  }
  if (watches_.empty()) ended = std::move(created_);
}

void AbsentKeys::note(const Event& event) {
  MutexLock guard(mutex_);
  if (event.type == EventType::kOverflow) {
    for (const auto& [key, watch] : watches_) watch->came_.store(true, std::memory_order_release);
    return;
  }
  const auto [begin, end] = watches_.equal_range(event.key);
  for (auto at = begin; at != end; ++at) at->second->came_.store(true, std::memory_order_release);
}

}  // namespace cloakroom::resp
