// kill -9 under load, again and again in the same directory, and nothing acknowledged is lost.
//
//   parent (the oracle)                      child (the server)
//   fork ----------------------------------> opens the store, starts 4 writers
//   waits for the phase it wants to hit      each writer, for each change of one of its own keys:
//   ... a random moment later                  board: intent        (what it is about to do)
//   SIGKILL -------------------------------> x  the call
//   fork a verifier, which opens the store,    board: acknowledged  (the call returned ok)
//   compares all it finds with the board and writes the outcome back as the new truth
//
// Meanwhile somebody sets the wall clock, while the store is open and between two openings, to a
// day from the truth at most; records that die within two seconds must not notice (mortals.h).
//
// The board is shared memory, so it survives the child. Every key has one writer, so when it is
// killed exactly one change of it can be in flight: what is found must be the acknowledged state
// or, if there is an intent behind it, that. Anything else is a loss, a revival or damage.
#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "faults/harness.h"
#include "faults/mortals.h"
#include "journal/ring.h"
#include "store/engine.h"
#include "support/temp_dir.h"

namespace cloakroom::faults {
namespace {

constexpr std::size_t kThreads = 4;
constexpr std::size_t kKeys = 24;         // of each thread
constexpr std::uint64_t kFillers = 4000;  // never changed; they make warming up take a while
constexpr Millis kTouchResolution{1000};

enum class Phase : int { kStarting, kOpening, kWarming, kLoad, kCheckpoint, kClosing, kClosed };
constexpr std::array<const char*, 7> kPhaseNames{"starting",   "opening", "warming", "load",
                                                 "checkpoint", "closing", "closed"};

enum class Op : std::uint32_t { kNone, kPut, kErase };

// A state of a key: the change that led to it. `number` makes the value.
struct State {
  Op op = Op::kErase;
  std::uint64_t number = 0;
};

struct KeyBoard {
  // Only the key's writer writes; `intended` and `acknowledged` count changes and are written last.
  std::array<State, 2> states{};  // of change n: states[n % 2]
  std::atomic<std::uint64_t> intended{0};
  std::atomic<std::uint64_t> acknowledged{0};
  std::atomic<TimeMs> deadline_at_least{0};  // of the acknowledged state; 0: not known
};

struct CounterBoard {  // a field that is only ever incremented by 1
  std::atomic<std::int64_t> intended{0};
  std::atomic<std::int64_t> acknowledged{0};
};

struct Board {
  std::atomic<int> phase{0};
  std::atomic<std::uint64_t> operations{0};
  std::array<std::array<KeyBoard, kKeys>, kThreads> keys;
  std::array<CounterBoard, kThreads> counters;
  std::atomic<std::uint64_t> in_flight{0};         // found by the verifier: changes in flight
  std::atomic<std::uint64_t> in_flight_landed{0};  // of these: found done
  JumpingClock::Error clock_error;
  Mortals mortals;
  Note note;
};

enum class Sabotage { kNone, kEarlyAck, kRingForgotten, kWallTime, kOffsetForgotten };
constexpr std::array<const char*, 5> kSabotageNames{"", "early-ack", "ring-forgotten", "wall-time",
                                                    "offset-forgotten"};

struct Plan {
  std::string path;
  std::uint64_t seed = 0;
  Phase target = Phase::kLoad;
  Sabotage sabotage = Sabotage::kNone;
};

std::string key_name(std::size_t thread, std::size_t key) {
  return "writer" + std::to_string(thread) + ".key" + std::to_string(key);
}
std::string filler_name(std::uint64_t i) { return "filler" + std::to_string(i); }
std::string owner_name(std::size_t thread, std::uint64_t number) {
  return "owner" + std::to_string(thread) + "." + std::to_string(number % 3);
}

// One thread's load on its own keys.
class Writer {
 public:
  Writer(Engine& store, Board& board, std::size_t thread, const Plan& plan)
      : store_(store),
        board_(board),
        thread_(thread),
        random_(plan.seed * 31 + thread),
        sabotage_(plan.sabotage) {}

  void run(const std::atomic<bool>& stop) {
    while (!stop.load(std::memory_order_relaxed)) {
      step();
      board_.operations.fetch_add(1, std::memory_order_relaxed);
    }
  }

 private:
  void step() {
    const std::size_t key = random_() % kKeys;
    switch (random_() % 16) {
      case 0:
      case 1:
      case 2:
        return change(key, {Op::kErase, 0});
      case 3:
      case 4:
        return touch(key);
      case 5:
        return increment();
      case 6:
        if (random_() % 8 == 0) erase_owned();
        return;
      case 7:
      case 8: {
        const std::string wrong = board_.mortals.step(store_, thread_, random_);
        if (!wrong.empty()) fail(wrong);
        return;
      }
      default:
        return change(key, {Op::kPut, random_()});
    }
  }

