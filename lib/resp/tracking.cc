#include "resp/tracking.h"

#include <algorithm>

#include "resp/client.h"
#include "resp/notifications.h"
#include "resp/reply.h"
#include "resp/server.h"
#include "store/keyspace.h"

namespace cloakroom::resp {
namespace {

constexpr std::string_view kChannel = "__redis__:invalidate";  // of RESP2
constexpr std::size_t kEntryBytes = 160;  // of a key besides its name: node, list, an entry

std::uint32_t flags_of(const Client& client) noexcept {
  return client.tracking.load(std::memory_order_relaxed);
}

bool is_prefix_of_other(std::string_view a, std::string_view b) noexcept {
  return a.starts_with(b) || b.starts_with(a);
}

// Arrays and bulk strings are the same in both protocols.
template <class Names>
std::string array_of(const Names& names) {
  std::string bytes;
  Reply reply(bytes, 3);
  reply.array(names.size());
  for (const auto& name : names) reply.bulk(name);
  return bytes;
}

}  // namespace

void Tracking::begin(Client& client, const TrackingChoice& choice) {
  MutexLock guard(mutex_);
  if (trackers_.empty()) {
    events_ = store_.subscribe([this](const Event& event) { note(event); },
                               event_bit(EventType::kCreated) | event_bit(EventType::kUpdated) |
                                   event_bit(EventType::kErased) | event_bit(EventType::kExpired) |
                                   event_bit(EventType::kOverflow));
    notifications_.watch_expiry(true);
  }
  trackers_.insert(client.id);
  count_.store(trackers_.size(), std::memory_order_relaxed);
  client.tracking.store(choice.flags | kTracks, std::memory_order_relaxed);
  client.tracking_redirect.store(choice.redirect, std::memory_order_relaxed);
  if ((choice.flags & kTracksPrefixes) == 0) return;
  for (const std::string& prefix : choice.prefixes) prefixes_[prefix].clients.insert(client.id);
  if (choice.prefixes.empty()) prefixes_[""].clients.insert(client.id);
}

void Tracking::end(Client& client) {
  if (flags_of(client) == 0) return;
  Subscription ended;  // waits for a call in flight, which takes the mutex
  MutexLock guard(mutex_);
  client.tracking.store(0, std::memory_order_relaxed);
  client.tracking_redirect.store(0, std::memory_order_relaxed);
  trackers_.erase(client.id);
  count_.store(trackers_.size(), std::memory_order_relaxed);
  for (auto at = prefixes_.begin(); at != prefixes_.end();) {
    at->second.clients.erase(client.id);
    at = at->second.clients.empty() ? prefixes_.erase(at) : std::next(at);
  }
  if (!trackers_.empty()) return;
  ended = std::move(events_);
  notifications_.watch_expiry(false);
  table_.clear();
  oldest_.clear();
  bytes_ = 0;
  items_ = 0;
}

void Tracking::stop() {
  Subscription ended;
  MutexLock guard(mutex_);
  ended = std::move(events_);
}

void Tracking::remember(const Client& client, const std::vector<TrackedKey>& keys) {
  MutexLock guard(mutex_);
  for (const TrackedKey& key : keys) add(std::string(key.key), key.called, client.id);
  shrink();
}

void Tracking::add(const std::string& key, std::string_view called, std::uint64_t client) {
  const auto [at, is_new] = table_.try_emplace(key);
  Entry& entry = at->second;
  if (is_new) {
    if (called != key) entry.called = called;
    oldest_.push_back(&at->first);
    entry.place = std::prev(oldest_.end());
    bytes_ += kEntryBytes + at->first.size() + entry.called.size();
  }
  const auto place = std::lower_bound(entry.clients.begin(), entry.clients.end(), client);
  if (place != entry.clients.end() && *place == client) return;
  entry.clients.insert(place, client);
  ++items_;
  bytes_ += sizeof(client);
}

void Tracking::shrink() {
  while (!oldest_.empty() &&
         (bytes_ > kBytesMax || (keys_max_ != 0 && table_.size() > keys_max_))) {
    forget(table_.find(*oldest_.front()), 0);
  }
}

void Tracking::set_keys_max(std::size_t most) {
  MutexLock guard(mutex_);
  keys_max_ = most;
  shrink();
}

void Tracking::touched(std::string_view key, std::uint64_t origin) {
  MutexLock guard(mutex_);
  changed(std::string(key), origin);
}

void Tracking::note(const Event& event) {
  if (event.origin == kFlush) return;
  MutexLock guard(mutex_);
  if (event.type == EventType::kOverflow) return tell_everything();
  const auto known = database_key(event.key);
  if (!known) return;
  // That an overdue record goes is nobody's doing.
  changed(std::string(known->key), event.type == EventType::kExpired ? 0 : event.origin);
}

// What a client does is told at the end of its command, with all that it has changed.
void Tracking::changed(const std::string& key, std::uint64_t origin) {
  if (const auto found = table_.find(key); found != table_.end()) forget(found, origin);
  for (auto& [prefix, heard] : prefixes_) {
    if (!key.starts_with(prefix)) continue;
    heard.changed.try_emplace(key, origin);
    prefixes_changed_ = true;
  }
  if (origin == 0) tell_prefixes();
}

void Tracking::forget(Table::iterator found, std::uint64_t origin) {
  const Entry entry = std::move(found->second);
  const std::string keys =
      array_of(std::vector<std::string_view>{entry.called.empty() ? found->first : entry.called});
  items_ -= entry.clients.size();
  bytes_ -= kEntryBytes + found->first.size() + entry.called.size() +
            entry.clients.size() * sizeof(std::uint64_t);
  oldest_.erase(entry.place);
  table_.erase(found);
  for (const std::uint64_t id : entry.clients) {
    const auto client = clients_.find(id);
    if (client == nullptr) continue;
    const std::uint32_t flags = flags_of(*client);
    if ((flags & kTracks) == 0 || (flags & kTracksPrefixes) != 0) continue;
    if ((flags & kTracksNotItself) != 0 && id == origin) continue;
    send(*client, keys);
  }
}

void Tracking::tell_prefixes() {
  if (!prefixes_changed_) return;
  prefixes_changed_ = false;
  for (auto& [prefix, heard] : prefixes_) {
    if (heard.changed.empty()) continue;
    std::vector<std::string_view> all;
    for (const auto& [key, origin] : heard.changed) all.push_back(key);
    const std::string all_keys = array_of(all);
    for (const std::uint64_t id : heard.clients) {
      const auto client = clients_.find(id);
      if (client == nullptr) continue;
      if ((flags_of(*client) & kTracksNotItself) == 0) {
        send(*client, all_keys);
        continue;
      }
      std::vector<std::string_view> of_others;
      for (const auto& [key, origin] : heard.changed) {
        if (origin != id) of_others.push_back(key);
      }
      if (!of_others.empty()) send(*client, array_of(of_others));
    }
    heard.changed.clear();
  }
}

void Tracking::tell_everything() {
  table_.clear();
  oldest_.clear();
  bytes_ = 0;
  items_ = 0;
  for (auto& [prefix, heard] : prefixes_) heard.changed.clear();
  for (const std::uint64_t id : trackers_) {
    const auto client = clients_.find(id);
    if (client == nullptr) continue;
    std::string nothing;
    Reply(nothing, client->protocol()).null();
    send(*client, nothing);
  }
}

void Tracking::flushed() {
  MutexLock guard(mutex_);
  tell_everything();
}

void Tracking::settle() {
  store_.deliver_events();
  MutexLock guard(mutex_);
  tell_prefixes();
}

// To where it is redirected. With RESP2 only as a message of a channel, to somebody who listens to
// channels: nothing else may come between replies.
void Tracking::send(Client& client, std::string_view keys) {
  const std::uint64_t redirect = client.tracking_redirect.load(std::memory_order_relaxed);
  const auto other = redirect == 0 ? nullptr : clients_.find(redirect);
  std::string message;
  if (redirect != 0 && other == nullptr) {
    client.tracking.fetch_or(kTracksNowhere, std::memory_order_relaxed);
    if (client.protocol() < 3) return;
    Reply reply(message, 3);
    reply.push(2);
    reply.bulk("tracking-redir-broken");
    reply.integer(static_cast<std::int64_t>(redirect));
    return client.push(message);
  }
  Client& target = other == nullptr ? client : *other;
  Reply reply(message, target.protocol());
  if (target.protocol() >= 3) {
    reply.push(2);
    reply.bulk("invalidate");
  } else if (other != nullptr && target.listens()) {
    reply.push(3);
    reply.bulk("message");
    reply.bulk(kChannel);
  } else {
    return;
  }
  reply.raw(keys);
  target.push(message);
}

std::optional<std::string> Tracking::overlap(const Client& client, std::string_view prefix) const {
  MutexLock guard(mutex_);
  for (const auto& [known, heard] : prefixes_) {
    if (heard.clients.contains(client.id) && is_prefix_of_other(known, prefix)) return known;
  }
  return std::nullopt;
}

std::vector<std::string> Tracking::prefixes_of(const Client& client) const {
  std::vector<std::string> names;
  MutexLock guard(mutex_);
  for (const auto& [prefix, heard] : prefixes_) {
    if (heard.clients.contains(client.id)) names.push_back(prefix);
  }
  return names;
}

Tracking::Counts Tracking::counts() const {
  MutexLock guard(mutex_);
  return {.clients = trackers_.size(),
          .keys = table_.size(),
          .items = items_,
          .prefixes = prefixes_.size()};
}

}  // namespace cloakroom::resp
