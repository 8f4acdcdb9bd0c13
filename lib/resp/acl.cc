#include "resp/acl.h"

#include <algorithm>

#include "resp/crypto.h"
#include "resp/glob.h"
#include "resp/text.h"

namespace cloakroom::resp {
namespace {

// The words of a line.
std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (!line.empty()) {
    const std::size_t begin = line.find_first_not_of(" \t\r");
    if (begin == std::string_view::npos) break;
    line.remove_prefix(begin);
    const std::size_t end = std::min(line.find_first_of(" \t\r"), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
  return words;
}

Status bad_rule(std::string_view word) {
  return Status(StatusCode::kInvalidArgument,
                "the file of users has a rule that is not understood: '" + std::string(word) +
                    "'; docs/resp.md lists those that are");
}

bool in_category(const Command& command, std::string_view category) {
  const auto all = categories_of(command);
  return std::find(all.begin(), all.end(), category) != all.end();
}

// "+get", "-@dangerous", "+client|id": whether any command is meant.
bool change_commands(User& user, std::string_view word) {
  const bool grant = word.front() == '+';
  const std::string name = lower_case(word.substr(1));
  const CommandTable& table = CommandTable::instance();
  bool meant = name == "@all";
  for (const Command& command : table.all()) {
    const bool its = name == "@all" || command.name == name ||
                     command.name.starts_with(name + "|") ||
                     (name.starts_with('@') && in_category(command, name));
    if (!its) continue;
    meant = true;
    user.commands[table.index_of(command)] = grant;
  }
  user.all_commands =
      std::all_of(user.commands.begin(), user.commands.end(), [](bool may) { return may; });
  user.rules += (user.rules.empty() ? "" : " ") + std::string(word);
  return meant;
}

bool add_password(User& user, std::string_view word) {
  if (word.front() == '>') {
    user.password_hashes.push_back(sha256(word.substr(1)));
    user.no_password = false;
    return true;
  }
  auto hash = from_hex(word.substr(1));
  if (!hash || hash->size() != kSha256Bytes) return false;
  user.password_hashes.push_back(*std::move(hash));
  user.no_password = false;
  return true;
}

// The rules that are a word of their own.
bool apply_word(User& user, std::string_view word) {
  if (word == "on" || word == "off") {
    user.enabled = word == "on";
  } else if (word == "nopass") {
    user.no_password = true;
    user.password_hashes.clear();
  } else if (word == "resetpass") {
    user.no_password = false;
    user.password_hashes.clear();
  } else if (word == "allkeys") {
    user.all_keys = true;
  } else if (word == "resetkeys") {
    user.all_keys = false;
    user.key_patterns.clear();
  } else if (word == "allchannels") {
    user.all_channels = true;
  } else if (word == "resetchannels") {
    user.all_channels = false;
    user.channel_patterns.clear();
  } else if (word == "allcommands") {
    return change_commands(user, "+@all");
  } else if (word == "nocommands") {
    return change_commands(user, "-@all");
  } else if (word == "reset") {
    const std::string name = user.name;
    user = User{};
    user.name = name;
    user.commands.assign(CommandTable::instance().all().size(), false);
  } else {
    return word == "sanitize-payload" || word == "skip-sanitize-payload";
  }
  return true;
}

bool apply_rule(User& user, std::string_view word) {
  switch (word.front()) {
    case '>':
    case '#':
      return add_password(user, word);
    case '+':
    case '-':
      return change_commands(user, word);
    case '~':
      if (word == "~*") user.all_keys = true;
      user.key_patterns.emplace_back(word.substr(1));
      return true;
    case '&':
      if (word == "&*") user.all_channels = true;
      user.channel_patterns.emplace_back(word.substr(1));
      return true;
    default:
      return apply_word(user, word);
  }
}

User new_user(std::string_view name) {
  User user;
  user.name = name;
  user.commands.assign(CommandTable::instance().all().size(), false);
  return user;
}

}  // namespace

bool User::may_run(const Command& command) const {
  return all_commands || commands[CommandTable::instance().index_of(command)];
}

bool User::may_touch(std::string_view key) const {
  return all_keys || std::any_of(key_patterns.begin(), key_patterns.end(),
                                 [&](const auto& pattern) { return glob_matches(pattern, key); });
}

// A pattern that is subscribed to must be one that was granted, letter by letter.
bool User::may_hear(std::string_view channel, bool is_pattern) const {
  return all_channels ||
         std::any_of(channel_patterns.begin(), channel_patterns.end(), [&](const auto& granted) {
           return is_pattern ? granted == channel : glob_matches(granted, channel);
         });
}

std::string User::describe() const {
  std::string line = "user " + name + (enabled ? " on" : " off");
  if (no_password) line += " nopass";
  for (const std::string& hash : password_hashes) line += " #" + to_hex(hash);
  if (all_keys) {
    line += " ~*";
  } else {
    for (const std::string& pattern : key_patterns) line += " ~" + pattern;
  }
  if (all_channels) {
    line += " &*";
  } else {
    if (channel_patterns.empty()) line += " resetchannels";
    for (const std::string& pattern : channel_patterns) line += " &" + pattern;
  }
  if (all_commands) return line + " +@all";
  return line + (rules.starts_with("+@all") ? " " : " -@all ") + rules;
}

Result<Acl> Acl::make(std::string_view password, std::string_view text) {
  Acl acl;
  User initial = new_user("default");
  for (const char* rule : {"on", "~*", "&*", "+@all"}) (void)apply_rule(initial, rule);
  initial.no_password = password.empty();
  if (!password.empty()) initial.password_hashes.push_back(sha256(password));
  acl.users_["default"] = std::make_shared<const User>(std::move(initial));

  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const auto words = words_of(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (words.empty() || words[0].starts_with('#')) continue;
    if (words[0] != "user" || words.size() < 2) return bad_rule(words[0]);
    User user = new_user(words[1]);
    for (std::size_t i = 2; i < words.size(); ++i) {
      if (!apply_rule(user, words[i])) {
        const bool secret = words[i].starts_with('>') || words[i].starts_with('#');
        return bad_rule(secret ? "(a password)" : words[i]);
      }
    }
    const std::string name = user.name;
    acl.users_[name] = std::make_shared<const User>(std::move(user));
  }
  return acl;
}

std::shared_ptr<const User> Acl::find(std::string_view name) const {
  const auto found = users_.find(name);
  return found == users_.end() ? nullptr : found->second;
}

std::shared_ptr<const User> Acl::authenticate(std::string_view name,
                                              std::string_view password) const {
  const std::string hash = sha256(password);
  const auto user = find(name);
  if (user == nullptr || !user->enabled) return nullptr;
  if (user->no_password) return user;
  bool matches = false;
  for (const std::string& known : user->password_hashes) matches |= same_secret(known, hash);
  return matches ? user : nullptr;
}

std::shared_ptr<const User> Acl::initial() const {
  const auto user = find("default");
  return user != nullptr && user->enabled && user->no_password ? user : nullptr;
}

}  // namespace cloakroom::resp
