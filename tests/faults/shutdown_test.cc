// Real power cuts: the store lies on an ext4 of its own, and the kernel drops what was not synced.
//
//   parent (the oracle)                          child (the server)
//   mounts the disk, forks --------------------> opens the store, 3 writers run their scripts
//   reads acknowledgements  <------- pipe ------ one after each call that returned ok
//   at a random moment: takes the time, reads the pipe empty, CUTS, kills the child
//   mounts what is left, forks a verifier, which opens the store and judges (scripted_load.h)
//
// What counts is what had arrived in the pipe before the cut began. Of that must be found
//
//   kDisk      everything; no record that was erased so is back
//   kProcess   everything up to the version that stats().version_disk had named, and everything
//              older than sync_interval and a second (the second is for a busy machine)
//   always     a prefix over all writers, deadlines as promised, and the store opens
//
// Now and then the process is killed first and the power goes under the next one. The boot id of
// each run of the machine is another one, as it would be. Where there is no root, powercut_test
// stands for this: there the disk is simulated.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>

#include "faults/harness.h"
#include "faults/loop_disk.h"
#include "faults/scripted_load.h"
#include "store/engine.h"
#include "support/temp_dir.h"

namespace cloakroom::faults {
namespace {

constexpr std::size_t kWriters = 3;                // of one process
constexpr std::size_t kAllWriters = 2 * kWriters;  // of two that follow each other
constexpr std::uint64_t kStepsMax = 20'000;
constexpr Millis kSyncInterval{20};
constexpr Millis kTouchResolution{1000};
constexpr std::uint64_t kAgeUsMax = 1'000'000 + 1000 * std::uint64_t{kSyncInterval.count()};
constexpr std::uint64_t kDiskBytes = std::uint64_t{192} << 20;

enum class Phase : int { kStarting, kOpening, kLoad, kCheckpoint, kClosing };
constexpr std::array<const char*, 5> kPhaseNames{"starting", "opening", "load", "checkpoint",
                                                 "closing"};

enum class Sabotage { kNone, kEarlyAck, kBelieveProcess, kLateSync };
constexpr std::array<const char*, 4> kSabotageNames{"", "early-ack", "believe-process",
                                                    "late-sync"};

std::uint64_t now_us() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

// What the child tells, whole or not at all: less than PIPE_BUF.
struct Message {
  enum class Kind : std::uint32_t { kStep, kVersionDisk, kClosed };
  Kind kind = Kind::kStep;
  std::uint32_t writer = 0;
  Acknowledged told = {};
};

struct Board {
  std::atomic<int> phase{0};
  std::array<std::atomic<std::uint64_t>, kAllWriters> begun{};
  Note note;
};

struct Plan {
  std::string path;
  std::uint64_t seed = 0;
  std::size_t first_writer = 0;
  std::uint64_t disk_one_in = 8;
  std::size_t ring_bytes = 0;
  Phase target = Phase::kLoad;
  bool paced = false;  // slow writers, so that age counts
  std::array<unsigned char, 16> boot{};
  Sabotage sabotage = Sabotage::kNone;

  [[nodiscard]] Script::Plan script(std::size_t writer) const {
    return {.seed = seed, .writer = writer, .disk_one_in = disk_one_in};
  }
  [[nodiscard]] Options options() const {
    Options options;
    options.path = path;
    options.sync_interval = sabotage == Sabotage::kLateSync ? Millis(3'600'000) : kSyncInterval;
    options.touch_resolution = kTouchResolution;
    options.stripe_count = 16;
    options.memory_limit_bytes = std::size_t{64} << 20;
    options.disk_floor_bytes = 0;
    options.ring_bytes = ring_bytes;
    return options;
  }
};

// --- the server ---------------------------------------------------------------------------------

class Server {
 public:
  Server(const Plan& plan, Board& board, int pipe) : plan_(plan), board_(board), pipe_(pipe) {}

