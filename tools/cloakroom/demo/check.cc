// The demo's check: a fresh process opens the store that was killed, measures how soon it serves,
// and compares every session with the oracle.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <vector>

#include "base/hash.h"
#include "cloakroom/store.h"
#include "demo/shared.h"
#include "demo/worker.h"
#include "demo/workload.h"
#include "exit_codes.h"

namespace cloakroom::cli {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::chrono::seconds kWarmPatience{60};
constexpr std::uint64_t kReadsPerLook = 256;  // reads between two looks at stats()
// Two clocks are read one after the other, and rounded to milliseconds each.
constexpr std::int64_t kClockSlackMs = 50;

std::uint64_t nanos_since(SteadyClock::time_point begin) {
  return static_cast<std::uint64_t>((SteadyClock::now() - begin).count());
}

class Checker {
 public:
  Checker(const SharedMemory& memory, Store& store)
      : memory_(memory),
        plan_(memory->plan),
        store_(store),
        result_(memory->check),
        random_(plan_.seed, memory->check.alive, 'c') {
    result_ = CheckResult{};
  }

  // The first session whose state is beyond doubt, read as soon as the store is open.
  bool first_read(SteadyClock::time_point begin) {
    result_.open_ns = nanos_since(begin);
    const auto slot = any_alive();
    if (!slot) return fail("no session was acknowledged, so there is nothing to check");
    std::string value;
    // Whether the answer is right is for check_all() to say.
    if (const auto got = store_.get(key(*slot), value); !acceptable(got.status())) return false;
    result_.first_read_ns = nanos_since(begin);
    result_.opened_clean = store_.stats().opened_clean ? 1 : 0;
    return true;
  }

  // Reads random sessions until all are in memory.
  bool warm_up(SteadyClock::time_point begin) {
    std::string value;
    while (!store_.stats().warm) {
      if (SteadyClock::now() - begin > kWarmPatience) return fail("the store does not get warm");
      for (std::uint64_t i = 0; i < kReadsPerLook; ++i) {
        const auto slot = any_alive();
        if (!slot) break;
        const std::string id = key(*slot);
        const auto start = SteadyClock::now();
        const auto got = store_.get(id, value);
        result_.warming_get_ns.record(nanos_since(start));
        if (!acceptable(got.status())) return false;
      }
    }
    result_.warm_ns = nanos_since(begin);
    return true;
  }

  // Every slot against the store, then the store against the slots.
  bool check_all() {
    if (!find_clock_offset()) return false;
    for (std::size_t thread = 0; thread < plan_.threads; ++thread) {
      const std::size_t used = memory_.used(thread).size();
      for (std::size_t i = 0; i < used; ++i) {
        if (!check_slot(thread * plan_.slots_per_thread + i)) return false;
      }
    }
    const Stats stats = store_.stats();
    result_.records = stats.records;
    result_.memory_bytes = stats.memory_bytes;
    result_.key_value_bytes = stats.key_value_bytes;
    return check_foreign();
  }

 private:
  struct Found {
    bool present = false;
    std::string value;
    std::string owner;
    TimeMs deadline = 0;
  };

  bool check_slot(std::size_t slot) {
    SessionSlot& session = memory_.slot(slot);
    const SessionState acked = session.acked.load();
    const SessionState intent = session.intent.load();
    if (acked != intent) ++result_.in_flight;

    Found found;
    const auto got = store_.visit(key(slot), [&](const RecordView& record) {
      found = {true, std::string(record.value), std::string(record.owner), record.deadline};
    });
    if (!acceptable(got.status())) return false;
    if (found.present) keys_.push_back(checksum64(key(slot)));

    // The doubt of a write in flight ends here: later rounds start from what was found.
    const SessionState now = judge(slot, acked, intent, found);
    session.acked.store(now);
    session.intent.store(now);
    ++(found.present ? result_.alive : result_.ended);
    const TimeMs promised = session.renewed_ms.load() + clock_offset_ms_ + kDemoLifetime.count();
    if (found.present && found.deadline < promised - kClockSlackMs) report(Fault::kEarly, slot);
    return true;
  }

