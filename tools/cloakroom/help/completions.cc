// Scripts for the shells, made from the tree. All text in them is quoted for its shell: what stands
// in a description cannot become code.
#include <algorithm>

#include "help/help.h"

namespace cloakroom::cli {
namespace {

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size()) {
    text.replace(at, what.size(), with);
  }
  return text;
}

// For bash and zsh.
std::string sh_quoted(const std::string& text) { return "'" + replaced(text, "'", "'\\''") + "'"; }

std::string fish_quoted(const std::string& text) {
  return "'" + replaced(replaced(text, "\\", "\\\\"), "'", "\\'") + "'";
}

std::string joined(const std::vector<std::string>& words, const char* between = " ") {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : between) + word;
  return out;
}

std::vector<std::string> option_names(const VerbInfo& verb) {
  std::vector<std::string> names;
  for (const ArgumentInfo& argument : verb.arguments) {
    if (argument.positional()) continue;
    names.push_back(argument.name);
    if (!argument.shorthand.empty()) names.push_back(argument.shorthand);
  }
  return names;
}

std::vector<const ArgumentInfo*> positionals(const VerbInfo& verb) {
  std::vector<const ArgumentInfo*> found;
  for (const ArgumentInfo& argument : verb.arguments) {
    if (argument.positional()) found.push_back(&argument);
  }
  return found;
}

std::vector<std::string> verb_names(const CommandTree& tree) {
  std::vector<std::string> names;
  for (const VerbInfo& verb : tree.verbs) names.push_back(verb.name);
  return names;
}

// --- bash ------------------------------------------------------------------------------------

// What bash answers for an argument: the word list of compgen, or a kind of file.
std::string bash_answer(const ArgumentInfo& argument) {
  switch (takes(argument)) {
    case Takes::kDirectory:
      return "_cloakroom_paths -d";
    case Takes::kFile:
      return "_cloakroom_paths -f";
    case Takes::kWord:
      return "_cloakroom_words " + sh_quoted(joined(argument.words));
    default:
      return ":";
  }
}

std::string bash_verb(const VerbInfo& verb) {
  std::string out = "    " + verb.name + ")\n      case $before in\n";
  for (const ArgumentInfo& argument : verb.arguments) {
    if (argument.positional() || argument.argument.empty()) continue;
    const std::string shorthand = argument.shorthand.empty() ? "" : "|" + argument.shorthand;
    out += "        " + argument.name + shorthand + ") " + bash_answer(argument) + "; return ;;\n";
  }
  out += "      esac\n      if [[ $current == -* ]]; then\n        _cloakroom_words " +
         sh_quoted(joined(option_names(verb))) + "\n        return\n      fi\n";
  std::vector<std::string> with_argument;
  for (const ArgumentInfo& argument : verb.arguments) {
    if (argument.argument.empty() || argument.positional()) continue;
    with_argument.push_back(argument.name);
    if (!argument.shorthand.empty()) with_argument.push_back(argument.shorthand);
  }
  out += "      case $(_cloakroom_position " + sh_quoted(joined(with_argument)) + ") in\n";
  const auto all = positionals(verb);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::string pattern = all[i]->repeats ? "*" : std::to_string(i);
    out += "        " + pattern + ") " + bash_answer(*all[i]) + " ;;\n";
  }
  return out + "      esac ;;\n";
}

constexpr const char* kBashHead =
    R"(# bash completion for cloakroom; written by `cloakroom completions bash`.

_cloakroom_words() {
  COMPREPLY=($(compgen -W "$1" -- "$current"))
}

# Names with spaces stay whole.
_cloakroom_paths() {
  local IFS=$'\n'
  compopt -o filenames 2>/dev/null
  COMPREPLY=($(compgen "$1" -- "$current"))
}

