// What holds for every verb, whatever it does: how it answers somebody who got something wrong, and
// what it leaves behind when it is stopped. A new verb needs a row here.
#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <map>

#include "cli_runner.h"
#include "cloakroom/store.h"
#include "interrupted_cli.h"
#include "support/dir_snapshot.h"
#include "verb_runs.h"

namespace cloakroom::testing {
namespace {

namespace fs = std::filesystem;

// What a verb reads.
enum class Takes { kStore, kBackup, kExport, kNothing };

struct Habit {
  Takes takes = Takes::kStore;
  // {in}: what it reads; {out}: what it makes, a name that is free.
  Arguments arguments = {};
  int alone = 2;         // the exit code without arguments; -1: that is its work, see help
  int of_nothing = 0;    // of an empty store, backup or export
  bool prints = true;    // on stdout, when all went well
  bool makes = false;    // {out} is there when all went well
  bool creates = false;  // a directory that is absent or empty is no mistake
};

const std::map<std::string, Habit>& habits() {
  static const std::map<std::string, Habit> kHabits{
      {"info", {.arguments = {"{in}"}}},
      {"ls", {.arguments = {"{in}"}, .prints = false}},
      {"get", {.arguments = {"{in}", "plain"}, .of_nothing = 1}},
      {"owners", {.arguments = {"{in}"}}},
      {"stats", {.arguments = {"{in}"}}},
      {"why", {.arguments = {"{in}", "plain"}, .of_nothing = 1}},
      {"events", {.arguments = {"{in}"}, .prints = false}},
      {"verify", {.arguments = {"{in}"}}},
      {"repair", {.arguments = {"{in}", "{out}"}, .makes = true}},
      {"compact", {.arguments = {"{in}", "--yes"}}},
      {"rm", {.arguments = {"{in}", "plain", "--yes"}, .of_nothing = 1}},
      {"revoke", {.arguments = {"{in}", "alice", "--yes"}}},
      {"expire-all", {.arguments = {"{in}", "--yes"}}},
      {"backup", {.arguments = {"{in}", "{out}"}, .makes = true}},
      {"restore", {.takes = Takes::kBackup, .arguments = {"{in}", "{out}"}, .makes = true}},
      {"export",
       {.arguments = {"{in}", "--show-values", "-o", "{out}"}, .prints = false, .makes = true}},
      {"import",
       {.takes = Takes::kExport, .arguments = {"{out}", "{in}"}, .prints = false, .makes = true}},
      {"report", {.arguments = {"{in}", "-o", "{out}"}, .makes = true}},
      {"serve", {.arguments = {"{in}", "--unix", "{out}"}, .of_nothing = -1, .creates = true}},
      {"demo", {.takes = Takes::kNothing, .alone = -1}},
      {"help", {.takes = Takes::kNothing, .arguments = {"ls"}, .alone = 0}},
      {"completions", {.takes = Takes::kNothing, .arguments = {"bash"}}},
  };
  return kHabits;
}

Arguments filled(const std::string& verb, const std::string& in, const std::string& out) {
  Arguments words{verb};
  for (const std::string& word : habits().at(verb).arguments) {
    words.push_back(word == "{in}" ? in : word == "{out}" ? out : word);
  }
  return words;
}

// A mistake: the code, one line that begins with our name and names `where` and a next step, and
// nothing on stdout.
void check_told(const std::string& verb, const CliAnswer& answer, int code,
                const std::string& where) {
  CAPTURE(verb);
  CAPTURE(answer.err);
  CHECK(answer.code == code);
  CHECK(answer.out.empty());
  CHECK(answer.err.starts_with("cloakroom: "));
  CHECK(std::count(answer.err.begin(), answer.err.end(), '\n') == 1);
  CHECK(contains(answer.err, where));
  const bool remedy = answer.err.find_first_of(";`?") != std::string::npos;
  CHECK(remedy);
  for (const char* trace :
       {"terminate", "what()", "Assert", "assert", "0x", "kIo", "kNot", ".cc:"}) {
    CHECK_MESSAGE(!contains(answer.err, trace), trace);
  }
}

// What the verbs read: a store of some records, a backup and an export of it. Made once, copied for
// those that change it.
class Material {
 public:
  explicit Material(bool empty, std::size_t value_bytes = 100) {
    make(store(), empty, value_bytes);
    REQUIRE(run_cli({"backup", store(), backup()}).code == 0);
    REQUIRE(run_cli({"export", store(), "--show-values", "-o", exported()}).code == 0);
  }