  // The state that the store is in, and a report where it may not be.
  SessionState judge(std::size_t slot, SessionState acked, SessionState intent,
                     const Found& found) {
    if (matches(slot, acked, found)) return acked;
    if (matches(slot, intent, found)) return intent;
    if (!found.present) {
      report(Fault::kLost, slot);
      return erased(acked);  // counted once, not at every later kill
    }
    report(acked % 2 == 1 ? Fault::kRevived : Fault::kStale, slot);
    return acked;
  }

  [[nodiscard]] bool matches(std::size_t slot, SessionState state, const Found& found) const {
    if (!alive(state)) return !found.present;
    return found.present && found.owner == session_owner(plan_.seed, slot) &&
           found.value == session_value(plan_.seed, slot, generation_of(state));
  }

  // Is there a record that no session has? Scanning also shows that the index agrees with get.
  bool check_foreign() {
    std::sort(keys_.begin(), keys_.end());
    std::uint64_t foreign = 0;
    Cursor cursor = kScanStart;
    do {
      const auto next = store_.scan(cursor, 1000, [&](const RecordView& record) {
        foreign += !std::binary_search(keys_.begin(), keys_.end(), checksum64(record.key));
      });
      if (!next) return fail("scan: " + next.status().to_string());
      cursor = *next;
    } while (cursor != kScanStart);
    result_.faults[static_cast<std::size_t>(Fault::kForeign)] += foreign;
    return true;
  }

  // Deadlines are in store time; the load noted the boot clock. A probe shows both at once.
  bool find_clock_offset() {
    constexpr Millis kProbeTtl{3'600'000};
    const std::string probe = "demo:probe";
    const auto put = store_.put(probe, "", {.ttl = kProbeTtl});
    if (!put) return fail("put: " + put.status().to_string());
    const std::int64_t after_ms = boot_ms();
    const auto seen = store_.visit(probe, [&](const RecordView& record) {
      clock_offset_ms_ = record.deadline - kProbeTtl.count() - after_ms;
    });
    if (!seen) return fail("get: " + seen.status().to_string());
    const Status erased_probe = store_.erase(probe);
    return erased_probe.ok() || fail("erase: " + erased_probe.to_string());
  }

  // A random session that was acknowledged alive and not in flight; nothing when there is none.
  std::optional<std::size_t> any_alive() {
    for (int attempt = 0; attempt < 1000; ++attempt) {
      const std::size_t thread = random_.next() % plan_.threads;
      const std::size_t used = memory_.used(thread).size();
      if (used == 0) continue;
      const std::size_t slot = thread * plan_.slots_per_thread + random_.next() % used;
      const SessionState acked = memory_.slot(slot).acked.load();
      if (alive(acked) && memory_.slot(slot).intent.load() == acked) return slot;
    }
    return std::nullopt;
  }

  void report(Fault fault, std::size_t slot) {
    ++result_.faults[static_cast<std::size_t>(fault)];
    if (result_.example_count == result_.examples.size()) return;
    result_.examples[result_.example_count++] = {fault, static_cast<std::uint32_t>(slot)};
  }

  bool acceptable(const Status& status) {
    if (status.ok() || status.code() == StatusCode::kNotFound) return true;
    return fail("get: " + status.to_string());
  }

  bool fail(const std::string& text) {
    memory_.fail(text);
    return false;
  }

  [[nodiscard]] std::string key(std::size_t slot) const { return session_key(plan_.seed, slot); }

  const SharedMemory& memory_;
  const DemoPlan& plan_;
  Store& store_;
  CheckResult& result_;
  DemoRandom random_;
  std::vector<std::uint64_t> keys_;   // checksums of the keys that were found
  std::int64_t clock_offset_ms_ = 0;  // store time minus boot clock
};

}  // namespace

int run_demo_check(const SharedMemory& memory, const std::string& dir) {
  const auto begin = SteadyClock::now();
  auto store = Store::open({.path = dir, .create_if_missing = false});
  if (!store) {
    memory.fail("open: " + store.status().to_string());
    return kExitCannotOpen;
  }
  Checker checker(memory, *store);
  if (!checker.first_read(begin) || !checker.warm_up(begin) || !checker.check_all()) {
    return kExitFindings;
  }
  if (const Status closed = store->close(); !closed) {
    memory.fail("close: " + closed.to_string());
    return kExitFindings;
  }
  memory->phase.store(Phase::kDone);
  return kExitOk;
}

}  // namespace cloakroom::cli
