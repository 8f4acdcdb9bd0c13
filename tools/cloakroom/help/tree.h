// The command line as data: what the help, the man page, the completions of the shells and the
// check of docs/cli.md are made from, so that none of them can say what is not so.
//
// Made from the verbs as they were added to CLI11; nothing in here is written by hand but the names
// of groups. Hidden verbs and options (group "") are left out.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_HELP_TREE_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_HELP_TREE_H_

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace cloakroom::cli {

struct ArgumentInfo {
  std::string name;       // "--limit", or "STORE-DIR" of a positional one
  std::string shorthand;  // "-h", or empty
  std::string argument;   // what follows an option: "N"; empty for a flag and a positional one
  std::string preset;     // the value it has when it is not given, where there is one to tell
  std::string what;       // one sentence
  std::vector<std::string> words;  // the only ones it takes, when they are few
  bool required = false;
  bool repeats = false;

  [[nodiscard]] bool positional() const noexcept { return name.empty() || name[0] != '-'; }
};

struct VerbInfo {
  std::string name;
  std::string group;  // "Look", "Copy"...: the heading it stands under
  std::string what;
  std::vector<ArgumentInfo> arguments;  // positional ones first, in their order; then the options
  std::vector<std::string> examples;    // command lines
  std::string notes;                    // what stands behind the examples, as it is
};

struct CommandTree {
  std::string name;
  std::string what;
  std::string version;
  std::string notes;  // exit codes
  std::vector<ArgumentInfo> options;
  std::vector<VerbInfo> verbs;
};

[[nodiscard]] VerbInfo verb_info(const CLI::App& app);
[[nodiscard]] CommandTree tree_of(const CLI::App& root);

// What an argument takes, for the shells: a directory, a file, one of `words`, or free text.
enum class Takes { kNothing, kDirectory, kFile, kWord, kText };
[[nodiscard]] Takes takes(const ArgumentInfo& argument);

// "ls [OPTIONS] STORE-DIR [KEY...]"
[[nodiscard]] std::string synopsis(const VerbInfo& verb);

[[nodiscard]] nlohmann::ordered_json tree_json(const CommandTree& tree);

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_HELP_TREE_H_
