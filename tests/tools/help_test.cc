// Help, man page and completions come from one tree, so what is checked of the tree holds for all
// of them. That shells and man understand the scripts is checked by tests/tools/pages.
#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>

#include "cli_runner.h"
#include "support/dir_snapshot.h"

namespace cloakroom::testing {
namespace {

const nlohmann::json& tree() {
  static const nlohmann::json kTree = json_of(run_cli({"help", "--json"}).out);
  return kTree;
}

TEST_CASE("help: every verb has a description, a group and an example of itself") {
  CHECK(tree()["verbs"].size() > 8);
  for (const auto& verb : tree()["verbs"]) {
    CAPTURE(verb["name"]);
    CHECK(!verb["what"].get<std::string>().empty());
    CHECK(verb["group"] != "Other");
    REQUIRE(!verb["examples"].empty());
    const std::string name = "cloakroom " + verb["name"].get<std::string>();
    const auto& examples = verb["examples"];
    CHECK(std::any_of(examples.begin(), examples.end(),
                      [&](const std::string& example) { return contains(example, name); }));
  }
}

TEST_CASE("help: every option says what it does and what it takes, not its C++ type") {
  for (const auto& verb : tree()["verbs"]) {
    for (const auto& argument : verb["arguments"]) {
      CAPTURE(verb["name"]);
      CAPTURE(argument["name"]);
      CHECK(!argument["what"].get<std::string>().empty());
      const std::string takes = argument["argument"];
      for (const char* type : {"UINT", "INT", "FLOAT", "ENUM"}) {
        CHECK_MESSAGE(!takes.starts_with(type), takes);
      }
      CHECK_MESSAGE(takes.find_first_of(":{[ ") == std::string::npos, takes);
    }
  }
}

TEST_CASE(
    "help: `help VERB` and `VERB --help` are the same, hold every option and fit a terminal") {
  for (const auto& verb : tree()["verbs"]) {
    const std::string name = verb["name"];
    CAPTURE(name);
    const CliAnswer answer = run_cli({name, "--help"});
    CHECK(answer.code == 0);
    CHECK(answer.err.empty());
    CHECK(answer.out == run_cli({"help", name}).out);
    CHECK(answer.out == run_cli({name, "-h"}).out);
    for (const auto& argument : verb["arguments"]) {
      CHECK(contains(answer.out, argument["name"].get<std::string>()));
    }
    std::istringstream lines(answer.out);
    for (std::string line; std::getline(lines, line);) {
      const bool example = line.starts_with("  cloakroom ") || line.starts_with("Usage:");
      CHECK_MESSAGE((example || line.size() <= 80), line);
    }
    CHECK(contains(run_cli({"--help"}).out, "\n  " + name + " "));
  }
}

TEST_CASE("help: a verb that is not there is exit code 2, and the one that was meant is told") {
  const CliAnswer answer = run_cli({"help", "veryfy"});
  CHECK(answer.code == 2);
  CHECK(answer.out.empty());
  CHECK(contains(answer.err, "did you mean verify?"));
}

TEST_CASE("help: its output, too, is not silently short") {
  for (const Arguments& arguments : std::vector<Arguments>{{"--help"},
                                                           {"ls", "--help"},
                                                           {"--version"},
                                                           {"help", "--man"},
                                                           {"completions", "zsh"}}) {
    const CliAnswer answer = run_cli(arguments, {.out_file = "/dev/full"});
    CHECK_MESSAGE(answer.code == 3, arguments[0]);
    CHECK_MESSAGE(contains(answer.err, "cannot write the output"), arguments[0]);
  }
}

TEST_CASE("man: the page holds every verb and option, and is the same for the same date") {
  const CliSetting dated{.environment = {{"SOURCE_DATE_EPOCH", "1700000000"}}};
  const CliAnswer page = run_cli({"help", "--man"}, dated);
  CHECK(page.code == 0);
  CHECK(page.out == run_cli({"help", "--man"}, dated).out);
  CHECK(page.out.starts_with(".TH CLOAKROOM 1 \"2023-11-14\" \"cloakroom "));
  for (const auto& verb : tree()["verbs"]) {
    std::string name = verb["name"];
    if (const std::size_t dash = name.find('-'); dash != std::string::npos) name.insert(dash, "\\");
    CHECK_MESSAGE(contains(page.out, ".SS " + name + "\n"), name);
    for (const auto& argument : verb["arguments"]) {
      std::string text;
      for (const char c : argument["name"].get<std::string>())
        text += c == '-' ? "\\-" : std::string(1, c);
      CHECK_MESSAGE(contains(page.out, text), text);
    }
  }
}

TEST_CASE("completions: every shell's script holds every verb and option") {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const CliAnswer script = run_cli({"completions", shell});
    CHECK(script.code == 0);
    for (const auto& verb : tree()["verbs"]) {
      CHECK(contains(script.out, verb["name"].get<std::string>()));
      for (const auto& argument : verb["arguments"]) {
        const std::string name = argument["name"];
        if (!name.starts_with("--")) continue;
        // fish writes -l json for --json.
        CHECK(contains(script.out,
                       std::string_view(shell) == "fish" ? "-l " + name.substr(2) : name));
      }
    }
  }
  CHECK(run_cli({"completions", "tcsh"}).code == 2);
}

TEST_CASE("usage: what is wrong is told with what was meant and where to look") {
  struct Case {
    Arguments arguments;
    std::vector<std::string> says;
  };
  const Case cases[] = {
      {{}, {"`cloakroom --help` lists the verbs"}},
      {{"LS", "x"}, {"no verb 'LS'", "did you mean ls?"}},
      {{"ls", "x", "--larger-than", "-5"}, {"--larger-than: -5 is negative"}},
      {{"report", "x"}, {"--output is missing", "report [OPTIONS] --output FILE STORE-DIR"}},
      {{"lst"}, {"no verb 'lst'", "did you mean ls?"}},
      {{"--jsn"}, {"no verb '--jsn'"}},
      {{"ls"}, {"STORE-DIR is missing", "cloakroom ls [OPTIONS] STORE-DIR"}},
      {{"ls", "x", "--jsn"}, {"no option --jsn", "did you mean --json?", "cloakroom ls --help"}},
      {{"ls", "x", "--limit"}, {"--limit N needs a value"}},
      {{"ls", "x", "--limit", "many"}, {"--limit N: 'many' does not fit"}},
      {{"ls", "x", "--limit", "99999999999999999999"}, {"--limit", "too large"}},
      {{"ls", "x", "--kind", "byte"}, {"not 'byte'", "did you mean bytes?"}},
      {{"ls", "x", "--larger-than", "big"}, {"'big'", "64KiB"}},
      {{"ls", "x", "--expires-before=soon"}, {"'soon' is not a duration", "15min"}},
      {{"info", "x", "y"}, {"'y' is one argument too many"}},
      {{"get", "x", "-key"}, {"no option -key", "goes behind --"}},
      {{"ls", "--jsn"}, {"no option --jsn", "did you mean --json?"}},
      {{"ls", "--prefix", "--jsn"}, {"STORE-DIR is missing"}},
      {{"get", "x", "key", "--raw=yes please"}, {"--raw"}},
      {{"ls", "x", "--kind", "\x1b[2J"}, {R"(\x1b[2J)"}},
  };
  for (const Case& one : cases) {
    const CliAnswer answer = run_cli(one.arguments);
    CAPTURE(answer.err);
    CHECK(answer.code == 2);
    CHECK(answer.out.empty());
    CHECK(answer.err.starts_with("cloakroom: "));
    CHECK(std::count(answer.err.begin(), answer.err.end(), '\n') == 1);
    for (const std::string& words : one.says) CHECK_MESSAGE(contains(answer.err, words), words);
  }
}

TEST_CASE("usage: nothing is made inside the store that it is made of") {
  const TempDir directory;
  make_store(directory.store_path());
  const std::string store = directory.store_path();
  const DirSnapshot before = snapshot_of(store);
  for (const Arguments& arguments :
       std::vector<Arguments>{{"backup", store, store + "/b"},
                              {"repair", store, store + "/rocks/../saved"},
                              {"report", store, "-o", store + "/page.html"},
                              {"export", store, "--show-values", "-o", store + "/rocks/export"}}) {
    const CliAnswer answer = run_cli(arguments);
    CHECK_MESSAGE(answer.code == 2, arguments[0]);
    CHECK_MESSAGE(contains(answer.err, "lies in the store"), answer.err);
  }
  CHECK(difference(before, snapshot_of(store)).empty());
}

TEST_CASE("usage: a standard file that is closed never becomes a file of the store") {
  for (const char* verb : {"info", "ls", "stats", "verify"}) {
    const CliAnswer answer = run_cli({verb, shared_store()}, {.closed = {1}});
    CHECK_MESSAGE(answer.code == 3, verb);
    CHECK_MESSAGE(contains(answer.err, "cannot write the output"), verb);
    CHECK_MESSAGE(run_cli({verb, shared_store()}, {.closed = {0, 2}}).code == 0, verb);
  }
}

}  // namespace
}  // namespace cloakroom::testing
