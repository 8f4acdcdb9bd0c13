// What is said about a wrong command line. CLI11 knows what is wrong, but tells it in its own words
// and without the next step.
#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <numeric>

#include "help/help.h"
#include "look/token_key.h"

namespace cloakroom::cli {
namespace {

const CLI::App* verb_of(const CLI::App& root) {
  const auto parsed = root.get_subcommands();
  return parsed.empty() ? nullptr : parsed.front();
}

// The edits that make one word of the other: a letter more, less, or another.
std::size_t distance(const std::string& one, const std::string& other) {
  std::vector<std::size_t> row(other.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < one.size(); ++i) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 0; j < other.size(); ++j) {
      const std::size_t same = diagonal + (one[i] == other[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({same, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

std::string or_rather(const std::string& word, const std::vector<std::string>& known) {
  const std::string meant = nearest(word, known);
  return meant.empty() ? "" : "; did you mean " + meant + "?";
}

std::string unknown_verb(const CommandTree& tree, const std::string& word) {
  std::vector<std::string> verbs;
  for (const VerbInfo& verb : tree.verbs) verbs.push_back(verb.name);
  return "there is no verb '" + word + "'" + or_rather(word, verbs) +
         (nearest(word, verbs).empty() ? "; " : " ") + "`cloakroom --help` lists them";
}

// What stands there and belongs to nothing: a misspelt option, or an argument too many. Ends where
// the next step follows.
std::string unexpected(const VerbInfo& verb, const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    if (!word.starts_with("-") || word == "-") continue;
    std::vector<std::string> options;
    for (const ArgumentInfo& argument : verb.arguments) {
      if (!argument.positional()) options.push_back(argument.name);
    }
    // One token in 64 begins with a dash, and no message repeats one.
    if (looks_like_token(word)) {
      return "a session token that begins with a dash goes behind --, or to stdin where - stands; ";
    }
    const std::string name = word.substr(0, word.find('='));
    const std::string meant = or_rather(name, options);
    // A key may look like this.
    const std::string takes = synopsis(verb);
    const bool keys =
        takes.find("KEY") != std::string::npos || takes.find("SUBJECT") != std::string::npos;
    return verb.name + " has no option " + name + (meant.empty() ? "; " : meant + " ") +
           (keys ? "An argument that begins with a dash goes behind --; " : "");
  }
  return "'" + (words.empty() ? "" : words.front()) + "' is one argument too many (cloakroom " +
         synopsis(verb) + "); ";
}

const ArgumentInfo* option_named(const VerbInfo& verb, const std::string& word) {
  for (const ArgumentInfo& argument : verb.arguments) {
    if (argument.positional()) continue;
    if (word.substr(0, word.find('=')) == argument.name) return &argument;
    const bool is_short = !argument.shorthand.empty() && !word.starts_with("--");
    if (is_short && word.starts_with(argument.shorthand)) return &argument;
  }
  return nullptr;
}

// The words that look like options and are none of the verb's.
std::vector<std::string> unknown_options(const VerbInfo& verb,
                                         const std::vector<std::string>& given) {
  std::vector<std::string> unknown;
  for (std::size_t i = 1; i < given.size() && given[i] != "--"; ++i) {
    if (!given[i].starts_with("-") || given[i] == "-") continue;
    const ArgumentInfo* const option = option_named(verb, given[i]);
    if (option == nullptr) unknown.push_back(given[i]);
    const bool value_follows = option != nullptr && !option->argument.empty() &&
                               (given[i] == option->name || given[i] == option->shorthand);
    if (value_follows) ++i;
  }
  return unknown;
}

// The option or argument that an error is about: its text names it.
const ArgumentInfo* concerned(const VerbInfo& verb, const std::string& text) {
  const ArgumentInfo* best = nullptr;
  for (const ArgumentInfo& argument : verb.arguments) {
    const std::size_t at = text.find(argument.name);
    if (at == std::string::npos) continue;
    // "--larger-than" is not the "--large" that it begins with.
    if (best == nullptr || argument.name.size() > best->name.size()) best = &argument;
  }
  return best;
}

std::string listed(const std::vector<std::string>& words) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) out += i + 1 == words.size() ? " or " : ", ";
    out += words[i];
  }
  return out;
}

// What was given for it, as it stood there: a check may have changed what CLI11 keeps.
std::string value_of(const CLI::App& app, const ArgumentInfo& argument,
                     const std::vector<std::string>& given) {
  for (std::size_t i = 0; i < given.size() && !argument.positional(); ++i) {
    if (given[i] == argument.name && i + 1 < given.size()) return given[i + 1];
    if (given[i].starts_with(argument.name + "=")) return given[i].substr(argument.name.size() + 1);
  }
  const CLI::Option* const option = app.get_option_no_throw(argument.name);
  if (option == nullptr || option->results().empty()) return {};
  return option->results().back();
}

// The words of a check, where they are for people: not a dump of all it knows.
std::string words_of_check(const ArgumentInfo& argument, const std::string& text) {
  constexpr std::size_t kWordsMost = 100;
  const std::string prefix = argument.name + ": ";
  if (!text.starts_with(prefix) || text.size() > kWordsMost) return {};
  for (const char* dump : {"FAILED", "converted", "Check ", "equired"}) {
    if (text.find(dump) != std::string::npos) return {};
  }
  return text.substr(prefix.size());
}

std::string bad_value(const ArgumentInfo& argument, const std::string& value,
                      const std::string& text) {
  std::string out = argument.name;
  if (!argument.words.empty()) {
    const std::string meant = or_rather(value, argument.words);
    return out + " is " + listed(argument.words) + ", not '" + value + "'" +
           (meant.empty() ? "; " : meant + " ");
  }
  if (!argument.argument.empty()) out += " " + argument.argument;
  if (value.empty()) return out + " needs a value: " + argument.what + "; ";
  const std::string words = words_of_check(argument, text);
  if (words.find(value) != std::string::npos) return out + ": " + words + "; ";
  if (!words.empty()) return out + ": '" + value + "' is " + words + "; ";
  return out + ": '" + value + "' does not fit (" + argument.what + "); ";
}

// Ends where the next step follows: in "; " or "? ".
std::string of_verb(const CLI::App& app, const CLI::ParseError& error,
                    const std::vector<std::string>& given) {
  const VerbInfo verb = verb_info(app);
  const std::string text = error.what();
  const ArgumentInfo* const argument = concerned(verb, text);
  const bool missing = dynamic_cast<const CLI::RequiredError*>(&error) != nullptr;
  // What was misspelt is nearer to what was meant than what is missing.
  const std::vector<std::string> misspelt = unknown_options(verb, given);
  if (missing && !misspelt.empty()) return unexpected(verb, misspelt);
  if (missing && argument != nullptr) {
    return argument->name + " is missing (" + argument->what + "): cloakroom " + synopsis(verb) +
           "; ";
  }
  const bool of_value = dynamic_cast<const CLI::ValidationError*>(&error) != nullptr ||
                        dynamic_cast<const CLI::ConversionError*>(&error) != nullptr ||
                        dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr;
  if (!of_value || argument == nullptr) return text + "; ";
  return bad_value(*argument, value_of(app, *argument, given), text);
}

}  // namespace

std::string nearest(const std::string& word, const std::vector<std::string>& known) {
  std::string lower = word;
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  std::string best;
  std::size_t least = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string& candidate : known) {
    const std::size_t far = distance(lower, candidate);
    if (far < least) {
      least = far;
      best = candidate;
    }
  }
  return best;
}

std::string out_of_range(const CLI::App& root, const std::vector<std::string>& given) {
  const CLI::App* const app = verb_of(root);
  if (app == nullptr) return {};
  for (const ArgumentInfo& argument : verb_info(*app).arguments) {
    const CLI::Option* const option = app->get_option_no_throw(argument.name);
    if (option == nullptr || option->count() == 0) continue;
    if (option->get_type_name().find("INT") == std::string::npos) continue;
    const std::string value = value_of(*app, argument, given);
    const bool is_unsigned = option->get_type_name().find("UINT") != std::string::npos;
    if (is_unsigned && value.starts_with("-")) return argument.name + ": " + value + " is negative";
    errno = 0;
    (void)std::strtoull(value.c_str(), nullptr, 10);
    if (errno == ERANGE) return argument.name + ": " + value + " is too large a number";
  }
  return {};
}

std::string complaint(const CLI::App& root, const CLI::ParseError& error,
                      const std::vector<std::string>& given) {
  const CLI::App* const app = verb_of(root);
  if (app == nullptr) {
    if (given.empty()) return "say what to do: `cloakroom --help` lists the verbs";
    return unknown_verb(tree_of(root), given.front());
  }
  std::string text;
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    std::vector<std::string> words = app->remaining();
    if (words.empty()) words = root.remaining(true);
    text = unexpected(verb_info(*app), words);
  } else {
    text = of_verb(*app, error, given);
  }
  return text + "`cloakroom " + app->get_name() + " --help` shows what it takes";
}

}  // namespace cloakroom::cli
