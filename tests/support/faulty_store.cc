#include "support/faulty_store.h"

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "support/store_fixture.h"
#include "support/yield_points.h"

namespace cloakroom::testing {
namespace {

class FaultyStore : public StoreShim {
 public:
  FaultyStore(Store& store, const ManualClock& clock) : StoreShim(store), clock_(clock) {}

 protected:
  // The record, read in a call of its own, with time for others to change it before it is used.
  [[nodiscard]] std::optional<RecordCopy> look(std::string_view key) const {
    std::optional<RecordCopy> copy;
    (void)store_.visit(key, [&](const RecordView& view) { copy = copy_of(view); }).ok();
    YieldPoints::pass();
    return copy;
  }
  [[nodiscard]] bool now_and_then(unsigned n) { return calls_.fetch_add(1) % n == n - 1; }
  [[nodiscard]] TimeMs now() const { return clock_.wall_ms(); }

  // What was last known of each key.
  [[nodiscard]] std::optional<RecordCopy> recalled(std::string_view key) const {
    const std::lock_guard guard(mutex_);
    const auto found = memory_.find(std::string(key));
    return found == memory_.end() ? std::nullopt : std::optional(found->second);
  }
  void remember(std::string_view key, const RecordCopy& copy) {
    const std::lock_guard guard(mutex_);
    memory_.insert_or_assign(std::string(key), copy);
  }
  void forget(std::string_view key) {
    const std::lock_guard guard(mutex_);
    memory_.erase(std::string(key));
  }

 private:
  const ManualClock& clock_;
  std::atomic<unsigned> calls_{0};
  mutable std::mutex mutex_;
  std::map<std::string, RecordCopy> memory_;
};

RecordView view_of(std::string_view key, const RecordCopy& copy) {
  return {.key = key, .value = copy.value, .version = copy.version, .deadline = copy.deadline};
}

// --- reads -----------------------------------------------------------------------------------

class StaleCache final : public FaultyStore {
 public:
  using FaultyStore::FaultyStore;
  Result<Version> get(std::string_view key, std::string& value) override {
    if (const auto cached = recalled(key)) {
      forget(key);
      value = cached->value;
      return cached->version;
    }
    const auto found = look(key);
    if (!found) return StatusCode::kNotFound;
    remember(key, *found);
    value = found->value;
    return found->version;
  }
};

class MissedRead final : public FaultyStore {
 public:
  using FaultyStore::FaultyStore;
  Result<Version> get(std::string_view key, std::string& value) override {
    if (now_and_then(40)) return StatusCode::kNotFound;
    return store_.get(key, value);
  }
};

class OldVersion final : public FaultyStore {
 public:
  using FaultyStore::FaultyStore;
  Result<Version> get(std::string_view key, std::string& value) override {
    const Result<Version> version = store_.get(key, value);
    if (!version) return version;
    const auto before = recalled(key);
    remember(key, {.version = *version});
    return before && now_and_then(4) ? Result<Version>(before->version) : version;
  }
};

class OldBatch final : public FaultyStore {
 public:
  using FaultyStore::FaultyStore;
  Result<std::size_t> visit_many(std::span<const std::string_view> keys, ManyVisitor f) override {
    std::size_t count = 0;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const auto before = recalled(keys[i]);
      const auto found = look(keys[i]);
      if (!found) continue;
      remember(keys[i], *found);
      f(i, view_of(keys[i], before ? *before : *found));
      ++count;
    }
    return count;
  }
};

class TornBatch final : public FaultyStore {
 public:
  using FaultyStore::FaultyStore;
  Result<std::size_t> visit_many(std::span<const std::string_view> keys, ManyVisitor f) override {
    std::size_t count = 0;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const auto first = look(keys[i]);
      auto second = look(keys[i]);
      if (!first || !second) continue;
      const std::size_t half = std::min(first->value.size(), second->value.size()) / 2;
      second->value.replace(0, half, first->value, 0, half);
      f(i, view_of(keys[i], *second));
      ++count;
    }
    return count;
  }
};

