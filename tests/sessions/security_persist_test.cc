// Requirements of docs/security.md that are about what a restart finds; see security_test.cc.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "cloakroom/sessions.h"
#include "support/manual_clock.h"
#include "support/store_fixture.h"
#include "support/temp_dir.h"

namespace cloakroom::testing {
namespace {

SessionsOptions quiet_sessions() {
  SessionsOptions options;
  options.background = false;
  return options;
}

// The paths of all files under a directory that contain one of the texts.
std::vector<std::string> files_with(const std::string& directory,
                                    const std::vector<std::string>& texts) {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), {});
    for (const std::string& text : texts) {
      if (bytes.find(text) != std::string::npos) found.push_back(entry.path().string());
    }
  }
  return found;
}

}  // namespace

TEST_CASE("asvs 7.4.1: what ended before a restart is ended after it, and what did not is alive") {
  ManualClock clock;
  TempDir directory;
  std::vector<std::string> ended;
  std::string alive;
  {
    Store store = open_store(quiet_options(clock, directory.store_path()));
    Sessions sessions(store, quiet_sessions());
    REQUIRE_OK(sessions.status());
    for (const char* owner : {"alice", "bob", "carol"}) {
      auto session = sessions.create({.owner = owner});
      REQUIRE_OK(session);
      ended.emplace_back(session->token());
    }
    REQUIRE_OK(sessions.destroy(ended[0]));
    REQUIRE_OK(sessions.destroy_all("bob"));
    auto carols = sessions.load(ended[2]);
    REQUIRE_OK(carols);
    REQUIRE_OK(sessions.rotate(*carols, {.reauthenticated = true}));
    alive = carols->token();
  }
  Store store = open_store(quiet_options(clock, directory.store_path()));
  Sessions sessions(store, quiet_sessions());
  REQUIRE_OK(sessions.status());
  for (const std::string& token : ended) CHECK_CODE(sessions.load(token), kEnded);
  auto session = sessions.load(alive);
  REQUIRE_OK(session);
  CHECK(session->owner() == "carol");
}

TEST_CASE("asvs 7.4.1: a backup that is opened gives nobody a session, unless it is trusted") {
  ManualClock clock;
  TempDir directory;
  const std::string copy = directory / "copy";
  std::string token;
  {
    Store store = open_store(quiet_options(clock, directory.store_path()));
    SessionsOptions options = quiet_sessions();
    options.key_file = directory / "key";
    Sessions sessions(store, options);
    auto session = sessions.create({.owner = "alice"});
    REQUIRE_OK(session);
    token = session->token();
    REQUIRE_OK(store.checkpoint(copy));
    REQUIRE_OK(sessions.destroy(token));
  }
  Store store = open_store(quiet_options(clock, copy));
  SessionsOptions options = quiet_sessions();
  options.key_file = directory / "key";
  Sessions sessions(store, options);
  REQUIRE_OK(sessions.status());
  CHECK_FALSE(sessions.load(token).ok());
}

TEST_CASE("asvs 14.2: no file holds a token, and the files are their owner's alone") {
  ManualClock clock;
  TempDir directory;
  std::vector<std::string> secrets;
  {
    Store store = open_store(quiet_options(clock, directory.store_path()));
    Sessions sessions(store, quiet_sessions());
    for (int i = 0; i < 100; ++i) {
      auto session = sessions.create({.owner = "alice"});
      REQUIRE_OK(session);
      secrets.emplace_back(session->token().substr(0, 32));
      if (i % 2 == 0) REQUIRE_OK(sessions.rotate(*session));
      secrets.emplace_back(session->token().substr(0, 32));
      if (i % 3 == 0) REQUIRE_OK(sessions.destroy(*session));
    }
    CHECK(files_with(directory.path(), secrets).empty());
  }
  CHECK(files_with(directory.path(), secrets).empty());
  CHECK_FALSE(files_with(directory.path(), {"alice"}).empty());  // the search finds what is there

  using std::filesystem::perms;
  int files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory.path())) {
    CAPTURE(entry.path().string());
    CHECK((entry.status().permissions() & (perms::group_all | perms::others_all)) == perms::none);
    files += entry.is_regular_file() ? 1 : 0;
  }
  CHECK(files > 3);
}

}  // namespace cloakroom::testing