# How many arguments of the verb stand before the cursor; $1: its options that take one.
_cloakroom_position() {
  local i count=0 word plain=
  for ((i = 2; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if [[ -z $plain && $word == -- ]]; then
      plain=1
    elif [[ -z $plain && $word == -* ]]; then
      if [[ ${COMP_WORDS[i + 1]} == = ]]; then
        ((i += 2))
      elif [[ " $1 " == *" $word "* ]]; then
        ((i++))
      fi
    else
      ((count++))
    fi
  done
  echo "$count"
}

_cloakroom() {
  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
  # bash takes --option=value apart.
  if [[ $current == = ]]; then
    current=
  elif [[ $before == = ]]; then
    before=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
)";

// --- zsh -------------------------------------------------------------------------------------

std::string zsh_description(const std::string& text) {
  return replaced(replaced(replaced(text, "\\", "\\\\"), "[", "\\["), "]", "\\]");
}

std::string zsh_action(const ArgumentInfo& argument) {
  switch (takes(argument)) {
    case Takes::kDirectory:
      return "_files -/";
    case Takes::kFile:
      return "_files";
    case Takes::kWord:
      return "(" + joined(argument.words) + ")";
    default:
      return " ";
  }
}

// A colon ends a part of a specification, so it is escaped in names.
std::string zsh_spec(const ArgumentInfo& argument, std::size_t position) {
  if (argument.positional()) {
    const std::string name = replaced(argument.name, ":", "\\:");
    const std::string place = argument.repeats ? "*" : std::to_string(position);
    return sh_quoted(place + ":" + name + ":" + zsh_action(argument));
  }
  std::string spec = "[" + zsh_description(argument.what) + "]";
  if (!argument.argument.empty()) {
    spec += ":" + replaced(argument.argument, ":", "\\:") + ":" + zsh_action(argument);
  }
  if (argument.repeats) return sh_quoted("*" + argument.name + spec);
  if (argument.shorthand.empty()) return sh_quoted(argument.name + spec);
  return sh_quoted("(" + argument.shorthand + " " + argument.name + ")") + "{" +
         argument.shorthand + "," + argument.name + "}" + sh_quoted(spec);
}

std::string zsh_verb(const VerbInfo& verb) {
  std::string out = "    " + verb.name + ")\n      _arguments -S";
  std::size_t position = 0;
  for (const ArgumentInfo& argument : verb.arguments) {
    out += " \\\n        " + zsh_spec(argument, argument.positional() ? ++position : 0);
  }
  return out + " ;;\n";
}

// --- fish ------------------------------------------------------------------------------------

// The arguments of a verb are asked for by their place, and what is no path is nobody's guess.
std::string fish_positional(const VerbInfo& verb, const ArgumentInfo& argument,
                            std::size_t position) {
  const std::string at =
      argument.repeats ? std::to_string(position) + " more" : std::to_string(position);
  std::string out = "complete -c cloakroom -n '__cloakroom_at " + verb.name + " " + at + "' -f -a ";
  switch (takes(argument)) {
    case Takes::kDirectory:
      return out + "'(__fish_complete_directories (commandline -ct))' -d " +
             fish_quoted(argument.what) + "\n";
    case Takes::kFile:
      return out + "'(__fish_complete_path (commandline -ct))' -d " + fish_quoted(argument.what) +
             "\n";
    case Takes::kWord:
      return out + fish_quoted(joined(argument.words)) + " -d " + fish_quoted(argument.what) + "\n";
    default:
      return "";
  }
}

std::string fish_option(const VerbInfo& verb, const ArgumentInfo& argument) {
  std::string out = "complete -c cloakroom -n '__fish_seen_subcommand_from " + verb.name + "' ";
  out += argument.name.starts_with("--") ? "-l " + argument.name.substr(2)
                                         : "-s " + argument.name.substr(1);
  if (!argument.shorthand.empty()) out += " -s " + argument.shorthand.substr(1);
  switch (takes(argument)) {
    case Takes::kNothing:
      break;
    case Takes::kDirectory:
      out += " -x -a '(__fish_complete_directories (commandline -ct))'";
      break;
    case Takes::kFile:
      out += " -r -F";
      break;
    case Takes::kWord:
      out += " -x -a " + fish_quoted(joined(argument.words));
      break;
    case Takes::kText:
      out += " -x";
  }
  return out + " -d " + fish_quoted(argument.what) + "\n";
}

std::string fish_verb(const VerbInfo& verb) {
  std::string out = "complete -c cloakroom -n __fish_use_subcommand -f -a " + verb.name + " -d " +
                    fish_quoted(verb.what) + "\n";
  std::size_t position = 0;
  for (const ArgumentInfo& argument : verb.arguments) {
    out += argument.positional() ? fish_positional(verb, argument, position++)
                                 : fish_option(verb, argument);
  }
  return out;
}

// Options that take an argument are told apart by the list that stands in front.
constexpr const char* kFishHead =
    R"(# fish completion for cloakroom; written by `cloakroom completions fish`.

# Is the cursor on argument number $argv[2] of the verb $argv[1], or behind it with `more`?
function __cloakroom_at
    set -l words (commandline -opc)
    test (count $words) -ge 2; and test "$words[2]" = "$argv[1]"; or return 1
    set -l count 0
    set -l skip 0
    for word in $words[3..-1]
        if test $skip = 1
            set skip 0
        else if contains -- $word $__cloakroom_with_argument
            set skip 1
        else if not string match -q -- '-*' $word
            set count (math $count + 1)
        end
    end
    test $skip = 0; or return 1
    test $count = $argv[2]; or begin; test "$argv[3]" = more; and test $count -gt $argv[2]; end
end

complete -c cloakroom -f
)";

}  // namespace