  // Runs until the power goes, and whatever happens then is nobody's fault.
  int run(const Values& truth) {
    enter(Phase::kOpening);
    auto engine = Engine::open(plan_.options(), JournalHooks{.boot_id = plan_.boot});
    if (!engine) return fail("open failed: " + engine.status().to_string());
    engine_ = *std::move(engine);
    std::vector<std::thread> threads;
    for (std::size_t w = 0; w < kWriters; ++w) {
      threads.emplace_back([&, w] { write(plan_.first_writer + w, truth); });
    }
    threads.emplace_back([&] { watch(); });
    enter(Phase::kLoad);
    if (plan_.target == Phase::kCheckpoint) make_checkpoints();
    if (plan_.target == Phase::kClosing) {
      std::this_thread::sleep_for(std::chrono::milliseconds(plan_.seed % 40));
      stop_.store(true);
      for (std::thread& thread : threads) thread.join();
      enter(Phase::kClosing);
      const Status closed = engine_->close();
      if (!closed) return fail("close failed: " + closed.to_string());
      send({.kind = Message::Kind::kClosed});
    }
    for (;;) ::pause();
  }

 private:
  void enter(Phase phase) { board_.phase.store(static_cast<int>(phase)); }

  // An error before the cut is wrong, one behind it is not: the oracle knows which it is.
  int fail(const std::string& what) {
    board_.note.set(what);
    for (;;) ::pause();
  }

  void send(const Message& message) const {
    if (::write(pipe_, &message, sizeof(message)) != static_cast<ssize_t>(sizeof(message))) {
      ::_exit(3);
    }
  }

