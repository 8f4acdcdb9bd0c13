// cloakroom demo: starts a store under load in a process of its own, kills it, has another process
// check it, and so on. This process opens no store and starts no thread: it only watches.
#include <fmt/format.h>
#include <signal.h>
#include <stdlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <random>
#include <thread>

#include "demo/demo.h"
#include "demo/process.h"
#include "demo/report.h"
#include "demo/shared.h"
#include "demo/workload.h"
#include "exit_codes.h"
#include "reading/isolate.h"
#include "text/output.h"
#include "text/progress.h"

namespace cloakroom::cli {
namespace {

namespace fs = std::filesystem;
using SteadyClock = std::chrono::steady_clock;

constexpr std::chrono::seconds kCheckPatience{300};

volatile sig_atomic_t interrupted = 0;

double seconds_since(SteadyClock::time_point begin) {
  return std::chrono::duration<double>(SteadyClock::now() - begin).count();
}

// Where the store lies: as asked for, or a temporary place that goes away again.
class DemoPlace {
 public:
  // Empty text: fine.
  std::string choose(const DemoOptions& options) {
    std::error_code failed;
    if (!options.dir.empty()) {
      store_ = options.dir;
      if (!fs::exists(store_, failed)) return {};
      if (fs::is_directory(store_, failed) && fs::is_empty(store_, failed) && !failed) return {};
      return store_ + " is there already; the demo wants a directory of its own, choose another";
    }
    std::string path = fs::temp_directory_path(failed) / "cloakroom-demo-XXXXXX";
    if (failed || ::mkdtemp(path.data()) == nullptr) {
      return "cannot create a temporary directory: " + std::string(std::strerror(errno)) +
             "; name one with --dir";
    }
    temporary_ = path;
    store_ = path + "/store";
    keep_ = options.keep;
    return {};
  }
  ~DemoPlace() {
    std::error_code ignored;
    if (!kept()) fs::remove_all(temporary_, ignored);
  }
  DemoPlace() = default;
  DemoPlace(const DemoPlace&) = delete;
  DemoPlace& operator=(const DemoPlace&) = delete;

  void keep() noexcept { keep_ = true; }
  [[nodiscard]] bool kept() const noexcept { return keep_ || temporary_.empty(); }
  [[nodiscard]] const std::string& store() const noexcept { return store_; }

 private:
  std::string temporary_;  // empty: the user named the place
  std::string store_;
  bool keep_ = false;
};

class Demo {
 public:
  Demo(const DemoOptions& options, const SharedMemory& memory, const std::string& dir)
      : options_(options), memory_(memory), random_(memory->plan.seed, options.kills, 'p') {
    outcome_.dir = dir;
  }

  // Stops at the first round that fails: what follows would only repeat it.
  void run() {
    for (std::uint32_t i = 1; i <= options_.kills && outcome_.failures.empty(); ++i) {
      DemoRound round;
      const bool loaded = load_and_kill(i, round);
      if (loaded) check(round);
      if (interrupted != 0) return;
      if (round.checked) {
        for (const std::string& fault : faults_of(round, memory_)) failed(i, fault);
      }
      outcome_.rounds.push_back(round);
      if (!options_.json && (loaded || round.writes > 0)) print_round(round, i, options_.kills);
    }
    for (const LoadThread& thread : memory_->threads) {
      outcome_.get_ns.merge(thread.get_ns);
      outcome_.put_ns.merge(thread.put_ns);
      outcome_.touch_ns.merge(thread.touch_ns);
    }
  }

  [[nodiscard]] DemoOutcome& outcome() noexcept { return outcome_; }
  // The first process could not open the store at all.
  [[nodiscard]] bool cannot_open() const noexcept { return cannot_open_; }

 private:
  bool load_and_kill(std::uint32_t number, DemoRound& round) {
    const LoadCounts before = counts_of(memory_);
    DemoProcess process(memory_, outcome_.dir, "load");
    if (!process.started()) return failed(number, "cannot start a process");
    if (!await_load(number, process)) return false;

    const auto begin = SteadyClock::now();
    // The moment is random, so that it falls into any stage of the store's work.
    const double share = 0.75 + 0.5 * random_.uniform();
    watch_load(number, process, options_.seconds / options_.kills * share);
    if (memory_->plan.sabotage == Sabotage::kSpare) {
      memory_->stop.store(true);
      (void)process.wait();
    }
    const std::uint64_t writes_before_kill = counts_of(memory_).writes();
    process.kill();
    round.load_seconds = seconds_since(begin);
    if (!process.wait()) {
      return failed(number, "the process does not die of SIGKILL; is its disk stuck?");
    }
    round.total = counts_of(memory_);
    round.writes = round.total.writes() - before.writes();
    round.killed = process.end().signal == SIGKILL;
    return judge_kill(number, process, round, writes_before_kill - before.writes());
  }

  // The load must have been there, and our signal must have ended it.
  bool judge_kill(std::uint32_t number, const DemoProcess& process, const DemoRound& round,
                  std::uint64_t writes_before_kill) {
    if (interrupted != 0) return false;
    if (memory_->phase.load() == Phase::kFailed) return failed(number, error_text());
    if (!round.killed) {
      return failed(number, "nothing was killed: the load had ended by itself with " +
                                describe(process.end()));
    }
    if (writes_before_kill == 0) {
      return failed(number,
                    "nothing was written before the kill, so it proves nothing; give it "
                    "more --seconds");
    }
    if (round.total.wrong_answers > 0) {
      failed(number,
             human_count(round.total.wrong_answers) + " answers were wrong while the store ran");
    }
    return true;  // The check shall say what became of them.
  }

