// The power goes, again and again, under a store whose RocksDB runs on UnsyncedFs: a file system
// that leaves on the disk what was synced, and of the rest nothing, or a part, or a torn part.
// Pages of the mapped ring stay or go one by one.
//
//   kDisk      nothing acknowledged is lost
//   kProcess   nothing is lost that was acknowledged before a sync() or an interval's sync ended
//   always     what is found is a prefix of what was written, over all threads: no hole
//
// Each cut runs in a child: load on 1 to 3 threads, the cut at a random call of the file system (so
// also while opening, flushing, making a checkpoint, closing), then the image is opened on the
// machine's own file system and compared. The image is where the next cut begins. Now and then
// the process dies first and the power later (docs/durability.md, "Two crashes in a row").
#include <array>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "faults/harness.h"
#include "journal/ring.h"
#include "store/engine.h"
#include "support/temp_dir.h"
#include "support/unsynced_fs.h"

namespace cloakroom::faults {
namespace {

using testing::CutReport;
using testing::Damage;
using testing::UnsyncedFs;
using Values = std::map<std::string, std::string>;

// --- what was written --------------------------------------------------------------------------

struct Entry {
  Version version = 0;  // 0: not known, the call did not return ok
  std::string key = {};
  std::optional<std::string> value = {};  // nothing: erased
  bool acknowledged = false;
};

// The writes of one thread, to keys of its own, in order.
struct History {
  std::vector<Entry> entries = {};
  std::size_t required = 0;  // so many of them must be found
  const char* promise = "";  // because of this

  void require(std::size_t count, const char* because) {
    required = count;
    promise = because;
  }

  [[nodiscard]] std::size_t acknowledged() const {
    std::size_t count = 0;
    while (count < entries.size() && entries[count].acknowledged) ++count;
    return count;
  }
  // How many of the first entries were given a version up to this one.
  [[nodiscard]] std::size_t up_to(Version version) const {
    std::size_t count = 0;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (entries[i].version != 0 && entries[i].version <= version) count = i + 1;
    }
    return count;
  }
};

// The largest n so that the first n writes lead from `before` to `found`, as far as this thread's
// keys go; nothing when there is none.
std::optional<std::size_t> prefix_found(const History& history, const Values& before,
                                        const Values& found, const std::string& mine) {
  const auto own = [&](const Values& values) {
    Values own;
    for (const auto& [key, value] : values) {
      if (key.starts_with(mine)) own[key] = value;
    }
    return own;
  };
  const Values wanted = own(found);
  Values state = own(before);
  std::optional<std::size_t> matched;
  for (std::size_t n = 0;; ++n) {
    if (state == wanted) matched = n;
    if (n == history.entries.size()) return matched;
    const Entry& entry = history.entries[n];
    if (entry.value) {
      state[entry.key] = *entry.value;
    } else {
      state.erase(entry.key);
    }
  }
}

// --- one cut, in a child ------------------------------------------------------------------------

struct Plan {
  std::string root;   // the store
  std::string image;  // what is left of it
  std::string dir;    // for everything else
  std::uint64_t seed = 0;
  Damage damage = Damage::kDropAll;
  std::size_t threads = 1;
  std::size_t ring_bytes = 0;
  bool background = false;
  bool compound = false;         // the process dies first, the power goes later
  std::uint64_t cut_at = 0;      // call of the file system; 0: after the load
  bool believe_process = false;  // sabotage: takes kProcess for kDisk
};

struct Outcome {
  Note note;
  CutReport cut;
  std::uint64_t ring_lost = 0;  // bytes of its pages
  std::uint64_t writes = 0;
  std::uint64_t lost = 0;  // acknowledged, not promised, and gone: so the cut was one
  bool marked = false;     // the load met a promise that had to hold at the cut
};

constexpr std::size_t kRingIdentityBytes = 48;  // docs/format.md

std::string prefix_of(std::size_t thread) { return "t" + std::to_string(thread) + "."; }

class Cut {
 public:
  Cut(const Plan& plan, Outcome& outcome)
      : plan_(plan), outcome_(outcome), random_(plan.seed), histories_(plan.threads) {}