  void fail(const std::string& what) {
    board_.note.set(what);
    std::_Exit(3);
  }

  Durability level() { return random_() % 8 == 0 ? Durability::kDisk : Durability::kProcess; }

  static void intend(KeyBoard& board, const State& state) {
    const std::uint64_t next = board.intended.load() + 1;
    board.states[next % 2] = state;
    board.intended.store(next);
  }
  static void acknowledge(KeyBoard& board) {
    board.deadline_at_least.store(0);
    board.acknowledged.store(board.intended.load());
  }

  void change(std::size_t key, const State& state) {
    KeyBoard& board = board_.keys[thread_][key];
    const std::string name = key_name(thread_, key);
    intend(board, state);
    if (sabotage_ == Sabotage::kEarlyAck) acknowledge(board);
    Status done;
    if (state.op == Op::kErase) {
      done = store_.erase(name, {.durability = level()});
      if (done.code() == StatusCode::kNotFound) done = Status();
    } else {
      const std::string owner = owner_name(thread_, state.number);
      done = store_
                 .put(name, make_value(state.number),
                      {.ttl = Millis(3'600'000 + state.number % 1000),
                       .owner = owner,
                       .durability = level()})
                 .status();
    }
    if (!done) fail("a change of " + name + " failed: " + done.to_string());
    acknowledge(board);
  }

  // A touch changes no state, but from its acknowledgement on the deadline must hold.
  void touch(std::size_t key) {
    KeyBoard& board = board_.keys[thread_][key];
    const std::string name = key_name(thread_, key);
    board.deadline_at_least.store(0);
    const auto touched = store_.touch(name, Millis(3'600'000 + random_() % 7'200'000));
    if (touched.code() == StatusCode::kNotFound) return;
    if (!touched) fail("touch failed: " + touched.status().to_string());
    TimeMs deadline = 0;
    (void)store_.visit(name, [&](const RecordView& view) { deadline = view.deadline; }).ok();
    board.deadline_at_least.store(deadline);
  }

  void increment() {
    CounterBoard& board = board_.counters[thread_];
    board.intended.fetch_add(1);
    const auto sum = store_.increment_field("counters" + std::to_string(thread_), "n", 1, {});
    if (!sum) fail("increment_field failed: " + sum.status().to_string());
    if (*sum != board.intended.load()) fail("increment_field lost an increment");
    board.acknowledged.store(*sum);
  }

  void erase_owned() {
    const std::string owner = owner_name(thread_, random_());
    std::vector<KeyBoard*> concerned;
    for (KeyBoard& board : board_.keys[thread_]) {
      const State state = board.states[board.acknowledged.load() % 2];
      if (state.op != Op::kPut || owner_name(thread_, state.number) != owner) continue;
      intend(board, {Op::kErase, 0});
      concerned.push_back(&board);
    }
    const auto erased = store_.erase_owned(owner, {}, {});
    if (!erased) fail("erase_owned failed: " + erased.status().to_string());
    if (*erased != concerned.size()) fail("erase_owned found another number of records");
    for (KeyBoard* board : concerned) acknowledge(*board);
  }

