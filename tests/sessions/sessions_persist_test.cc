// Sessions in a store on a real disk: what is in its files and what is not, and what becomes of
// copies.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <string>

#include "base/base64url.h"
#include "sessions/sessions_fixture.h"
#include "support/temp_dir.h"

namespace cloakroom::testing {
namespace {

// The bytes of every file below a directory, and of those that are given besides.
std::string all_files(const std::string& root) {
  std::string all;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    all.append(std::istreambuf_iterator<char>(in), {});
  }
  return all;
}

bool holds(const std::string& text, std::string_view planted) {
  return text.find(planted) != std::string::npos;
}

// All that the library says while it works: statuses, events, log lines.
class Words {
 public:
  void add(std::string_view text) {
    const std::lock_guard lock(mutex_);
    text_.append(text).append("\n");
  }
  template <class Answer>
  void add_status(const Answer& answer) {
    add(answer.status().to_string());
  }
  [[nodiscard]] std::string text() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

constexpr std::string_view kName = "CANARY-attribute-name";
constexpr std::string_view kValue = "CANARY-attribute-value";

}  // namespace

TEST_CASE(
    "sessions canary: a token is in no file, and neither it nor a value in any word of ours") {
  TempDir dir;
  ManualClock clock;
  Words words;
  std::vector<std::string> tokens;
  Options options = quiet_options(clock, dir.store_path());
  options.log = [&](LogLevel, std::string_view line) { words.add(line); };
  for (int life = 0; life < 2; ++life) {
    Store store = open_store(options);
    Sessions sessions = make_sessions(store, {.max_per_owner = 3});
    const auto subscription = sessions.subscribe([&](const SessionEvent& event) {
      words.add(event.handle + event.owner + to_string(event.reason));
    });
    for (int i = 0; i < 30; ++i) {
      const std::string owner = text("owner", static_cast<std::uint64_t>(i % 4));
      auto session = sessions.create({.owner = owner});
      REQUIRE_OK(session);
      tokens.emplace_back(session->token());
      session->set(kName, kValue);
      session->set("counter", kValue);
      REQUIRE_OK(sessions.save(*session));
      session->increment("counter");
      words.add_status(sessions.save(*session));
      session->set(std::string(kName) + std::string(kAttributeNameBytesMax, 'x'), kValue);
      words.add_status(sessions.save(*session));
      *session = *sessions.load(tokens.back());
      REQUIRE_OK(sessions.rotate(*session));
      tokens.emplace_back(session->token());
      if (i % 3 == 0) words.add_status(sessions.destroy(*session));
      session->set(kName, "other");
      words.add_status(sessions.save(*session));
    }
    clock.advance(30s);
    std::string forged = tokens.front();
    forged[7] = forged[7] == 'q' ? 'r' : 'q';
    for (const std::string& token : tokens) {
      words.add_status(sessions.load(token));
      words.add_status(sessions.why_ended(token));
      words.add_status(sessions.update(token, [](Session& s) { s.increment(kName); }));
      words.add_status(sessions.destroy_handle("owner1", token));
    }
    words.add_status(sessions.load(forged));
    words.add_status(sessions.destroy_all("owner1", tokens.back()));
    words.add_status(sessions.end_everyone());
    clock.advance(13h);
    store.sweep();
    sessions.deliver();
    words.add(store.stats().degraded);
    words.add_status(store.close());
    words.add_status(sessions.load(tokens.front()));
  }
  const std::string files = all_files(dir.path());  // the key file, too
  const std::string said = words.text();
  CHECK(holds(files, kValue));  // values are on disk: the look is not blind
  CHECK(holds(said, "kEnded"));
  for (const std::string& token : tokens) {
    CHECK(!holds(files, token));
    CHECK(!holds(said, token));
    unsigned char bytes[40];
    REQUIRE(base64url_decode(token, bytes));
    const std::string_view raw(reinterpret_cast<const char*>(bytes), 16);
    CHECK(!holds(files, raw));
    CHECK(!holds(said, raw));
  }
  CHECK(!holds(said, "CANARY"));
}

TEST_CASE("sessions on disk: a restart keeps them, and their key") {
  TempDir dir;
  ManualClock clock;
  std::string token;
  std::string gone;
  {
    Store store = open_store(quiet_options(clock, dir.store_path()));
    Sessions sessions = make_sessions(store);
    Session session = *sessions.create({.owner = "alice", .label = "L"});
    token = session.token();
    session.set("a", "1");
    REQUIRE_OK(sessions.save(session));
    Session other = *sessions.create({.owner = "alice"});
    gone = other.token();
    REQUIRE_OK(sessions.destroy(other));
  }
  Store store = open_store(quiet_options(clock, dir.store_path()));
  Sessions sessions = make_sessions(store);
  const auto session = sessions.load(token);
  REQUIRE_OK(session);
  CHECK(session->get("a") == "1");
  CHECK_CODE(sessions.load(gone), kEnded);
  const auto list = sessions.list("alice", token);
  REQUIRE(list->size() == 1);
  CHECK(list->front().current);
}

TEST_CASE("sessions on disk: a checkpoint brings back nobody who has logged out since") {
  TempDir dir;
  ManualClock clock;
  const std::vector<std::string> keys{std::string(32, 'k')};
  std::string token;
  {
    Store store = open_store(quiet_options(clock, dir.store_path()));
    Sessions sessions = make_sessions(store, {.keys = keys});
    const Session session = *sessions.create({.owner = "alice"});
    token = session.token();
    REQUIRE_OK(store.checkpoint(dir / "copy"));
    REQUIRE_OK(store.checkpoint(dir / "trusted"));
    REQUIRE_OK(sessions.destroy(session));
  }
  for (int open = 0; open < 2; ++open) {  // it stays so
    Store copy = open_store(quiet_options(clock, dir / "copy"));
    Sessions sessions = make_sessions(copy, {.keys = keys});
    CHECK_CODE(sessions.load(token), kEnded);
    CHECK(sessions.list("alice")->empty());
    REQUIRE_OK(sessions.load(sessions.create()->token()));
  }
  Store trusted = open_store(quiet_options(clock, dir / "trusted"));
  Sessions sessions = make_sessions(trusted, {.keys = keys, .trust_copy = true});
  REQUIRE_OK(sessions.load(token));
}

}  // namespace cloakroom::testing
