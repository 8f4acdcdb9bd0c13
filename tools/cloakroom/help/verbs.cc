// help and completions: what they are called and what they take.
#include <algorithm>
#include <memory>
#include <string>

#include "command_line.h"
#include "exit_codes.h"
#include "help/help.h"
#include "text/output.h"

namespace cloakroom::cli {
namespace {

struct HelpOptions {
  std::string verb;
  bool man = false;
  bool json = false;
};

int help_on(const CommandTree& tree, const std::string& name) {
  const auto found = std::find_if(tree.verbs.begin(), tree.verbs.end(),
                                  [&](const VerbInfo& verb) { return verb.name == name; });
  if (found != tree.verbs.end()) {
    print(verb_help(*found, help_columns()));
    return kExitOk;
  }
  std::vector<std::string> names;
  for (const VerbInfo& verb : tree.verbs) names.push_back(verb.name);
  const std::string meant = nearest(name, names);
  message("there is no verb '" + name + "'; " +
          (meant.empty() ? "" : "did you mean " + meant + "? ") + "`cloakroom help` lists them");
  return kExitUsage;
}

int run_help(const CLI::App& root, const HelpOptions& options) {
  const CommandTree tree = tree_of(root);
  if (!options.verb.empty()) return help_on(tree, options.verb);
  if (options.man) {
    print(man_page(tree));
  } else if (options.json) {
    print(tree_json(tree).dump(2) + "\n");
  } else {
    print(root_help(tree, help_columns()));
  }
  return kExitOk;
}

Verb add_help_itself(CLI::App& root) {
  const auto options = std::make_shared<HelpOptions>();
  CLI::App* app = root.add_subcommand("help", "Tell how a verb is used, or what verbs there are");
  app->add_option("VERB", options->verb, "the verb");
  app->add_flag("--man", options->man, "the manual page cloakroom(1), for man -l or to install");
  app->add_flag("--json", options->json, "all verbs and options as one JSON object");
  app->footer("Examples:\n  cloakroom help ls\n  cloakroom help --man | man -l -\n");
  return {app, [options, &root] { return run_help(root, *options); }};
}

Verb add_completions(CLI::App& root) {
  const auto shell = std::make_shared<std::string>();
  CLI::App* app = root.add_subcommand("completions", "Print the completion script of a shell");
  app->add_option("SHELL", *shell, "the shell")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}))
      ->option_text("bash|zsh|fish");
  app->footer(
      "Examples:\n"
      "  source <(cloakroom completions bash)\n"
      "  cloakroom completions fish > ~/.config/fish/completions/cloakroom.fish\n");
  return {app, [shell, &root] {
            const CommandTree tree = tree_of(root);
            print(*shell == "bash"  ? bash_completion(tree)
                  : *shell == "zsh" ? zsh_completion(tree)
                                    : fish_completion(tree));
            return kExitOk;
          }};
}

}  // namespace

void add_help(CLI::App& root, Verbs& verbs) {
  verbs.push_back(add_help_itself(root));
  verbs.push_back(add_completions(root));
}

}  // namespace cloakroom::cli
