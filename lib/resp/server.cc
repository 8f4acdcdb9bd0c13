#include "resp/server.h"

#include <algorithm>
#include <array>
#include <ctime>

#include "base/random.h"
#include "resp/client.h"
#include "resp/crypto.h"

namespace cloakroom::resp {
namespace {

constexpr std::size_t kErrorCodesMax = 128;  // distinct ones that are counted

std::string random_run_id() {
  std::array<unsigned char, 20> bytes{};
  if (!random_bytes(bytes)) return std::string(40, '0');
  return to_hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace

void SlowLog::add(SlowEntry entry, std::size_t keep) {
  MutexLock guard(mutex_);
  entry.id = next_id_++;
  entries_.push_front(std::move(entry));
  while (entries_.size() > keep) entries_.pop_back();
}

std::vector<SlowEntry> SlowLog::newest(std::size_t count) const {
  MutexLock guard(mutex_);
  const auto end = entries_.begin() + static_cast<std::ptrdiff_t>(std::min(count, entries_.size()));
  return {entries_.begin(), end};
}

std::size_t SlowLog::size() const {
  MutexLock guard(mutex_);
  return entries_.size();
}

void SlowLog::clear() {
  MutexLock guard(mutex_);
  entries_.clear();
}

void LoadedScripts::add(const std::string& sha, std::size_t script) {
  constexpr std::size_t kMost = 1024;  // texts of known scripts that differ in blanks only
  MutexLock guard(mutex_);
  if (by_sha_.size() >= kMost) by_sha_.clear();
  by_sha_[sha] = script;
}

std::optional<std::size_t> LoadedScripts::find(const std::string& sha) const {
  MutexLock guard(mutex_);
  const auto found = by_sha_.find(sha);
  if (found == by_sha_.end()) return std::nullopt;
  return found->second;
}

void LoadedScripts::clear() {
  MutexLock guard(mutex_);
  by_sha_.clear();
}

void Clients::add(const std::shared_ptr<Client>& client) {
  client->id = next_id_.fetch_add(1, std::memory_order_relaxed);
  MutexLock guard(mutex_);
  by_id_[client->id] = client;
  count_.store(by_id_.size(), std::memory_order_relaxed);
}

void Clients::remove(std::uint64_t id) {
  MutexLock guard(mutex_);
  by_id_.erase(id);
  count_.store(by_id_.size(), std::memory_order_relaxed);
}

std::vector<std::shared_ptr<Client>> Clients::all() const {
  std::vector<std::shared_ptr<Client>> clients;
  MutexLock guard(mutex_);
  for (const auto& [id, client] : by_id_) {
    if (auto alive = client.lock()) clients.push_back(std::move(alive));
  }
  return clients;
}

std::shared_ptr<Client> Clients::find(std::uint64_t id) const {
  MutexLock guard(mutex_);
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second.lock();
}

TimeMs Server::wall_offset() const noexcept {
  constexpr TimeMs kSecond = 1000;
  const TimeMs ahead = store.wall_now() - store.now();
  const TimeMs kept = wall_offset_.load(std::memory_order_relaxed);
  if (ahead > kept - kSecond && ahead < kept + kSecond) return kept;
  const TimeMs rounded = (ahead + (ahead < 0 ? -kSecond / 2 : kSecond / 2)) / kSecond * kSecond;
  wall_offset_.store(rounded, std::memory_order_relaxed);
  return rounded;
}

Server::Server(Store& the_store, RespOptions the_options, Acl the_acl)
    : store(the_store),
      options(std::move(the_options)),
      run_id(random_run_id()),
      acl(std::move(the_acl)),
      gate(std::max(1U, options.threads)),
      notifications(store, pubsub),
      absent_keys(store),
      config(options, store.stats().memory_limit_bytes),
      tracking(store, clients, notifications),
      commands_(CommandTable::instance().all().size()),
      stats_(new CommandStats[commands_ * std::max(1U, options.threads)]) {
  // As if it had been saved when it was opened, as Redis tells it.
  last_save_s = std::time(nullptr);
  last_save_version = store.stats().version_last;
  notifications.begin_with(parse_notify_classes(options.notify_keyspace_events).value_or(0));
}

Server::~Server() = default;

std::uint64_t Server::commands_processed() const noexcept {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < commands_ * std::max(1U, options.threads); ++i) {
    sum += stats_[i].calls.load(std::memory_order_relaxed);
  }
  return sum;
}

void Server::reset_stats() noexcept {
  for (std::size_t i = 0; i < commands_ * std::max(1U, options.threads); ++i) {
    for (auto* counter :
         {&stats_[i].calls, &stats_[i].nanoseconds, &stats_[i].rejected, &stats_[i].failed}) {
      counter->store(0, std::memory_order_relaxed);
    }
    for (auto& bucket : stats_[i].latency) bucket.store(0, std::memory_order_relaxed);
  }
  for (auto* counter :
       {&connections_received, &connections_rejected, &bytes_in, &bytes_out, &errors}) {
    counter->store(0, std::memory_order_relaxed);
  }
  MutexLock guard(errors_mutex_);
  error_counts_.clear();
}

void Server::count_error(std::string_view code) {
  errors.fetch_add(1, std::memory_order_relaxed);
  MutexLock guard(errors_mutex_);
  if (error_counts_.size() < kErrorCodesMax || error_counts_.contains(std::string(code))) {
    ++error_counts_[std::string(code)];
  }
}

std::map<std::string, std::uint64_t> Server::error_counts() const {
  MutexLock guard(errors_mutex_);
  return error_counts_;
}

}  // namespace cloakroom::resp
