// The key file: made once, read strictly, and never replaced behind anybody's back.
#include "sessions/key_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "base/base64url.h"
#include "base/random.h"
#include "sessions/sessions_fixture.h"
#include "support/temp_dir.h"

namespace cloakroom::testing {
namespace {

const RandomSource kRandom = [](std::span<unsigned char> out) { return random_bytes(out); };

void write_file(const std::string& path, const std::string& text, mode_t mode = 0600) {
  std::ofstream(path) << text;
  REQUIRE(::chmod(path.c_str(), mode) == 0);
}

std::string line_of(char byte) {
  return base64url(std::vector<unsigned char>(32, static_cast<unsigned char>(byte))) + "\n";
}

mode_t mode_of(const std::string& path) {
  struct stat info {};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  return info.st_mode & 0777;
}

std::size_t files_in(const std::string& path) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path), {}));
}

}  // namespace

TEST_CASE("key file: is made once, for its owner only, and read back") {
  TempDir dir;
  const std::string path = dir / "store.key";
  CHECK_CODE(read_key_file(path), kNotFound);
  const mode_t mask = ::umask(0);
  const auto made = create_key_file(path, kRandom);
  ::umask(mask);
  REQUIRE_OK(made);
  REQUIRE(made->size() == 1);
  CHECK(made->front().size() == kMasterKeyBytes);
  CHECK(mode_of(path) == 0600);
  CHECK(files_in(dir.path()) == 1);
  CHECK(*read_key_file(path) == *made);
  CHECK(*create_key_file(path, kRandom) == *made);  // the one that was there stays
  CHECK(files_in(dir.path()) == 1);
}

TEST_CASE("key file: without randomness none is made") {
  TempDir dir;
  const auto made = create_key_file(
      dir / "k", [](std::span<unsigned char>) { return Status(StatusCode::kIo, "no randomness"); });
  CHECK_CODE(made, kIo);
  CHECK(files_in(dir.path()) == 0);
}

TEST_CASE("key file: several keys, in their order, with remarks") {
  TempDir dir;
  const std::string path = dir / "k";
  write_file(path, "cloakroom keys 1\n# new\n" + line_of('n') + "\n# old\n" + line_of('o'));
  const auto keys = read_key_file(path);
  REQUIRE_OK(keys);
  CHECK(*keys == std::vector<std::string>{std::string(32, 'n'), std::string(32, 'o')});
}

TEST_CASE("key file: what is not right is refused, and says how to put it right") {
  TempDir dir;
  const std::string path = dir / "k";
  const std::string good = "cloakroom keys 1\n" + line_of('n');
  const auto refuse = [&](const std::string& text, const char* because) {
    write_file(path, text);
    const auto read = read_key_file(path);
    CHECK_CODE(read, kIo);
    CHECK_MESSAGE(read.status().message().find(because) != std::string::npos,
                  read.status().message());
    CHECK(read.status().message().find(path) != std::string::npos);
  };
  refuse("", "does not begin");
  refuse(line_of('n'), "does not begin");
  refuse("cloakroom keys 2\n" + line_of('n'), "does not begin");
  refuse("cloakroom keys 1\n", "no key in it");
  refuse("cloakroom keys 1\n" + line_of('n').substr(1), "line 2");
  refuse(good + "x\n", "line 3");
  refuse(good + std::string(70'000, '#'), "larger");
  std::filesystem::remove(path);
  for (const mode_t mode : {mode_t{0640}, mode_t{0604}, mode_t{0666}, mode_t{0620}}) {
    write_file(path, good, mode);
    CHECK_CODE(read_key_file(path), kIo);
    CHECK(read_key_file(path).status().message().find("chmod 600") != std::string::npos);
  }
  std::filesystem::remove(path);
  std::filesystem::create_directory(path);
  CHECK_CODE(read_key_file(path), kIo);
  std::filesystem::remove(path);
  write_file(dir / "real", good);
  std::filesystem::create_symlink(dir / "real", path);
  CHECK_CODE(read_key_file(path), kIo);
}

TEST_CASE("key file: lies beside the store, however its path is written") {
  TempDir dir;
  CHECK(key_file_of(dir / "sessions") ==
        std::filesystem::weakly_canonical(dir.path()).string() + "/sessions.key");
  CHECK(key_file_of(dir / "sessions/") == key_file_of(dir / "sessions"));
  CHECK(key_file_of(dir / "x/../sessions/.") == key_file_of(dir / "sessions"));
}

TEST_CASE("key file: a store has its own after the first start, and none in its directory") {
  TempDir dir;
  ManualClock clock;
  Store store = open_store(quiet_options(clock, dir.store_path()));
  Sessions sessions = make_sessions(store);
  CHECK(mode_of(dir.store_path() + ".key") == 0600);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(dir.store_path())) {
    CHECK(entry.path().string().find("key") == std::string::npos);
  }
}

TEST_CASE("key file: a lost one is an error that changes nothing, until it is given up") {
  TempDir dir;
  ManualClock clock;
  Store store = open_store(quiet_options(clock, dir.store_path()));
  const std::string path = dir.store_path() + ".key";
  std::string token;
  {
    Sessions sessions = make_sessions(store);
    token = sessions.create({.owner = "alice"})->token();
  }
  std::filesystem::rename(path, dir / "away");
  {
    const Sessions sessions(store, quiet_sessions());
    CHECK_CODE(sessions.status(), kIo);
    CHECK(sessions.status().message().find(path) != std::string::npos);
    CHECK(sessions.status().message().find("replace_lost_key") != std::string::npos);
    CHECK(!std::filesystem::exists(path));
  }
  std::filesystem::rename(dir / "away", path);
  {
    Sessions sessions = make_sessions(store);
    REQUIRE_OK(sessions.load(token));
  }
  std::filesystem::remove(path);
  Sessions sessions = make_sessions(store, {.replace_lost_key = true});
  CHECK_CODE(sessions.load(token), kNotFound);
  CHECK(sessions.list("alice")->empty());
  REQUIRE_OK(sessions.create());
}

TEST_CASE("key file: another store's key is refused instead of logging everybody out") {
  TempDir dir;
  ManualClock clock;
  Store store = open_store(quiet_options(clock, dir.store_path()));
  { Sessions sessions = make_sessions(store); }
  write_file(dir.store_path() + ".key", "cloakroom keys 1\n" + line_of('x'));
  const Sessions sessions(store, quiet_sessions());
  CHECK_CODE(sessions.status(), kIo);
}

TEST_CASE("key file: keys rotate, and a dropped one ends only its own sessions") {
  ManualClock clock;
  Store store = memory_store(clock);
  const std::string a(32, 'a');
  const std::string b(32, 'b');
  const std::string c(32, 'c');
  std::string old_token;
  {
    Sessions sessions = make_sessions(store, {.keys = {a}});
    old_token = sessions.create()->token();
  }
  std::string new_token;
  {
    Sessions sessions = make_sessions(store, {.keys = {b, a}});
    REQUIRE_OK(sessions.load(old_token));
    new_token = sessions.create()->token();
  }
  {
    Sessions sessions = make_sessions(store, {.keys = {b}});
    CHECK_CODE(sessions.load(old_token), kNotFound);
    REQUIRE_OK(sessions.load(new_token));
  }
  const Sessions sessions(store, quiet_sessions({.keys = {c}}));
  CHECK_CODE(sessions.status(), kIo);
}

}  // namespace cloakroom::testing
