// rm, revoke, expire-all, compact, repair: what they refuse, what they end, what they leave.
#include <doctest/doctest.h>

#include <filesystem>

#include "cli_runner.h"
#include "cloakroom/sessions.h"
#include "cloakroom/store.h"
#include "support/dir_snapshot.h"

namespace cloakroom::testing {
namespace {

namespace fs = std::filesystem;

// Two sessions of alice, one of bob, in a store that is closed; the tokens.
struct Logins {
  std::string alice;
  std::string bob;
};

Options at_rest(const std::string& path) {
  Options options;
  options.path = path;
  options.background = false;
  return options;
}

SessionsOptions in_this_thread() {
  SessionsOptions options;
  options.background = false;
  return options;
}

Logins log_in(const std::string& path) {
  Logins logins;
  auto store = Store::open(at_rest(path));
  REQUIRE(store);
  {
    Sessions sessions(*store, in_this_thread());
    const auto alice = sessions.create({.owner = "alice"});
    const auto other = sessions.create({.owner = "alice"});
    const auto bob = sessions.create({.owner = "bob"});
    REQUIRE(alice);
    REQUIRE(other);
    REQUIRE(bob);
    logins = {.alice = std::string(alice->token()), .bob = std::string(bob->token())};
  }
  REQUIRE(store->put("cart:1", "[]", {.owner = "alice"}));
  REQUIRE(store->close());
  return logins;
}

// Why a token is no good any more; kUnknown when it is still good.
EndReason why(const std::string& path, const std::string& token) {
  auto store = Store::open(at_rest(path));
  REQUIRE(store);
  Sessions sessions(*store, in_this_thread());
  if (sessions.load(token)) return EndReason::kUnknown;
  const auto ended = sessions.why_ended(token);
  REQUIRE(ended);
  return ended->reason;
}

TEST_CASE("mend: revoke ends an owner's sessions for good and tells them why") {
  const TempDir dir;
  const Logins logins = log_in(dir.store_path());
  const CliAnswer asked = run_cli({"revoke", dir.store_path(), "alice"});
  CHECK(asked.code == 2);
  CHECK(contains(asked.err, "3 records of alice (2 of them sessions)"));
  CHECK(contains(asked.err, "--yes"));
  CHECK(why(dir.store_path(), logins.alice) == EndReason::kUnknown);

  const auto counted =
      json_of(run_cli({"revoke", dir.store_path(), "alice", "--dry-run", "--json"}).out);
  CHECK(counted["records"] == 3);
  CHECK(counted["sessions"] == 2);
  CHECK(counted["ended"] == 0);
  CHECK(run_cli({"revoke", dir.store_path(), "alice", "--yes"}).code == 0);
  CHECK(why(dir.store_path(), logins.alice) == EndReason::kRevoked);
  CHECK(why(dir.store_path(), logins.bob) == EndReason::kUnknown);
  const auto again = json_of(run_cli({"revoke", dir.store_path(), "alice", "--yes", "--json"}).out);
  CHECK(again["records"] == 0);
  CHECK(run_cli({"verify", dir.store_path()}).code == 0);
}

TEST_CASE("mend: expire-all ends every session by a new epoch, and everything else") {
  const TempDir dir;
  const Logins logins = log_in(dir.store_path());
  const CliAnswer done = run_cli({"expire-all", dir.store_path(), "--yes", "--json"});
  CHECK(done.code == 0);
  CHECK(json_of(done.out)["ended"] == 4);
  CHECK(why(dir.store_path(), logins.alice) == EndReason::kEveryone);
  CHECK(why(dir.store_path(), logins.bob) == EndReason::kEveryone);
  auto store = Store::open(at_rest(dir.store_path()));
  REQUIRE(store);
  CHECK(store->get("cart:1").code() == StatusCode::kNotFound);
}

TEST_CASE("mend: rm takes keys, a prefix or an owner, and says which key is absent") {
  const TempDir dir;
  make_store(dir.store_path());
  CHECK(run_cli({"rm", dir.store_path()}).code == 2);
  CHECK(run_cli({"rm", dir.store_path(), "a", "--prefix", "b"}).code == 2);
  const CliAnswer some = run_cli({"rm", dir.store_path(), "sess:json", "nobody", "--yes"});
  CHECK(some.code == 1);
  CHECK(contains(some.out, "absent: nobody"));
  CHECK(run_cli({"get", dir.store_path(), "sess:json"}).code == 1);
  CHECK(json_of(run_cli({"rm", dir.store_path(), "--prefix", "bulk:", "--yes", "--json"})
                    .out)["ended"] == 200);
  CHECK(json_of(run_cli({"rm", dir.store_path(), "--owner", "m\\xffllory\\x0a", "--yes", "--json"})
                    .out)["ended"] == 1);
  CHECK(run_cli({"get", dir.store_path(), "sess:forever"}).code == 0);
  CHECK(run_cli({"verify", dir.store_path()}).code == 0);
}

TEST_CASE("mend: compact gives room back and changes no record") {
  const TempDir dir;
  make_store(dir.store_path());
  const auto before = run_cli({"ls", dir.store_path(), "--json"});
  const auto told = json_of(run_cli({"compact", dir.store_path(), "--dry-run", "--json"}).out);
  CHECK(told["records"] == 209);
  CHECK(told["expired"] == 1);
  CHECK(told["table_bytes_after"].is_null());
  const CliAnswer asked = run_cli({"compact", dir.store_path()});
  CHECK(asked.code == 2);
  CHECK(asked.out.empty());
  for (const char* words : {"1 expired of 209 records", "nothing was done", "--yes"}) {
    CHECK_MESSAGE(contains(asked.err, words), asked.err);
  }
  const CliAnswer done = run_cli({"compact", dir.store_path(), "--yes", "--json"});
  CHECK(done.code == 0);
  CHECK(json_of(done.out)["table_bytes_after"] <= json_of(done.out)["table_bytes_before"]);
  CHECK(json_lines(run_cli({"ls", dir.store_path(), "--json"}).out).size() ==
        json_lines(before.out).size());
  CHECK(run_cli({"verify", dir.store_path()}).code == 0);
}

TEST_CASE("mend: a store that a server has open is refused by its process id") {
  const TempDir dir;
  const HeldStore held(dir.store_path());
  const std::string pid = std::to_string(held.pid());
  for (const Arguments& arguments :
       std::vector<Arguments>{{"rm", dir.store_path(), "info", "--yes"},
                              {"revoke", dir.store_path(), "alice", "--yes"},
                              {"expire-all", dir.store_path(), "--yes"},
                              {"compact", dir.store_path(), "--yes"},
                              {"repair", dir.store_path(), dir / "new"}}) {
    CAPTURE(arguments[0]);
    const CliAnswer answer = run_cli(arguments);
    CHECK(answer.code == 3);
    CHECK(contains(answer.err, "in process " + pid));
  }
  CHECK(!fs::exists(dir / "new"));
}

TEST_CASE("mend: repair saves the sessions of a store without superblock and without lists") {
  const TempDir dir;
  const Logins logins = log_in(dir.store_path());
  fs::remove(dir.store_path() + "/CLOAKROOM");
  const CliAnswer verified = run_cli({"verify", dir.store_path()});
  CHECK(verified.code == 1);
  CHECK(contains(verified.out, "CLOAKROOM"));
  const CliAnswer first = run_cli({"repair", dir.store_path(), dir / "first", "--json"});
  CHECK(first.code == 1);
  CHECK(json_lines(first.out).back()["marked_as_copy"] == false);
  fs::copy(dir.store_path() + ".key", dir / "first.key");
  CHECK(why(dir / "first", logins.alice) == EndReason::kUnknown);

  // Without the list of files nobody knows which of them count: all sessions end at the open.
  fs::remove(dir.store_path() + "/rocks/CURRENT");
  for (const auto& entry : fs::directory_iterator(dir.store_path() + "/rocks")) {
    if (contains(entry.path().filename().string(), "MANIFEST")) fs::remove(entry.path());
  }
  const CliAnswer second = run_cli({"repair", dir.store_path(), dir / "second", "--json"});
  CHECK(second.code == 1);
  CHECK(json_lines(second.out).back()["records_saved"] ==
        json_lines(first.out).back()["records_saved"]);
  CHECK(json_lines(second.out).back()["marked_as_copy"] == true);
  fs::copy(dir.store_path() + ".key", dir / "second.key");
  CHECK(why(dir / "second", logins.alice) == EndReason::kEveryone);
}

// Where the records of a log end: 7 bytes of header, the length in its fifth and sixth.
std::vector<std::size_t> record_ends(const std::string& log) {
  std::vector<std::size_t> ends;
  for (std::size_t at = 0; at + 7 <= log.size();) {
    at += 7 + static_cast<unsigned char>(log[at + 4]) +
          256 * static_cast<std::size_t>(static_cast<unsigned char>(log[at + 5]));
    ends.push_back(at);
  }
  return ends;
}

TEST_CASE("mend: a list of files that was cut off between two edits loses no record") {
  const TempDir dir;
  make_store(dir.store_path());
  std::string list;
  for (const auto& entry : fs::directory_iterator(dir.store_path() + "/rocks")) {
    if (contains(entry.path().filename().string(), "MANIFEST")) list = entry.path();
  }
  const std::string whole = read_file(list);
  const std::vector<std::size_t> ends = record_ends(whole);
  REQUIRE(ends.size() > 3);
  REQUIRE(ends.back() == whole.size());
  for (std::size_t i = 0; i + 1 < ends.size(); ++i) {
    CAPTURE(i);
    write_file(list, whole.substr(0, ends[i]));
    const bool seen = run_cli({"verify", dir.store_path()}).code == 1;
    const std::string saved = dir / std::to_string(i);
    const auto told = json_lines(run_cli({"repair", dir.store_path(), saved, "--json"}).out);
    REQUIRE(!told.empty());
    CHECK(told.back()["records_saved"] == 209);
    CHECK(seen == told.back()["marked_as_copy"]);
  }
}

TEST_CASE(
    "mend: where a newer table is cut off, also between two blocks, no old state comes back") {
  const TempDir dir;
  {
    for (const std::string round : {"old", "new"}) {
      auto store = Store::open(at_rest(dir.store_path()));
      REQUIRE(store);
      for (int i = 0; i < 60; i += round == "old" ? 1 : 2) {
        REQUIRE(store->put("k" + std::to_string(100 + i), round + std::string(100, 'x')));
      }
      REQUIRE(store->close());
    }
  }
  std::string newest;
  for (const auto& entry : fs::directory_iterator(dir.store_path() + "/rocks")) {
    // The last table of records: those of the head are smaller.
    const std::string path = entry.path();
    if (entry.path().extension() == ".sst" && contains(read_file(path), "new") && path > newest) {
      newest = path;
    }
  }
  REQUIRE(!newest.empty());
  const std::string whole = read_file(newest);
  for (std::size_t size = 0; size < whole.size(); size += 1 + size / 40) {
    CAPTURE(size);
    write_file(newest, whole.substr(0, size));
    const std::string saved = dir / std::to_string(size);
    REQUIRE(run_cli({"repair", dir.store_path(), saved}).code == 1);
    for (const auto& line : json_lines(run_cli({"export", saved, "--show-values"}).out)) {
      if (!line.contains("key")) continue;
      const std::string key = line["key"].get<std::string>();
      const bool overwritten = (key.back() - '0') % 2 == 0;
      CHECK(line["value"].get<std::string>().starts_with(overwritten ? "new" : "old"));
    }
    fs::remove_all(saved);
  }
}

TEST_CASE("mend: repair makes nothing where something is, of nothing, and on a dry run") {
  const TempDir dir;
  make_store(dir.store_path());
  fs::create_directory(dir / "taken");
  CHECK(run_cli({"repair", dir.store_path(), dir / "taken"}).code == 3);
  CHECK(run_cli({"repair", dir / "taken", dir / "new"}).code == 3);
  CHECK(run_cli({"repair", dir / "absent", dir / "new"}).code == 3);
  CHECK(run_cli({"repair", dir.store_path()}).code == 2);
  const CliAnswer dry = run_cli({"repair", dir.store_path(), dir / "new", "--dry-run"});
  CHECK(dry.code == 0);
  CHECK(contains(dry.out, "could save 209 records, nothing was lost"));
  CHECK(!fs::exists(dir / "new"));
  CHECK(!fs::exists(dir / "new.partial"));
}

TEST_CASE("mend: an interrupted or refused repair leaves nothing half-made") {
  const TempDir dir;
  make_store(dir.store_path());
  CHECK(run_cli({"repair", dir.store_path(), dir / "no/such/parent"}).code == 3);
  CHECK(run_cli({"repair", dir.store_path(), dir / "new"}).code == 0);
  CHECK(!fs::exists(dir / "new.partial"));
  CHECK(run_cli({"verify", dir / "new"}).code == 0);
}

}  // namespace
}  // namespace cloakroom::testing
