// get and why on records of Sessions, and get on sets.
#include <doctest/doctest.h>

#include <filesystem>
#include <optional>

#include "base/coding.h"
#include "child_process.h"
#include "cli_runner.h"
#include "cloakroom/sessions.h"
#include "cloakroom/store.h"
#include "support/dir_snapshot.h"
#include "support/manual_clock.h"

namespace cloakroom::testing {
namespace {

using namespace std::chrono_literals;

constexpr const char* kSecret = "c4nary";

// A store in which sessions have ended in every way that leaves something.
class SessionStore {
 public:
  SessionStore() {
    auto opened =
        Store::open({.path = directory_.store_path(), .background = false, .clock = &clock_});
    REQUIRE(opened);
    Store store = *std::move(opened);
    Sessions sessions(store, {.idle_timeout = 30min, .lifetime = 12h});
    live_ = add(sessions, "alice");
    const Session idle = add(sessions, "alice");
    clock_.advance(31min);
    live_ = add(sessions, "alice");
    const Session left = add(sessions, "alice");
    REQUIRE(sessions.destroy(left));
    const Session revoked = add(sessions, "bob");
    REQUIRE(sessions.destroy_all("bob"));
    Session rotated = add(sessions, "carol");
    REQUIRE(sessions.rotate(rotated));
    REQUIRE(store.put("sess:plain", "x", {.ttl = 1s}));
    clock_.advance(2s);
    std::string set("\1\2", 2);
    put_string(set, "m1");
    put_string(set, "m2");
    REQUIRE(store.put("tags", set, {.kind = Kind::kMembers}));
    REQUIRE(store.close());
  }

  [[nodiscard]] std::string dir() const { return directory_.store_path(); }

  // The verdicts on a key or owner.
  [[nodiscard]] std::vector<nlohmann::json> why(const std::string& subject) const {
    const CliAnswer answer = run_cli({"why", dir(), subject, "--json"});
    CHECK_MESSAGE(answer.code == 0, answer.err);
    return json_lines(answer.out);
  }

 private:
  Session add(Sessions& sessions, const char* owner) {
    auto session = sessions.create({.owner = owner, .label = std::string("Firefox ") + kSecret});
    REQUIRE_MESSAGE(session, session.status().to_string());
    session->set("cart", std::string("[\"") + kSecret + "\"]");
    REQUIRE(sessions.save(*session));
    return *std::move(session);
  }

  const TempDir directory_;
  ManualClock clock_{system_clock().wall_ms(), system_clock().boot_ms()};
  Session live_;
};

std::map<std::string, int> reasons(const std::vector<nlohmann::json>& verdicts) {
  std::map<std::string, int> counts;
  for (const auto& verdict : verdicts) {
    const bool ended = verdict["state"] != "alive";
    ++counts[ended ? verdict["reason"].get<std::string>() : "alive"];
  }
  return counts;
}

TEST_CASE("why: of an owner every session that is there, and how those ended that left something") {
  const SessionStore store;
  using Counts = std::map<std::string, int>;
  CHECK(reasons(store.why("alice")) == Counts{{"alive", 1}, {"idle", 2}, {"logout", 1}});
  CHECK(reasons(store.why("bob")) == Counts{{"revoked", 1}});
  CHECK(reasons(store.why("carol")) == Counts{{"alive", 1}, {"replaced", 1}});
  for (const auto& verdict : store.why("alice")) {
    CHECK(verdict["owner"] == "alice");
    CHECK(verdict["when_ms"].is_null() == (verdict["state"] == "alive"));
  }
  CHECK(contains(run_cli({"why", store.dir(), "bob"}).out, "revoked"));
}

TEST_CASE("why: of a key, along the way that its session took") {
  const SessionStore store;
  for (const auto& verdict : store.why("carol")) {
    if (verdict["state"] != "rotated") continue;
    const auto way = store.why(verdict["key"]);
    REQUIRE(way.size() == 2);
    CHECK(way[0]["next_key"] == way[1]["key"]);
    CHECK(way[1]["state"] == "alive");
  }
  const auto plain = store.why("sess:plain");
  REQUIRE(plain.size() == 1);
  CHECK(plain[0]["reason"] == "deadline passed");
  const CliAnswer unknown = run_cli({"why", store.dir(), "sess:nothing"});
  CHECK(unknown.code == 1);
  CHECK(contains(unknown.err, "ledger_entries"));
  CHECK(unknown.out.empty());
}

TEST_CASE("why: of a key that was erased the ring tells, while it holds it") {
  const TempDir directory;
  {
    auto store = Store::open({.path = directory.store_path(), .background = false});
    REQUIRE(store);
    REQUIRE(store->put("gone", "x", {.ttl = 1h, .owner = "alice"}));
    REQUIRE(store->erase("gone"));
    REQUIRE(store->close());
  }
  const CliAnswer answer = run_cli({"why", directory.store_path(), "gone", "--json"});
  CHECK(answer.code == 0);
  const auto verdict = json_of(answer.out);
  CHECK(verdict["state"] == "ended");
  CHECK(verdict["reason"] == "erased");
  CHECK(verdict["source"] == "ring");
  CHECK(verdict["owner"] == "alice");
}

// A store that is open, of which one session has timed out and its record is gone.
class TimedOut {
 public:
  TimedOut() {
    open();
    const auto session = sessions_->create({.owner = "alice"});
    REQUIRE(session);
    token_ = session->token();
    handle_ = session->handle();
    for (const auto& record :
         json_lines(run_cli({"ls", dir(), "--owner", "alice", "--json"}).out)) {
      key_ = record["key"];
    }
    clock_.advance(31min);
    while (store_->sweep() != 0) {
    }
    close();
    REQUIRE(run_cli({"compact", dir(), "--yes"}).code == 0);
    REQUIRE(run_cli({"get", dir(), key_, "--dead"}).code == 1);
    open();
  }

