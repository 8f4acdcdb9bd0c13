// Secrets stay secret: tokens and values that are planted through Sessions and the store, each a
// word that is nowhere else, appear in no output of any verb that was not told to show values. Not
// of a sound store, not of one that was killed, and not in what is said about a damaged one.
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>

#include "cli_runner.h"
#include "support/dir_snapshot.h"
#include "verb_runs.h"

namespace cloakroom::testing {
namespace {

namespace fs = std::filesystem;

class Planted {
 public:
  explicit Planted(std::string_view what) : canaries_(make_sessions(store(), what)) {
    REQUIRE(canaries_.size() > 15);
    for (const auto& record : json_lines(run_cli({"ls", store(), "--json", "--dead"}).out)) {
      keys_.push_back(record["key"]);
    }
    REQUIRE(keys_.size() > 10);
  }

  [[nodiscard]] std::string store() const { return directory_.store_path(); }

  // Every verb on a copy of the store that `damage` was done to; those that change a store on one
  // of their own. `keys_max` keys are asked for singly.
  void run_all(const std::function<void(const std::string&)>& damage, std::size_t keys_max) const {
    std::vector<std::string> keys = keys_;
    if (keys.size() > keys_max) keys.resize(keys_max);
    const TempDir shared;
    copy_to(shared.store_path(), damage);
    for (const std::string& verb : all_verbs()) {
      if (needs_no_store(verb)) continue;
      for (const bool json : {false, true}) {
        if (json && !speaks_json(verb)) continue;
        const TempDir own;
        const std::string store = changes_store(verb) ? own.store_path() : shared.store_path();
        fs::create_directories(own / "scratch");
        for (Arguments arguments : runs_of(verb, store, own / "scratch", keys)) {
          if (changes_store(verb)) copy_to(store, damage);
          if (json) arguments.push_back("--json");
          check(arguments, run_cli(arguments));
        }
        if (!fs::exists(own / "scratch/page.html")) continue;
        check({verb}, {.code = 0, .out = read_file(own / "scratch/page.html"), .err = {}});
      }
    }
  }

  void check(const Arguments& arguments, const CliAnswer& answer) const {
    std::string line;
    for (const std::string& argument : arguments) line += " " + argument;
    CAPTURE(line);
    CHECK_MESSAGE(answer.code <= 3, answer.err);
    for (const std::string& canary : canaries_) {
      CHECK_MESSAGE(!contains(answer.out, canary), canary);
      CHECK_MESSAGE(!contains(answer.err, canary), canary);
    }
  }

  [[nodiscard]] const std::vector<std::string>& canaries() const { return canaries_; }
  [[nodiscard]] const std::vector<std::string>& keys() const { return keys_; }

 private:
  void copy_to(const std::string& copy,
               const std::function<void(const std::string&)>& damage) const {
    fs::remove_all(copy);
    fs::copy(store(), copy, fs::copy_options::recursive);
    damage(copy);
  }

  const TempDir directory_;
  const std::vector<std::string> canaries_;
  std::vector<std::string> keys_;
};

TEST_CASE("canary: the words are there for who asks for values, tokens for nobody") {
  const Planted planted("canary");
  std::string shown;
  for (const std::string& key : planted.keys()) {
    shown += run_cli({"get", planted.store(), key, "--show-values", "--dead"}).out;
    shown += run_cli({"get", planted.store(), key, "--raw", "--dead"}).out;
  }
  shown += run_cli({"export", planted.store(), "--show-values", "--dead"}).out;
  std::size_t found = 0;
  for (const std::string& canary : planted.canaries()) {
    const bool is_token = !canary.starts_with("canary");
    if (is_token) CHECK_MESSAGE(!contains(shown, canary), canary);
    found += !is_token && contains(shown, canary);
  }
  CHECK_MESSAGE(found >= 10, "the test looks for words that the store never had");
  for (const auto& file : snapshot_of(planted.store())) {
    for (const std::string& canary : planted.canaries()) {
      if (canary.starts_with("canary")) continue;
      CHECK_MESSAGE(!contains(file.second, canary), file.first, " holds a token");
    }
  }
}

TEST_CASE("canary: no verb prints a token or a value unless it is told to") {
  Planted("canary").run_all([](const std::string&) {}, 100);
}

TEST_CASE("canary: nor of a store whose process was killed") {
  Planted("canary-killed").run_all([](const std::string&) {}, 100);
}

TEST_CASE("canary: nor of a damaged store, whichever file it is") {
  for (const char* what : {"canary", "canary-killed"}) {
    const Planted planted(what);
    std::vector<std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(planted.store())) {
      const bool holds_data = entry.is_regular_file() && entry.file_size() > 0;
      if (holds_data) files.push_back(fs::relative(entry.path(), planted.store()));
    }
    REQUIRE(files.size() > 3);
    for (const std::string& file : files) {
      const bool data = file.ends_with(".sst") || file.ends_with(".log") || file == "RING";
      if (!data) continue;
      CAPTURE(file);
      planted.run_all(
          [&](const std::string& store) {
            const std::string path = store + "/" + file;
            std::string bytes = read_file(path);
            // In the middle of what it holds, where records are.
            const std::size_t end = bytes.find_last_not_of('\0');
            const std::size_t at = (end == std::string::npos ? bytes.size() : end) / 2;
            bytes[at] = static_cast<char>(bytes[at] ^ 0x20);
            write_file(path, bytes);
          },
          3);
    }
  }
}

}  // namespace
}  // namespace cloakroom::testing
