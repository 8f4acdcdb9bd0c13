// A disk that stops for real: the ext4 of the store is frozen under load (as snapshots of volumes
// and of virtual machines do it), and thawed again.
//
//   child    2 readers, 3 writers of kProcess, 1 of kDisk, all counting what they are answered
//   parent   FIFREEZE, waits until the readers have read 200,000 times more, or 20 s; FITHAW
//
// While it is frozen readers go on, as if nothing were. Writers wait, and whoever returns has an
// answer of the documented ones. After the thaw everything goes on; what was acknowledged is
// there, in memory and after a restart, and the store is not latched.
//
// Needs root.
#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <thread>
#include <vector>

#include "cloakroom/store.h"
#include "faults/harness.h"
#include "faults/loop_disk.h"

namespace cloakroom::faults {
namespace {

constexpr std::size_t kWriters = 4;  // the last one writes with kDisk
constexpr std::size_t kReaders = 2;
constexpr std::uint64_t kKeys = 64;  // of each writer
constexpr std::uint64_t kReadsWanted = 200'000;
constexpr Millis kStallLimit{200};

enum class Phase : int { kRunning, kFrozen, kThawed, kDone };

struct Board {
  std::atomic<int> phase{0};
  std::atomic<bool> loaded{false};
  std::atomic<std::uint64_t> reads_frozen{0};
  std::atomic<std::uint64_t> writes{0};
  std::atomic<std::uint64_t> writes_frozen{0};
  std::atomic<std::uint64_t> busy{0};
  std::atomic<std::uint64_t> in_doubt{0};
  std::array<std::array<std::atomic<std::uint64_t>, kKeys>, kWriters> acknowledged{};
  std::array<std::array<std::atomic<std::uint64_t>, kKeys>, kWriters> intended{};
  Note note;

  [[nodiscard]] Phase now() const { return static_cast<Phase>(phase.load()); }
  void enter(Phase next) { phase.store(static_cast<int>(next)); }
};

std::string key(std::size_t writer, std::uint64_t i) {
  return "writer" + std::to_string(writer) + "." + std::to_string(i);
}

struct Plan {
  std::string path = {};
  std::size_t ring_bytes = 0;
  bool readers_write = false;  // sabotage
};

Options store_options(const Plan& plan) {
  Options options;
  options.path = plan.path;
  options.sync_interval = Millis(20);
  options.stall_limit = kStallLimit;
  options.ring_bytes = plan.ring_bytes;
  options.memory_limit_bytes = std::size_t{64} << 20;
  options.disk_floor_bytes = 0;
  return options;
}

// --- in the child -------------------------------------------------------------------------------

class Server {
 public:
  explicit Server(Board& board) : board_(board) {}

  int run(const Plan& plan) {
    auto store = Store::open(store_options(plan));
    if (!store) return wrong("open: " + store.status().to_string());
    for (std::size_t w = 0; w < kWriters; ++w) {
      for (std::uint64_t i = 0; i < kKeys; ++i) {
        board_.intended[w][i] = board_.acknowledged[w][i] = 1;
        if (!store->put(key(w, i), "1")) return wrong("it takes no write");
      }
    }
    std::vector<std::thread> threads;
    for (std::size_t w = 0; w < kWriters; ++w) {
      threads.emplace_back([&, w] { write(*store, w); });
    }
    for (std::size_t r = 0; r < kReaders; ++r)
      threads.emplace_back([&, r] { read(*store, r, plan.readers_write); });
    board_.loaded.store(true);
    for (std::thread& thread : threads) thread.join();
    if (board_.note.text[0] != '\0') return 1;
    const Stats stats = store->stats();
    if (stats.read_only) return wrong("it is latched: " + stats.degraded);
    if (!check(*store)) return 1;
    const Status closed = store->close();
    return closed ? 0 : wrong("close: " + closed.to_string());
  }

  // What is there is what was acknowledged last, or what was on its way.
  bool check(Store& store) {
    for (std::size_t w = 0; w < kWriters; ++w) {
      for (std::uint64_t i = 0; i < kKeys; ++i) {
        const auto value = store.get(key(w, i));
        if (!value) return wrong(key(w, i) + ": " + value.status().to_string()) == 0;
        const std::uint64_t number = std::stoull(*value);
        if (number < board_.acknowledged[w][i] || number > board_.intended[w][i]) {
          return wrong(key(w, i) + ": it is not what was acknowledged") == 0;
        }
      }
    }
    return true;
  }

 private:
  int wrong(const std::string& what) {
    board_.note.set(what);
    return 1;
  }