  int run() {
    before_ = read_truth();
    auto fs = std::make_shared<UnsyncedFs>(make_graveyard("1"));
    if (plan_.compound) {
      const std::string dead = plan_.dir + "/dead";
      if (!session(fs, plan_.root, dead, Damage::kNothing, 0)) return 1;
      auto next = std::make_shared<UnsyncedFs>(make_graveyard("2"));
      next->inherit(*fs, plan_.root, dead);
      if (!session(next, dead, plan_.image, plan_.damage, plan_.cut_at)) return 1;
    } else if (!session(fs, plan_.root, plan_.image, plan_.damage, plan_.cut_at)) {
      return 1;
    }
    return verify() ? 0 : 1;
  }

 private:
  bool wrong(const std::string& what) {
    outcome_.note.set(what);
    return false;
  }

  std::string make_graveyard(const char* name) const {
    const std::string path = plan_.dir + "/graveyard" + name;
    std::filesystem::create_directory(path);
    return path;
  }

  Options options(const std::string& path, bool background) const {
    Options options;
    options.path = path;
    options.background = background;
    options.sync_interval = Millis(10);
    options.stripe_count = 16;
    options.memory_limit_bytes = std::size_t{64} << 20;
    options.disk_floor_bytes = 0;
    options.ring_bytes = plan_.ring_bytes;
    return options;
  }

  // The ring is mapped and never synced: of each of its pages the disk may have what the kernel
  // had, or what it was before. `before`: the file when the session began.
  std::uint64_t cut_ring(const std::string& image, const std::string& before, Damage damage,
                         Random& random) const {
    constexpr std::size_t kPage = 4096;
    const std::string path = image + "/" + kRingName;
    std::string bytes = read_bytes(path);
    const std::uint64_t keep = damage == Damage::kDropAll ? 0 : random() % 101;  // per cent
    std::uint64_t lost = 0;
    for (std::size_t at = 0; at < bytes.size(); at += kPage) {
      if (random() % 100 < keep) continue;
      std::string old = at < before.size() ? before.substr(at, kPage) : std::string(kPage, '\0');
      // What the file is was synced when it was made.
      if (at == 0) old.replace(0, kRingIdentityBytes, bytes, 0, kRingIdentityBytes);
      if (bytes.compare(at, kPage, old) == 0) continue;
      bytes.replace(at, kPage, old);
      lost += kPage;
    }
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
    return lost;
  }

  static std::string read_bytes(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }

  // Opens, loads, cuts. False when something went wrong that no cut excuses.
  bool session(const std::shared_ptr<UnsyncedFs>& fs, const std::string& root,
               const std::string& image, Damage damage, std::uint64_t cut_at) {
    std::atomic<bool> over{false};
    cut_.store(false);
    const std::string ring_before = read_bytes(root + "/" + kRingName);
    std::thread cutter([&] {
      const std::uint64_t begin = fs->calls();
      while (!over.load() && (cut_at == 0 || fs->calls() - begin < cut_at)) {
        std::this_thread::yield();
      }
      cut_.store(true);
      Random random(plan_.seed + 1);
      outcome_.cut = fs->cut(root, image, damage, random);
      if (damage != Damage::kNothing) {
        outcome_.ring_lost = cut_ring(image, ring_before, damage, random);
      }
    });
    bool fine = load(fs, root);
    over.store(true);
    cutter.join();
    engine_.reset();  // whatever it still tries is refused
    return fine;
  }

