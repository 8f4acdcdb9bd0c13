// Every call by which RocksDB changes the disk, and every call that Cloakroom makes itself, for its
// ring above all, fails once, in its turn, and then from that turn on: with EIO, with ENOSPC, and
// with half of a write done.
//
//   for k = 1, 2, 3, ...: a child runs the workload on FaultyFs, or under FailingCalls, with the
//   k-th call failing; the last k is the one where nothing fired any more, so every place was
//   visited.
//
// Each answer must be ok (then it counts as acknowledged) or an error with a message; after the
// first failed write the store must say that it is degraded and go on reading; nothing may abort.
// Then the store is opened on a healthy disk: everything acknowledged must be there.
//
// Four workloads: a life (create, write, checkpoint, close), a recovery (open what a crash left, in
// the log and in the ring), the same with a ring of another size, and a storm: several threads
// write and sync when the disk fails under them.
#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "faults/failing_calls.h"
#include "faults/harness.h"
#include "store/engine.h"
#include "support/faulty_fs.h"
#include "support/temp_dir.h"

namespace cloakroom::faults {
namespace {

using testing::Fault;
using testing::FaultyFs;

// What the disk must hold: a value, absence, or either when a call's outcome is in doubt.
struct Expected {
  std::optional<std::string> value = {};
  std::optional<std::string> or_value = {};  // in doubt: this may be there instead
  bool or_absent = false;                    // in doubt: nothing may be there
};
using Model = std::map<std::string, Expected>;

enum class Workload { kLife, kRecovery, kResize, kStorm };
const char* to_string(Workload workload) {
  constexpr std::array<const char*, 4> kNames{"life", "recovery", "resize", "storm"};
  return kNames[static_cast<std::size_t>(workload)];
}

// Whose calls fail: RocksDB's, or Cloakroom's own.
enum class Caller { kRocks, kOwn };
const char* to_string(Caller caller) { return caller == Caller::kRocks ? "rocks" : "own"; }

// FaultyFs or FailingCalls, armed and asked alike. Only in a child.
class Faults {
 public:
  Faults(Caller caller, const std::string& path) {
    if (caller == Caller::kRocks) {
      fs_ = std::make_shared<FaultyFs>();
    } else {
      FailingCalls::instance().watch(path);
    }
  }
  void arm(std::uint64_t k, Fault fault, bool sticky) const {
    fs_ ? fs_->arm(k, fault, sticky) : FailingCalls::instance().arm(k, fault, sticky);
  }
  void disarm() const { fs_ ? fs_->disarm() : FailingCalls::instance().disarm(); }
  [[nodiscard]] std::uint64_t calls() const {
    return fs_ ? fs_->calls() : FailingCalls::instance().calls();
  }
  [[nodiscard]] std::uint64_t fired() const {
    return fs_ ? fs_->fired() : FailingCalls::instance().fired();
  }
  [[nodiscard]] std::string first_site() const {
    return fs_ ? fs_->first_site() : FailingCalls::instance().first_site();
  }
  [[nodiscard]] JournalHooks hooks() const { return {.file_system = fs_}; }

 private:
  std::shared_ptr<FaultyFs> fs_;
};

struct Outcome {
  Note note;
  std::uint64_t fired = 0;
  std::uint64_t calls = 0;
  std::uint64_t reported = 0;  // errors, as answered
  char site[64] = {};
};

Options store_options(const std::string& path) {
  Options options;
  options.path = path;
  options.background = false;
  options.stripe_count = 4;
  options.memory_limit_bytes = std::size_t{64} << 20;
  options.disk_floor_bytes = 0;
  options.ring_bytes = std::size_t{1} << 20;
  return options;
}

std::string key(std::uint64_t i) { return "key" + std::to_string(i); }

bool is_expected_failure(const Status& status) {
  switch (status.code()) {
    case StatusCode::kIo:
    case StatusCode::kReadOnly:
    case StatusCode::kFull:
      return !status.message().empty();
    default:
      return false;
  }
}

// One run of a workload in a child.
class Run {
 public:
  Run(std::string path, const Faults& faults, Outcome& outcome)
      : path_(std::move(path)), faults_(faults), outcome_(outcome) {}

  int life() {
    auto engine = open();
    if (engine) {
      for (std::uint64_t i = 0; i < 30; ++i) put(*engine, key(i), make_value(i));
      for (std::uint64_t i = 0; i < 30; i += 6) erase(*engine, key(i));
      for (std::uint64_t i = 1; i < 30; i += 7) put(*engine, key(i), make_value(100 + i));
      checkpoint(*engine);
      put(*engine, key(2), make_value(200));
      check_reads(*engine);
      check_degraded(*engine);
      close(*engine);
    }
    return finish();
  }