  Engine& store_;
  Board& board_;
  const std::size_t thread_;
  Random random_;
  const Sabotage sabotage_;
};

Options store_options(const std::string& path) {
  Options options;
  options.path = path;
  options.sync_interval = Millis(20);
  options.touch_resolution = kTouchResolution;
  options.stripe_count = 64;
  options.memory_limit_bytes = std::size_t{256} << 20;
  options.disk_floor_bytes = 0;
  return options;
}

// A store on the clock that jumps, which but for its wall clock is the kernel's.
Result<std::unique_ptr<Engine>> open_store(const std::string& path, const JumpingClock& clock,
                                           Sabotage sabotage) {
  Options options = store_options(path);
  options.clock = &clock;
  return Engine::open(options,
                      JournalHooks{.clock_is_kernels = sabotage != Sabotage::kOffsetForgotten});
}

// Runs until it is killed, unless the phase to be hit comes after the load.
int serve(Board& board, const Plan& plan) {
  const auto enter = [&](Phase phase) { board.phase.store(static_cast<int>(phase)); };
  enter(Phase::kOpening);
  const JumpingClock clock(board.clock_error, plan.sabotage == Sabotage::kWallTime);
  auto opened = open_store(plan.path, clock, plan.sabotage);
  if (!opened) {
    board.note.set("open failed: " + opened.status().to_string());
    return 3;
  }
  Engine* const store = opened->get();
  enter(Phase::kWarming);
  if (plan.target == Phase::kWarming) {
    while (!store->stats().warm) std::this_thread::yield();
  }
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] { Writer(*store, board, t, plan).run(stop); });
  }
  threads.emplace_back([&] {
    Random random(plan.seed);
    while (!stop.load()) {
      board.clock_error.jump(random);
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 20'000));
    }
  });
  enter(Phase::kLoad);
  if (plan.target == Phase::kCheckpoint) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    enter(Phase::kCheckpoint);
    for (int i = 0; i < 1000; ++i) {
      const auto made = store->checkpoint(plan.path + ".copy" + std::to_string(i));
      if (!made) {
        board.note.set("checkpoint failed: " + made.status().to_string());
        return 3;
      }
    }
  }
  if (plan.target == Phase::kClosing || plan.target == Phase::kClosed) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    stop.store(true);
    for (std::thread& thread : threads) thread.join();
    enter(Phase::kClosing);
    const Status closed = store->close();
    if (!closed) {
      board.note.set("close failed: " + closed.to_string());
      return 3;
    }
    enter(Phase::kClosed);
  }
  for (;;) ::pause();
}

// --- the oracle --------------------------------------------------------------------------------

class Verifier {
 public:
  Verifier(Board& board, const std::string& path, Sabotage sabotage)
      : board_(board),
        path_(path),
        sabotage_(sabotage),
        clock_(board.clock_error, sabotage == Sabotage::kWallTime) {}

  // 0, or 1 with the reason on the board. Makes what it found the acknowledged truth.
  int run(bool close_cleanly) {
    auto opened = open_store(path_, clock_, sabotage_);
    if (!opened) return wrong("open failed: " + opened.status().to_string());
    Engine* const store = opened->get();
    auto contents = contents_of(*store);
    if (!contents) return wrong("scan failed: " + contents.status().to_string());
    const std::string mortals = board_.mortals.check_all(*store, *contents);
    if (!mortals.empty()) return wrong(mortals);
    std::erase_if(*contents,
                  [](const auto& entry) { return entry.first.starts_with(Mortals::kPrefix); });
    std::uint64_t expected = 0;
    for (std::size_t t = 0; t < kThreads; ++t) {
      for (std::size_t k = 0; k < kKeys; ++k) {
        if (!check_key(*store, *contents, t, k)) return 1;
        expected += contents->contains(key_name(t, k)) ? 1 : 0;
      }
      if (!check_counter(*store, t)) return 1;
      expected += contents->contains("counters" + std::to_string(t)) ? 1 : 0;
    }
    for (std::uint64_t i = 0; i < kFillers; ++i) {
      const auto filler = contents->find(filler_name(i));
      if (filler == contents->end()) return wrong(filler_name(i) + " is lost");
      if (filler->second.value != make_value(i)) return wrong(filler_name(i) + " is damaged");
    }
    if (contents->size() != expected + kFillers) return wrong("there is a record nobody stored");
    const Stats stats = store->stats();
    if (!stats.degraded.empty()) return wrong("degraded: " + stats.degraded);
    // Half of the time the next server finds what a crash left, half of the time a clean stop.
    if (close_cleanly && !store->close()) return wrong("close failed");
    std::_Exit(0);
  }

 private:
  int wrong(const std::string& what) {
    board_.note.set(what);
    return 1;
  }

  static bool matches(const Contents& contents, const std::string& name, std::size_t thread,
                      const State& state) {
    const auto found = contents.find(name);
    if (state.op != Op::kPut) return found == contents.end();
    return found != contents.end() && found->second.value == make_value(state.number) &&
           found->second.owner == owner_name(thread, state.number);
  }

