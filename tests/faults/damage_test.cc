// Bytes on disk are not what was written: one place of one file of a store is damaged, and the
// store is opened.
//
//   allowed     it refuses to open, or a record answers kCorruption: clearly, with a message; who is
//               refused finds every byte as it was
//   allowed     everything is there, exactly: the place did not matter
//   forbidden   a wrong value; a record that is silently missing; an erased one that is back;
//               a crash, an assertion, a hang
//
// Three stores are damaged: one that was closed, one that a crash left with records in the log, and
// one with both. Every write was synced, so every missing one is a loss.
#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "faults/harness.h"
#include "support/dir_snapshot.h"
#include "support/temp_dir.h"

namespace cloakroom::faults {
namespace {

namespace fs = std::filesystem;

enum class Harm { kFlipBit, kOnes, kZero, kTruncate, kRemove };
constexpr std::array kHarmNames{"flip bit", "0xff", "zero", "truncate", "remove"};

enum class Verdict : int { kExact, kRefused, kReported, kForbidden };
constexpr std::array kVerdictNames{"exact", "refused", "reported", "FORBIDDEN"};

struct Outcome {
  Note note;
  Verdict verdict = Verdict::kForbidden;
};

Options store_options(const std::string& path) {
  Options options;
  options.path = path;
  options.background = false;
  options.stripe_count = 16;
  options.memory_limit_bytes = std::size_t{64} << 20;
  options.disk_floor_bytes = 0;
  options.ring_bytes = std::size_t{64} << 10;
  return options;
}

std::string key(std::uint64_t i) { return "record" + std::to_string(i); }

// Writes records first ... last - 1 with owners, touches some, erases every fifth, all synced.
bool write_some(Store& store, std::uint64_t first, std::uint64_t last) {
  for (std::uint64_t i = first; i < last; ++i) {
    const std::string owner = "owner" + std::to_string(i % 3);
    if (!store.put(key(i), make_value(i, 120), {.ttl = Millis(86'400'000), .owner = owner})) {
      return false;
    }
    if (i % 4 == 0 && !store.touch(key(i), Millis(100'000'000))) return false;
    if (i % 5 == 0 && !store.erase(key(i))) return false;
  }
  return store.sync().ok();
}

// --- the stores to be damaged -------------------------------------------------------------------

struct Subject {
  std::string name;
  std::string path;
  Contents contents = {};  // what is in it
};

int make_closed(const std::string& path) {
  auto store = Store::open(store_options(path));
  return store && write_some(*store, 0, 40) && store->close() ? 0 : 1;
}

int make_crashed(const std::string& path) {
  auto store = Store::open(store_options(path));
  if (!store || !write_some(*store, 0, 25)) return 1;
  std::_Exit(0);
}

int make_both(const std::string& path) {
  if (make_closed(path) != 0) return 1;
  auto store = Store::open(store_options(path));
  if (!store || !write_some(*store, 30, 55)) return 1;
  std::_Exit(0);
}

// What a copy of the store holds, as a child finds it.
Contents look(const std::string& path, const std::string& copy) {
  fs::copy(path, copy, fs::copy_options::recursive);
  const Ending ending = run_child([&] {
    auto store = Store::open(store_options(copy));
    if (!store) return 1;
    const auto contents = contents_of(*store);
    if (!contents) return 1;
    std::ofstream out(copy + ".list", std::ios::binary);
    for (const auto& [name, found] : *contents) {
      out << name << ' ' << found.owner << ' ' << found.version << ' ' << found.deadline << '\n';
    }
    return out.good() ? 0 : 1;
  });
  if (!ending.ok()) {
    std::printf("cannot look into %s: %s\n", path.c_str(), ending.to_string().c_str());
    std::exit(2);
  }
  Contents contents;
  std::ifstream in(copy + ".list");
  std::string name;
  Found found;
  while (in >> name >> found.owner >> found.version >> found.deadline) {
    found.value = make_value(std::stoull(name.substr(6)), 120);
    contents[name] = found;
  }
  return contents;
}

Subject prepare(const testing::TempDir& dir, const std::string& name,
                int (*make)(const std::string&)) {
  Subject subject{.name = name, .path = dir / name};
  if (!run_child([&] { return make(subject.path); }).ok()) {
    std::printf("cannot prepare the store %s\n", name.c_str());
    std::exit(2);
  }
  subject.contents = look(subject.path, dir / (name + "_look"));
  return subject;
}

// --- one damage ---------------------------------------------------------------------------------

struct Damage {
  std::string file;  // relative to the store
  Harm harm = Harm::kFlipBit;
  std::uint64_t offset = 0;
  unsigned bit = 0;
};

// False when the bytes stay the same.
bool inflict(const Damage& damage, const std::string& path) {
  std::string bytes = testing::read_file(path);
  char& byte = bytes[damage.offset];
  const char before = byte;
  switch (damage.harm) {
    case Harm::kFlipBit:
      byte = static_cast<char>(static_cast<unsigned char>(byte) ^ (1U << damage.bit));
      break;
    case Harm::kOnes:
      byte = static_cast<char>(0xff);
      break;
    case Harm::kZero:
      byte = 0;
      break;
    case Harm::kTruncate:
      fs::resize_file(path, damage.offset);
      return true;
    case Harm::kRemove:
      fs::remove(path);
      return true;
  }
  if (byte == before) return false;
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(damage.offset));
  file.put(byte);
  return file.good();
}

// Opens the damaged store and judges what it says; runs in a child.
class Judge {
 public:
  Judge(const Subject& subject, Outcome& outcome) : subject_(subject), outcome_(outcome) {}

