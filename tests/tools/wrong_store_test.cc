// Directories that no verb can open: exit code 3, a message that names the place and the remedy,
// and nothing touched. Of a store that is damaged `verify` says what, with exit code 1.
#include <doctest/doctest.h>
#include <unistd.h>

#include <functional>

#include "cli_runner.h"
#include "support/dir_snapshot.h"

namespace cloakroom::testing {
namespace {

namespace fs = std::filesystem;

// Every verb on `dir`; each message must hold all of `words`.
void check_refused(const TempDir& parent, const std::string& dir,
                   const std::vector<std::string>& words, const CliSetting& setting = {}) {
  const DirSnapshot before = snapshot_of(parent.path());
  const std::vector<Arguments> runs{
      {"info", dir},       {"info", dir, "--json"},      {"ls", dir},    {"ls", dir, "--json"},
      {"get", dir, "key"}, {"get", dir, "key", "--raw"}, {"stats", dir}, {"stats", dir, "--json"}};
  for (const Arguments& arguments : runs) {
    CAPTURE(arguments[0]);
    const CliAnswer answer = run_cli(arguments, setting);
    CHECK(answer.code == 3);
    CHECK(answer.out.empty());
    CHECK(answer.err.starts_with("cloakroom: "));
    CHECK(std::count(answer.err.begin(), answer.err.end(), '\n') == 1);
    for (const std::string& word : words) {
      CHECK_MESSAGE(contains(answer.err, word), word, " is not in: ", answer.err);
    }
  }
  CHECK(difference(before, snapshot_of(parent.path())).empty());
}

void check_not_verified(const std::string& dir, const std::vector<std::string>& words) {
  for (const Arguments& arguments :
       std::vector<Arguments>{{"verify", dir}, {"verify", dir, "--json"}}) {
    const CliAnswer answer = run_cli(arguments);
    CHECK(answer.code == 3);
    CHECK(answer.out.empty());
    for (const std::string& word : words) {
      CHECK_MESSAGE(contains(answer.err, word), word, " is not in: ", answer.err);
    }
  }
}

void check_found_damaged(const TempDir& parent, const std::string& dir, const std::string& words) {
  const DirSnapshot before = snapshot_of(parent.path());
  const CliAnswer answer = run_cli({"verify", dir});
  CHECK(answer.code == 1);
  CHECK(answer.err.empty());
  CHECK_MESSAGE(contains(answer.out, words), words, " is not in: ", answer.out);
  CHECK(contains(answer.out, "repair"));
  CHECK(difference(before, snapshot_of(parent.path())).empty());
}

TEST_CASE("wrong store: a directory that is not there") {
  const TempDir directory;
  check_not_verified(directory / "missing", {"there is no directory " + directory / "missing"});
  check_refused(directory, directory / "missing",
                {"there is no directory " + directory / "missing"});
}

TEST_CASE("wrong store: a directory that holds none") {
  const TempDir directory;
  fs::create_directory(directory / "photos");
  write_file(directory / "photos/cat.jpg", "meow");
  check_refused(directory, directory / "photos", {directory / "photos", "no store"});
  check_not_verified(directory / "photos", {directory / "photos", "no store"});
}

TEST_CASE("wrong store: a file in its place") {
  const TempDir directory;
  write_file(directory / "file", "text");
  check_refused(directory, directory / "file", {directory / "file", "no directory"});
  check_not_verified(directory / "file", {directory / "file", "no directory"});
}

TEST_CASE("wrong store: a link that leads nowhere") {
  const TempDir directory;
  fs::create_symlink(directory / "nowhere", directory / "link");
  check_refused(directory, directory / "link", {directory / "link"});
}

TEST_CASE("wrong store: a superblock that is damaged, cut short or empty") {
  const TempDir directory;
  make_store(directory.store_path());
  const std::string superblock = directory.store_path() + "/CLOAKROOM";
  const std::string whole = read_file(superblock);
  std::string damaged = whole;
  damaged[20] = static_cast<char>(damaged[20] ^ 1);
  write_file(superblock, damaged);
  check_refused(directory, directory.store_path(), {superblock, "checksum"});
  check_found_damaged(directory, directory.store_path(), "CLOAKROOM");
  write_file(superblock, whole.substr(0, 100));
  check_refused(directory, directory.store_path(), {superblock});
  check_found_damaged(directory, directory.store_path(), "CLOAKROOM");
  write_file(superblock, "");
  check_refused(directory, directory.store_path(), {superblock});
  check_found_damaged(directory, directory.store_path(), "CLOAKROOM");
  write_file(superblock, std::string(4096, 'x'));
  check_refused(directory, directory.store_path(), {superblock, "not a Cloakroom superblock"});
}

TEST_CASE("wrong store: a newer format") {
  const TempDir directory;
  make_store(directory.store_path());
  const std::string superblock = directory.store_path() + "/CLOAKROOM";
  std::string bytes = read_file(superblock);
  bytes[8] = 99;
  write_file(superblock, bytes);
  check_refused(directory, directory.store_path(), {superblock, "format 99", "newer"});
  check_not_verified(directory.store_path(), {superblock, "format 99", "newer"});
}

TEST_CASE("wrong store: the files of RocksDB are gone") {
  const TempDir directory;
  make_store(directory.store_path());
  fs::remove_all(directory.store_path() + "/rocks");
  check_refused(directory, directory.store_path(), {directory.store_path()});
  check_found_damaged(directory, directory.store_path(), "rocks");
}

TEST_CASE("wrong store: no permission") {
  const TempDir directory;
  make_store(directory.store_path());
  CliSetting setting;
  if (::geteuid() == 0) {
    setting.as_nobody = true;
    fs::permissions(directory.path(), fs::perms::all);
    // The build may lie where nobody but root gets to.
    if (run_cli({"--version"}, setting).code != 0) {
      MESSAGE("not checked: another user cannot start the program here");
      return;
    }
  } else {
    fs::permissions(directory.store_path(), fs::perms::none);
  }
  // The snapshot needs rights that this user may not have either: a code and a message must do.
  for (const char* verb : {"info", "ls", "verify", "stats"}) {
    const CliAnswer answer = run_cli({verb, directory.store_path()}, setting);
    CHECK_MESSAGE(answer.code == 3, verb);
    CHECK_MESSAGE(contains(answer.err, "ermission"), answer.err);
    CHECK(contains(answer.err, directory.store_path()));
  }
  fs::permissions(directory.store_path(), fs::perms::owner_all);
}

TEST_CASE("wrong store: a path that would write to the terminal is escaped") {
  const TempDir directory;
  const CliAnswer answer = run_cli({"info", directory / "a\x1b[2Jb\nc"});
  CHECK(answer.code == 3);
  CHECK(contains(answer.err, R"(a\x1b[2Jb\x0ac)"));
}

}  // namespace
}  // namespace cloakroom::testing
