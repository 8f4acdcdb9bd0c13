// The verbs `help` and `completions`, and what the command line says when it is asked how it is
// used or was used wrongly.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_HELP_HELP_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_HELP_HELP_H_

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "help/tree.h"

namespace cloakroom::cli {

// The help of a verb and of the whole, wrapped to `columns`; headings are bold where stdout is a
// terminal that wants colours.
[[nodiscard]] std::string verb_help(const VerbInfo& verb, std::size_t columns);
[[nodiscard]] std::string root_help(const CommandTree& tree, std::size_t columns);

// The width of the terminal, within reason; 80 in a pipe.
[[nodiscard]] std::size_t help_columns();

// Makes CLI11 show the above. REQUIRES: set before verbs are added, which inherit it.
[[nodiscard]] std::shared_ptr<CLI::FormatterBase> help_formatter();

// The page cloakroom(1). The same tree gives the same bytes: its date is that of SOURCE_DATE_EPOCH
// and left out where that is not set.
[[nodiscard]] std::string man_page(const CommandTree& tree);

// A script for the completion of a shell. It offers verbs, options, words to choose from,
// directories and files; what needs a look into a store it leaves to the user.
[[nodiscard]] std::string bash_completion(const CommandTree& tree);
[[nodiscard]] std::string zsh_completion(const CommandTree& tree);
[[nodiscard]] std::string fish_completion(const CommandTree& tree);

// What is wrong with the command line, and what to do: one sentence or two. `given` is what stood
// there.
[[nodiscard]] std::string complaint(const CLI::App& root, const CLI::ParseError& error,
                                    const std::vector<std::string>& given);

// A number that does not fit 64 bits, or is below nothing, which CLI11 takes for the largest that
// does fit: what is wrong, or an empty string.
[[nodiscard]] std::string out_of_range(const CLI::App& root, const std::vector<std::string>& given);

// The one of `known` that `word` was most likely meant to be, or an empty string.
[[nodiscard]] std::string nearest(const std::string& word, const std::vector<std::string>& known);

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_HELP_HELP_H_
