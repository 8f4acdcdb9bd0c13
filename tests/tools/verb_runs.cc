#include "verb_runs.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace cloakroom::testing {
namespace {

const nlohmann::json& tree() {
  static const nlohmann::json kTree = json_of(run_cli({"help", "--json"}).out);
  return kTree;
}

}  // namespace

const std::vector<std::string>& all_verbs() {
  static const std::vector<std::string> kVerbs = [] {
    std::vector<std::string> verbs;
    for (const auto& verb : tree()["verbs"]) verbs.push_back(verb["name"]);
    return verbs;
  }();
  return kVerbs;
}

bool needs_no_store(const std::string& verb) {
  return verb == "serve" || verb == "demo" || verb == "help" || verb == "completions";
}

bool changes_store(const std::string& verb) {
  return verb == "compact" || verb == "rm" || verb == "revoke" || verb == "expire-all";
}

bool speaks_json(const std::string& verb) {
  for (const auto& one : tree()["verbs"]) {
    if (one["name"] != verb) continue;
    const auto& arguments = one["arguments"];
    return std::any_of(arguments.begin(), arguments.end(),
                       [](const auto& argument) { return argument["name"] == "--json"; });
  }
  return false;
}

std::vector<Arguments> runs_of(const std::string& verb, const std::string& dir,
                               const std::string& scratch, const std::vector<std::string>& keys) {
  if (verb == "ls") {
    return {{verb, dir}, {verb, dir, "--dead", "--limit", "5"}, {verb, dir, "--owner", "alice"}};
  }
  if (verb == "get" || verb == "why") {
    std::vector<Arguments> runs{{verb, dir, "no-such-key"}};
    for (const std::string& key : keys) runs.push_back({verb, dir, key});
    return runs;
  }
  if (verb == "compact") return {{verb, dir, "--dry-run"}, {verb, dir, "--yes"}};
  if (verb == "repair") return {{verb, dir, scratch + "/repaired"}};
  if (verb == "rm")
    return {{verb, dir, "plain", "--yes"}, {verb, dir, "--prefix", "j", "--dry-run"}};
  if (verb == "revoke") return {{verb, dir, "alice", "--yes"}, {verb, dir, "nobody", "--yes"}};
  if (verb == "expire-all") return {{verb, dir, "--dry-run"}, {verb, dir, "--yes"}};
  if (verb == "backup") {
    return {{verb, dir, scratch + "/backups"}, {verb, "--list", scratch + "/backups"}};
  }
  if (verb == "restore") return {{verb, dir, scratch + "/restored"}};
  if (verb == "export") return {{verb, dir}, {verb, dir, "-o", scratch + "/export"}};
  if (verb == "import") return {{verb, scratch + "/imported", dir + "/CLOAKROOM"}};
  if (verb == "report") return {{verb, dir, "-o", "-"}, {verb, dir, "-o", scratch + "/page.html"}};
  for (const char* plain : {"info", "owners", "stats", "events", "verify"}) {
    if (verb == plain) return {{verb, dir}};
  }
  FAIL("tests/tools/verb_runs.cc does not know how to run the verb ", verb);
  return {};
}

}  // namespace cloakroom::testing
