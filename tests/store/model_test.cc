// A store against the plainest thing that could be right: a std::map and a clock. Thousands of
// random calls, steps of time and clean restarts; every answer and every record is compared.
#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "support/manual_clock.h"
#include "support/random_seed.h"
#include "support/store_fixture.h"
#include "support/temp_dir.h"

namespace cloakroom::testing {
namespace {

using Records = std::map<std::string, RecordCopy>;

TimeMs capped(TimeMs now, Millis ttl, TimeMs lifetime) {
  const TimeMs deadline = ttl == kNoExpiry ? kNever : now + ttl.count();
  return std::min(deadline, lifetime);
}

// What a store should be. Only kBytes: records of fields have a model of their own (fields_test).
class Model {
 public:
  explicit Model(const ManualClock& clock) : clock_(clock) {}

  [[nodiscard]] const RecordCopy* alive(const std::string& key) const {
    const auto found = records_.find(key);
    return found != records_.end() && found->second.deadline >= clock_.wall_ms() ? &found->second
                                                                                 : nullptr;
  }

  // The record as the store must hold it after a put that was given this version.
  void put(const std::string& key, const std::string& value, const PutOptions& options,
           Version version) {
    const TimeMs now = clock_.wall_ms();
    const RecordCopy* const old = alive(key);
    RecordCopy next;
    next.value = value;
    next.version = version;
    next.created = old != nullptr ? old->created : now;
    next.lifetime = old != nullptr ? old->lifetime : capped(now, options.lifetime, kNever);
    next.deadline = old != nullptr && options.keep_deadline
                        ? old->deadline
                        : capped(now, options.ttl, next.lifetime);
    next.owner = options.owner ? std::string(*options.owner) : old != nullptr ? old->owner : "";
    records_[key] = next;
  }

  void touch(const std::string& key, Millis ttl) {
    RecordCopy& record = records_.at(key);
    record.deadline = capped(clock_.wall_ms(), ttl, record.lifetime);
  }

  void rename(const std::string& from, const std::string& to, const RenameOptions& options,
              Version version) {
    const TimeMs now = clock_.wall_ms();
    RecordCopy record = records_.at(from);
    record.version = version;
    if (options.value) record.value = *options.value;
    if (!options.keep_deadline) {
      record.lifetime = capped(now, options.lifetime, kNever);
      record.deadline = capped(now, options.ttl, record.lifetime);
    }
    records_.erase(from);
    if (options.leave) {
      RecordCopy left;
      left.value = *options.leave;
      left.version = version;
      left.created = now;
      left.deadline = capped(now, options.leave_ttl, kNever);
      records_[from] = left;
    }
    records_[to] = record;
  }

  void erase(const std::string& key) { records_.erase(key); }

  [[nodiscard]] Records living() const {
    Records living;
    for (const auto& [key, record] : records_) {
      if (record.deadline >= clock_.wall_ms()) living.insert({key, record});
    }
    return living;
  }

 private:
  const ManualClock& clock_;
  Records records_;
};

class ModelRun {
 public:
  ModelRun(std::uint64_t seed, Options options, ManualClock& clock)
      : random_(seed),
        options_(std::move(options)),
        clock_(clock),
        model_(clock),
        keys_(1 + below(random_, 60)),
        store_(open_store(options_)) {}

  void run(int steps) {
    for (int step = 0; step < steps; ++step) {
      CAPTURE(step);
      one_step();
    }
    compare_all();
  }

 private:
  void one_step() {
    const std::string key = text("k", below(random_, keys_));
    switch (below(random_, 15)) {
      case 0: case 1: case 2: return check_put(key);
      case 3: case 4: return check_get(key);
      case 5: return check_touch(key);
      case 6: return check_erase(key);
      case 7: return check_update(key);
      case 8: return check_erase_owned();
      case 9: return check_owned_by();
      case 10:
        clock_.advance(Millis(below(random_, 2000)));
        return;
      case 11:
        if (one_in(random_, 2)) store_.sweep();
        return;
      case 12:
        if (one_in(random_, 10)) compare_all();
        return;
      case 13: return check_rename(key, text("k", below(random_, keys_)));
      default:
        if (one_in(random_, 20)) restart();
    }
  }

  std::string owner() { return one_in(random_, 3) ? "" : text("owner", below(random_, 4)); }
  Millis ttl() { return one_in(random_, 4) ? kNoExpiry : Millis(1 + below(random_, 8000)); }

