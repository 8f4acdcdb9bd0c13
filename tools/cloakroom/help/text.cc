// Help as text, in two columns.
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

#include "help/help.h"
#include "text/output.h"

namespace cloakroom::cli {
namespace {

constexpr std::size_t kColumns = 80;  // in a pipe: the same for every script
constexpr std::size_t kColumnsLeast = 60;
constexpr std::size_t kColumnsMost = 100;
constexpr std::size_t kIndent = 2;
constexpr std::size_t kNamesMost = 26;  // a name that is longer has a line of its own

std::string heading(const std::string& text) { return paint(stdout, Colour::kBold, text); }

// `text` in lines of at most `width`, the second and later ones indented by `indent`.
std::string wrapped(const std::string& text, std::size_t indent, std::size_t width) {
  std::string out;
  std::size_t used = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    if (used > 0 && used + 1 + columns_of(word) > width) {
      out += "\n" + std::string(indent, ' ');
      used = 0;
    }
    if (used > 0) out += ' ';
    out += word;
    used += columns_of(word) + (used > 0 ? 1 : 0);
    at = end + 1;
  }
  return out;
}

using Rows = std::vector<std::pair<std::string, std::string>>;

std::string two_columns(const Rows& rows, std::size_t columns) {
  std::size_t names = 0;
  for (const auto& [name, what] : rows) {
    if (columns_of(name) <= kNamesMost) names = std::max(names, columns_of(name));
  }
  const std::size_t second = kIndent + names + 2;
  std::string out;
  for (const auto& [name, what] : rows) {
    const std::string first = std::string(kIndent, ' ') + name;
    out += columns_of(first) + 2 > second && columns_of(name) > names
               ? first + "\n" + std::string(second, ' ')
               : pad_right(first, second);
    out += wrapped(what, second, columns - second) + "\n";
  }
  return out;
}

std::string left_of(const ArgumentInfo& argument) {
  if (argument.positional()) return argument.name + (argument.repeats ? "..." : "");
  std::string text = argument.shorthand.empty() ? "" : argument.shorthand + ", ";
  text += argument.name;
  if (!argument.argument.empty()) text += " " + argument.argument;
  return text;
}

std::string right_of(const ArgumentInfo& argument) {
  std::string text = argument.what;
  if (argument.positional() && !argument.words.empty()) {
    text += ": ";
    for (const std::string& word : argument.words) {
      text += (word == argument.words.front() ? "" : ", ") + word;
    }
  }
  if (!argument.preset.empty()) text += " (default: " + argument.preset + ")";
  if (argument.repeats && !argument.positional()) text += "; may be given again";
  if (argument.required && !argument.positional()) text += " (required)";
  return text;
}

std::string section(const std::string& title, const std::vector<ArgumentInfo>& arguments,
                    bool positional, std::size_t columns) {
  Rows rows;
  for (const ArgumentInfo& argument : arguments) {
    if (argument.positional() == positional)
      rows.emplace_back(left_of(argument), right_of(argument));
  }
  return rows.empty() ? "" : "\n" + heading(title) + "\n" + two_columns(rows, columns);
}

class Formatter final : public CLI::FormatterBase {
 public:
  std::string make_help(const CLI::App* app, std::string, CLI::AppFormatMode) const override {
    if (app->get_parent() != nullptr) return verb_help(verb_info(*app), help_columns());
    return root_help(tree_of(*app), help_columns());
  }
};

}  // namespace

std::size_t help_columns() {
  winsize size{};
  if (!is_terminal(stdout) || ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return kColumns;
  return std::clamp<std::size_t>(size.ws_col == 0 ? kColumns : size.ws_col, kColumnsLeast,
                                 kColumnsMost);
}

std::string verb_help(const VerbInfo& verb, std::size_t columns) {
  std::string out = wrapped(verb.what, 0, columns) + "\n\n" + heading("Usage:") + " cloakroom " +
                    synopsis(verb) + "\n";
  out += section("Arguments:", verb.arguments, true, columns);
  out += section("Options:", verb.arguments, false, columns);
  if (!verb.examples.empty()) {
    out += "\n" + heading(verb.examples.size() == 1 ? "Example:" : "Examples:") + "\n";
    for (const std::string& example : verb.examples) out += "  " + example + "\n";
  }
  if (!verb.notes.empty()) out += "\n" + verb.notes;
  return out;
}

std::string root_help(const CommandTree& tree, std::size_t columns) {
  std::string out = wrapped(tree.what, 0, columns) + "\n\n" + heading("Usage:") +
                    " cloakroom VERB [OPTIONS] ARGUMENTS\n";
  std::vector<std::string> groups;
  for (const VerbInfo& verb : tree.verbs) {
    if (std::find(groups.begin(), groups.end(), verb.group) == groups.end()) {
      groups.push_back(verb.group);
    }
  }
  for (const std::string& group : groups) {
    Rows rows;
    for (const VerbInfo& verb : tree.verbs) {
      if (verb.group == group) rows.emplace_back(pad_right(verb.name, 11), verb.what);
    }
    out += "\n" + heading(group + ":") + "\n" + two_columns(rows, columns);
  }
  out += section("Options:", tree.options, false, columns);
  return out + "\n" + tree.notes;
}

std::shared_ptr<CLI::FormatterBase> help_formatter() { return std::make_shared<Formatter>(); }

}  // namespace cloakroom::cli
