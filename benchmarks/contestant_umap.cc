// What one writes oneself: std::unordered_map in 64 stripes, each behind a std::shared_mutex.
//
// A touch takes the lock shared and stores an atomic deadline, which is the best this design can
// do.
#include <array>
#include <atomic>
#include <functional>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>

#include "contestant.h"

namespace cloakroom::bench {
namespace {

struct KeyHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view key) const noexcept {
    return std::hash<std::string_view>{}(key);
  }
};

struct Record {
  std::string value;
  std::atomic<TimeMs> deadline{0};
};

struct alignas(64) Stripe {
  std::shared_mutex mutex;
  std::unordered_map<std::string, Record, KeyHash, std::equal_to<>> records;
};

class UmapContestant final : public Contestant {
 public:
  std::unique_ptr<Lane> lane() override;

  // The upper bits: the map itself uses the lower ones.
  Stripe& stripe_of(std::string_view key) { return stripes_[KeyHash{}(key) >> 58]; }

 private:
  std::array<Stripe, 64> stripes_;
};

class UmapLane final : public Lane {
 public:
  explicit UmapLane(UmapContestant& table) : table_(table) {}

  bool get(std::string_view key) override {
    std::string copy;
    return get_into(key, copy);
  }

  bool get_into(std::string_view key, std::string& value) override {
    return with_alive(key, [&](Record& record) { value.assign(record.value); });
  }

  bool visit(std::string_view key) override {
    return with_alive(key, [](Record& record) { look_at(record.value); });
  }

  std::size_t visit_many(std::span<const std::string_view> keys) override {
    std::size_t found = 0;
    for (const std::string_view key : keys) found += visit(key) ? 1U : 0U;
    return found;
  }

  void put(std::string_view key, std::string_view value) override {
    const TimeMs deadline = new_deadline();
    Stripe& stripe = table_.stripe_of(key);
    const std::unique_lock lock(stripe.mutex);
    auto found = stripe.records.find(key);
    if (found == stripe.records.end()) found = stripe.records.try_emplace(std::string(key)).first;
    found->second.value.assign(value);
    found->second.deadline.store(deadline, std::memory_order_relaxed);
  }

  bool touch(std::string_view key) override {
    const TimeMs deadline = new_deadline();
    return with_alive(
        key, [&](Record& record) { record.deadline.store(deadline, std::memory_order_relaxed); });
  }

  bool erase(std::string_view key) override {
    Stripe& stripe = table_.stripe_of(key);
    const std::unique_lock lock(stripe.mutex);
    const auto found = stripe.records.find(key);
    if (found == stripe.records.end()) return false;
    stripe.records.erase(found);
    return true;
  }

 private:
  template <class F>
  bool with_alive(std::string_view key, F f) {
    Stripe& stripe = table_.stripe_of(key);
    const std::shared_lock lock(stripe.mutex);
    const auto found = stripe.records.find(key);
    if (found == stripe.records.end()) return false;
    if (found->second.deadline.load(std::memory_order_relaxed) < now_ms()) return false;
    f(found->second);
    return true;
  }

  UmapContestant& table_;
};

std::unique_ptr<Lane> UmapContestant::lane() { return std::make_unique<UmapLane>(*this); }

}  // namespace

std::unique_ptr<Contestant> make_umap(const ContestantSetup&) {
  return std::make_unique<UmapContestant>();
}

}  // namespace cloakroom::bench