  void close() {
    sessions_.reset();
    REQUIRE(store_->close());
    store_.reset();
  }

  // The one verdict on a subject, which must be the timeout.
  void check(const std::string& subject) const {
    CAPTURE(subject);
    const CliAnswer answer = run_cli({"why", "--json", "--", dir(), subject});
    CHECK_MESSAGE(answer.code == 0, answer.err);
    CHECK(answer.err.empty());
    const auto verdict = json_of(answer.out);
    if (!verdict.is_object()) return;
    CHECK(verdict["key"] == key_);
    CHECK(verdict["handle"] == handle_);
    CHECK(verdict["owner"] == "alice");
    CHECK(verdict["state"] == "ended");
    CHECK(verdict["reason"] == "idle");
    CHECK(verdict["source"] == "ledger");
    CHECK(verdict["when_ms"].is_number());
    CHECK(!contains(answer.out, token_));
    const CliAnswer text = run_cli({"why", "--", dir(), subject});
    CHECK(text.code == 0);
    for (const std::string& word : {key_, std::string("alice"), std::string("idle")}) {
      CHECK_MESSAGE(contains(text.out, word), text.out);
    }
  }
  void check_all() const {
    for (const std::string& subject : {token_, key_, handle_, std::string("alice")}) check(subject);
  }

  [[nodiscard]] std::string dir() const { return directory_.store_path(); }
  [[nodiscard]] const std::string& token() const { return token_; }
  [[nodiscard]] const std::string& key() const { return key_; }

 private:
  void open() {
    auto opened = Store::open({.path = dir(), .background = false, .clock = &clock_});
    REQUIRE(opened);
    store_.emplace(*std::move(opened));
    sessions_.emplace(*store_, in_this_thread());
  }
  static SessionsOptions in_this_thread() {
    SessionsOptions options{.idle_timeout = 30min};
    options.background = false;
    return options;
  }

