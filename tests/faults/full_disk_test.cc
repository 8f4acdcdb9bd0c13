// A disk that is really full: tmpfs of many small sizes, each filled by a store until it refuses.
//
//   parent                                        child
//   mounts a tmpfs of the size, forks ----------> opens a store, writes, erases, makes a
//   checkpoint,
//                                                 until nothing is accepted any more, and a bit on
//   enlarges the tmpfs, forks a verifier -------> opens, compares with what was acknowledged
//
// No size may abort the process, as RocksDB by itself does (docs/durability.md, "Full disk"); each
// refusal has a code and a text; and once there is room the store opens with everything that was
// acknowledged. Half of the sizes are tried without the floor, so that RocksDB does meet the end.
//
// Needs root; the mounts are in a namespace of this process and go with it.
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>

#include "faults/harness.h"
#include "support/temp_dir.h"

namespace cloakroom::faults {
namespace {

constexpr std::uint64_t kKeys = 8192;
constexpr std::uint64_t kBytesMin = std::uint64_t{96} << 10;
constexpr std::uint64_t kBytesMax = std::uint64_t{4} << 20;
constexpr std::uint64_t kBytesEnough = std::uint64_t{64} << 20;
constexpr std::uint64_t kFloor = std::uint64_t{512} << 10;

enum class Is : std::uint8_t { kNothing, kStored, kErased, kInDoubt };

struct Board {
  std::array<std::atomic<Is>, kKeys> keys{};
  bool opened = false;
  std::uint64_t acknowledged = 0;
  std::uint64_t refused_full = 0;  // by the floor
  std::uint64_t failed = 0;        // by the disk
  std::uint64_t erased_after_full = 0;
  Note note;
};

struct Plan {
  std::string path = {};
  bool with_floor = false;
  bool closes = false;
  bool sabotage = false;  // counts what was refused as acknowledged
};

std::string key(std::uint64_t i) { return "key" + std::to_string(i); }

Options store_options(const Plan& plan) {
  Options options;
  options.path = plan.path;
  options.sync_interval = Millis(10);
  options.ring_bytes = std::size_t{64} << 10;
  options.stripe_count = 4;
  options.memory_limit_bytes = std::size_t{64} << 20;
  options.disk_floor_bytes = plan.with_floor ? kFloor : 0;
  return options;
}

bool is_refusal(const Status& status) {
  const StatusCode code = status.code();
  return (code == StatusCode::kIo || code == StatusCode::kFull || code == StatusCode::kReadOnly) &&
         !status.message().empty();
}

// --- in the child -------------------------------------------------------------------------------

class Filler {
 public:
  Filler(const Plan& plan, Board& board) : plan_(plan), board_(board) {}

  int run() {
    auto store = Store::open(store_options(plan_));
    if (!store) {
      board_.failed += 1;
      return is_refusal(store.status()) ? 0 : wrong("open: " + store.status().to_string());
    }
    board_.opened = true;
    std::uint64_t refused = 0;
    for (std::uint64_t i = 0; i < kKeys && refused < 20; ++i) {
      if (!put(*store, i, refused)) return 1;
      // Logging out must work while there is a floor to live on.
      if (i % 3 == 2 && !erase(*store, refused > 0 ? stored_before(i) : i - 1, refused > 0))
        return 1;
      if (i == 100) (void)store->checkpoint(plan_.path + ".copy").ok();
    }
    if (!plan_.closes) ::_exit(0);  // unclean
    const Status closed = store->close();
    return closed || is_refusal(closed) ? 0 : wrong("close: " + closed.to_string());
  }

 private:
  int wrong(const std::string& what) {
    board_.note.set(what);
    return 1;
  }

  // A key that is there, or 0.
  [[nodiscard]] std::uint64_t stored_before(std::uint64_t i) const {
    std::uint64_t at = i / 2;
    while (at > 0 && board_.keys[at].load() != Is::kStored) --at;
    return at;
  }

  bool put(Store& store, std::uint64_t i, std::uint64_t& refused) {
    board_.keys[i].store(Is::kInDoubt);
    const auto level = i % 4 == 0 ? Durability::kDisk : Durability::kProcess;
    const auto done = store.put(key(i), make_value(i, 1500), {.durability = level});
    if (done) {
      board_.acknowledged += 1;
      board_.keys[i].store(Is::kStored);
      return true;
    }
    ++refused;
    if (!is_refusal(done.status())) return wrong("put: " + done.status().to_string()) == 0;
    (done.code() == StatusCode::kFull ? board_.refused_full : board_.failed) += 1;
    // kIo leaves it in doubt; the others changed nothing.
    if (done.code() != StatusCode::kIo) board_.keys[i].store(Is::kErased);
    if (plan_.sabotage) board_.keys[i].store(Is::kStored);
    return true;
  }

  bool erase(Store& store, std::uint64_t i, bool after_full) {
    const Is before = board_.keys[i].exchange(Is::kInDoubt);
    const Status done = store.erase(key(i), {.durability = Durability::kDisk});
    if (done || done.code() == StatusCode::kNotFound) {
      board_.keys[i].store(before == Is::kInDoubt ? Is::kInDoubt : Is::kErased);
      board_.erased_after_full += done && after_full ? 1 : 0;
      return true;
    }
    if (done.code() == StatusCode::kFull) return wrong("an erase was refused as full") == 0;
    return is_refusal(done) || wrong("erase: " + done.to_string()) == 0;
  }