class DeadAtItsDeadline final : public FaultyStore {
 public:
  using FaultyStore::FaultyStore;
  Result<Version> visit(std::string_view key, Visitor f) override {
    const auto found = look(key);
    if (!found || found->deadline <= now()) return StatusCode::kNotFound;
    f(view_of(key, *found));
    return found->version;
  }
};

class ServedAfterItsDeadline final : public FaultyStore {
 public:
  using FaultyStore::FaultyStore;
  Result<Version> visit(std::string_view key, Visitor f) override {
    auto found = look(key);
    if (found) {
      remember(key, *found);
    } else if (const auto before = recalled(key); before && before->deadline < now()) {
      found = before;
      forget(key);
    }
    if (!found) return StatusCode::kNotFound;
    f(view_of(key, *found));
    return found->version;
  }
};

// --- puts ------------------------------------------------------------------------------------

class IgnoredVersion final : public FaultyStore {
 public:
  using FaultyStore::FaultyStore;
  Result<Version> put(std::string_view key, std::string_view value,
                      const PutOptions& options) override {
    PutOptions without = options;
    without.if_version.reset();
    return store_.put(key, value, without);
  }
};

class CheckThenPut final : public FaultyStore {
 public:
  using FaultyStore::FaultyStore;
  Result<Version> put(std::string_view key, std::string_view value,
                      const PutOptions& options) override {
    const auto found = look(key);
    const Version current = found ? found->version : 0;
    if (options.if_version && *options.if_version != current) return StatusCode::kConflict;
    PutOptions without = options;
    without.if_version.reset();
    return store_.put(key, value, without);
  }
};

class LostPut final : public FaultyStore {
 public:
  using FaultyStore::FaultyStore;
  Result<Version> put(std::string_view key, std::string_view value,
                      const PutOptions& options) override {
    if (options.if_version || !now_and_then(20)) return store_.put(key, value, options);
    return store_.put("elsewhere", value, options);
  }
};

class LatePut final : public FaultyStore {
 public:
  using FaultyStore::FaultyStore;
  Result<Version> put(std::string_view key, std::string_view value,
                      const PutOptions& options) override {
    const auto before = look(key);
    const Result<Version> version = store_.put(key, value, options);
    if (version && before && now_and_then(10)) {  // an older write arrives once more
      (void)store_.put(key, before->value, {.keep_deadline = true}).ok();
    }
    return version;
  }
};

// --- touches ---------------------------------------------------------------------------------

class TouchThatRevives final : public FaultyStore {
 public:
  using FaultyStore::FaultyStore;
  Result<Version> touch(std::string_view key, Millis ttl) override {
    const auto before = look(key);
    const Result<Version> touched = store_.touch(key, ttl);
    if (touched || !before) return touched;
    return store_.put(key, before->value, {.ttl = ttl});
  }
};

class TouchOfTheExpired final : public FaultyStore {
 public:
  using FaultyStore::FaultyStore;
  Result<Version> put(std::string_view key, std::string_view value,
                      const PutOptions& options) override {
    const Result<Version> version = store_.put(key, value, options);
    if (version) remember(key, {.value = std::string(value), .version = *version});
    return version;
  }
  Status erase(std::string_view key, const EraseOptions& options) override {
    forget(key);
    return store_.erase(key, options);
  }
  Result<Version> touch(std::string_view key, Millis ttl) override {
    const Result<Version> touched = store_.touch(key, ttl);
    const auto before = recalled(key);
    if (touched || !before) return touched;
    (void)store_.put(key, before->value, {.ttl = ttl, .if_version = 0}).ok();
    return before->version;
  }
};

class LostTouch final : public FaultyStore {
 public:
  using FaultyStore::FaultyStore;
  Result<Version> touch(std::string_view key, Millis ttl) override {
    if (!now_and_then(4)) return store_.touch(key, ttl);
    const auto found = look(key);
    return found ? Result<Version>(found->version) : Result<Version>(StatusCode::kNotFound);
  }
};

// --- erases ----------------------------------------------------------------------------------

