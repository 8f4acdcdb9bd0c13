// The ledger's file: what it gives back, also after damage, a kill and beside a writer. Every entry
// here says the same thing in all its parts, so that one that was made up would show.
#include "journal/ledger_file.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <functional>
#include <thread>

#include "base/coding.h"
#include "base/hash.h"
#include "support/dir_snapshot.h"
#include "support/temp_dir.h"

namespace cloakroom::testing {
namespace {

constexpr const char* kName = "sess";

std::string path_of(const TempDir& directory) { return directory / "LEDGER-sess"; }

LedgerEntry entry_of(std::uint64_t number) {
  LedgerEntry entry{.reason = static_cast<std::uint8_t>(number % 10),
                    .when = static_cast<TimeMs>(number * 1000),
                    .owner = "owner-" + std::to_string(number)};
  std::string bytes;
  put_u64(bytes, number);
  std::copy(bytes.begin(), bytes.end(), entry.key.begin());
  std::copy(bytes.begin(), bytes.end(), entry.handle.begin());
  return entry;
}

std::uint64_t number_of(const LedgerEntry& entry) {
  return load_u64(reinterpret_cast<const char*>(entry.key.data()));
}

bool same(const LedgerEntry& a, const LedgerEntry& b) {
  return a.key == b.key && a.handle == b.handle && a.reason == b.reason && a.when == b.when &&
         a.owner == b.owner;
}

std::vector<std::uint64_t> numbers(const std::vector<LedgerEntry>& entries) {
  std::vector<std::uint64_t> found;
  for (const LedgerEntry& entry : entries) {
    found.push_back(number_of(entry));
    CHECK(same(entry, entry_of(found.back())));
  }
  return found;
}

using Numbers = std::vector<std::uint64_t>;

Numbers range(std::uint64_t first, std::uint64_t last) {
  Numbers all;
  for (; first <= last; ++first) all.push_back(first);
  return all;
}

std::unique_ptr<LedgerFile> open_ledger(const TempDir& directory, std::size_t capacity) {
  auto opened = LedgerFile::open(directory.path(), kName, capacity);
  REQUIRE_MESSAGE(opened.problem, opened.problem.to_string());
  REQUIRE(opened.file);
  return std::move(opened.file);
}

void append(LedgerFile& file, std::uint64_t first, std::uint64_t last) {
  for (; first <= last; ++first) file.append(entry_of(first));
}

LedgerImage image_of(const TempDir& directory) {
  auto image = read_ledger_file(directory.path(), kName);
  REQUIRE_MESSAGE(image, image.status().to_string());
  return *std::move(image);
}

// Runs f in a child; its exit code, or 128 and the signal that ended it.
int in_child(const std::function<int()>& f) {
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0) ::_exit(f());
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST_CASE("ledger file: what was appended is read in order, also while it is open") {
  const TempDir directory;
  CHECK(read_ledger_file(directory.path(), kName).code() == StatusCode::kNotFound);
  const auto file = open_ledger(directory, 5);
  CHECK(image_of(directory).entries.empty());
  append(*file, 1, 3);
  const LedgerImage image = image_of(directory);
  CHECK(numbers(image.entries) == range(1, 3));
  CHECK(image.capacity == 5);
  CHECK(image.damaged.empty());
}

TEST_CASE("ledger file: is private, has its room from the start, and is nobody else's business") {
  const TempDir directory;
  const auto file = open_ledger(directory, 5);
  struct stat info {};
  REQUIRE(::stat(path_of(directory).c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  CHECK(info.st_size == 4096 + 5 * 256);
  CHECK(info.st_blocks * 512 >= info.st_size);
}

TEST_CASE("ledger file: the newest take the place of the oldest, over openings and laps") {
  const TempDir directory;
  std::uint64_t last = 0;
  for (int opening = 0; opening < 12; ++opening) {
    const auto file = open_ledger(directory, 7);
    append(*file, last + 1, last + 3);
    last += 3;
    CHECK(numbers(image_of(directory).entries) == range(last > 7 ? last - 6 : 1, last));
  }
}

TEST_CASE("ledger file: another capacity keeps the newest entries") {
  const TempDir directory;
  append(*open_ledger(directory, 6), 1, 9);
  append(*open_ledger(directory, 4), 10, 10);
  CHECK(numbers(image_of(directory).entries) == range(7, 10));
  append(*open_ledger(directory, 20), 11, 12);
  CHECK(numbers(image_of(directory).entries) == range(7, 12));
  CHECK(snapshot_of(directory.path()).size() == 2);  // nothing else is left behind
}

TEST_CASE("ledger file: an owner that does not fit is left out, not cut") {
  const TempDir directory;
  const auto file = open_ledger(directory, 4);
  for (const std::size_t bytes : {0U, 182U, 183U, 1024U}) {
    LedgerEntry entry = entry_of(bytes);
    entry.owner.assign(bytes, 'x');
    file->append(entry);
  }
  const auto entries = image_of(directory).entries;
  REQUIRE(entries.size() == 4);
  CHECK(entries[0].owner.empty());
  CHECK(entries[1].owner == std::string(182, 'x'));
  CHECK(entries[2].owner.empty());
  CHECK(entries[3].owner.empty());
  CHECK(entries[3].when == 1'024'000);
}

TEST_CASE("ledger file: whatever byte is damaged, an entry is missing, and none is wrong") {
  const TempDir directory;
  append(*open_ledger(directory, 4), 1, 6);
  const std::string whole = read_file(path_of(directory));
  std::size_t silent = 0;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const int flip : {1, 128, 255}) {
      CAPTURE(at);
      std::string bytes = whole;
      bytes[at] = static_cast<char>(bytes[at] ^ flip);
      write_file(path_of(directory), bytes);
      const auto image = read_ledger_file(directory.path(), kName);
      if (!image) {
        CHECK(at < 72);  // the header
        continue;
      }
      const Numbers found = numbers(image->entries);
      if (at < kLedgerHeaderBytes) {
        CHECK(found == range(3, 6));  // what lies between header and slots means nothing
        ++silent;
      } else {
        CHECK(found.size() == 3);
        CHECK(image->damaged.size() == 1);
      }
    }
  }
  CHECK(silent == (4096 - 72) * 3);
}

TEST_CASE("ledger file: damaged entries are passed over and written over, the rest stays") {
  const TempDir directory;
  append(*open_ledger(directory, 4), 1, 4);
  std::string bytes = read_file(path_of(directory));
  bytes[kLedgerHeaderBytes + 256 + 100] = 'x';
  write_file(path_of(directory), bytes);
  auto opened = LedgerFile::open(directory.path(), kName, 4);
  REQUIRE(opened.file);
  CHECK(numbers(opened.entries) == Numbers{1, 3, 4});
  append(*opened.file, 5, 6);
  CHECK(numbers(image_of(directory).entries) == range(3, 6));
  CHECK(image_of(directory).damaged.empty());
}

TEST_CASE("ledger file: one that is cut short, another's or nonsense is begun anew, and said so") {
  const TempDir directory;
  append(*open_ledger(directory, 4), 1, 4);
  const std::string whole = read_file(path_of(directory));
  std::filesystem::create_directory(directory / "other");
  (void)LedgerFile::open(directory / "other", "admin", 4);
  for (const std::string& bytes :
       {whole.substr(0, whole.size() - 1), whole + "x", std::string(), std::string(10'000, 'x'),
        whole.substr(0, 71), read_file(directory / "other/LEDGER-admin")}) {
    write_file(path_of(directory), bytes);
    CHECK(read_ledger_file(directory.path(), kName).code() == StatusCode::kCorruption);
    auto opened = LedgerFile::open(directory.path(), kName, 4);
    CHECK(opened.problem.code() == StatusCode::kCorruption);
    REQUIRE(opened.file);
    append(*opened.file, 8, 9);
    CHECK(numbers(image_of(directory).entries) == range(8, 9));
  }
}

TEST_CASE("ledger file: a newer format is left untouched") {
  const TempDir directory;
  append(*open_ledger(directory, 4), 1, 4);
  std::string bytes = read_file(path_of(directory));
  bytes[8] = 2;
  write_file(path_of(directory), bytes);
  const auto opened = LedgerFile::open(directory.path(), kName, 4);
  CHECK(opened.problem.code() == StatusCode::kInvalidArgument);
  CHECK(!opened.file);
  CHECK(read_file(path_of(directory)) == bytes);
}

TEST_CASE("ledger file: two that hold one name do not write into each other's") {
  const TempDir directory;
  const auto file = open_ledger(directory, 4);
  append(*file, 1, 2);
  const auto second = LedgerFile::open(directory.path(), kName, 8);
  CHECK(!second.file);
  CHECK(second.problem.code() == StatusCode::kConflict);
  CHECK(numbers(second.entries) == range(1, 2));
  append(*file, 3, 3);
  CHECK(numbers(image_of(directory).entries) == range(1, 3));
}

TEST_CASE("ledger file: a full disk is said, and leaves nothing half-made") {
  const TempDir directory;
  const int code = in_child([&] {
    (void)std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{.rlim_cur = 5000, .rlim_max = RLIM_INFINITY};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 2;
    const auto opened = LedgerFile::open(directory.path(), kName, 64);
    return !opened.file && opened.problem.code() == StatusCode::kIo ? 0 : 1;
  });
  CHECK(code == 0);
  CHECK(snapshot_of(directory.path()).size() == 1);
}

TEST_CASE("ledger file: what was appended before a kill is there, and nothing is half there") {
  const TempDir directory;
  (void)open_ledger(directory, 16);
  std::uint64_t last = 0;
  for (int round = 0; round < 20; ++round) {
    const pid_t pid = ::fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
      const auto opened = LedgerFile::open(directory.path(), kName, 16);
      if (!opened.file) ::_exit(1);
      for (std::uint64_t number = last + 1;; ++number) opened.file->append(entry_of(number));
    }
    const std::uint64_t wanted = last + 100;
    while (last < wanted) {
      const LedgerImage image = image_of(directory);
      if (!image.entries.empty()) last = std::max(last, number_of(image.entries.back()));
    }
    ::kill(pid, SIGKILL);
    int status = 0;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    CHECK(WIFSIGNALED(status));
    const LedgerImage image = image_of(directory);
    CHECK(image.damaged.empty());
    const Numbers found = numbers(image.entries);
    CHECK(found.size() >= 15);  // the sixteenth was being written
    CHECK(found.back() >= last);
    CHECK(found.back() - found.front() <= 16);
    last = found.back();
  }
}

TEST_CASE("ledger file: entries of several threads are all there, and readers see whole ones") {
  const TempDir directory;
  const auto file = open_ledger(directory, 4096);
  std::vector<std::thread> threads;
  for (std::uint64_t thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] { append(*file, thread * 1000 + 1, thread * 1000 + 1000); });
  }
  for (int look = 0; look < 20; ++look) (void)numbers(image_of(directory).entries);
  for (std::thread& thread : threads) thread.join();
  Numbers found = numbers(image_of(directory).entries);
  std::sort(found.begin(), found.end());
  CHECK(found == range(1, 4000));
}

}  // namespace
}  // namespace cloakroom::testing