  int recovery(const Model& model, std::size_t ring_bytes) {
    model_ = model;
    ring_bytes_ = ring_bytes;
    auto engine = open();
    if (engine) {
      put(*engine, key(2), make_value(200));
      erase(*engine, key(3));
      engine->sweep();
      check_reads(*engine);
      check_degraded(*engine);
      close(*engine);
    }
    return finish();
  }

  // The fault is armed once the store is open; each thread has keys of its own.
  int storm(std::uint64_t k, Fault fault, bool sticky) {
    auto engine = open();
    if (!engine) return finish();
    faults_.arm(k, fault, sticky);
    std::vector<Run> runs(3, *this);
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < runs.size(); ++t) {
      threads.emplace_back([&engine, &run = runs[t], t] {
        for (std::uint64_t i = 0; i < 40; ++i) {
          run.put(*engine, std::to_string(t) + key(i % 9), make_value(i, 60),
                  (i + t) % 2 == 0 ? Durability::kDisk : Durability::kProcess);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (Run& run : runs) {
      model_.merge(run.model_);
      failed_ = failed_ || run.failed_;
      wrong(run.problem_);
    }
    check_reads(*engine);
    check_degraded(*engine);
    close(*engine);
    return finish();
  }

 private:
  std::unique_ptr<Engine> open() {
    Options options = store_options(path_);
    options.ring_bytes = ring_bytes_;
    auto engine = Engine::open(options, faults_.hooks());
    if (engine) return *std::move(engine);
    ++outcome_.reported;
    if (!is_expected_failure(engine.status()) && engine.code() != StatusCode::kCorruption) {
      wrong("open answered " + engine.status().to_string());
    }
    return nullptr;
  }

  void wrong(const std::string& what) {
    if (problem_.empty()) problem_ = what;  // the first one counts
  }

  void report(const char* call, const Status& status) {
    failed_ = true;
    if (!is_expected_failure(status)) wrong(std::string(call) + " answered " + status.to_string());
  }

  void put(Engine& engine, const std::string& key, const std::string& value,
           Durability level = Durability::kDisk) {
    const auto done = engine.put(key, value, {.ttl = Millis(3'600'000), .durability = level});
    Expected& expected = model_[key];
    if (done) {
      expected = {.value = value};
      return;
    }
    report("put", done.status());
    if (done.code() == StatusCode::kIo) expected.or_value = value;  // in doubt
    if (!expected.value) expected.or_absent = true;
  }

  void erase(Engine& engine, const std::string& key) {
    const Status done = engine.erase(key, {.durability = Durability::kDisk});
    if (done || done.code() == StatusCode::kNotFound) {
      model_[key] = {};
      return;
    }
    report("erase", done);
    model_[key].or_absent = true;
    gone_from_memory_.push_back(key);
  }

  void checkpoint(Engine& engine) {
    const auto made = engine.checkpoint(path_ + ".copy");
    if (made) return;
    ++outcome_.reported;  // a copy that fails says nothing about the store
    if (!is_expected_failure(made.status())) {
      wrong("checkpoint answered " + made.status().to_string());
    }
    if (std::filesystem::exists(path_ + ".copy")) wrong("a failed checkpoint left its directory");
  }

  // Reads come from memory and go on whatever the disk does.
  void check_reads(Engine& engine) {
    std::string value;
    for (const auto& [key, expected] : model_) {
      if (std::find(gone_from_memory_.begin(), gone_from_memory_.end(), key) !=
          gone_from_memory_.end()) {
        continue;
      }
      const auto got = engine.get(key, value);
      if (got && (value == expected.value || value == expected.or_value)) continue;
      if (got.code() == StatusCode::kNotFound && (!expected.value || expected.or_absent)) continue;
      wrong("a read of " + key + " gave " + got.status().to_string());
    }
  }

  void check_degraded(Engine& engine) {
    const Stats stats = engine.stats();
    if (failed_ && (!stats.read_only || stats.degraded.empty())) {
      wrong("a write failed and stats() says nothing of it");
    }
    if (!failed_) return;
    const auto put = engine.put("after", "v", {.durability = Durability::kDisk});
    if (put.code() != StatusCode::kReadOnly) {
      wrong("after a failed write a put answered " + put.status().to_string());
    }
  }

  void close(Engine& engine) {
    const Status closed = engine.close();
    if (!closed) ++outcome_.reported;
    if (closed && failed_) wrong("close said ok after a failed write");
    if (!closed && !is_expected_failure(closed)) wrong("close answered " + closed.to_string());
  }

  int finish() {
    outcome_.calls = faults_.calls();
    outcome_.fired = faults_.fired();
    outcome_.reported += failed_ ? 1 : 0;
    std::snprintf(outcome_.site, sizeof(outcome_.site), "%s", faults_.first_site().c_str());
    faults_.disarm();
    check_healthy();
    outcome_.note.set(problem_);
    return problem_.empty() ? 0 : 1;
  }

  // The same directory on a disk that works.
  void check_healthy() {
    auto store = Store::open(store_options(path_));
    if (!store) return wrong("on a healthy disk open answered " + store.status().to_string());
    const auto contents = contents_of(*store);
    if (!contents) return wrong("on a healthy disk scan answered " + contents.status().to_string());
    for (const auto& [key, expected] : model_) {
      const auto found = contents->find(key);
      if (found == contents->end()) {
        if (expected.value && !expected.or_absent) wrong(key + " was acknowledged and is lost");
      } else if (found->second.value != expected.value &&
                 found->second.value != expected.or_value) {
        wrong(key + (expected.value ? " holds something else" : " was erased and is back"));
      }
    }
    if (!store->stats().degraded.empty()) wrong("degraded: " + store->stats().degraded);
    if (!store->close()) wrong("close failed on a healthy disk");
  }

  std::string path_;
  Faults faults_;
  std::size_t ring_bytes_ = store_options("").ring_bytes;
  Outcome& outcome_;
  Model model_;
  std::vector<std::string> gone_from_memory_;
  bool failed_ = false;
  std::string problem_;
};

// What a crash left: 20 records on disk for sure, in files and in the log, and 5 in the ring.
Model make_crashed_store(const std::string& path) {
  Model model;
  for (std::uint64_t i = 0; i < 25; ++i) model[key(i)] = {.value = make_value(i)};
  const Ending ending = run_child([&] {
    auto store = Store::open(store_options(path));
    if (!store) return 1;
    for (std::uint64_t i = 0; i < 10; ++i) {
      if (!store->put(key(i), make_value(i))) return 1;
    }
    if (!store->close()) return 1;
    store = Store::open(store_options(path));
    if (!store) return 1;
    for (std::uint64_t i = 10; i < 20; ++i) {
      if (!store->put(key(i), make_value(i), {.durability = Durability::kDisk})) return 1;
    }
    for (std::uint64_t i = 20; i < 25; ++i) {
      if (!store->put(key(i), make_value(i))) return 1;
    }
    std::_Exit(0);
  });
  if (!ending.ok()) {
    std::printf("cannot prepare a store: %s\n", ending.to_string().c_str());
    std::exit(2);
  }
  return model;
}

struct Totals {
  std::uint64_t runs = 0;
  std::uint64_t fired = 0;
  std::uint64_t reported = 0;  // runs in which some call answered with an error
  std::map<std::string, std::uint64_t> sites;
};

class Campaign {
 public:
  explicit Campaign(Tally& tally) : tally_(tally) {
    crashed_ = dir_ / "crashed";
    crashed_model_ = make_crashed_store(crashed_);
  }

  // The mutating calls of one run that nothing disturbs.
  std::uint64_t count_calls(Caller caller, Workload workload) {
    Shared<Outcome> outcome;
    (void)run_one(caller, workload, Fault::kIoError, false, 0, *outcome);
    return outcome->calls;
  }

  // Every `stride`-th k of one kind of fault; ends with the run that met none.
  void run_all(Caller caller, Workload workload, Fault fault, bool sticky, std::uint64_t first,
               std::uint64_t stride) {
    for (std::uint64_t k = first;; k += stride) {
      Shared<Outcome> outcome;
      const std::string wrong = run_one(caller, workload, fault, sticky, k, *outcome);
      tally_.check(wrong.empty(), wrong);
      if (outcome->fired == 0) {
        std::printf("%-5s %-8s %-11s %-8s: last call %llu, then a run without a fault\n",
                    to_string(caller), to_string(workload), to_string(fault),
                    sticky ? "sticky" : "once", static_cast<unsigned long long>(outcome->calls));
        tally_.check(outcome->calls > 10, "a run without a fault made hardly any calls");
        tally_.check(outcome->reported == 0, "an error was reported without a fault");
        return;
      }
    }
  }

  // A disk that loses what it said it wrote must be noticed, or the harness sees nothing.
  bool sabotage_is_found() {
    for (std::uint64_t k = 1; k < 200; ++k) {
      Shared<Outcome> outcome;
      const std::string wrong =
          run_one(Caller::kRocks, Workload::kLife, Fault::kLost, false, k, *outcome);
      if (wrong.empty()) continue;
      std::printf("sabotage lost-append: found at append %llu (%s)\n",
                  static_cast<unsigned long long>(k), wrong.c_str());
      return true;
    }
    return false;
  }

  [[nodiscard]] const Totals& totals() const { return totals_; }

 private:
  // "" or what is wrong.
  std::string run_one(Caller caller, Workload workload, Fault fault, bool sticky, std::uint64_t k,
                      Outcome& outcome) {
    const std::string path = dir_ / "store";
    std::filesystem::remove_all(path);
    std::filesystem::remove_all(path + ".copy");
    const bool recovers = workload == Workload::kRecovery || workload == Workload::kResize;
    if (recovers) {
      std::filesystem::copy(crashed_, path, std::filesystem::copy_options::recursive);
    }
    const Ending ending = run_child(
        [&] {
          const Faults faults(caller, path);
          Run run(path, faults, outcome);
          if (workload == Workload::kStorm) return run.storm(k, fault, sticky);
          faults.arm(k, fault, sticky);
          const std::size_t ring_bytes = store_options("").ring_bytes;
          if (!recovers) return run.life();
          return run.recovery(crashed_model_,
                              workload == Workload::kResize ? ring_bytes / 2 : ring_bytes);
        },
        30);
    totals_.runs += 1;
    totals_.fired += outcome.fired;
    totals_.reported += outcome.reported > 0 ? 1 : 0;
    if (outcome.fired > 0) ++totals_.sites[outcome.site];
    // A child that died could not say so: its fault did fire.
    if (!ending.ok() && outcome.fired == 0) outcome.fired = 1;
    if (ending.ok()) return "";
    return std::string(to_string(caller)) + " " + to_string(workload) + ", " + to_string(fault) +
           (sticky ? " from call " : " at call ") + std::to_string(k) + " (" + outcome.site +
           "): " + ending.to_string() + ": " + outcome.note.text;
  }

  Tally& tally_;
  testing::TempDir dir_;
  std::string crashed_;
  Model crashed_model_;
  Totals totals_;
};

}  // namespace
}  // namespace cloakroom::faults

int main(int argc, char** argv) {
  using namespace cloakroom::faults;
  const Args args =
      Args::parse(argc, argv, 320,
                  "io_error_test [--cycles N] [--seed S] [--all]\n"
                  "  about N runs, each with another failing call; --all: every call");
  ::setenv("TMPDIR", fast_temp_root().c_str(), 1);
  Tally tally("io_error_test");
  Campaign campaign(tally);
  tally.check(campaign.sabotage_is_found(),
              "sabotage lost-append was not found: this harness sees nothing");
  const std::uint64_t kinds = 3 * 2;  // of faults, for each call
  std::uint64_t places = 0;
  constexpr std::array kCallers{Caller::kRocks, Caller::kOwn};
  constexpr std::array kWorkloads{Workload::kLife, Workload::kRecovery, Workload::kResize,
                                  Workload::kStorm};
  for (const Caller caller : kCallers) {
    for (const Workload workload : kWorkloads) places += campaign.count_calls(caller, workload);
  }
  const std::uint64_t stride =
      args.all
          ? 1
          : std::max<std::uint64_t>(1, places * kinds / std::max<std::uint64_t>(1, args.cycles));
  std::printf("%llu places where a disk can fail, every %llu. is tried\n",
              static_cast<unsigned long long>(places), static_cast<unsigned long long>(stride));
  Random random(args.seed);
  for (const Caller caller : kCallers) {
    for (const Workload workload : kWorkloads) {
      for (const Fault fault : {Fault::kIoError, Fault::kNoSpace, Fault::kShortWrite}) {
        for (const bool sticky : {false, true}) {
          campaign.run_all(caller, workload, fault, sticky, 1 + random() % stride, stride);
        }
      }
    }
  }
  const Totals& totals = campaign.totals();
  const auto number = [](std::uint64_t n) { return static_cast<unsigned long long>(n); };
  for (const auto& [site, count] : totals.sites) {
    std::printf("first fault at %-28s %llu\n", site.c_str(), number(count));
  }
  std::printf("runs %llu, faults that fired %llu, runs with an error reported %llu\n",
              number(totals.runs), number(totals.fired), number(totals.reported));
  tally.check(totals.fired > 0, "no fault fired: this harness sees nothing");
  return tally.finish();
}