  PutOptions put_options(const std::string& key, const std::string& owner) {
    PutOptions options;
    options.ttl = ttl();
    if (one_in(random_, 3)) options.lifetime = ttl();
    options.keep_deadline = one_in(random_, 3);
    if (one_in(random_, 2)) options.owner = owner;
    const RecordCopy* const current = model_.alive(key);
    if (one_in(random_, 5)) options.if_version = current != nullptr ? current->version : 0;
    if (one_in(random_, 8)) options.if_version = below(random_, last_version_ + 2);
    if (one_in(random_, 3)) options.durability = Durability::kMemory;
    return options;
  }

  bool holds(const std::string& key, std::optional<Version> expected) const {
    const RecordCopy* const current = model_.alive(key);
    return !expected || *expected == (current != nullptr ? current->version : 0);
  }

  void grown(Version version) {
    REQUIRE(version > last_version_);
    last_version_ = version;
  }

  void check_put(const std::string& key) {
    const std::string whose = owner();
    const PutOptions options = put_options(key, whose);
    const std::string value(below(random_, 200), static_cast<char>('a' + below(random_, 26)));
    const auto put = store_.put(key, value, options);
    if (!holds(key, options.if_version)) {
      REQUIRE(put.code() == StatusCode::kConflict);
      return;
    }
    REQUIRE_OK(put);
    grown(*put);
    model_.put(key, value, options, *put);
    check_record(key);
  }

  void check_get(const std::string& key) {
    const RecordCopy* const expected = model_.alive(key);
    const auto got = store_.get(key);
    REQUIRE(got.code() == (expected != nullptr ? StatusCode::kOk : StatusCode::kNotFound));
    if (got) REQUIRE(*got == expected->value);
    check_record(key);
  }

  void check_record(const std::string& key) {
    const RecordCopy* const expected = model_.alive(key);
    const auto found = record_of(store_, key);
    REQUIRE(found.has_value() == (expected != nullptr));
    if (found) REQUIRE(*found == *expected);
  }

  void check_touch(const std::string& key) {
    const RecordCopy* const current = model_.alive(key);
    const Millis given = ttl();
    const auto touched = store_.touch(key, given);
    REQUIRE(touched.code() == (current != nullptr ? StatusCode::kOk : StatusCode::kNotFound));
    if (!touched) return;
    REQUIRE(*touched == current->version);
    model_.touch(key, given);
    check_record(key);
  }

  void check_erase(const std::string& key) {
    const RecordCopy* const current = model_.alive(key);
    EraseOptions options;
    if (one_in(random_, 4)) options.if_version = below(random_, last_version_ + 2);
    const Status erased = store_.erase(key, options);
    if (current == nullptr) {
      REQUIRE(erased.code() == StatusCode::kNotFound);
    } else if (!holds(key, options.if_version)) {
      REQUIRE(erased.code() == StatusCode::kConflict);
    } else {
      REQUIRE_OK(erased);
      model_.erase(key);
    }
    check_record(key);
  }

  void check_update(const std::string& key) {
    const std::string whose = owner();
    PutOptions options = put_options(key, whose);
    const auto action = static_cast<UpdateAction>(below(random_, 3));
    const RecordCopy* const current = model_.alive(key);
    const bool expected = holds(key, options.if_version);
    bool called = false;
    const auto updated =
        store_.update(key, [&](const RecordView* view, std::string& value) {
          called = true;
          REQUIRE((view != nullptr) == (current != nullptr));
          if (view != nullptr) REQUIRE(copy_of(*view) == *current);
          REQUIRE(value == (current != nullptr ? current->value : ""));
          value += "+";
          return action;
        }, options);
    REQUIRE(called == expected);
    if (!expected) {
      REQUIRE(updated.code() == StatusCode::kConflict);
      return;
    }
    REQUIRE_OK(updated);
    if (action == UpdateAction::kStore) {
      grown(*updated);
      model_.put(key, (current != nullptr ? current->value : "") + "+", options, *updated);
    } else if (action == UpdateAction::kErase) {
      REQUIRE(*updated == 0);
      model_.erase(key);
    } else {
      REQUIRE(*updated == (current != nullptr ? current->version : 0));
    }
    check_record(key);
  }