  int run(const std::string& path) {
    auto store = Store::open(store_options(path));
    if (!store) {
      if (!is_clear(store.status())) return forbidden("open answered " + store.status().to_string());
      return done(Verdict::kRefused);
    }
    // Twice: while the records are still on disk, and when all that can be are in memory.
    for (const bool warm : {false, true}) {
      if (warm) store->sweep();
      for (const auto& [name, expected] : subject_.contents) {
        if (!check_record(*store, name, expected)) return 1;
      }
      for (std::uint64_t i = 0; i < 60; ++i) {
        if (!subject_.contents.contains(key(i)) && store->get(key(i))) {
          return forbidden(key(i) + " was erased and is back");
        }
      }
    }
    return check_whole(*store);
  }

 private:
  static bool is_clear(const Status& status) {
    return (status.code() == StatusCode::kCorruption || status.code() == StatusCode::kIo ||
            status.code() == StatusCode::kInvalidArgument) &&
           !status.message().empty();
  }
  int done(Verdict verdict) {
    outcome_.verdict = verdict;
    return 0;
  }
  int forbidden(const std::string& what) {
    outcome_.note.set(what);
    return 1;
  }

  bool check_record(const Store& store, const std::string& name, const Found& expected) {
    Found found;
    const auto seen = store.visit(name, [&](const RecordView& view) {
      found = {std::string(view.value), std::string(view.owner), view.kind, view.version,
               view.deadline};
    });
    if (seen) return found == expected || forbidden(name + " is not what was written") == 0;
    if (seen.code() == StatusCode::kNotFound) return forbidden(name + " is silently missing") == 0;
    reported_ = true;
    return is_clear(seen.status()) ||
           forbidden(name + " answered " + seen.status().to_string()) == 0;
  }

  int check_whole(Store& store) {
    const auto contents = contents_of(store);
    if (!contents) {
      if (!is_clear(contents.status())) {
        return forbidden("scan answered " + contents.status().to_string());
      }
      reported_ = true;
    } else if (*contents != subject_.contents) {
      return forbidden("the scan is silently incomplete");
    }
    for (int o = 0; o < 3; ++o) {
      const std::string owner = "owner" + std::to_string(o);
      const auto owned = store.owned_by(owner);
      const auto expected = std::count_if(
          subject_.contents.begin(), subject_.contents.end(),
          [&](const auto& item) { return item.second.owner == owner; });
      if (owned && owned->size() != static_cast<std::size_t>(expected)) {
        return forbidden("owned_by is silently incomplete");
      }
    }
    if (reported_ && store.stats().degraded.empty()) {
      return forbidden("records cannot be read and stats() says nothing of it");
    }
    return done(reported_ ? Verdict::kReported : Verdict::kExact);
  }

  const Subject& subject_;
  Outcome& outcome_;
  bool reported_ = false;
};

// "rocks/000012.sst" -> "*.sst": for the table of outcomes.
std::string file_class(const std::string& file) {
  const std::string name = file.substr(file.rfind('/') + 1);
  const auto dot = name.rfind('.');
  if (dot != std::string::npos && dot != 0) return "*" + name.substr(dot);
  return name.substr(0, name.find('-'));
}

// All but the lock files: whoever has looked may be named there.
testing::DirSnapshot bytes_of(const std::string& path) {
  testing::DirSnapshot bytes = testing::snapshot_of(path);
  bytes.erase("LOCK");
  bytes.erase("rocks/LOCK");
  return bytes;
}

class Campaign {
 public:
  Campaign(Tally& tally, const testing::TempDir& dir) : tally_(tally), dir_(dir) {}