class LateErase final : public FaultyStore {
 public:
  using FaultyStore::FaultyStore;
  Status erase(std::string_view key, const EraseOptions& options) override {
    finish();
    if (options.if_version || !look(key)) return store_.erase(key, options);
    const std::lock_guard guard(pending_mutex_);
    pending_.emplace_back(key);
    return Status();
  }
  Result<Version> put(std::string_view key, std::string_view value,
                      const PutOptions& options) override {
    finish();
    return store_.put(key, value, options);
  }

 private:
  void finish() {
    const std::lock_guard guard(pending_mutex_);
    for (const std::string& key : pending_) (void)store_.erase(key).ok();
    pending_.clear();
  }
  std::mutex pending_mutex_;
  std::vector<std::string> pending_;
};

class EraseOfAnyVersion final : public FaultyStore {
 public:
  using FaultyStore::FaultyStore;
  Status erase(std::string_view key, const EraseOptions&) override { return store_.erase(key); }
};

class ErasedTwice final : public FaultyStore {
 public:
  using FaultyStore::FaultyStore;
  Status erase(std::string_view key, const EraseOptions& options) override {
    const auto found = look(key);
    const Status erased = store_.erase(key, options);
    return found && erased.code() == StatusCode::kNotFound ? Status() : erased;
  }
};

// --- updates ---------------------------------------------------------------------------------

class UpdateInTwoSteps final : public FaultyStore {
 public:
  using FaultyStore::FaultyStore;
  Result<Version> update(std::string_view key, Updater f, const PutOptions& options) override {
    const auto found = look(key);
    const Version current = found ? found->version : 0;
    if (options.if_version && *options.if_version != current) return StatusCode::kConflict;
    std::string value = found ? found->value : "";
    const RecordView view = found ? view_of(key, *found) : RecordView{};
    const UpdateAction action = f(found ? &view : nullptr, value);
    if (action == UpdateAction::kLeave) return current;
    if (action == UpdateAction::kErase) {
      (void)store_.erase(key).ok();
      return Version{0};
    }
    PutOptions without = options;
    without.if_version.reset();
    return store_.put(key, value, without);
  }
};

class UpdateThatForgetsTheDeadline final : public FaultyStore {
 public:
  using FaultyStore::FaultyStore;
  Result<Version> update(std::string_view key, Updater f, const PutOptions& options) override {
    PutOptions without = options;
    without.keep_deadline = false;
    return store_.update(key, f, without);
  }
};

template <class Shim>
PlantedBug bug(const char* name) {
  return {name, [](Store& store, const ManualClock& clock) {
            return std::make_unique<Shim>(store, clock);
          }};
}

}  // namespace

std::span<const PlantedBug> planted_bugs() {
  static const std::vector<PlantedBug> bugs = {
      bug<StaleCache>("a get answers from a cache that writes do not clear"),
      bug<MissedRead>("a get now and then misses a record that is there"),
      bug<OldVersion>("a get tells the value with an older version"),
      bug<OldBatch>("a visit_many shows what the one before it found"),
      bug<TornBatch>("a visit_many mixes two values"),
      bug<DeadAtItsDeadline>("a record is dead at its deadline already"),
      bug<ServedAfterItsDeadline>("a record is served once more after its deadline"),
      bug<IgnoredVersion>("a put ignores if_version"),
      bug<CheckThenPut>("a put checks if_version and then stores, in two steps"),
      bug<LostPut>("a put is acknowledged and lost"),
      bug<LatePut>("an overwritten value comes back"),
      bug<TouchThatRevives>("a touch brings back what was erased meanwhile"),
      bug<TouchOfTheExpired>("a touch revives an expired record"),
      bug<LostTouch>("a touch is acknowledged and lost"),
      bug<LateErase>("an erase returns before it is done"),
      bug<EraseOfAnyVersion>("an erase ignores if_version"),
      bug<ErasedTwice>("two erases both claim the same record"),
      bug<UpdateInTwoSteps>("an update reads and stores in two steps: another's write is lost"),
      bug<UpdateThatForgetsTheDeadline>("an update does not keep the deadline"),
  };
  return bugs;
}

}  // namespace cloakroom::testing