  [[nodiscard]] std::string of(Takes takes) const {
    return takes == Takes::kBackup ? backup() : takes == Takes::kExport ? exported() : store();
  }
  // Also a copy for a verb that changes it, or holds it open.
  [[nodiscard]] std::string of(const std::string& verb, const TempDir& scratch) const {
    if (!changes_store(verb)) return of(habits().at(verb).takes);
    const std::string copy = scratch / "copy";
    fs::remove_all(copy);
    fs::copy(store(), copy, fs::copy_options::recursive);
    return copy;
  }
  [[nodiscard]] std::string store() const { return directory_ / "store"; }
  [[nodiscard]] std::string backup() const { return directory_ / "backups"; }
  [[nodiscard]] std::string exported() const { return directory_ / "export"; }
  [[nodiscard]] const TempDir& directory() const { return directory_; }

  static constexpr int kRecords = 300;

 private:
  static void make(const std::string& path, bool empty, std::size_t value_bytes) {
    auto opened = Store::open({.path = path, .disk_floor_bytes = 0, .background = false});
    REQUIRE(opened);
    for (int i = 0; i < kRecords && !empty; ++i) {
      const std::string key = i == 0 ? "plain" : "key:" + std::to_string(i);
      const PutOptions put{.owner = i % 2 == 0 ? "alice" : "bob"};
      REQUIRE(opened->put(key, std::string(value_bytes, 'v'), put));
    }
    REQUIRE(opened->close());
  }