  // Until the store is open and the threads run.
  bool await_load(std::uint32_t number, DemoProcess& process) {
    const auto begin = SteadyClock::now();
    while (memory_->phase.load() == Phase::kStarting) {
      if (interrupted != 0) return false;
      if (process.ended()) {
        return failed(number, "the process under load ended with " + describe(process.end()) +
                                  " before it served");
      }
      if (SteadyClock::now() - begin > kProcessPatience) {
        return failed(number, "the store does not open");
      }
      std::this_thread::sleep_for(kProcessLook);
    }
    if (memory_->phase.load() == Phase::kRunning) return true;
    (void)process.wait();
    // Later on it is a find: the store was fine before the kill.
    cannot_open_ = number == 1 && process.end().exit_code == kExitCannotOpen;
    return failed(number, error_text());
  }

  void watch_load(std::uint32_t number, DemoProcess& process, double seconds) {
    Progress progress(fmt::format("load {} of {}", number, options_.kills));
    const auto begin = SteadyClock::now();
    const auto end = begin + std::chrono::duration_cast<SteadyClock::duration>(
                                 std::chrono::duration<double>(seconds));
    while (SteadyClock::now() < end) {
      if (interrupted != 0 || process.ended() || memory_->phase.load() == Phase::kFailed) return;
      const LoadCounts counts = counts_of(memory_);
      progress.update(static_cast<std::uint64_t>(seconds_since(begin) * 1000),
                      static_cast<std::uint64_t>(seconds * 1000),
                      fmt::format("{} sessions, {} writes acknowledged",
                                  human_count(counts.sessions), human_count(counts.writes())));
      std::this_thread::sleep_until(std::min(end, SteadyClock::now() + kProcessLook));
    }
  }

  void check(DemoRound& round) {
    const auto number = static_cast<std::uint32_t>(outcome_.rounds.size() + 1);
    DemoProcess process(memory_, outcome_.dir, "check");
    Progress progress("check");
    const auto begin = SteadyClock::now();
    while (!process.ended()) {
      if (interrupted != 0) return;
      if (SteadyClock::now() - begin > kCheckPatience) {
        failed(number, "the check does not end");
        return;
      }
      progress.update(0, 0, "reopened, comparing every session");
      std::this_thread::sleep_for(kProcessLook);
    }
    round.check = memory_->check;
    round.checked = process.end().exit_code == kExitOk && memory_->phase.load() == Phase::kDone;
    if (round.checked) return;
    if (memory_->phase.load() == Phase::kFailed) {
      failed(number, "after the kill, " + error_text());
    } else {
      failed(number, "the process that reopened the store ended with " + describe(process.end()));
    }
  }

  bool failed(std::uint32_t number, const std::string& text) {
    outcome_.failures.push_back(fmt::format("kill {}: {}", number, text));
    return false;
  }

  [[nodiscard]] std::string error_text() const { return memory_->error_text.data(); }

  const DemoOptions& options_;
  const SharedMemory& memory_;
  DemoRandom random_;
  DemoOutcome outcome_;
  bool cannot_open_ = false;
};

Sabotage sabotage_of(const std::string& name) {
  constexpr std::array<std::pair<const char*, Sabotage>, 4> kNames{{{"lose", Sabotage::kLose},
                                                                    {"revive", Sabotage::kRevive},
                                                                    {"stale", Sabotage::kStale},
                                                                    {"spare", Sabotage::kSpare}}};
  for (const auto& [known, kind] : kNames) {
    if (name == known) return kind;
  }
  return Sabotage::kNone;
}

DemoPlan plan_of(const DemoOptions& options) {
  DemoPlan plan{};
  plan.seed = options.seed != 0 ? options.seed : std::random_device{}();
  plan.threads = options.threads != 0 ? options.threads
                                      : std::clamp(std::thread::hardware_concurrency(), 2U, 8U);
  // Room for a run that happens to draw more than the mean.
  plan.slots_per_thread =
      static_cast<std::uint32_t>(options.sessions / plan.threads * 3 / 2 + 1000);
  plan.sessions_per_second = static_cast<double>(options.sessions) / options.seconds;
  plan.sabotage = sabotage_of(options.sabotage);
  return plan;
}

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = [](int signal) { interrupted = signal; };
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

}  // namespace

int run_demo(const DemoOptions& options) {
  DemoPlace place;
  if (const std::string refused = place.choose(options); !refused.empty()) {
    message(refused);
    return kExitCannotOpen;
  }
  const DemoPlan plan = plan_of(options);
  const auto memory = SharedMemory::create(std::size_t{plan.threads} * plan.slots_per_thread);
  if (!memory) {
    message(text_of(memory.status()));
    return kExitCannotOpen;
  }
  (*memory)->plan = plan;
  catch_interrupts();
  if (!options.json) print_demo_start(options, place.store(), plan);

  Demo demo(options, *memory, place.store());
  demo.run();
  if (interrupted != 0) return 128 + static_cast<int>(interrupted);
  DemoOutcome& outcome = demo.outcome();
  // What went wrong can be looked at, unless there is nothing to look at.
  if (!outcome.failures.empty() && !demo.cannot_open()) place.keep();
  outcome.dir_kept = place.kept();
  if (demo.cannot_open()) {
    for (const std::string& failure : outcome.failures) message(failure);
    return kExitCannotOpen;
  }
  if (options.json) {
    print_outcome_json(outcome, plan);
  } else {
    print_outcome(outcome);
  }
  return outcome.failures.empty() ? kExitOk : kExitFindings;
}

}  // namespace cloakroom::cli