  void check_rename(const std::string& from, const std::string& to) {
    RenameOptions options;
    const std::string other(below(random_, 200), 'r');
    if (one_in(random_, 2)) options.value = other;
    if (one_in(random_, 2)) options.leave = "left behind";
    options.leave_ttl = ttl();
    options.keep_deadline = !one_in(random_, 3);
    options.ttl = ttl();
    options.lifetime = ttl();
    if (one_in(random_, 5)) options.if_version = below(random_, last_version_ + 2);
    const auto renamed = store_.rename(from, to, options);
    if (from == to) {
      REQUIRE(renamed.code() == StatusCode::kInvalidArgument);
    } else if (model_.alive(from) == nullptr) {
      REQUIRE(renamed.code() == StatusCode::kNotFound);
    } else if (!holds(from, options.if_version) || model_.alive(to) != nullptr) {
      REQUIRE(renamed.code() == StatusCode::kConflict);
    } else {
      REQUIRE_OK(renamed);
      grown(*renamed);
      model_.rename(from, to, options, *renamed);
    }
    check_record(from);
    check_record(to);
  }

  std::set<std::string> keys_of(const std::string& owner) const {
    std::set<std::string> keys;
    for (const auto& [key, record] : model_.living()) {
      if (record.owner == owner) keys.insert(key);
    }
    return keys;
  }

  void check_owned_by() {
    const std::string owner = text("owner", below(random_, 4));
    const auto owned = store_.owned_by(owner);
    REQUIRE_OK(owned);
    std::set<std::string> found;
    for (const OwnedRecord& record : *owned) {
      found.insert(record.key);
      const RecordCopy* const expected = model_.alive(record.key);
      REQUIRE(expected != nullptr);
      REQUIRE(record.version == expected->version);
      REQUIRE(record.deadline == expected->deadline);
      REQUIRE(record.created == expected->created);
    }
    REQUIRE(found == keys_of(owner));
    REQUIRE(found.size() == owned->size());
  }

  void check_erase_owned() {
    if (!one_in(random_, 4)) return;
    const std::string owner = text("owner", below(random_, 4));
    const std::string spared = one_in(random_, 2) ? "" : text("k", below(random_, keys_));
    std::set<std::string> expected = keys_of(owner);
    if (!spared.empty()) expected.erase(spared);
    const auto erased = store_.erase_owned(owner, spared);
    REQUIRE_OK(erased);
    REQUIRE(*erased == expected.size());
    for (const std::string& key : expected) model_.erase(key);
  }

  void compare_all() {
    const Records found = contents_of(store_, 1 + below(random_, 50));
    const Records expected = model_.living();
    for (const auto& entry : expected) {  // clang 14 captures no structured binding
      const std::string& key = entry.first;
      const auto& record = entry.second;
      CAPTURE(key);
      REQUIRE(found.contains(key));
      REQUIRE(found.at(key) == record);
    }
    REQUIRE(found.size() == expected.size());
    REQUIRE(store_.stats().version_last >= last_version_);
  }

  void restart() {
    if (options_.path.empty()) return;
    REQUIRE_OK(store_.close());
    clock_.advance(Millis(below(random_, 3000)));
    clock_.set_boot(static_cast<TimeMs>(below(random_, 1'000'000)));
    options_.stripe_count = std::size_t{1} << below(random_, 6);
    options_.touch_resolution = Millis(below(random_, 3) * 2000);
    store_ = open_store(options_);
    REQUIRE(store_.stats().opened_clean);
    if (one_in(random_, 2)) compare_all();
  }

  Random random_;
  Options options_;
  ManualClock& clock_;
  Model model_;
  const std::uint64_t keys_;
  Store store_;
  Version last_version_ = 0;
};

}  // namespace

TEST_CASE("model: a memory-only store agrees with a map") {
  CLOAKROOM_RANDOM_SEED(seed);
  const int runs = seed_of_environment() ? 1 : 40;
  for (int i = 0; i < runs; ++i) {
    const std::uint64_t run_seed = seed + static_cast<std::uint64_t>(i);
    INFO("repeat with CLOAKROOM_SEED=" << run_seed);
    ManualClock clock;
    ModelRun(run_seed, quiet_options(clock), clock).run(2000);
  }
}

TEST_CASE("model: a store on disk agrees with a map over restarts") {
  CLOAKROOM_RANDOM_SEED(seed);
  const int runs = seed_of_environment() ? 1 : 10;
  for (int i = 0; i < runs; ++i) {
    const std::uint64_t run_seed = seed + static_cast<std::uint64_t>(i);
    INFO("repeat with CLOAKROOM_SEED=" << run_seed);
    TempDir dir;
    ManualClock clock;
    ModelRun(run_seed, quiet_options(clock, dir.store_path()), clock).run(1500);
  }
}

}  // namespace cloakroom::testing