std::string bash_completion(const CommandTree& tree) {
  std::string out = kBashHead;
  out += "    _cloakroom_words " + sh_quoted(joined(verb_names(tree)) + " --help --version") +
         "\n    return\n  fi\n  case ${COMP_WORDS[1]} in\n";
  for (const VerbInfo& verb : tree.verbs) out += bash_verb(verb);
  return out + "  esac\n}\n\ncomplete -F _cloakroom cloakroom\n";
}

std::string zsh_completion(const CommandTree& tree) {
  std::string out =
      "#compdef cloakroom\n# zsh completion for cloakroom; written by `cloakroom completions "
      "zsh`.\n\n"
      "_cloakroom() {\n  local -a verbs\n  verbs=(\n";
  for (const VerbInfo& verb : tree.verbs) {
    out += "    " + sh_quoted(verb.name + ":" + verb.what) + "\n";
  }
  out +=
      "  )\n  if ((CURRENT == 2)); then\n    _describe -t verbs verb verbs\n"
      "    [[ $PREFIX == -* ]] && compadd -- --help --version\n    return\n  fi\n"
      "  local verb=$words[2]\n  shift words\n  ((CURRENT--))\n  case $verb in\n";
  for (const VerbInfo& verb : tree.verbs) out += zsh_verb(verb);
  return out +
         "  esac\n}\n\nif [[ $funcstack[1] == _cloakroom ]]; then\n  _cloakroom \"$@\"\nelse\n"
         "  compdef _cloakroom cloakroom\nfi\n";
}

std::string fish_completion(const CommandTree& tree) {
  std::vector<std::string> with_argument;
  for (const VerbInfo& verb : tree.verbs) {
    for (const ArgumentInfo& argument : verb.arguments) {
      const bool takes_one = !argument.positional() && !argument.argument.empty();
      const bool known = std::find(with_argument.begin(), with_argument.end(), argument.name) !=
                         with_argument.end();
      if (!takes_one || known) continue;
      with_argument.push_back(argument.name);
      if (!argument.shorthand.empty()) with_argument.push_back(argument.shorthand);
    }
  }
  std::string out = kFishHead;
  out += "set -g __cloakroom_with_argument " + joined(with_argument) + "\n\n";
  out += "complete -c cloakroom -n __fish_use_subcommand -l version -d 'show the version'\n";
  out += "complete -c cloakroom -n __fish_use_subcommand -l help -d 'show help'\n";
  for (const VerbInfo& verb : tree.verbs) out += fish_verb(verb);
  return out;
}

}  // namespace cloakroom::cli