  bool load(const std::shared_ptr<UnsyncedFs>& fs, const std::string& root) {
    auto engine = Engine::open(options(root, plan_.background), JournalHooks{.file_system = fs});
    if (!engine) return cut_.load() || wrong("open failed: " + engine.status().to_string());
    engine_ = *std::move(engine);
    if (!histories_[0].entries.empty() && !resolve()) return false;
    std::vector<std::thread> threads;
    std::vector<std::string> problems(plan_.threads);
    for (std::size_t t = 0; t < plan_.threads; ++t) {
      threads.emplace_back(
          [&, t, random = Random(random_())]() mutable { problems[t] = write(t, random); });
    }
    for (std::thread& thread : threads) thread.join();
    for (const std::string& problem : problems) {
      if (!problem.empty()) return cut_.load() || wrong(problem);
    }
    return after_load();
  }

  // After the process died: what the new one finds is where the histories go on.
  bool resolve() {
    const auto found = contents_of(*engine_);
    if (!found) return cut_.load() || wrong("scan failed: " + found.status().to_string());
    // Only the process died: that takes nothing that was acknowledged.
    for (History& history : histories_) {
      history.require(history.acknowledged(), "a death of the process only");
    }
    return match(*found);
  }

  // One thread's writes; "" or what went wrong.
  std::string write(std::size_t t, Random& random) {
    History& history = histories_[t];
    const std::uint64_t writes = 20 + random() % 200;
    for (std::uint64_t i = 0; i < writes; ++i) {
      if (random() % 40 == 0 && !mark(t, random)) return "sync failed";
      if (!plan_.background && random() % 60 == 0) engine_->sweep();
      const std::string key = prefix_of(t) + std::to_string(random() % 12);
      if (random() % 8 == 0) {
        (void)engine_->touch(key, Millis(3'600'000 + random() % 10'000'000)).ok();
        continue;
      }
      const Durability level = random() % 12 == 0 ? Durability::kDisk : Durability::kProcess;
      if (std::string problem = write_one(history, key, level, random); !problem.empty()) {
        return problem;
      }
    }
    return "";
  }

  std::string write_one(History& history, const std::string& key, Durability level,
                        Random& random) {
    Entry entry{.key = key};
    if (random() % 4 != 0) entry.value = make_value(random(), random() % 20 == 0 ? 20000 : 300);
    history.entries.push_back(entry);
    if (!entry.value) {
      const Status erased = engine_->erase(key, {.durability = level});
      if (erased.code() == StatusCode::kNotFound) {
        history.entries.pop_back();  // nothing was written, so nothing is promised
        return "";
      }
      if (!erased) return erased.to_string();
    } else {
      const auto put =
          engine_->put(key, *entry.value, {.ttl = Millis(86'400'000), .durability = level});
      if (!put) return put.status().to_string();
      history.entries.back().version = *put;
    }
    history.entries.back().acknowledged = true;
    if (level == Durability::kDisk || plan_.believe_process) {
      history.require(history.entries.size(), "kDisk");
    }
    return "";
  }