  const TempDir directory_;
};

const Material& some_records() {
  static const Material kMaterial(false);
  return kMaterial;
}

std::vector<std::string> verbs_that_take(std::initializer_list<Takes> wanted) {
  std::vector<std::string> verbs;
  for (const auto& [name, habit] : habits()) {
    const std::string& verb = name;
    if (std::find(wanted.begin(), wanted.end(), habit.takes) != wanted.end()) verbs.push_back(verb);
  }
  return verbs;
}

// (The loops below name the verb once more: clang 14 lets no lambda, such as CAPTURE, have a
// binding.)
const auto kReads = {Takes::kStore, Takes::kBackup, Takes::kExport};

TEST_CASE("habits: every verb that the help tells of is in the table") {
  for (const std::string& verb : all_verbs()) CHECK_MESSAGE(habits().contains(verb), verb);
  CHECK(habits().size() == all_verbs().size());
}

TEST_CASE("habits: without arguments") {
  for (const auto& [name, habit] : habits()) {
    const std::string& verb = name;
    if (habit.alone == 2) check_told(verb, run_cli({verb}), 2, "cloakroom " + verb);
    if (habit.alone == 0) CHECK(run_cli({verb}).code == 0);
  }
}

TEST_CASE("habits: an option that there is not, whatever else is right or missing") {
  const TempDir scratch;
  for (const auto& [name, habit] : habits()) {
    const std::string& verb = name;
    Arguments arguments = filled(verb, some_records().of(habit.takes), scratch / "out");
    arguments.emplace_back("--no-such-option");
    check_told(verb, run_cli(arguments), 2, "--no-such-option");
    check_told(verb, run_cli({verb, "--no-such-option"}), 2, "--no-such-option");
    CHECK(!fs::exists(scratch / "out"));
  }
}

TEST_CASE("habits: an argument too many") {
  const TempDir scratch;
  for (const auto& [name, habit] : habits()) {
    const std::string& verb = name;
    if (verb == "rm" || verb == "demo") continue;  // rm takes any number
    Arguments arguments = filled(verb, some_records().of(habit.takes), scratch / "out");
    arguments.emplace_back("surplus");
    if (verb == "export" || verb == "backup") arguments.emplace_back("surplus");
    check_told(verb, run_cli(arguments), 2, verb);
    CHECK(!fs::exists(scratch / "out"));
  }
}

TEST_CASE("habits: a place that is not there") {
  const TempDir scratch;
  for (const std::string& verb : verbs_that_take(kReads)) {
    if (habits().at(verb).creates) continue;
    const std::string missing = scratch / "missing";
    check_told(verb, run_cli(filled(verb, missing, scratch / "out")), 3, missing);
    CHECK_MESSAGE(snapshot_of(scratch.path()).size() == 1, verb, " left something");
  }
}

TEST_CASE("habits: a file in place of a directory, and a directory in place of a file") {
  const TempDir scratch;
  write_file(scratch / "file", "text\n");
  fs::create_directory(scratch / "directory");
  for (const std::string& verb : verbs_that_take(kReads)) {
    const bool wants_file = habits().at(verb).takes == Takes::kExport;
    const std::string wrong = scratch / (wants_file ? "directory" : "file");
    check_told(verb, run_cli(filled(verb, wrong, scratch / "out")), 3, wrong);
    CHECK_MESSAGE(snapshot_of(scratch.path()).size() == 3, verb, " left something");
  }
}

TEST_CASE("habits: a directory that is empty, or holds something else") {
  const TempDir scratch;
  const std::string empty = scratch / "empty";
  const std::string photos = scratch / "photos";
  fs::create_directory(empty);
  fs::create_directory(photos);
  write_file(photos + "/cat.jpg", "meow");
  for (const std::string& verb : verbs_that_take({Takes::kStore, Takes::kBackup})) {
    for (const std::string& dir : {empty, photos}) {
      if (dir == empty && habits().at(verb).creates) continue;
      check_told(verb, run_cli(filled(verb, dir, scratch / "out")), 3, dir);
      CHECK_MESSAGE(snapshot_of(scratch.path()).size() == 4, verb, " left something");
    }
  }
}

TEST_CASE("habits: a file that is no export") {
  const TempDir scratch;
  for (const char* bytes : {"", "text\n", "{}\n", "\x00\xff"}) {
    write_file(scratch / "file", bytes);
    check_told("import", run_cli(filled("import", scratch / "file", scratch / "out")), 1,
               scratch / "file");
    CHECK(snapshot_of(scratch.path()).size() == 2);
  }
}

TEST_CASE("habits: no permission to read") {
  CliSetting setting;
  const TempDir scratch;
  fs::permissions(scratch.path(), fs::perms::all);
  const Material& material = some_records();
  std::map<std::string, fs::perms> closed;
  if (::geteuid() == 0) {
    setting.as_nobody = true;
    fs::permissions(material.directory().path(), fs::perms::all);
    // The build may lie where nobody but root gets to.
    if (run_cli({"--version"}, setting).code != 0) {
      MESSAGE("not checked: another user cannot start the program here");
      return;
    }
  } else {
    for (const Takes takes : kReads) {
      const std::string path = material.of(takes);
      closed[path] = fs::status(path).permissions();
      fs::permissions(path, fs::perms::none);
    }
  }
  for (const std::string& verb : verbs_that_take(kReads)) {
    const std::string in = material.of(habits().at(verb).takes);
    const CliAnswer answer = run_cli(filled(verb, in, scratch / "out"), setting);
    check_told(verb, answer, 3, in);
    CHECK_MESSAGE(contains(answer.err, "ermission"), answer.err);
    CHECK_MESSAGE(snapshot_of(scratch.path()).size() == 1, verb, " left something");
  }
  for (const auto& [path, permissions] : closed) fs::permissions(path, permissions);
}

TEST_CASE("habits: no permission to write where something is to be made") {
  if (::geteuid() != 0) return;  // who owns the directory could give himself the right
  CliSetting setting{.as_nobody = true};
  if (run_cli({"--version"}, setting).code != 0) return;
  const TempDir parent;
  const std::string here = parent / "nobodys";
  const Material& material = some_records();
  fs::copy(material.directory().path(), here, fs::copy_options::recursive);
  fs::create_directory(parent / "roots");
  fs::permissions(parent.path(), fs::perms::all);
  for (const auto& entry : fs::recursive_directory_iterator(here)) {
    REQUIRE(::chown(entry.path().c_str(), 65534, 65534) == 0);
  }
  fs::permissions(here, fs::perms::all);
  for (const auto& [name, habit] : habits()) {
    const std::string& verb = name;
    if (!habit.makes) continue;
    const std::string in =
        here + material.of(habit.takes).substr(material.directory().path().size());
    const CliAnswer answer = run_cli(filled(verb, in, parent / "roots/out"), setting);
    check_told(verb, answer, 3, parent / "roots");
    CHECK(fs::is_empty(parent / "roots"));
  }
}

TEST_CASE("habits: a store without records, and its backup and export") {
  const Material nothing(true);
  for (const std::string& verb : verbs_that_take(kReads)) {
    const Habit& habit = habits().at(verb);
    if (habit.of_nothing < 0) continue;
    CAPTURE(verb);
    const TempDir scratch;
    const CliAnswer answer = run_cli(filled(verb, nothing.of(verb, scratch), scratch / "out"));
    CAPTURE(answer.err);
    CHECK(answer.code == habit.of_nothing);
    if (answer.code == 0) CHECK(fs::exists(scratch / "out") == habit.makes);
    if (answer.code == 0 && habit.prints) CHECK(!answer.out.empty());
  }
}

TEST_CASE("habits: an output that takes nothing is exit code 3, with a message") {
  for (const auto& [name, habit] : habits()) {
    const std::string& verb = name;
    if (!habit.prints || verb == "serve" || verb == "demo") continue;
    CAPTURE(verb);
    const TempDir scratch;
    const CliAnswer answer = run_cli(
        filled(verb, some_records().of(verb, scratch), scratch / "out"), {.out_file = "/dev/full"});
    CHECK(answer.code == 3);
    CHECK_MESSAGE(contains(answer.err, "cannot write the output"), answer.err);
    // What was made all the same is whole.
    if (verb == "repair" || verb == "restore") {
      CHECK(run_cli({"verify", scratch / "out"}).code == 0);
    }
  }
}

TEST_CASE("habits: a disk that is full leaves nothing half-made, and is said") {
  // More than the limit in whatever is made.
  const Material large(false, 5'000);
  for (const auto& [name, habit] : habits()) {
    const std::string& verb = name;
    if (!habit.makes) continue;
    const TempDir scratch;
    // A page is small, whatever the store holds, and so are the files of a backup.
    const std::uint64_t limit = verb == "report" ? 10'000 : verb == "restore" ? 2'000 : 400'000;
    const CliAnswer answer =
        run_cli(filled(verb, large.of(verb, scratch), scratch / "out"), {.file_bytes_max = limit});
    CAPTURE(verb);
    CAPTURE(answer.err);
    CHECK(answer.code == 3);
    CHECK(answer.out.empty());
    CHECK(answer.err.starts_with("cloakroom: "));
    if (verb == "backup") {
      CHECK(run_cli({"backup", "--list", scratch / "out", "--json"}).out.empty());
      CHECK(!fs::exists(scratch / "out/partial"));
    } else if (verb != "import") {
      CHECK_MESSAGE(snapshot_of(scratch.path()).size() == 1, verb, " left something");
    }
  }
}

// --- interrupted ---------------------------------------------------------------------------------

// The moments at which a verb is interrupted: the first calls, and some of all others.
std::vector<std::uint64_t> moments(std::uint64_t calls) {
  constexpr std::uint64_t kMost = 24;
  std::vector<std::uint64_t> all;
  const std::uint64_t stride = std::max<std::uint64_t>(1, calls / kMost);
  for (std::uint64_t n = 1; n <= calls; n += stride) all.push_back(n);
  return all;
}

// Every record, but for the first line, which tells times.
std::string content_of(const std::string& store) {
  const CliAnswer exported = run_cli({"export", store, "--show-values"});
  CHECK_MESSAGE(exported.code == 0, exported.err);
  return exported.out.substr(exported.out.find('\n'));
}

// Without both in the output of a failed check.
void check_same(const std::string& one, const std::string& other) {
  const bool same = one == other;
  CHECK(same);
}

// Interrupts the verb at every moment; `check` looks at what it has left.
template <class Check>
void interrupt_everywhere(const std::string& verb, Check check) {
  const Material& material = some_records();
  std::uint64_t calls = 0;
  {
    const TempDir scratch;
    const auto whole =
        run_interrupted(filled(verb, material.of(verb, scratch), scratch / "out"), 0);
    if (!whole) {
      MESSAGE("not checked: the system does not let us trace a process");
      return;
    }
    CHECK_MESSAGE(whole->cli.code == 0, whole->cli.err);
    calls = whole->calls;
    CHECK(calls > 3);
  }
  std::uint64_t stopped = 0;
  for (const std::uint64_t n : moments(calls)) {
    CAPTURE(verb);
    CAPTURE(n);
    const TempDir scratch;
    const std::string in = material.of(verb, scratch);
    const auto answer = run_interrupted(filled(verb, in, scratch / "out"), n);
    REQUIRE(answer);
    CAPTURE(answer->cli.err);
    const bool was_stopped = answer->cli.code == 128 + SIGINT;
    CHECK((was_stopped || answer->cli.code == 0));  // 0: it came too late
    stopped += was_stopped ? 1 : 0;
    check(scratch, in, was_stopped);
  }
  CHECK(stopped > 0);
}

// Whole or not there, and nothing beside it.
void check_whole_or_nothing(const TempDir& scratch, const std::string& out, bool was_stopped) {
  if (!was_stopped) CHECK(fs::exists(out));
  for (const auto& entry : fs::directory_iterator(scratch.path())) {
    const std::string name = entry.path().filename();
    CHECK_MESSAGE((name == "out" || name == "copy"), name, " was left");
  }
}

TEST_CASE("habits: export, interrupted anywhere, leaves a whole file or none") {
  const std::string whole = read_file(some_records().exported());
  interrupt_everywhere("export", [&](const TempDir& scratch, const std::string&, bool stopped) {
    check_whole_or_nothing(scratch, scratch / "out", stopped);
    if (fs::exists(scratch / "out")) check_same(read_file(scratch / "out"), whole);
  });
}

TEST_CASE("habits: report, interrupted anywhere, leaves a whole page or none") {
  interrupt_everywhere("report", [](const TempDir& scratch, const std::string&, bool stopped) {
    check_whole_or_nothing(scratch, scratch / "out", stopped);
    if (fs::exists(scratch / "out")) CHECK(contains(read_file(scratch / "out"), "</html>"));
  });
}

TEST_CASE("habits: repair, interrupted anywhere, leaves a whole store or none") {
  const std::string whole = content_of(some_records().store());
  interrupt_everywhere("repair", [&](const TempDir& scratch, const std::string&, bool stopped) {
    check_whole_or_nothing(scratch, scratch / "out", stopped);
    if (fs::exists(scratch / "out")) check_same(content_of(scratch / "out"), whole);
  });
}

TEST_CASE("habits: restore, interrupted anywhere, leaves a whole store or none") {
  const std::string whole = content_of(some_records().store());
  interrupt_everywhere("restore", [&](const TempDir& scratch, const std::string&, bool stopped) {
    check_whole_or_nothing(scratch, scratch / "out", stopped);
    if (fs::exists(scratch / "out")) check_same(content_of(scratch / "out"), whole);
  });
}

TEST_CASE("habits: backup, interrupted anywhere, leaves a whole backup or none") {
  const std::string whole = content_of(some_records().store());
  interrupt_everywhere("backup", [&](const TempDir& scratch, const std::string&, bool stopped) {
    check_whole_or_nothing(scratch, scratch / "out", stopped);
    CHECK(!fs::exists(scratch / "out/partial"));
    const std::string first = scratch / "out/000001";
    if (fs::exists(first)) check_same(content_of(first), whole);
    // And is no hindrance to the next one.
    CHECK(run_cli({"backup", some_records().store(), scratch / "out"}).code == 0);
  });
}

TEST_CASE("habits: import, interrupted anywhere, leaves a whole store or what --resume takes up") {
  const std::string whole = content_of(some_records().store());
  interrupt_everywhere("import", [&](const TempDir& scratch, const std::string& in, bool stopped) {
    if (!stopped) CHECK(fs::exists(scratch / "out"));
    if (!fs::exists(scratch / "out")) {
      Arguments again{"import", scratch / "out", in};
      if (fs::exists(scratch / "out.partial")) again.emplace_back("--resume");
      const CliAnswer resumed = run_cli(again);
      CHECK_MESSAGE(resumed.code == 0, resumed.err);
    }
    check_whole_or_nothing(scratch, scratch / "out", false);
    check_same(content_of(scratch / "out"), whole);
  });
}

TEST_CASE("habits: compact, interrupted anywhere, leaves the store as sound as it was") {
  const std::string whole = content_of(some_records().store());
  interrupt_everywhere("compact", [&](const TempDir&, const std::string& in, bool) {
    const CliAnswer verified = run_cli({"verify", in});
    CHECK_MESSAGE(verified.code == 0, verified.out);
    check_same(content_of(in), whole);
    CHECK(run_cli(filled("compact", in, {})).code == 0);
  });
}

TEST_CASE("habits: rm, revoke and expire-all, interrupted anywhere, end some, harm none") {
  for (const char* verb : {"rm", "revoke", "expire-all"}) {
    interrupt_everywhere(verb, [&](const TempDir&, const std::string& in, bool) {
      const CliAnswer verified = run_cli({"verify", in});
      CHECK_MESSAGE(verified.code == 0, verified.out);
      const CliAnswer again = run_cli(filled(verb, in, {}));
      CHECK_MESSAGE((again.code == 0 || again.code == 1), again.err);  // 1: rm finds it gone
      CHECK(run_cli({"get", in, "plain"}).code == 1);
    });
  }
}

}  // namespace
}  // namespace cloakroom::testing