  bool check_key(Engine& store, const Contents& contents, std::size_t t, std::size_t k) {
    KeyBoard& board = board_.keys[t][k];
    const std::string name = key_name(t, k);
    const std::uint64_t acknowledged = board.acknowledged.load();
    const std::uint64_t intended = board.intended.load();
    const State before = board.states[acknowledged % 2];
    const State after = board.states[intended % 2];
    std::string value;
    const auto got = store.get(name, value);
    if (got.ok() != contents.contains(name)) return wrong(name + ": get and scan disagree") == 0;
    bool is_before = matches(contents, name, t, before);
    if (intended != acknowledged) {
      board_.in_flight.fetch_add(1);
      if (matches(contents, name, t, after)) {
        board_.in_flight_landed.fetch_add(1);
        board.states[0] = board.states[1] = after;
        is_before = true;
      } else {
        board.states[0] = board.states[1] = before;
      }
    }
    if (!is_before) {
      const bool there = contents.contains(name);
      return wrong(name + (before.op == Op::kErase ? ": an erased record is back"
                           : !there                ? ": an acknowledged record is lost"
                                                   : ": the content is not what was stored")) == 0;
    }
    board.acknowledged.store(intended);
    const TimeMs least = board.deadline_at_least.exchange(0);
    const auto found = contents.find(name);
    if (least == 0 || found == contents.end() || intended != acknowledged) return true;
    if (found->second.deadline < least) return wrong(name + ": its deadline came nearer") == 0;
    if (found->second.deadline > least + kTouchResolution.count()) {
      return wrong(name + ": its deadline went too far") == 0;
    }
    return true;
  }

  bool check_counter(Engine& store, std::size_t t) {
    CounterBoard& board = board_.counters[t];
    const auto text = store.get_field("counters" + std::to_string(t), "n");
    const std::int64_t found = text ? std::stoll(*text) : 0;
    if (found < board.acknowledged.load()) return wrong("an increment is lost") == 0;
    if (found > board.intended.load()) return wrong("an increment nobody made") == 0;
    board.intended.store(found);
    board.acknowledged.store(found);
    return true;
  }

  Board& board_;
  const std::string path_;
  const Sabotage sabotage_;
  const JumpingClock clock_;
};

int fill(const std::string& path) {
  auto store = Store::open(store_options(path));
  if (!store) return 1;
  for (std::uint64_t i = 0; i < kFillers; ++i) {
    if (!store->put(filler_name(i), make_value(i))) return 1;
  }
  return store->close() ? 0 : 1;
}

// --- the parent --------------------------------------------------------------------------------

using Histogram = std::array<std::uint64_t, kPhaseNames.size()>;

Phase pick_target(Random& random) {
  const std::uint64_t dice = random() % 100;
  if (dice < 15) return Phase::kOpening;
  if (dice < 25) return Phase::kWarming;
  if (dice < 75) return Phase::kLoad;
  if (dice < 88) return Phase::kCheckpoint;
  return dice < 98 ? Phase::kClosing : Phase::kClosed;
}

// How long after the phase began the kill comes, at most.
std::chrono::microseconds window(Phase phase) {
  switch (phase) {
    case Phase::kOpening:
      return std::chrono::milliseconds(60);
    case Phase::kWarming:
      return std::chrono::milliseconds(10);
    case Phase::kLoad:
      return std::chrono::milliseconds(150);
    case Phase::kCheckpoint:
      return std::chrono::milliseconds(80);
    default:
      return std::chrono::milliseconds(40);
  }
}