  const Plan& plan_;
  Board& board_;
};

// There is room again.
int verify(const Plan& plan, Board& board) {
  const auto wrong = [&](const std::string& what) { return board.note.set(what), 1; };
  auto store = Store::open(store_options(plan));
  if (!store) return wrong("with room again open answered " + store.status().to_string());
  const auto contents = contents_of(*store);
  if (!contents) return wrong("scan: " + contents.status().to_string());
  for (std::uint64_t i = 0; i < kKeys; ++i) {
    const Is is = board.keys[i].load();
    const auto found = contents->find(key(i));
    const bool there = found != contents->end();
    if (there && found->second.value != make_value(i, 1500)) return wrong(key(i) + " is damaged");
    if (is == Is::kStored && !there) return wrong(key(i) + " was acknowledged and is lost");
    if (is == Is::kErased && there) return wrong(key(i) + " was erased or refused, and is there");
    if (is == Is::kNothing && there) return wrong(key(i) + " was never stored");
  }
  if (!store->put("after", "v", {.durability = Durability::kDisk}))
    return wrong("it takes no write");
  return store->close() ? 0 : wrong("it does not close");
}

// --- the parent ---------------------------------------------------------------------------------

struct Totals {
  std::uint64_t runs = 0;
  std::uint64_t not_opened = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t refused_full = 0;
  std::uint64_t failed = 0;
  std::uint64_t erased_after_full = 0;
};

class Campaign {
 public:
  explicit Campaign(const std::string& mount_point) : mount_point_(mount_point) {}

  // "" or what is wrong at this size.
  std::string fill(std::uint64_t bytes, const Plan& asked, Totals& totals) {
    Plan plan = asked;
    plan.path = mount_point_ + "/store";
    if (!mount_tmpfs(bytes, 0)) return std::string("cannot mount: ") + std::strerror(errno);
    Shared<Board> board;
    const Ending filled = run_child([&] { return Filler(plan, *board).run(); });
    std::string wrong;
    if (!filled.ok()) wrong = "the store " + filled.to_string() + ": " + board->note.text;
    if (wrong.empty() && !mount_tmpfs(kBytesEnough, MS_REMOUNT)) wrong = "cannot enlarge";
    if (wrong.empty()) {
      const Ending verified = run_child([&] { return verify(plan, *board); });
      if (!verified.ok()) wrong = "verifier " + verified.to_string() + ": " + board->note.text;
    }
    ::umount2(mount_point_.c_str(), MNT_DETACH);
    totals.runs += 1;
    totals.not_opened += board->opened ? 0 : 1;
    totals.acknowledged += board->acknowledged;
    totals.refused_full += board->refused_full;
    totals.failed += board->failed;
    totals.erased_after_full += board->erased_after_full;
    if (wrong.empty()) return "";
    return std::to_string(bytes >> 10) + " KiB" + (plan.with_floor ? ", with a floor: " : ": ") +
           wrong;
  }

 private:
  bool mount_tmpfs(std::uint64_t bytes, unsigned long flags) const {
    const std::string size = "size=" + std::to_string(bytes);
    return ::mount("tmpfs", mount_point_.c_str(), "tmpfs", flags, size.c_str()) == 0;
  }

  const std::string mount_point_;
};

bool sabotage_is_found(Campaign& campaign) {
  Totals totals;
  for (std::uint64_t kib = 1024; kib < 2048; kib += 256) {
    const std::string wrong = campaign.fill(kib << 10, {.sabotage = true}, totals);
    if (wrong.empty()) continue;
    std::printf("sabotage believe-refusals: found (%s)\n", wrong.c_str());
    return true;
  }
  return false;
}

void print(const Totals& totals) {
  const auto number = [](std::uint64_t n) { return static_cast<unsigned long long>(n); };
  std::printf("sizes %llu, of these too small to open %llu\n", number(totals.runs),
              number(totals.not_opened));
  std::printf("faults that fired: %llu calls failed for want of space, %llu were refused before\n",
              number(totals.failed), number(totals.refused_full));
  std::printf("writes acknowledged %llu, erases accepted after a refusal %llu\n",
              number(totals.acknowledged), number(totals.erased_after_full));
}

}  // namespace
}  // namespace cloakroom::faults

int main(int argc, char** argv) {
  using namespace cloakroom::faults;
  const Args args =
      Args::parse(argc, argv, 60, "full_disk_test [--cycles N] [--seed S]: N sizes of a disk");
  const cloakroom::testing::TempDir dir;
  if (::unshare(CLONE_NEWNS) != 0 ||
      ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    std::printf(
        "SKIPPED full_disk_test: no mounts of our own (%s); io_error_test, with ENOSPC at "
        "every call, stands for it\n",
        std::strerror(errno));
    return 0;
  }
  Tally tally("full_disk_test");
  Campaign campaign(dir.path());
  Totals totals;
  Random random(args.seed);
  const std::uint64_t step = (kBytesMax - kBytesMin) / std::max<std::uint64_t>(1, args.cycles);
  for (std::uint64_t i = 0; i < args.cycles; ++i) {
    const std::uint64_t bytes = kBytesMin + i * step + random() % step;
    const std::string wrong = campaign.fill(
        bytes, {.with_floor = random() % 2 == 0, .closes = random() % 2 == 0}, totals);
    tally.check(wrong.empty(), wrong);
  }
  print(totals);
  tally.check(totals.failed > 0, "no call ever failed for want of space");
  tally.check(totals.erased_after_full > 0, "no erase was tried after a refusal");
  tally.check(sabotage_is_found(campaign),
              "sabotage believe-refusals was not found: this harness sees nothing");
  return tally.finish();
}
