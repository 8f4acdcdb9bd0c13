// How a verb is added to the command line.
//
// A group of verbs (look/, prove/, demo/, ...) has one file `verbs.cc`, which says what the verbs
// are called and which options they take; a file for each verb does the work and knows nothing of
// the command line. main.cc puts the groups together.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_COMMAND_LINE_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_COMMAND_LINE_H_

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

namespace cloakroom::cli {

// What runs when its sub-command was given; answers with the exit code.
struct Verb {
  CLI::App* app;
  std::function<int()> run;
};
using Verbs = std::vector<Verb>;

// A verb on a store: its directory is the first argument. `dir` outlives the parse, as does all
// that options are read into: a verb's `run` holds them.
CLI::App* add_store_verb(CLI::App& root, const char* name, const char* what, const char* example,
                         std::string& dir);

// How help names an option's argument, instead of by its C++ type and bounds.
void call_it(CLI::Option* option, const std::string& name);

// "90s", "15min", "2h", "7d".
[[nodiscard]] CLI::Validator duration_check();

// The groups.
void add_look(CLI::App& root, Verbs& verbs);
void add_prove(CLI::App& root, Verbs& verbs);
void add_mend(CLI::App& root, Verbs& verbs);
void add_copy(CLI::App& root, Verbs& verbs);
void add_demo(CLI::App& root, Verbs& verbs);
void add_help(CLI::App& root, Verbs& verbs);
void add_report(CLI::App& root, Verbs& verbs);
void add_serve(CLI::App& root, Verbs& verbs);  // only with the option `resp`

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_COMMAND_LINE_H_