  void write(std::size_t writer, const Values& truth) {
    Script script(plan_.script(writer), truth);
    for (std::uint64_t i = 0; i < kStepsMax && !stop_.load(std::memory_order_relaxed); ++i) {
      board_.begun[writer].fetch_add(1);
      const Step step = script.next();
      Message message{.writer = static_cast<std::uint32_t>(writer)};
      if (plan_.sabotage == Sabotage::kEarlyAck) send(message);
      const Status done = perform(step, message.told);
      if (!done) fail("a write failed: " + done.to_string());
      message.told.at_us = now_us();
      if (plan_.sabotage != Sabotage::kEarlyAck) send(message);
      if (plan_.paced) std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  }

  Status perform(const Step& step, Acknowledged& told) {
    const PutOptions options{.ttl = step.ttl, .durability = step.level};
    Result<Version> version = Version{0};
    switch (step.op) {
      case Op::kErase:
        return engine_->erase(step.key, {.durability = step.level});
      case Op::kTouch:
        version = engine_->touch(step.key, step.ttl);
        break;
      case Op::kPut:
        version = engine_->put(step.key, step.value, options);
        break;
      case Op::kField: {
        const Field field{.name = step.field, .value = step.value};
        version = engine_->set_fields(step.key, std::span(&field, 1), options);
        break;
      }
    }
    if (!version) return version.status();
    if (step.op != Op::kTouch) told.version = *version;
    return engine_->visit(step.key, [&](const RecordView& view) { told.deadline = view.deadline; })
        .status();
  }

  // Tells how far the store says it is on the disk.
  void watch() {
    Version before = 0;
    while (!stop_.load(std::memory_order_relaxed)) {
      const Version now = engine_->stats().version_disk;
      if (now != before) {
        send({.kind = Message::Kind::kVersionDisk, .told = {.version = now}});
        before = now;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  void make_checkpoints() {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    enter(Phase::kCheckpoint);
    const std::string copies = plan_.path + ".copy" + std::to_string(plan_.seed) + ".";
    for (int i = 0; i < 100; ++i) {
      const auto made = engine_->checkpoint(copies + std::to_string(i));
      if (!made) fail("checkpoint failed: " + made.status().to_string());
    }
  }

  const Plan& plan_;
  Board& board_;
  const int pipe_;
  std::unique_ptr<Engine> engine_;
  std::atomic<bool> stop_{false};
};

// --- the oracle ---------------------------------------------------------------------------------

struct Outcome {
  Note note;
  std::uint64_t acknowledged = 0;
  std::uint64_t required = 0;
  std::uint64_t required_erases = 0;
  std::uint64_t lost = 0;
  std::uint64_t oldest_lost_us = 0;
};

void write_values(const std::string& path, const Values& values) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  for (const auto& [key, value] : values) {
    out << key.size() << ' ' << value.size() << '\n' << key << value;
  }
}

Values read_values(const std::string& path) {
  Values values;
  std::ifstream in(path, std::ios::binary);
  std::size_t key_bytes = 0;
  std::size_t value_bytes = 0;
  while (in >> key_bytes >> value_bytes) {
    in.get();
    std::string key(key_bytes, '\0');
    std::string value(value_bytes, '\0');
    in.read(key.data(), static_cast<std::streamsize>(key_bytes));
    in.read(value.data(), static_cast<std::streamsize>(value_bytes));
    values[key] = value;
  }
  return values;
}

struct Past {
  std::vector<WriterPast> writers;
  Values before;
  Rules rules;
};

// In a child: opens what is left and leaves what it found in `truth_path`. What was found once is
// where the next cut begins, so it is made durable.
int verify(const Plan& plan, const Past& past, const std::string& truth_path, bool clean,
           Outcome& outcome) {
  const auto wrong = [&](const std::string& what) { return outcome.note.set(what), 1; };
  auto engine = Engine::open(plan.options(), JournalHooks{.boot_id = plan.boot});
  if (!engine) return wrong("it does not open: " + engine.status().to_string());
  const auto found = contents_of(**engine);
  if (!found) return wrong("scan failed: " + found.status().to_string());
  const Stats stats = (*engine)->stats();
  if (!stats.degraded.empty()) return wrong("degraded: " + stats.degraded);
  const Verdict verdict = judge(past.writers, past.before, *found, past.rules);
  outcome.acknowledged = verdict.acknowledged;
  outcome.required = verdict.required;
  outcome.required_erases = verdict.required_erases;
  outcome.lost = verdict.lost;
  outcome.oldest_lost_us = verdict.oldest_lost_us;
  if (!verdict.wrong.empty()) return wrong(verdict.wrong);
  Values truth;
  for (const auto& [key, record] : *found) truth[key] = record.value;
  write_values(truth_path, truth);
  const Status done = clean ? (*engine)->close() : (*engine)->sync();
  if (!done) return wrong("it cannot be synced: " + done.to_string());
  ::_exit(0);  // unclean, unless it was closed
}

struct Totals {
  std::array<std::uint64_t, kPhaseNames.size()> cut_while{};
  std::uint64_t cuts = 0;
  std::uint64_t lossy = 0;  // cuts that took acknowledged kProcess writes
  std::uint64_t two_lives = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t required = 0;
  std::uint64_t required_erases = 0;
  std::uint64_t lost = 0;
  std::uint64_t oldest_lost_us = 0;
};

class Campaign {
 public:
  Campaign(LoopDisk& disk, std::uint64_t seed, Sabotage sabotage)
      : disk_(disk), random_(seed), sabotage_(sabotage) {}

  // One cut and one look at what it left; "" or what is wrong.
  std::string cut(Totals& totals) {
    if (generation_++ % 8 == 0) start_over();
    const bool two_lives = sabotage_ == Sabotage::kNone && random_() % 4 == 0;
    Plan plan = make_plan();
    Past past{.writers = {}, .before = truth_, .rules = {}};
    past.rules = {.believe_process = sabotage_ == Sabotage::kBelieveProcess,
                  .age_us_max = kAgeUsMax,
                  .touch_resolution = kTouchResolution};
    if (two_lives) {
      const std::string wrong = live(plan, past, false, totals);
      if (!wrong.empty()) return wrong;
      const std::size_t next = kWriters;
      const auto boot = plan.boot;
      plan = make_plan();
      plan.first_writer = next;
      plan.boot = boot;  // only the process has died
    }
    const std::string wrong = live(plan, past, true, totals);
    if (!wrong.empty()) return wrong;
    totals.cuts += 1;
    totals.two_lives += two_lives ? 1 : 0;
    return look(plan, past, totals);
  }

  void start_over() {
    generation_ = 1;
    truth_.clear();
    (void)disk_.remount();  // it may be cut still
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(disk_.path(), ignored)) {
      if (entry.path().filename() != "lost+found") std::filesystem::remove_all(entry, ignored);
    }
    path_ = disk_.path() + "/store" + std::to_string(++stores_);
  }

 private:
  Plan make_plan() {
    constexpr std::array<std::uint64_t, 4> kShares{0, 0, 4, 40};
    Plan plan{.path = path_, .seed = random_()};
    for (unsigned char& byte : plan.boot) byte = static_cast<unsigned char>(random_());
    plan.disk_one_in = kShares[random_() % kShares.size()];
    plan.ring_bytes = std::size_t{64} << 10 << random_() % 6;
    plan.sabotage = sabotage_;
    const std::uint64_t dice = random_() % 20;
    plan.target = dice < 5    ? Phase::kOpening
                  : dice < 15 ? Phase::kLoad
                  : dice < 18 ? Phase::kCheckpoint
                              : Phase::kClosing;
    plan.paced = random_() % 10 == 0;
    if (sabotage_ != Sabotage::kNone) plan.target = Phase::kLoad;
    if (sabotage_ == Sabotage::kEarlyAck) plan.disk_one_in = 1;
    if (sabotage_ == Sabotage::kLateSync) plan.paced = true;
    if (plan.paced) {
      plan.target = Phase::kLoad;
      plan.disk_one_in = 0;
    }
    return plan;
  }

  // A life of the server, ended by the power or, without `power`, by SIGKILL.
  std::string live(const Plan& plan, Past& past, bool power, Totals& totals) {
    for (WriterPast& writer : past.writers) writer.alive = false;
    for (std::size_t w = 0; w < kWriters; ++w) {
      past.writers.push_back({.script = plan.script(plan.first_writer + w)});
    }
    board_->phase.store(0);
    board_->note.set("");
    for (auto& begun : board_->begun) begun.store(0);
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return "no pipe";
    const Fd out(ends[0]);
    Fd in(ends[1]);
    ::fcntl(in.get(), F_SETPIPE_SZ, 1 << 20);
    ::fcntl(out.get(), F_SETFL, O_NONBLOCK);
    const int server = start_child([&] { return Server(plan, *board_, in.get()).run(truth_); });
    in.reset();
    wait_for_moment(plan, out, past);
    const int phase = board_->phase.load();
    while (hear(out, past)) {
    }
    const std::string failed = board_->note.text;
    past.rules.cut_us = now_us();
    const bool done = !power || disk_.cut();
    ::kill(server, SIGKILL);
    const Ending ending = wait_for_child(server);
    if (!power) {
      while (hear(out, past)) {
      }
    }
    for (WriterPast& writer : past.writers) {
      if (writer.alive) writer.begun = board_->begun[writer.script.writer].load();
    }
    if (!done) return "the disk cannot be cut";
    if (power) totals.cut_while[static_cast<std::size_t>(phase)] += 1;
    if (!failed.empty()) return "before the cut: " + failed;
    if (ending.signal != SIGKILL && !power) return "the server " + ending.to_string();
    return "";
  }

  // Until the child is in the phase that is to be hit, and a little longer.
  void wait_for_moment(const Plan& plan, const Fd& pipe, Past& past) {
    const std::uint64_t end = now_us() + 30'000'000;
    const auto wait_while = [&](auto&& condition) {
      while (condition() && now_us() < end && board_->note.text[0] == '\0') {
        if (!hear(pipe, past)) std::this_thread::sleep_for(std::chrono::microseconds(100));
      }
    };
    wait_while([&] { return board_->phase.load() < static_cast<int>(plan.target); });
    const std::uint64_t window = plan.target == Phase::kOpening   ? 30'000
                                 : plan.target == Phase::kClosing ? 20'000
                                                                  : 120'000;
    const std::uint64_t until =
        now_us() + (plan.paced ? kAgeUsMax + 200'000 : 0) + random_() % window;
    wait_while([&] { return now_us() < until; });
  }

  // Reads what is in the pipe; false when nothing was.
  static bool hear(const Fd& pipe, Past& past) {
    std::array<Message, 256> messages{};
    const ssize_t bytes = ::read(pipe.get(), messages.data(), sizeof(messages));
    if (bytes <= 0) return false;
    const std::size_t count = static_cast<std::size_t>(bytes) / sizeof(Message);
    for (std::size_t i = 0; i < count; ++i) {
      const Message& message = messages[i];
      switch (message.kind) {
        case Message::Kind::kStep:
          past.writers[message.writer].acknowledged.push_back(message.told);
          break;
        case Message::Kind::kVersionDisk:
          past.rules.version_disk = message.told.version;
          break;
        case Message::Kind::kClosed:
          for (WriterPast& writer : past.writers) {
            writer.required = writer.acknowledged.size();
            writer.promise = "close()";
          }
          break;
      }
    }
    return true;
  }

  std::string look(Plan plan, const Past& past, Totals& totals) {
    if (!disk_.remount()) return "what is left cannot be mounted";
    for (unsigned char& byte : plan.boot) byte = static_cast<unsigned char>(random_());
    plan.sabotage = Sabotage::kNone;
    const bool clean = random_() % 2 == 0;
    const std::string truth_path = notes_ / "truth";
    Shared<Outcome> outcome;
    const Ending ending =
        run_child([&] { return verify(plan, past, truth_path, clean, *outcome); });
    remove_copies();
    totals.acknowledged += outcome->acknowledged;
    totals.required += outcome->required;
    totals.required_erases += outcome->required_erases;
    totals.lossy += outcome->lost > 0 ? 1 : 0;
    totals.lost += outcome->lost;
    totals.oldest_lost_us = std::max(totals.oldest_lost_us, outcome->oldest_lost_us);
    if (!ending.ok()) return "the verifier " + ending.to_string() + ": " + outcome->note.text;
    truth_ = read_values(truth_path);
    return "";
  }

  void remove_copies() const {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(disk_.path(), ignored)) {
      if (entry.path().string().find(".copy") != std::string::npos) {
        std::filesystem::remove_all(entry.path(), ignored);
      }
    }
  }

  LoopDisk& disk_;
  testing::TempDir notes_;
  Random random_;
  const Sabotage sabotage_;
  Shared<Board> board_;
  std::string path_;
  Values truth_;
  std::uint64_t generation_ = 0;
  std::uint64_t stores_ = 0;
};

// A planted bug must be found, or the harness sees nothing.
bool sabotage_is_found(LoopDisk& disk, std::uint64_t seed, Sabotage sabotage) {
  Campaign campaign(disk, seed, sabotage);
  const char* const name = kSabotageNames[static_cast<std::size_t>(sabotage)];
  Totals totals;
  for (int i = 0; i < 30; ++i) {
    const std::string wrong = campaign.cut(totals);
    if (wrong.empty()) continue;
    std::printf("sabotage %s: found after %d cuts (%s)\n", name, i + 1, wrong.c_str());
    return true;
  }
  return false;
}

void print(const Totals& totals) {
  const auto number = [](std::uint64_t n) { return static_cast<unsigned long long>(n); };
  for (std::size_t i = 0; i < kPhaseNames.size(); ++i) {
    if (totals.cut_while[i] == 0) continue;
    std::printf("cut while %-10s %llu\n", kPhaseNames[i], number(totals.cut_while[i]));
  }
  std::printf("faults that fired: %llu power cuts, %llu of them after a death of the process\n",
              number(totals.cuts), number(totals.two_lives));
  std::printf("writes acknowledged %llu, promised %llu, of these erases %llu\n",
              number(totals.acknowledged), number(totals.required), number(totals.required_erases));
  std::printf("cuts that took acknowledged kProcess writes %llu: %llu writes, the oldest %llu ms\n",
              number(totals.lossy), number(totals.lost), number(totals.oldest_lost_us / 1000));
}

}  // namespace
}  // namespace cloakroom::faults

int main(int argc, char** argv) {
  using namespace cloakroom::faults;
  const Args args = Args::parse(
      argc, argv, 45,
      "shutdown_test [--cycles N] [--seed S] [--sabotage early-ack|believe-process|late-sync]");
  ::setenv("TMPDIR", fast_temp_root().c_str(), 1);
  std::string why;
  const auto disk = LoopDisk::make(kDiskBytes, &why);
  if (disk == nullptr) {
    std::printf("SKIPPED shutdown_test: %s; powercut_test, on a simulated disk, stands for it\n",
                why.c_str());
    return 0;
  }
  Tally tally("shutdown_test");
  for (std::size_t i = 1; i < kSabotageNames.size(); ++i) {
    if (!args.sabotage.empty() && args.sabotage != kSabotageNames[i]) continue;
    const bool found = sabotage_is_found(*disk, args.seed, static_cast<Sabotage>(i));
    if (!args.sabotage.empty()) {
      tally.check(!found, "the planted bug was found, as it must be");
      return tally.finish();
    }
    tally.check(found, std::string("sabotage ") + kSabotageNames[i] +
                           " was not found: this harness sees nothing");
  }
  Campaign campaign(*disk, args.seed, Sabotage::kNone);
  Totals totals;
  for (std::uint64_t i = 0; i < args.cycles; ++i) {
    const std::string wrong = campaign.cut(totals);
    tally.check(wrong.empty(), "cut " + std::to_string(i) + ": " + wrong);
    if (!wrong.empty()) campaign.start_over();
  }
  print(totals);
  tally.check(totals.lossy > 0, "no cut took anything: they are no cuts");
  tally.check(totals.required > 0, "no cut came after a promise");
  return tally.finish();
}