  // A promise that must hold from here on: what this thread wrote so far is on the disk.
  bool mark(std::size_t t, Random& random) {
    History& history = histories_[t];
    if (history.entries.empty()) return true;
    const bool by_interval = plan_.background && random() % 2 == 0;
    if (by_interval) {
      // No sync() but the interval's: it must come by itself.
      const Version last = engine_->stats().version_last;
      const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
      while (engine_->stats().version_disk < last) {
        if (cut_.load() || std::chrono::steady_clock::now() > end) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    } else if (!engine_->sync()) {
      return false;
    }
    history.require(history.entries.size(), by_interval ? "the interval's sync" : "sync()");
    outcome_.marked = true;
    return true;
  }

  bool after_load() {
    switch (random_() % 4) {
      case 0: {
        const auto copy = engine_->checkpoint(plan_.dir + "/copy" + std::to_string(random_()));
        return copy.ok() || cut_.load() || wrong("checkpoint: " + copy.status().to_string());
      }
      case 1: {
        const Status closed = engine_->close();
        if (!closed) return cut_.load() || wrong("close failed: " + closed.to_string());
        for (History& history : histories_) history.require(history.entries.size(), "close()");
        return true;
      }
      default:
        return true;
    }
  }

  // Compares what is found with the histories, and makes it where they begin.
  bool match(const Contents& contents) {
    Values found;
    Version newest = 0;
    for (const auto& [key, record] : contents) {
      found[key] = record.value;
      newest = std::max(newest, record.version);
    }
    // Whatever one thread was promised covers what the others had written before.
    for (const History& history : histories_) {
      for (std::size_t i = 0; i < history.required; ++i) {
        newest = std::max(newest, history.entries[i].version);
      }
    }
    for (std::size_t t = 0; t < histories_.size(); ++t) {
      History& history = histories_[t];
      const auto n = prefix_found(history, before_, found, prefix_of(t));
      const std::string who = "thread " + std::to_string(t) + ": ";
      if (!n) return wrong(who + "what is found is no prefix of what was written");
      if (*n < history.required) {
        return wrong(who + std::to_string(history.required - *n) + " writes promised by " +
                     history.promise + " are lost");
      }
      if (*n < history.up_to(newest))
        return wrong(who + "a hole: a later write of another is there");
      outcome_.writes += history.entries.size();
      const std::size_t acknowledged = history.acknowledged();
      outcome_.lost += acknowledged > *n ? acknowledged - *n : 0;
    }
    before_ = found;
    for (History& history : histories_) history = History();
    return true;
  }

  bool verify() {
    {
      // Another run of the kernel.
      std::array<unsigned char, 16> boot{};
      for (unsigned char& byte : boot) byte = static_cast<unsigned char>(random_());
      auto opened = Engine::open(options(plan_.image, false), JournalHooks{.boot_id = boot});
      Engine* const store = opened ? opened->get() : nullptr;
      if (!opened) return wrong("the image does not open: " + opened.status().to_string());
      const auto contents = contents_of(*store);
      if (!contents) return wrong("scan failed: " + contents.status().to_string());
      if (!store->stats().degraded.empty()) return wrong("degraded: " + store->stats().degraded);
      if (!match(*contents)) return false;
      if (random_() % 2 == 0) {
        if (!(*opened)->close()) return wrong("close failed");
      } else {
        write_truth();
        std::_Exit(0);  // unclean: the next child recovers
      }
    }
    write_truth();
    return true;
  }

  // The contents the next child begins with, as this one found them.
  void write_truth() const {
    std::ofstream out(plan_.image + ".truth", std::ios::binary);
    for (const auto& [key, value] : before_) {
      out << key.size() << ' ' << value.size() << '\n' << key << value;
    }
  }
  Values read_truth() const {
    Values values;
    std::ifstream in(plan_.root + ".truth", std::ios::binary);
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

  const Plan plan_;
  Outcome& outcome_;
  Random random_;
  std::vector<History> histories_;
  Values before_;
  std::unique_ptr<Engine> engine_;
  std::atomic<bool> cut_{false};
};

// --- the parent ---------------------------------------------------------------------------------

struct Totals {
  std::uint64_t cuts = 0;
  std::uint64_t dropped = 0;    // cuts that took bytes or names
  std::uint64_t ring_torn = 0;  // cuts that took pages of the ring
  std::uint64_t lossy = 0;      // cuts that took acknowledged kProcess writes
  std::uint64_t marked = 0;
  std::uint64_t compound = 0;
  std::uint64_t writes = 0;
  std::uint64_t lost = 0;
};

class Campaign {
 public:
  Campaign(std::uint64_t seed, bool believe_process)
      : random_(seed), believe_process_(believe_process) {}

  // "" or what is wrong.
  std::string cut(Totals& totals) {
    if (generation_++ % 8 == 0) root_ = fresh("store");
    Plan plan;
    plan.root = root_;
    plan.image = fresh("image");
    plan.dir = fresh("dir");
    std::filesystem::create_directory(plan.dir);
    plan.seed = random_();
    plan.damage = static_cast<Damage>(random_() % testing::kPowerDamageCount);
    plan.threads = 1 + random_() % 3;
    plan.background = random_() % 2 == 0;
    plan.compound = random_() % 4 == 0;
    plan.ring_bytes = std::size_t{64} << 10 << random_() % 5;
    plan.cut_at = random_() % 3 == 0 ? 0 : 1 + random_() % 400;
    plan.believe_process = believe_process_;
    Shared<Outcome> outcome;
    const Ending ending = run_child([&] { return Cut(plan, *outcome).run(); });
    std::filesystem::remove_all(plan.root);
    std::filesystem::remove_all(plan.dir);
    if (!ending.ok()) {
      return ending.to_string() + ": " + outcome->note.text + " (damage " + to_string(plan.damage) +
             (plan.compound ? ", two crashes" : "") + ")";
    }
    root_ = plan.image;
    totals.cuts += 1;
    totals.dropped += outcome->cut.bytes_lost + outcome->cut.names_undone > 0 ? 1 : 0;
    totals.ring_torn += outcome->ring_lost > 0 ? 1 : 0;
    totals.lossy += outcome->lost > 0 ? 1 : 0;
    totals.marked += outcome->marked ? 1 : 0;
    totals.compound += plan.compound ? 1 : 0;
    totals.writes += outcome->writes;
    totals.lost += outcome->lost;
    return "";
  }

  void start_over() { generation_ = 0; }

 private:
  std::string fresh(const char* name) { return dir_ / (name + std::to_string(++names_)); }

  testing::TempDir dir_;
  Random random_;
  const bool believe_process_;
  std::string root_;
  std::uint64_t generation_ = 0;
  std::uint64_t names_ = 0;
};

bool sabotage_is_found(std::uint64_t seed) {
  Campaign campaign(seed, true);
  Totals totals;
  for (int i = 0; i < 30; ++i) {
    const std::string wrong = campaign.cut(totals);
    if (wrong.empty()) continue;
    std::printf("sabotage believe-process: found after %d cuts (%s)\n", i + 1, wrong.c_str());
    return true;
  }
  return false;
}

void print(const Totals& totals) {
  const auto number = [](std::uint64_t n) { return static_cast<unsigned long long>(n); };
  std::printf("cuts %llu, of these after a death of the process %llu\n", number(totals.cuts),
              number(totals.compound));
  std::printf(
      "faults that fired: %llu cuts took bytes or names, %llu pages of the ring, %llu "
      "acknowledged kProcess writes\n",
      number(totals.dropped), number(totals.ring_torn), number(totals.lossy));
  std::printf("writes %llu, taken and not promised %llu, cuts with a promise before them %llu\n",
              number(totals.writes), number(totals.lost), number(totals.marked));
}

}  // namespace
}  // namespace cloakroom::faults

int main(int argc, char** argv) {
  using namespace cloakroom::faults;
  const Args args = Args::parse(
      argc, argv, 100, "powercut_test [--cycles N] [--seed S] [--sabotage believe-process]");
  ::setenv("TMPDIR", fast_temp_root().c_str(), 1);
  Tally tally("powercut_test");
  if (!args.sabotage.empty()) {
    tally.check(!sabotage_is_found(args.seed), "the planted bug was found, as it must be");
    return tally.finish();
  }
  Campaign campaign(args.seed, false);
  Totals totals;
  for (std::uint64_t i = 0; i < args.cycles; ++i) {
    const std::string wrong = campaign.cut(totals);
    tally.check(wrong.empty(), "cut " + std::to_string(i) + ": " + wrong);
    if (!wrong.empty()) campaign.start_over();
  }
  print(totals);
  tally.check(totals.lossy * 10 >= totals.cuts, "fewer than a tenth of the cuts took anything");
  tally.check(totals.marked > 0, "no cut came after a promise");
  tally.check(sabotage_is_found(args.seed),
              "sabotage believe-process was not found: this harness sees nothing");
  return tally.finish();
}