  void write(Store& store, std::size_t writer) {
    const Durability level = writer + 1 == kWriters ? Durability::kDisk : Durability::kProcess;
    for (std::uint64_t n = 2; board_.now() != Phase::kDone; ++n) {
      const std::uint64_t i = n % kKeys;
      board_.intended[writer][i].store(n);
      const auto done = store.put(key(writer, i), std::to_string(n) + std::string(200, ' '),
                                  {.durability = level});
      const bool frozen = board_.now() == Phase::kFrozen;
      if (done) {
        board_.acknowledged[writer][i].store(n);
        board_.writes.fetch_add(1);
        if (frozen) board_.writes_frozen.fetch_add(1);
      } else if (done.code() == StatusCode::kBusy) {
        board_.busy.fetch_add(1);
      } else if (done.code() == StatusCode::kIo && level == Durability::kDisk) {
        board_.in_doubt.fetch_add(1);
      } else {
        wrong("a put answered " + done.status().to_string());
        return;
      }
    }
  }

  void read(Store& store, std::size_t reader, bool writes) {
    std::string value;
    for (std::uint64_t n = reader; board_.now() != Phase::kDone; ++n) {
      const bool frozen = board_.now() == Phase::kFrozen;
      const auto got = store.get(key(n % kWriters, n / kWriters % kKeys), value);
      if (writes && n % 64 == 0) (void)store.put("reader", "v").ok();
      if (!got) wrong("a get answered " + got.status().to_string());
      if (frozen && board_.now() == Phase::kFrozen) board_.reads_frozen.fetch_add(1);
    }
  }

  Board& board_;
};

// --- the parent ---------------------------------------------------------------------------------

template <class Condition>
bool wait_until(int seconds, Condition&& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

// One freeze; "" or what is wrong.
std::string freeze_once(LoopDisk& disk, Board& board, const Plan& plan) {
  const int server = start_child([&] { return Server(board).run(plan); });
  if (!wait_until(30, [&] { return board.loaded.load() || board.note.text[0] != '\0'; })) {
    board.note.set("the store did not start");
  }
  const auto writes = board.writes.load();
  (void)wait_until(10, [&] { return board.writes.load() > writes + 1000; });
  const bool frozen = disk.freeze();
  if (frozen) board.enter(Phase::kFrozen);
  const bool read_on = wait_until(plan.readers_write ? 2 : 20,
                                  [&] { return board.reads_frozen.load() >= kReadsWanted; });
  // Long enough for those who wait with a bound to be answered.
  std::this_thread::sleep_for(2 * kStallLimit);
  board.enter(Phase::kThawed);
  if (frozen && !disk.thaw()) return "it cannot be thawed";
  const auto after = board.writes.load();
  const bool went_on = wait_until(20, [&] { return board.writes.load() > after + 1000; });
  board.enter(Phase::kDone);
  const Ending ending = wait_for_child(server);
  if (!frozen) return "it cannot be frozen";
  if (!ending.ok()) return "the server " + ending.to_string() + ": " + board.note.text;
  if (!read_on) return "readers stood still while the disk was frozen";
  if (!went_on) return "writers did not go on after the thaw";
  const Ending verified = run_child([&] {
    auto store = Store::open(store_options(plan));
    return store && Server(board).check(*store) && store->close() ? 0 : 1;
  });
  return verified.ok() ? "" : "verifier " + verified.to_string() + ": " + board.note.text;
}

}  // namespace
}  // namespace cloakroom::faults

int main(int argc, char** argv) {
  using namespace cloakroom::faults;
  const Args args = Args::parse(argc, argv, 4, "freeze_test [--cycles N]: N freezes");
  std::string why;
  const auto disk = LoopDisk::make(std::uint64_t{128} << 20, &why);
  if (disk == nullptr) {
    std::printf("SKIPPED freeze_test: %s; stalled_disk_test, on a simulated disk, stands for it\n",
                why.c_str());
    return 0;
  }
  Tally tally("freeze_test");
  for (std::uint64_t i = 0; i < args.cycles; ++i) {
    Shared<Board> board;
    const std::size_t ring_bytes = i % 2 == 0 ? std::size_t{256} << 10 : std::size_t{16} << 20;
    const std::string wrong = freeze_once(
        *disk, *board,
        {.path = disk->path() + "/store" + std::to_string(i), .ring_bytes = ring_bytes});
    tally.check(wrong.empty(), "freeze " + std::to_string(i) + ": " + wrong);
    const auto number = [](const std::atomic<std::uint64_t>& n) {
      return static_cast<unsigned long long>(n.load());
    };
    std::printf(
        "ring of %zu KiB, frozen: reads %llu, writes %llu, kBusy %llu, kDisk in doubt %llu\n",
        ring_bytes >> 10, number(board->reads_frozen), number(board->writes_frozen),
        number(board->busy), number(board->in_doubt));
  }
  Shared<Board> board;
  const std::string found = freeze_once(*disk, *board,
                                        {.path = disk->path() + "/sabotage",
                                         .ring_bytes = std::size_t{256} << 10,
                                         .readers_write = true});
  std::printf("sabotage readers-write: %s\n", found.empty() ? "not found" : found.c_str());
  tally.check(!found.empty(), "sabotage readers-write was not found: this harness sees nothing");
  std::printf("faults that fired: %llu freezes\n", static_cast<unsigned long long>(args.cycles));
  return tally.finish();
}
