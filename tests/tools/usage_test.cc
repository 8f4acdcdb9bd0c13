// The command line itself: help, wrong use, and output that cannot be written.
#include <doctest/doctest.h>

#include "cli_runner.h"

namespace cloakroom::testing {
namespace {

const std::vector<std::string> kStoreVerbs{"info", "ls", "get", "verify", "stats"};

TEST_CASE("usage: help is an answer, and every verb's has an example") {
  CHECK(run_cli({"--help"}).code == 0);
  for (const char* verb : {"info", "ls", "get", "verify", "stats", "demo"}) {
    const CliAnswer answer = run_cli({verb, "--help"});
    CHECK_MESSAGE(answer.code == 0, verb);
    CHECK_MESSAGE(contains(answer.out, std::string("Example:\n  cloakroom ") + verb), verb);
    CHECK(contains(answer.out, "--json"));
    CHECK(contains(run_cli({"--help"}).out, verb));
  }
}

TEST_CASE("usage: the exit codes are told, the hidden verb is not") {
  const CliAnswer answer = run_cli({"--help"});
  CHECK(contains(answer.out, "Exit codes"));
  CHECK(!contains(answer.out, "demo-worker"));
  CHECK(!contains(run_cli({"demo", "--help"}).out, "sabotage"));
}

TEST_CASE("usage: the version is the project's") {
  const CliAnswer answer = run_cli({"--version"});
  CHECK(answer.code == 0);
  CHECK(answer.out.starts_with("cloakroom "));
  CHECK(!contains(answer.out, "unknown"));
}

TEST_CASE("usage: a wrong command line is exit code 2, and says what is wrong") {
  const std::string& store = shared_store();
  const std::vector<Arguments> wrong{
      {},
      {"lst", store},
      {"info"},
      {"info", store, "more"},
      {"info", store, "--jsn"},
      {"get", store},
      {"ls", store, "--kind", "hash"},
      {"ls", store, "--larger-than", "big"},
      {"ls", store, "--expires-before", "soon"},
      {"ls", store, "--limit", "-1"},
      {"demo", "--kills", "0"},
      {"demo", "--seconds", "0"},
      {"demo", "--sessions", "1"},
  };
  for (const Arguments& arguments : wrong) {
    const CliAnswer answer = run_cli(arguments);
    const std::string last = arguments.empty() ? "(none)" : arguments.back();
    CHECK_MESSAGE(answer.code == 2, last);
    CHECK_MESSAGE(!answer.err.empty(), last);
    CHECK_MESSAGE(answer.out.empty(), last);
  }
}

TEST_CASE("usage: a key may have the name of a verb or of an option") {
  CHECK(json_of(run_cli({"get", shared_store(), "info", "--json"}).out)["key"] == "info");
  CHECK(json_of(run_cli({"get", "--json", "--", shared_store(), "--json"}).out)["key"] == "--json");
}

TEST_CASE("usage: output that cannot be written is not silently short") {
  for (const std::string& verb : kStoreVerbs) {
    Arguments arguments{verb, shared_store()};
    if (verb == "get") arguments.emplace_back("sess:json");
    const CliAnswer answer = run_cli(arguments, {.out_file = "/dev/full"});
    CHECK_MESSAGE(answer.code == 3, verb);
    CHECK_MESSAGE(contains(answer.err, "cannot write the output"), verb);
  }
}

TEST_CASE("usage: no verb shows a value unless told to") {
  const std::string& store = shared_store();
  std::vector<Arguments> runs{
      {"info", store}, {"ls", store, "--dead"}, {"verify", store}, {"stats", store}};
  for (const auto& record : json_lines(run_cli({"ls", store, "--json", "--dead"}).out)) {
    runs.push_back({"get", "--dead", "--", store, record["key"]});
  }
  CHECK(runs.size() > 200);
  for (const Arguments& run : runs) {
    Arguments with_json = run;
    with_json.insert(with_json.begin() + 1, "--json");
    for (const Arguments& arguments : {run, with_json}) {
      const CliAnswer answer = run_cli(arguments);
      CHECK_MESSAGE(answer.code == 0, arguments.back());
      CHECK_MESSAGE(!contains(answer.out + answer.err, "s3cret"), arguments.back());
      CHECK_MESSAGE(!contains(answer.out + answer.err, "Alice"), arguments.back());
    }
    if (run[0] == "get" && run.back().starts_with("bulk:") && run.back() > "bulk:1010") break;
  }
}

}  // namespace
}  // namespace cloakroom::testing
