// backup and restore: of a store at rest, of one that was killed, and beside a server at full
// speed.
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <set>

#include "busy_store.h"
#include "child_process.h"
#include "cli_runner.h"
#include "cloakroom/store.h"
#include "offline/store_reader.h"
#include "support/dir_snapshot.h"
#include "support/random_seed.h"

namespace cloakroom::testing {
namespace {

std::string cli_path() { return built_program("CLOAKROOM_CLI", "../../tools/cloakroom"); }

std::string exported(const std::string& dir) {
  const CliAnswer answer = run_cli({"export", dir, "--show-values", "--dead"});
  CHECK_MESSAGE(answer.code == 0, answer.err);
  return answer.out.substr(answer.out.find('\n'));  // the header has the time of the copy
}

void restore(const std::string& from, const std::string& to) {
  const CliAnswer answer = run_cli({"restore", from, to});
  CHECK_MESSAGE(answer.code == 0, answer.out, answer.err);
  CHECK(contains(answer.out, "verified"));
}

ino_t inode_of(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? info.st_ino : 0;
}

// What busy_store had acknowledged at one moment.
struct Acknowledged {
  std::array<std::uint64_t, kThreads> written{};
  std::array<std::uint64_t, kThreads> erased{};
  explicit Acknowledged(const BusyCounts& counts) {
    for (std::size_t t = 0; t < kThreads; ++t) {
      erased[t] = counts.erased[t].load();
      written[t] = counts.written[t].load();
    }
  }
};

// Every thread's records are there from some number to another, without a hole: all that had been
// acknowledged, nothing that had been erased, and of what came later a prefix.
void check_busy_copy(const std::string& dir, const Acknowledged& before) {
  auto reader = StoreReader::open(dir);
  REQUIRE_MESSAGE(reader, reader.status().to_string());
  std::array<std::set<std::uint64_t>, kThreads> found;
  std::size_t wrong = 0;
  REQUIRE((*reader)->for_each([&](const RecordView& record) {
    const auto thread = static_cast<std::uint64_t>(record.key[0] - '0');
    const std::uint64_t i = std::stoull(std::string(record.key.substr(2)));
    wrong += record.value != busy_value(thread, i);
    found[thread].insert(i);
    return true;
  }));
  CHECK(wrong == 0);
  for (std::size_t t = 0; t < kThreads; ++t) {
    CAPTURE(t);
    REQUIRE(!found[t].empty());
    const std::uint64_t first = *found[t].begin();
    const std::uint64_t last = *found[t].rbegin();
    CHECK(last >= before.written[t]);
    CHECK(first > before.erased[t]);
    CHECK(found[t].size() == last - first + 1);
    CHECK(last - first <= kAliveMax);  // its own writes are a prefix: put, then erase
  }
}

class BusyStore {
 public:
  explicit BusyStore(const TempDir& dir)
      : counts_(map_counts((dir / "counts").c_str())),
        process_({built_program("CLOAKROOM_BUSY_STORE", "busy_store"), dir.store_path(),
                  dir / "counts"}) {
    REQUIRE(counts_ != nullptr);
    REQUIRE(process_.await("busy"));
  }
  [[nodiscard]] const BusyCounts& counts() const { return *counts_; }
  [[nodiscard]] ChildProcess& process() { return process_; }