// Kills a server in the phase asked for (or a later one, when it was too quick); "" or what it said
// before it ended by itself.
std::string serve_and_kill(Board& board, const Plan& plan, Random& random, Histogram& killed) {
  board.phase.store(0);
  board.note.set("");
  const int server = start_child([&] { return serve(board, plan); });
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (board.phase.load() < static_cast<int>(plan.target) &&
         std::chrono::steady_clock::now() < end && board.note.text[0] == '\0') {
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
  const auto most = static_cast<std::uint64_t>(window(plan.target).count());
  std::this_thread::sleep_for(std::chrono::microseconds(random() % most));
  const int phase = board.phase.load();
  ::kill(server, SIGKILL);
  const Ending ending = wait_for_child(server);
  killed[static_cast<std::size_t>(phase)] += 1;
  if (ending.signal == SIGKILL && !ending.timed_out && board.note.text[0] == '\0') return "";
  return "the server " + ending.to_string() + ": " + board.note.text;
}

class Campaign {
 public:
  Campaign(std::uint64_t seed, Sabotage sabotage) : random_(seed), sabotage_(sabotage) {
    path_ = dir_.store_path();
    if (!run_child([&] { return fill(path_); }).ok()) failure_ = "the store could not be filled";
  }

  // One kill and one look at what it left. Returns "" or what is wrong.
  std::string cycle() {
    if (!failure_.empty()) return failure_;
    Plan plan{
        .path = path_, .seed = random_(), .target = pick_target(random_), .sabotage = sabotage_};
    if (sabotage_ != Sabotage::kNone) plan.target = Phase::kLoad;
    failure_ = serve_and_kill(*board_, plan, random_, killed_);
    if (!failure_.empty()) return failure_;
    if (sabotage_ == Sabotage::kRingForgotten) forget_ring();
    if (random_() % 2 == 0) board_->clock_error.jump(random_);
    const bool close_cleanly = random_() % 2 == 0;
    board_->note.set("");
    const Ending ending =
        run_child([&] { return Verifier(*board_, path_, sabotage_).run(close_cleanly); });
    if (!ending.ok()) failure_ = "verifier " + ending.to_string() + ": " + board_->note.text;
    remove_copies();
    return failure_;
  }

  void print() const {
    for (std::size_t i = 0; i < kPhaseNames.size(); ++i) {
      if (killed_[i] != 0) {
        std::printf("killed while %-10s %llu\n", kPhaseNames[i],
                    static_cast<unsigned long long>(killed_[i]));
      }
    }
    std::printf("operations %llu, in flight at a kill %llu, of these done %llu\n",
                static_cast<unsigned long long>(board_->operations.load()),
                static_cast<unsigned long long>(board_->in_flight.load()),
                static_cast<unsigned long long>(board_->in_flight_landed.load()));
    std::printf(
        "wall clock set %llu times; mortals that died %llu, looked at after a restart %llu\n",
        static_cast<unsigned long long>(board_->clock_error.jumps.load()),
        static_cast<unsigned long long>(board_->mortals.died()),
        static_cast<unsigned long long>(board_->mortals.checked_after_restart()));
  }
  [[nodiscard]] bool clock_was_felt() const {
    return board_->clock_error.jumps.load() > 0 && board_->mortals.died() > 0 &&
           board_->mortals.checked_after_restart() > 0;
  }
  [[nodiscard]] std::uint64_t in_flight() const { return board_->in_flight.load(); }

 private:
  // As if recovery did not look at what the dead process had published and not handed over.
  void forget_ring() const {
    std::fstream ring(path_ + "/" + kRingName, std::ios::binary | std::ios::in | std::ios::out);
    ring.seekp(Ring::kHeaderBytes);
    ring << std::string(Options().ring_bytes, '\0');
  }

  void remove_copies() const {
    namespace fs = std::filesystem;
    for (const auto& entry : fs::directory_iterator(dir_.path())) {
      if (entry.path().string().find(".copy") != std::string::npos) fs::remove_all(entry.path());
    }
  }

  testing::TempDir dir_;
  std::string path_;
  Random random_;
  const Sabotage sabotage_;
  Shared<Board> board_;
  Histogram killed_{};
  std::string failure_;
};

// A planted bug must be found, or the harness sees nothing.
bool sabotage_is_found(std::uint64_t seed, Sabotage sabotage) {
  const char* const name = kSabotageNames[static_cast<std::size_t>(sabotage)];
  Campaign campaign(seed, sabotage);
  for (int i = 0; i < 60; ++i) {
    const std::string wrong = campaign.cycle();
    if (wrong.empty()) continue;
    std::printf("sabotage %s: found after %d kills (%s)\n", name, i + 1, wrong.c_str());
    return true;
  }
  return false;
}

}  // namespace
}  // namespace cloakroom::faults

int main(int argc, char** argv) {
  using namespace cloakroom::faults;
  const Args args =
      Args::parse(argc, argv, 40,
                  "crash_test [--cycles N] [--seed S]\n"
                  "  [--sabotage early-ack|ring-forgotten|wall-time|offset-forgotten]");
  Tally tally("crash_test");
  for (std::size_t i = 1; i < kSabotageNames.size(); ++i) {
    if (!args.sabotage.empty() && args.sabotage != kSabotageNames[i]) continue;
    const bool found = sabotage_is_found(args.seed, static_cast<Sabotage>(i));
    if (!args.sabotage.empty()) {
      tally.check(!found, "the planted bug was found, as it must be");
      return tally.finish();
    }
    tally.check(found, std::string("sabotage ") + kSabotageNames[i] +
                           " was not found: this harness sees nothing");
  }
  Campaign campaign(args.seed, Sabotage::kNone);
  for (std::uint64_t i = 0; i < args.cycles; ++i) {
    const std::string wrong = campaign.cycle();
    tally.check(wrong.empty(), "cycle " + std::to_string(i) + ": " + wrong);
    if (!wrong.empty()) break;  // what is wrong once stays wrong in this directory
  }
  campaign.print();
  std::printf("faults that fired: %llu kills\n", static_cast<unsigned long long>(args.cycles));
  tally.check(campaign.in_flight() > 0, "no kill ever met a write in flight");
  tally.check(campaign.clock_was_felt(), "no jump of the wall clock, or no mortal, mattered");
  return tally.finish();
}
