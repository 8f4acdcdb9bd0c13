// why_ended over restarts: the ledger in the store's directory.
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "journal/ledger_file.h"
#include "sessions/sessions_fixture.h"
#include "support/temp_dir.h"

namespace cloakroom::testing {
namespace {

using namespace std::chrono_literals;

// A store on disk that can be closed and opened again, with Sessions of a name over it.
struct Host {
  explicit Host(SessionsOptions options = {}) : options(std::move(options)) { open(); }

  void open() {
    auto opened = Store::open({.path = directory.store_path(),
                               .disk_floor_bytes = 0,
                               .background = false,
                               .clock = &clock});
    REQUIRE_OK(opened);
    store.emplace(*std::move(opened));
    sessions.emplace(make_sessions(*store, options));
  }
  void close() {
    sessions.reset();
    REQUIRE_OK(store->close());
    store.reset();
  }
  void restart() {
    close();
    open();
  }
  std::string login(std::string_view owner) {
    auto session = sessions->create({.owner = owner});
    REQUIRE_OK(session);
    return std::string(session->token());
  }
  // What expires is dropped and told of.
  void pass(Millis time) {
    clock.advance(time);
    while (store->sweep() != 0) {
    }
  }

  const TempDir directory;
  ManualClock clock;
  const SessionsOptions options;
  std::optional<Store> store;
  std::optional<Sessions> sessions;
};

TEST_CASE("ledger: a timeout is told of after a restart, with owner and time") {
  Host host({.idle_timeout = 30min});
  CHECK(host.sessions->stats().ledger_on_disk);
  CHECK(host.sessions->stats().ledger_problem.empty());
  const std::string token = host.login("alice");
  host.pass(31min);
  const auto before = host.sessions->why_ended(token);
  REQUIRE_OK(before);
  CHECK(before->reason == EndReason::kIdle);
  host.restart();
  const auto after = host.sessions->why_ended(token);
  REQUIRE_OK(after);
  CHECK(after->reason == EndReason::kIdle);
  CHECK(after->owner == "alice");
  CHECK(after->when == before->when);
}

TEST_CASE("ledger: a logout is told of when its tombstone has gone, before a restart and after") {
  Host host({.idle_timeout = 30min, .remember_ended = 10min});
  const std::string token = host.login("alice");
  const std::string limited = host.login("bob");
  REQUIRE_OK(host.sessions->destroy(token));
  REQUIRE_OK(host.sessions->destroy_all("bob"));
  host.pass(3h);
  for (int opening = 0; opening < 2; ++opening) {
    CHECK(host.sessions->load(token).code() == StatusCode::kNotFound);
    CHECK(host.sessions->why_ended(token)->reason == EndReason::kLogout);
    CHECK(host.sessions->why_ended(token)->owner == "alice");
    CHECK(host.sessions->why_ended(limited)->reason == EndReason::kRevoked);
    host.restart();
  }
}

TEST_CASE("ledger: two Sessions over a store have a file each") {
  Host host({.idle_timeout = 30min});
  {
    Sessions admin = make_sessions(*host.store, {.idle_timeout = 10min, .name = "admin"});
    auto session = admin.create({.owner = "root"});
    REQUIRE_OK(session);
    const std::string token = host.login("alice");
    host.pass(31min);
    CHECK(admin.why_ended(session->token())->owner == "root");
    CHECK(host.sessions->why_ended(token)->owner == "alice");
  }
  CHECK(ledger_names(host.directory.store_path()) == std::vector<std::string>{"admin", "sess"});
  for (const char* name : {"admin", "sess"}) {
    const auto image = read_ledger_file(host.directory.store_path(), name);
    REQUIRE_OK(image);
    REQUIRE(image->entries.size() == 1);
    CHECK(image->entries[0].owner == (std::string(name) == "admin" ? "root" : "alice"));
  }
}

TEST_CASE("ledger: without entries no file is made, and one that is there goes") {
  Host host({.idle_timeout = 30min});
  CHECK(ledger_names(host.directory.store_path()).size() == 1);
  host.sessions.reset();
  host.sessions.emplace(make_sessions(*host.store, {.ledger_entries = 0}));
  CHECK(ledger_names(host.directory.store_path()).empty());
  CHECK(!host.sessions->stats().ledger_on_disk);
  CHECK(host.sessions->stats().ledger_problem.empty());
}

TEST_CASE("ledger: a file that cannot be used is said, and refuses nobody") {
  Host host({.idle_timeout = 30min});
  host.close();
  const std::string path = host.directory.store_path() + "/LEDGER-sess";
  std::filesystem::remove(path);
  std::filesystem::create_directory(path);
  host.open();
  CHECK(!host.sessions->stats().ledger_on_disk);
  CHECK(host.sessions->stats().ledger_problem.find(path) != std::string::npos);
  const std::string token = host.login("alice");
  host.pass(31min);
  CHECK(host.sessions->why_ended(token)->reason == EndReason::kIdle);
}

TEST_CASE("ledger: nothing of a token is in it") {
  Host host({.idle_timeout = 30min});
  const std::string token = host.login("alice");
  REQUIRE_OK(host.sessions->destroy(token));
  const std::string timed_out = host.login("alice");
  host.pass(31min);
  std::ifstream in(host.directory.store_path() + "/LEDGER-sess", std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(in), {});
  CHECK(bytes.find("alice") != std::string::npos);
  for (const std::string& secret : {token, timed_out}) {
    for (std::size_t at = 0; at + 8 <= secret.size(); ++at) {
      CHECK(bytes.find(secret.substr(at, 8)) == std::string::npos);
    }
  }
}

TEST_CASE("ledger: a timeout is told of after a kill") {
  const TempDir directory;
  ManualClock clock;
  SessionsOptions options{.idle_timeout = 30min};
  options.keys = {std::string(32, 'k')};
  std::array<int, 2> ends{-1, -1};
  REQUIRE(::pipe(ends.data()) == 0);
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    auto store = Store::open({.path = directory.store_path(),
                              .disk_floor_bytes = 0,
                              .background = false,
                              .clock = &clock});
    if (!store) ::_exit(1);
    Sessions sessions(*store, quiet_sessions(options));
    const auto session = sessions.create({.owner = "alice"});
    if (!session) ::_exit(2);
    clock.advance(31min);
    while (store->sweep() != 0) {
    }
    const std::string token(session->token());
    if (::write(ends[1], token.data(), token.size()) < 0) ::_exit(3);
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  REQUIRE(WIFSIGNALED(status));
  std::string token(kTokenChars, '\0');
  CHECK(::read(ends[0], token.data(), token.size()) == static_cast<ssize_t>(token.size()));
  ::close(ends[0]);
  ::close(ends[1]);
  clock.advance(31min);
  auto store = Store::open({.path = directory.store_path(),
                            .disk_floor_bytes = 0,
                            .background = false,
                            .clock = &clock});
  REQUIRE_OK(store);
  const Sessions sessions = make_sessions(*store, options);
  const auto why = sessions.why_ended(token);
  REQUIRE_OK(why);
  CHECK(why->reason == EndReason::kIdle);
  CHECK(why->owner == "alice");
}

}  // namespace
}  // namespace cloakroom::testing
