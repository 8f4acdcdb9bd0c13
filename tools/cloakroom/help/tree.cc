#include "help/tree.h"

#include <algorithm>
#include <sstream>

namespace cloakroom::cli {
namespace {

// Where a verb stands in help and in the pages. A verb that is not here stands under "Other", which
// the tests do not let pass.
struct Group {
  const char* title;
  std::vector<std::string> verbs;
};
const std::vector<Group> kGroups{
    {"Look", {"info", "ls", "get", "owners", "stats", "why", "events"}},
    {"Prove and mend", {"verify", "repair", "compact", "rm", "revoke", "expire-all"}},
    {"Copy and move", {"backup", "restore", "export", "import"}},
    {"Show", {"report"}},
    {"Serve", {"serve", "demo"}},
    {"Help", {"help", "completions"}},
};

// The place of a verb among all: its group, and its place in there.
std::pair<std::size_t, std::size_t> place_of(const std::string& verb) {
  for (std::size_t i = 0; i < kGroups.size(); ++i) {
    const auto& verbs = kGroups[i].verbs;
    const auto found = std::find(verbs.begin(), verbs.end(), verb);
    if (found != verbs.end()) return {i, static_cast<std::size_t>(found - verbs.begin())};
  }
  return {kGroups.size(), 0};
}

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, at);) parts.push_back(part);
  return parts;
}

// "bytes|fields|session" are the words to choose from; "FILE|-" are names of what to write there.
std::vector<std::string> words_in(const std::string& text) {
  const bool names = std::any_of(text.begin(), text.end(), [](char c) {
    return c != '|' && c != '-' && (c < 'a' || c > 'z');
  });
  if (names || text.find('|') == std::string::npos) return {};
  return split(text, '|');
}

// An option's text is "N", "N=100" or "bytes|fields" where call_it() named it, and else CLI11's
// name of the C++ type.
void name_argument(const CLI::Option& option, ArgumentInfo& info) {
  std::string text = option.get_option_text();
  if (text.empty()) text = option.get_type_name();
  const std::string preset = "=" + option.get_default_str();
  if (preset.size() > 1 && text.ends_with(preset)) text.resize(text.size() - preset.size());
  info.words = words_in(text);
  info.argument = text;
  info.preset = option.get_default_str();
}

ArgumentInfo argument_info(const CLI::Option& option) {
  ArgumentInfo info;
  info.what = option.get_description();
  info.required = option.get_required();
  info.repeats = option.get_expected_max() > 1;
  if (option.get_positional()) {
    info.name = option.get_name(true);
    info.words = words_in(option.get_option_text());
    return info;
  }
  if (!option.get_lnames().empty()) info.name = "--" + option.get_lnames()[0];
  if (!option.get_snames().empty()) {
    (info.name.empty() ? info.name : info.shorthand) = "-" + option.get_snames()[0];
  }
  if (option.get_items_expected_max() == 0 || option.get_type_size_max() == 0) return info;
  name_argument(option, info);
  return info;
}

std::vector<ArgumentInfo> arguments_of(const CLI::App& app) {
  std::vector<ArgumentInfo> arguments;
  for (const CLI::Option* option : app.get_options({})) {
    if (!option->get_group().empty()) arguments.push_back(argument_info(*option));
  }
  std::stable_partition(arguments.begin(), arguments.end(),
                        [](const ArgumentInfo& argument) { return argument.positional(); });
  return arguments;
}

// A footer is "Example:" or "Examples:", indented command lines, and then whatever else.
void read_footer(const std::string& footer, VerbInfo& info) {
  bool in_examples = false;
  for (const std::string& line : split(footer, '\n')) {
    if (line == "Example:" || line == "Examples:") {
      in_examples = true;
    } else if (in_examples && line.starts_with("  ")) {
      info.examples.push_back(line.substr(line.find_first_not_of(' ')));
    } else {
      in_examples = false;
      if (!info.notes.empty() || !line.empty()) info.notes += line + "\n";
    }
  }
  while (info.notes.ends_with("\n\n")) info.notes.pop_back();
}

bool ends_with_any(std::string_view text, std::initializer_list<std::string_view> ends) {
  return std::any_of(ends.begin(), ends.end(),
                     [&](std::string_view end) { return text.ends_with(end); });
}

nlohmann::ordered_json argument_json(const ArgumentInfo& argument) {
  return {{"name", argument.name},         {"shorthand", argument.shorthand},
          {"argument", argument.argument}, {"default", argument.preset},
          {"what", argument.what},         {"words", argument.words},
          {"required", argument.required}, {"repeats", argument.repeats}};
}

}  // namespace

VerbInfo verb_info(const CLI::App& app) {
  VerbInfo info;
  info.name = app.get_name();
  const std::size_t group = place_of(info.name).first;
  info.group = group < kGroups.size() ? kGroups[group].title : "Other";
  info.what = app.get_description();
  info.arguments = arguments_of(app);
  read_footer(app.get_footer(), info);
  return info;
}

CommandTree tree_of(const CLI::App& root) {
  CommandTree tree;
  tree.name = root.get_name();
  tree.what = root.get_description();
  tree.version = root.version();
  tree.notes = root.get_footer();
  tree.options = arguments_of(root);
  for (const CLI::App* verb : root.get_subcommands({})) {
    if (!verb->get_group().empty()) tree.verbs.push_back(verb_info(*verb));
  }
  std::stable_sort(tree.verbs.begin(), tree.verbs.end(), [](const VerbInfo& a, const VerbInfo& b) {
    return place_of(a.name) < place_of(b.name);
  });
  return tree;
}

Takes takes(const ArgumentInfo& argument) {
  const std::string& name = argument.positional() ? argument.name : argument.argument;
  if (name.empty()) return Takes::kNothing;
  if (!argument.words.empty()) return Takes::kWord;
  if (ends_with_any(name, {"DIR", "BACKUP"})) return Takes::kDirectory;
  if (ends_with_any(name, {"FILE", "SOCKET", "PATH", "FILE|-", "FILE|URL"})) return Takes::kFile;
  return Takes::kText;
}

std::string synopsis(const VerbInfo& verb) {
  std::string text = verb.name + " [OPTIONS]";
  for (const ArgumentInfo& argument : verb.arguments) {
    if (!argument.positional() && argument.required) {
      text += " " + argument.name + " " + argument.argument;
    }
  }
  for (const ArgumentInfo& argument : verb.arguments) {
    if (!argument.positional()) continue;
    const std::string name = argument.name + (argument.repeats ? "..." : "");
    text += argument.required ? " " + name : " [" + name + "]";
  }
  return text;
}

nlohmann::ordered_json tree_json(const CommandTree& tree) {
  nlohmann::ordered_json out{{"name", tree.name}, {"what", tree.what}, {"version", tree.version}};
  out["options"] = nlohmann::ordered_json::array();
  for (const ArgumentInfo& option : tree.options) out["options"].push_back(argument_json(option));
  out["verbs"] = nlohmann::ordered_json::array();
  for (const VerbInfo& verb : tree.verbs) {
    nlohmann::ordered_json one{{"name", verb.name}, {"group", verb.group}, {"what", verb.what}};
    one["arguments"] = nlohmann::ordered_json::array();
    for (const ArgumentInfo& argument : verb.arguments) {
      one["arguments"].push_back(argument_json(argument));
    }
    one["examples"] = verb.examples;
    out["verbs"].push_back(std::move(one));
  }
  return out;
}

}  // namespace cloakroom::cli
