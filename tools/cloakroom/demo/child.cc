// The demo's load: the process that will be killed. It serves sessions from several threads until
// then, and notes every write in the shared memory (demo_shared.h).
#include <fmt/format.h>

#include <chrono>
#include <queue>
#include <thread>
#include <vector>

#include "cloakroom/store.h"
#include "demo/shared.h"
#include "demo/worker.h"
#include "demo/workload.h"
#include "exit_codes.h"

namespace cloakroom::cli {
namespace {

using SteadyClock = std::chrono::steady_clock;

// Of the sessions that a kill left behind, this share goes on after it.
constexpr double kContinuingShare = 0.3;
constexpr std::int64_t kContinuingWithinNs = 500'000'000;
constexpr std::uint64_t kSabotageEvery = 20;

// One request that is due.
struct Visit {
  std::int64_t due_ns = 0;
  std::size_t slot = 0;  // in this thread's part
  std::uint32_t requests_left = 0;
  bool erased_at_end = false;

  friend bool operator<(const Visit& a, const Visit& b) noexcept { return a.due_ns > b.due_ns; }
};

// Adds a figure whose only writer this thread is.
void count(std::atomic<std::uint64_t>& counter) noexcept {
  counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

class LoadDriver {
 public:
  LoadDriver(const SharedMemory& memory, Store& store, std::size_t thread)
      : memory_(memory),
        plan_(memory->plan),
        store_(store),
        mine_(memory->threads[thread]),
        first_slot_(thread * memory->plan.slots_per_thread),
        random_(plan_.seed, thread, mine_.slots_used.load()) {
    arrival_gap_ns_ = 1e9 * plan_.threads / plan_.sessions_per_second;
  }

  // Serves until the process is killed, a call fails or the parent asks for the end.
  void run() {
    const auto start = SteadyClock::now();
    continue_sessions();
    while (memory_->phase.load() != Phase::kFailed && !memory_->stop.load()) {
      const auto now_ns = static_cast<std::int64_t>((SteadyClock::now() - start).count());
      const std::int64_t due_ns = serve_due(now_ns);
      std::this_thread::sleep_until(start + std::chrono::nanoseconds(due_ns));
    }
  }

 private:
  // Sessions of earlier rounds are written again, now that they come from the disk.
  void continue_sessions() {
    const std::size_t used = mine_.slots_used.load();
    for (std::size_t slot = 0; slot < used; ++slot) {
      if (!alive(at(slot).acked.load()) || random_.uniform() > kContinuingShare) continue;
      const SessionCourse course = draw_course(random_);
      visits_.push({static_cast<std::int64_t>(random_.uniform() * kContinuingWithinNs), slot,
                    course.requests, course.erased_at_end});
    }
  }

  // Serves what is due and answers when the next is.
  std::int64_t serve_due(std::int64_t now_ns) {
    while (true) {
      const bool arrivals_end = mine_.slots_used.load() >= plan_.slots_per_thread;
      const std::int64_t arrival = arrivals_end ? INT64_MAX : next_arrival_ns_;
      const std::int64_t visit = visits_.empty() ? INT64_MAX : visits_.top().due_ns;
      const std::int64_t due = std::min(arrival, visit);
      if (due > now_ns) return std::min(due, now_ns + kNapNs);
      if (memory_->phase.load() == Phase::kFailed) return now_ns;
      if (arrival <= visit) {
        next_arrival_ns_ += static_cast<std::int64_t>(random_.exponential(arrival_gap_ns_));
        begin_session(now_ns);
      } else {
        const Visit next = visits_.top();
        visits_.pop();
        serve(next, now_ns);
      }
    }
  }

  void begin_session(std::int64_t now_ns) {
    const std::size_t slot = mine_.slots_used.load();
    if (random_.uniform() < kReturningShare) show_ended_session();
    mine_.slots_used.store(slot + 1, std::memory_order_release);
    const SessionCourse course = draw_course(random_);
    put(slot);
    schedule({now_ns, slot, course.requests - 1, course.erased_at_end});
  }

  // A client that comes back with the key of a session that was ended: it must be absent.
  void show_ended_session() {
    std::string value;
    const auto got = timed_get(ended_key_.empty() ? "sess:unknown" : ended_key_, value);
    if (got.code() != StatusCode::kNotFound) wrong_answer();
  }

  void serve(const Visit& visit, std::int64_t now_ns) {
    const SessionState state = at(visit.slot).acked.load();
    if (!alive(state)) return;
    std::string value;
    const auto got = timed_get(key(visit.slot), value);
    if (!got || value != session_value(plan_.seed, global(visit.slot), generation_of(state))) {
      wrong_answer();
    }
    if (random_.uniform() < kPutShare) {
      put(visit.slot);
    } else {
      touch(visit.slot);
    }
    schedule({now_ns, visit.slot, visit.requests_left - 1, visit.erased_at_end});
  }

  void schedule(Visit visit) {
    if (visit.requests_left > 0) {
      visit.due_ns += draw_pause_ns(random_);
      visits_.push(visit);
    } else if (visit.erased_at_end) {
      erase(visit.slot);
    }
  }

  void put(std::size_t slot) {
    SessionSlot& session = at(slot);
    const SessionState state = next_write(session.acked.load());
    const std::string bytes = session_value(plan_.seed, global(slot), generation_of(state));
    const std::string id = key(slot);
    const std::string owner = session_owner(plan_.seed, global(slot));
    session.intent.store(state);
    const std::int64_t now_ms = boot_ms();
    const bool skipped = sabotaged(generation_of(state) == 1 ? Sabotage::kLose : Sabotage::kStale);
    if (!skipped) {
      const auto begin = SteadyClock::now();
      const auto done = store_.put(id, bytes, {.ttl = kDemoLifetime, .owner = owner});
      record(mine_.put_ns, begin);
      if (!done) return fail("put", done.status());
    }
    session.renewed_ms.store(now_ms);
    session.acked.store(state);
    count(mine_.puts);
  }

  void touch(std::size_t slot) {
    const std::int64_t now_ms = boot_ms();
    const std::string id = key(slot);
    const auto begin = SteadyClock::now();
    const auto done = store_.touch(id, kDemoLifetime);
    record(mine_.touch_ns, begin);
    if (done.code() == StatusCode::kNotFound) return wrong_answer();
    if (!done) return fail("touch", done.status());
    at(slot).renewed_ms.store(now_ms);
    count(mine_.touches);
  }

  void erase(std::size_t slot) {
    SessionSlot& session = at(slot);
    const SessionState state = erased(session.acked.load());
    session.intent.store(state);
    if (!sabotaged(Sabotage::kRevive)) {
      const Status done = store_.erase(key(slot));
      if (done.code() == StatusCode::kNotFound) {
        wrong_answer();
      } else if (!done) {
        return fail("erase", done);
      }
      ended_key_ = key(slot);
    }
    session.acked.store(state);
    count(mine_.erases);
  }

  Result<Version> timed_get(const std::string& id, std::string& value) {
    const auto begin = SteadyClock::now();
    auto got = store_.get(id, value);
    record(mine_.get_ns, begin);
    count(mine_.gets);
    if (!got && got.code() != StatusCode::kNotFound) fail("get", got.status());
    return got;
  }

  // Pretends that a write was made now and then, so that the tests see the check find it.
  bool sabotaged(Sabotage kind) {
    return plan_.sabotage == kind && ++pretended_ % kSabotageEvery == 0;
  }

  static void record(LogHistogram& histogram, SteadyClock::time_point begin) {
    histogram.record(static_cast<std::uint64_t>((SteadyClock::now() - begin).count()));
  }

  void wrong_answer() { count(mine_.wrong_answers); }

  void fail(const char* call, const Status& status) {
    memory_.fail(fmt::format("{}: {}", call, status.to_string()));
  }

  [[nodiscard]] std::size_t global(std::size_t slot) const { return first_slot_ + slot; }
  [[nodiscard]] SessionSlot& at(std::size_t slot) const { return memory_.slot(global(slot)); }
  [[nodiscard]] std::string key(std::size_t slot) const {
    return session_key(plan_.seed, global(slot));
  }

  static constexpr std::int64_t kNapNs = 20'000'000;  // how often `stop` is looked at

  const SharedMemory& memory_;
  const DemoPlan& plan_;
  Store& store_;
  LoadThread& mine_;
  const std::size_t first_slot_;
  DemoRandom random_;
  double arrival_gap_ns_ = 0;
  std::int64_t next_arrival_ns_ = 0;
  std::uint64_t pretended_ = 0;
  std::string ended_key_;
  std::priority_queue<Visit> visits_;
};

}  // namespace

int run_demo_load(const SharedMemory& memory, const std::string& dir) {
  auto store = Store::open({.path = dir});
  if (!store) {
    memory.fail(store.status().to_string());
    return kExitCannotOpen;
  }
  memory->phase.store(Phase::kRunning);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < memory->plan.threads; ++i) {
    threads.emplace_back([&, i] { LoadDriver(memory, *store, i).run(); });
  }
  for (std::thread& thread : threads) thread.join();
  return memory->phase.load() == Phase::kFailed ? kExitFindings : kExitOk;
}

}  // namespace cloakroom::cli