  const TempDir directory_;
  ManualClock clock_{system_clock().wall_ms(), system_clock().boot_ms()};
  std::optional<Store> store_;
  std::optional<Sessions> sessions_;
  std::string token_;
  std::string handle_;
  std::string key_;
};

TEST_CASE("why: a timeout whose record is gone, beside the server and after it") {
  TimedOut store;
  store.check_all();
  store.close();
  store.check_all();
  const CliAnswer verified = run_cli({"verify", store.dir()});
  CHECK_MESSAGE(verified.code == 0, verified.out);
}

TEST_CASE("why: a token may come from stdin, and is not repeated when nothing is known of it") {
  TimedOut store;
  store.close();
  const std::string other(54, 'A');
  for (const std::string& token :
       {other, std::string(store.token()[0] == 'B' ? "C" : "B") + store.token().substr(1)}) {
    const CliAnswer answer = run_cli({"why", "--", store.dir(), token});
    CHECK(answer.code == 1);
    CHECK(answer.out.empty());
    CHECK(contains(answer.err, store.dir() + ".key"));
    CHECK(!contains(answer.err, token));
  }
  std::filesystem::rename(store.dir() + ".key", store.dir() + "-keys");
  const CliAnswer lost = run_cli({"why", "--", store.dir(), store.token()});
  CHECK(lost.code == 3);
  CHECK(contains(lost.err, "--key-file"));
  CHECK(!contains(lost.err, store.token()));
  const CliAnswer named =
      run_cli({"why", "--key-file", store.dir() + "-keys", "--", store.dir(), store.token()});
  CHECK(named.code == 0);
  CHECK(contains(named.out, "idle"));
  ChildProcess reading({built_program("CLOAKROOM_CLI", "../../tools/cloakroom"), "why", store.dir(),
                        "-", "--key-file", store.dir() + "-keys"});
  CHECK(reading.write(store.token() + "\n"));
  reading.close_input();
  CHECK(reading.await("idle"));
  CHECK(reading.wait() == 0);
}

TEST_CASE("why: a token that begins with a dash is not repeated in the complaint") {
  const std::string token = "-" + std::string(53, 'A');
  for (const Arguments& arguments :
       std::vector<Arguments>{{"why", "store", token}, {"why", token}, {"get", "store", token}}) {
    const CliAnswer answer = run_cli(arguments);
    CHECK(answer.code == 2);
    CHECK(contains(answer.err, "behind --"));
    CHECK(!contains(answer.err, token));
  }
}

TEST_CASE("why: a damaged ledger is said, by verify too, and answers nothing that is wrong") {
  TimedOut store;
  store.close();
  const std::string path = store.dir() + "/LEDGER-sess";
  const std::string whole = read_file(path);
  std::string bytes = whole;
  bytes[4096 + 72] = static_cast<char>(bytes[4096 + 72] ^ 1);  // the reason
  write_file(path, bytes);
  const CliAnswer entry = run_cli({"why", store.dir(), store.key()});
  CHECK(entry.code == 1);
  const CliAnswer found = run_cli({"verify", store.dir()});
  CHECK(found.code == 1);
  CHECK(contains(found.out, "LEDGER-sess, offset 4096"));
  write_file(path, whole.substr(0, 5000));
  const CliAnswer header = run_cli({"why", store.dir(), store.key()});
  CHECK(header.code == 1);
  CHECK(contains(header.err, path));
  const CliAnswer cut = run_cli({"verify", store.dir()});
  CHECK(cut.code == 1);
  CHECK(contains(cut.out, "LEDGER-sess"));
}

TEST_CASE("repair: what the ledger knows is carried over") {
  TimedOut store;
  store.close();
  const std::string saved = store.dir() + "-saved";
  CHECK(run_cli({"repair", store.dir(), saved}).code == 0);
  const CliAnswer answer = run_cli({"why", saved, store.key(), "--json"});
  CHECK(answer.code == 0);
  CHECK(json_of(answer.out)["reason"] == "idle");
}

TEST_CASE("get: a session is told by what Sessions keeps of it, label and attributes on request") {
  const SessionStore store;
  for (const auto& verdict : store.why("alice")) {
    if (verdict["state"] != "alive") continue;
    const std::string key = verdict["key"];
    const CliAnswer hidden = run_cli({"get", store.dir(), key});
    CHECK(hidden.code == 0);
    for (const char* part : {"live session, 1 attributes", "Handle", "idle 30 min"}) {
      CHECK_MESSAGE(contains(hidden.out, part), hidden.out);
    }
    CHECK(!contains(hidden.out, kSecret));
    const CliAnswer json = run_cli({"get", store.dir(), key, "--json"});
    CHECK(!contains(json.out, kSecret));
    CHECK(json_of(json.out)["session"]["idle_timeout_ms"] == 1'800'000);
    const CliAnswer shown = run_cli({"get", store.dir(), key, "--show-values"});
    CHECK(contains(shown.out, "Firefox c4nary"));
    CHECK(contains(shown.out, "cart:\n[\n  \"c4nary\"\n]\n"));
    const auto all = json_of(run_cli({"get", store.dir(), key, "--show-values", "--json"}).out);
    CHECK(all["session"]["attributes"][0]["value"] == "[\"c4nary\"]");
  }
}

TEST_CASE("get: members of a set, on request") {
  const SessionStore store;
  const CliAnswer hidden = run_cli({"get", store.dir(), "tags"});
  CHECK(contains(hidden.out, "set of 2 members"));
  CHECK(!contains(hidden.out, "m1"));
  CHECK(contains(run_cli({"get", store.dir(), "tags", "--show-values"}).out, "m1\nm2\n"));
  const auto json = json_of(run_cli({"get", store.dir(), "tags", "--show-values", "--json"}).out);
  CHECK(json["member_count"] == 2);
  CHECK(json["members"][1]["member"] == "m2");
  CHECK(run_cli({"get", store.dir(), "tags", "--raw"}).code == 2);
}

TEST_CASE("stats: sessions by what has become of them, idle times where they are known") {
  const SessionStore store;
  const auto stats = json_of(run_cli({"stats", store.dir(), "--json"}).out);
  CHECK(stats["sessions"]["live"] == 2);
  CHECK(stats["sessions"]["ended"] == 2);
  CHECK(stats["sessions"]["replaced"] == 1);
  CHECK(stats["kinds"]["members"]["count"] == 1);
  CHECK(stats["idle_ms"]["count"] == 2);
  CHECK(stats["expired"] == 3);
  CHECK(contains(run_cli({"stats", store.dir()}).out, "2 live, 1 rotated away, 2 ended"));
}

}  // namespace
}  // namespace cloakroom::testing