 private:
  BusyCounts* const counts_;
  ChildProcess process_;
};

TEST_CASE("backup: what comes back is what was there, however the store was left") {
  for (const char* const ending : {"clean", "killed"}) {
    CAPTURE(ending);
    const TempDir dir;
    make_store(dir.store_path(), ending);
    const DirSnapshot before = snapshot_of(dir.store_path());
    const CliAnswer made = run_cli({"backup", dir.store_path(), dir / "b", "--json"});
    CHECK_MESSAGE(made.code == 0, made.err);
    CHECK(json_of(made.out)["live"] == (std::string(ending) == "killed"));
    CHECK(snapshot_of(dir.store_path()) == before);
    restore(dir / "b", dir / "r");
    CHECK(exported(dir / "r") == exported(dir.store_path()));
    auto copy = Store::open({.path = dir / "r", .background = false});
    REQUIRE(copy);
    CHECK(copy->stats().opened_copy);
    CHECK(copy->stats().generation == 1);
  }
}

TEST_CASE("backup: beside a server at full speed it holds all that was acknowledged before") {
  const TempDir dir;
  BusyStore busy(dir);
  for (int i = 1; i <= 4; ++i) {
    CAPTURE(i);
    const Acknowledged before(busy.counts());
    Arguments arguments{"backup", dir.store_path(), dir / "b"};
    if (i % 2 == 0) arguments.push_back("--no-links");
    const CliAnswer made = run_cli(arguments);
    REQUIRE_MESSAGE(made.code == 0, made.err);
    const std::string restored = dir / ("r" + std::to_string(i));
    restore(dir / "b", restored);
    check_busy_copy(restored, before);
  }
  busy.process().close_input();
  CHECK(busy.process().wait() == 0);
  const CliAnswer verified = run_cli({"verify", dir.store_path()});
  CHECK_MESSAGE(verified.code == 0, verified.out);
}

TEST_CASE("backup: of a store whose server was killed at full speed") {
  const TempDir dir;
  BusyStore busy(dir);
  const Acknowledged before(busy.counts());
  busy.process().signal(SIGKILL);
  (void)busy.process().wait();
  const Acknowledged last(busy.counts());
  REQUIRE(run_cli({"backup", dir.store_path(), dir / "b"}).code == 0);
  restore(dir / "b", dir / "r");
  check_busy_copy(dir / "r", last);
}

TEST_CASE("backup: killed at any moment, it leaves nothing that looks whole and is not") {
  CLOAKROOM_RANDOM_SEED(seed);
  Random random(seed);
  const TempDir dir;
  BusyStore busy(dir);
  for (int i = 0; i < 12; ++i) {
    ChildProcess backup({cli_path(), "backup", dir.store_path(), dir / "b"}, true);
    ::usleep(static_cast<useconds_t>(below(random, 150'000)));  // any moment will do
    backup.signal(SIGKILL);
    (void)backup.wait();
  }
  // The child that did the work dies with its parent; its lock goes then.
  CliAnswer made;
  do {
    made = run_cli({"backup", dir.store_path(), dir / "b"});
  } while (made.code != 0 && contains(made.err, "under way"));
  CHECK_MESSAGE(made.code == 0, made.err);
  CHECK(!std::filesystem::exists(dir / "b/partial"));
  std::size_t whole = 0;
  for (const auto& backup : json_lines(run_cli({"backup", dir / "b", "--list", "--json"}).out)) {
    const std::string restored = dir / ("r" + std::to_string(++whole));
    restore(backup["dir"], restored);
    std::filesystem::remove_all(restored);
  }
  std::size_t numbers = 0;
  for (const auto& entry : std::filesystem::directory_iterator(dir / "b")) {
    numbers += entry.is_directory();
  }
  CHECK(numbers == whole);
}

TEST_CASE("backup: table files that were there are linked, and --keep removes the oldest") {
  const TempDir dir;
  make_store(dir.store_path());
  for (int i = 0; i < 3; ++i) {
    REQUIRE(run_cli({"backup", dir.store_path(), dir / "b", "--no-links", "--keep", "2"}).code ==
            0);
  }
  const auto listed = json_lines(run_cli({"backup", dir / "b", "--list", "--json"}).out);
  REQUIRE(listed.size() == 2);
  CHECK(listed[0]["number"] == 2);
  CHECK(listed[1]["number"] == 3);
  CHECK(listed[1]["bytes_copied"] == 0);
  CHECK(listed[1]["bytes_linked"] > 0);
  CHECK(!std::filesystem::exists(dir / "b/000001"));
  std::size_t shared = 0;
  for (const auto& entry : std::filesystem::directory_iterator(dir / "b/000003/rocks")) {
    if (entry.path().extension() != ".sst") continue;
    const std::string name = entry.path().filename();
    CHECK(inode_of(entry.path()) == inode_of(dir / "b/000002/rocks/" + name));
    CHECK(inode_of(entry.path()) != inode_of(dir.store_path() + "/rocks/" + name));
    ++shared;
  }
  CHECK(shared > 0);
  restore(dir / "b/000002", dir / "r");
  CHECK(exported(dir / "r") == exported(dir.store_path()));
}

TEST_CASE("restore: a damaged backup is refused, and nothing is left of it") {
  const TempDir dir;
  make_store(dir.store_path());
  REQUIRE(run_cli({"backup", dir.store_path(), dir / "b", "--no-links"}).code == 0);
  for (const auto& entry : std::filesystem::directory_iterator(dir / "b/000001/rocks")) {
    if (entry.path().extension() != ".sst" || entry.file_size() < 10'000) continue;
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4000);
    file << "damaged";
  }
  const CliAnswer answer = run_cli({"restore", dir / "b", dir / "r"});
  CHECK(answer.code == 1);
  CHECK(contains(answer.err, "is damaged and was not restored"));
  CHECK(!std::filesystem::exists(dir / "r"));
  CHECK(!std::filesystem::exists(dir / "r.partial"));
}

TEST_CASE("backup and restore: what is wrong is said, with a remedy") {
  const TempDir dir;
  make_store(dir.store_path());
  const auto says = [&](const Arguments& arguments, int code, std::string_view text) {
    const CliAnswer answer = run_cli(arguments);
    CAPTURE(answer.err);
    CHECK(answer.code == code);
    CHECK(contains(answer.err, text));
    CHECK(answer.out.empty());
  };
  says({"backup", dir.store_path()}, 2, "name the directory for the backups");
  says({"backup", dir / "none", dir / "b"}, 3, "there is no directory");
  says({"backup", dir.store_path(), dir.store_path()}, 2, "lies in the store");
  says({"backup", dir.store_path(), dir / "no/b"}, 3, "create the parent directory");
  says({"backup", dir / "none", "--list"}, 3, "is no directory; name one");
  says({"restore", dir / "none", dir / "r"}, 3, "is no directory; name one");
  says({"restore", dir.path(), dir / "r"}, 3, "there is no backup in");
  says({"restore", dir / "b", dir.store_path()}, 3, "exists already");
  REQUIRE(run_cli({"backup", dir.store_path(), dir / "b"}).code == 0);
  make_store(dir / "other");
  says({"backup", dir / "other", dir / "b"}, 3, "backups of another store");
  std::filesystem::permissions(dir.path(), std::filesystem::perms::all);
  const CliAnswer denied = run_cli({"backup", dir.store_path(), dir / "c"}, {.as_nobody = true});
  CHECK(denied.code == 3);
}

}  // namespace
}  // namespace cloakroom::testing
