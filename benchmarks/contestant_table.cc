// The table inside a store, without the store: no journal, owners, events, counters or limits. What
// a Store takes longer than this is what those cost.
//
// It does all that a table needs to go on: versions, deadlines read by the clock, limbo, and the
// upkeep in the background with which a Store collects, gathers and makes memory ready.
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

#include "contestant.h"
#include "roster.h"
#include "table/table.h"

namespace cloakroom::bench {
namespace {

// What is asked of the table, in the order of store/engine_write.cc.
class TableWithVersions {
 public:
  explicit TableWithVersions(std::uint64_t seed) : table_(kStripeCountDefault, seed) {}

  Table& operator*() noexcept { return table_; }
  Table* operator->() noexcept { return &table_; }

  void put(std::string_view key, std::string_view value) {
    const std::uint64_t hash = table_.hash(key);
    Ref retired = 0;
    {
      Stripe& stripe = table_.stripe_of(hash);
      SpinLockGuard guard(stripe.lock());
      HeldRecord held(stripe, stripe.find(tag_of(hash), key));
      retired = store(stripe, held, hash, {.key = key, .value = value});
    }
    if (retired != 0) table_.retire(retired);
  }

  bool touch(std::string_view key) {
    const std::uint64_t hash = table_.hash(key);
    const auto touched = table_.extend(hash, key, now_ms,
                                       [](const Record& record, const ClockWord& clock,
                                          TimeMs now) -> std::optional<Table::Extension> {
                                         const TimeMs deadline = std::min(
                                             now + Millis(kTtl).count(), record.lifetime());
                                         if (deadline < clock.deadline) return std::nullopt;
                                         return Table::Extension{deadline, clock.lead};
                                       });
    if (touched.code() != StatusCode::kConflict) return touched.ok();
    Stripe& stripe = table_.stripe_of(hash);
    SpinLockGuard guard(stripe.lock());
    HeldRecord held(stripe, stripe.find(tag_of(hash), key));
    const TimeMs now = now_ms();
    if (held.alive(now) == nullptr) return false;
    stripe.set_deadline(*held.slot(), now + Millis(kTtl).count(), 0);
    return true;
  }

  bool erase(std::string_view key) {
    const std::uint64_t hash = table_.hash(key);
    Ref retired = 0;
    {
      Stripe& stripe = table_.stripe_of(hash);
      SpinLockGuard guard(stripe.lock());
      HeldRecord held(stripe, stripe.find(tag_of(hash), key));
      if (held.alive(now_ms()) == nullptr) return false;
      held.gone();
      retired = stripe.remove(*held.slot());
      stripe.shrink();
    }
    table_.retire(retired);
    return true;
  }

 private:
  // Returns what was replaced.
  Ref store(Stripe& stripe, HeldRecord& held, std::uint64_t hash, RecordView next)
      REQUIRES(stripe.lock()) {
    const TimeMs now = now_ms();
    const Record* const current = held.alive(now);
    const bool replaces = held.record() != nullptr;
    if (replaces) stripe.prefetch(*held.slot());
    next.created = current != nullptr ? current->view().created : now;
    next.deadline = now + Millis(kTtl).count();
    NewRecord record(table_.slabs(), next);
    if (!replaces) stripe.reserve_one();
    record->set_version(versions_.fetch_add(1, std::memory_order_relaxed) + 1);
    if (!replaces) {
      stripe.insert(tag_of(hash), record);
      return 0;
    }
    const Ref old = stripe.replace(*held.slot(), record);
    held.gone();
    return old;
  }

  Table table_;
  alignas(64) std::atomic<Version> versions_{0};
};

class Upkeep {
 public:
  explicit Upkeep(Table& table) : table_(table) {
    table.slabs().set_low_memory_call([this] { wake(); });
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }

 private:
  static constexpr Millis kPause{250};
  static constexpr std::size_t kStripesPerTurn = 64;

  void wake() {
    const std::lock_guard lock(mutex_);
    memory_low_ = true;
    changed_.notify_one();
  }

  void run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      table_.slabs().prepare();
      table_.collect();
      while (!stop.stop_requested() && table_.gather(kStripesPerTurn)) {
      }
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, stop, kPause, [this] { return memory_low_; });
      memory_low_ = false;
    }
  }

  Table& table_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool memory_low_ = false;
  std::jthread thread_;  // the last to be made and the first to end
};

class CoreLane final : public Lane {
 public:
  explicit CoreLane(TableWithVersions& table) : table_(table) {}

  bool get(std::string_view key) override {
    std::string copy;
    return get_into(key, copy);
  }

  bool get_into(std::string_view key, std::string& value) override {
    return table_->read(table_->hash(key), key, now_ms,
                        [&](const RecordView& record) { value.assign(record.value); });
  }

  bool visit(std::string_view key) override {
    return table_->read(table_->hash(key), key, now_ms,
                        [](const RecordView& record) { look_at(record.value); });
  }

  std::size_t visit_many(std::span<const std::string_view> keys) override {
    return table_->read_many(
        keys, now_ms, [](std::size_t, const RecordView& record) { look_at(record.value); },
        [](std::size_t) {});
  }

  void put(std::string_view key, std::string_view value) override { table_.put(key, value); }
  bool touch(std::string_view key) override { return table_.touch(key); }
  bool erase(std::string_view key) override { return table_.erase(key); }

 private:
  TableWithVersions& table_;
};

class CoreContestant final : public Contestant {
 public:
  explicit CoreContestant(std::uint64_t seed) : table_(seed) {}

  std::unique_ptr<Lane> lane() override { return std::make_unique<CoreLane>(table_); }

 private:
  TableWithVersions table_;
  const Upkeep upkeep_{*table_};
};

}  // namespace

std::unique_ptr<Contestant> make_table(std::uint64_t seed) {
  return std::make_unique<CoreContestant>(seed);
}

}  // namespace cloakroom::bench