  void damage(const Subject& subject, const Damage& damage) {
    const std::string path = dir_ / "victim";
    fs::remove_all(path);
    fs::copy(subject.path, path, fs::copy_options::recursive);
    if (!inflict(damage, path + "/" + damage.file)) return;
    ++fired_;
    const testing::DirSnapshot before = bytes_of(path);
    Shared<Outcome> outcome;
    const Ending ending = run_child([&] { return Judge(subject, *outcome).run(path); }, 30);
    Verdict verdict = ending.ok() ? outcome->verdict : Verdict::kForbidden;
    std::string changed;
    if (verdict == Verdict::kRefused) changed = testing::difference(before, bytes_of(path));
    if (!changed.empty()) verdict = Verdict::kForbidden;
    ++table_[file_class(damage.file)][static_cast<std::size_t>(verdict)];
    tally_.check(verdict != Verdict::kForbidden,
                 subject.name + ": " + damage.file + " " +
                     kHarmNames[static_cast<std::size_t>(damage.harm)] + " at " +
                     std::to_string(damage.offset) + " bit " + std::to_string(damage.bit) + ": " +
                     ending.to_string() + ": " + outcome->note.text +
                     (changed.empty() ? "" : "refused, but " + changed));
  }

  void print() const {
    std::printf("%-12s", "file");
    for (const char* name : kVerdictNames) std::printf(" %10s", name);
    std::printf("\n");
    for (const auto& [name, counts] : table_) {
      std::printf("%-12s", name.c_str());
      for (const std::uint64_t count : counts) {
        std::printf(" %10llu", static_cast<unsigned long long>(count));
      }
      std::printf("\n");
    }
    std::printf("faults that fired: %llu damages\n", static_cast<unsigned long long>(fired_));
  }
  [[nodiscard]] std::uint64_t fired() const { return fired_; }

 private:
  Tally& tally_;
  const testing::TempDir& dir_;
  std::uint64_t fired_ = 0;
  std::map<std::string, std::array<std::uint64_t, kVerdictNames.size()>> table_;
};

// Every place of every file, in random order; the lock file holds nothing.
std::vector<Damage> all_damages(const Subject& subject, Random& random) {
  std::vector<Damage> damages;
  for (const auto& entry : fs::recursive_directory_iterator(subject.path)) {
    if (!entry.is_regular_file() || entry.path().filename() == "LOCK") continue;
    const std::string file = fs::relative(entry.path(), subject.path).string();
    const std::uint64_t size = entry.file_size();
    damages.push_back({.file = file, .harm = Harm::kRemove});
    for (std::uint64_t offset = 0; offset < size; ++offset) {
      for (const Harm harm : {Harm::kFlipBit, Harm::kOnes, Harm::kZero, Harm::kTruncate}) {
        damages.push_back({file, harm, offset, static_cast<unsigned>(random() % 8)});
      }
    }
  }
  std::shuffle(damages.begin(), damages.end(), random);
  return damages;
}

// A sample in which every kind of file has its share, whatever its size.
std::vector<Damage> sample(const std::vector<Damage>& all, std::uint64_t count) {
  std::map<std::string, std::vector<Damage>> by_class;
  for (const Damage& damage : all) by_class[file_class(damage.file)].push_back(damage);
  const std::uint64_t share = std::max<std::uint64_t>(1, count / by_class.size());
  std::vector<Damage> chosen;
  for (const auto& [name, damages] : by_class) {
    const auto end = damages.begin() + static_cast<std::ptrdiff_t>(
                                           std::min<std::uint64_t>(share, damages.size()));
    chosen.insert(chosen.end(), damages.begin(), end);
  }
  for (const Damage& damage : all) {
    if (damage.harm == Harm::kRemove) chosen.push_back(damage);
  }
  return chosen;
}

}  // namespace
}  // namespace cloakroom::faults

int main(int argc, char** argv) {
  using namespace cloakroom::faults;
  const Args args = Args::parse(argc, argv, 400,
                                "damage_test [--cycles N] [--seed S] [--all]\n"
                                "  N damages in all; --all: every byte in four ways");
  ::setenv("TMPDIR", fast_temp_root().c_str(), 1);
  Tally tally("damage_test");
  const cloakroom::testing::TempDir dir;
  Random random(args.seed);
  const std::vector<Subject> subjects{prepare(dir, "closed", make_closed),
                                      prepare(dir, "crashed", make_crashed),
                                      prepare(dir, "both", make_both)};
  Campaign campaign(tally, dir);
  for (const Subject& subject : subjects) {
    const std::vector<Damage> all = all_damages(subject, random);
    std::printf("store %s: %zu records, %zu possible damages\n", subject.name.c_str(),
                subject.contents.size(), all.size());
    const auto chosen = args.all ? all : sample(all, args.cycles / subjects.size());
    for (const Damage& damage : chosen) campaign.damage(subject, damage);
  }
  campaign.print();
  tally.check(campaign.fired() > 0, "nothing was damaged: this harness sees nothing");
  return tally.finish();
}
