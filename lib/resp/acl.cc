#include "resp/acl.h"

#include <algorithm>
#include <array>

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

constexpr std::string_view kUnknownCommand = "Unknown command or category name in ACL";
constexpr std::string_view kSyntax = "Syntax error";
constexpr std::string_view kNoSuchPassword =
    "The password you are trying to remove from the user does not exist";
constexpr std::string_view kBadHash =
    "The password hash must be exactly 64 characters and contain only lowercase hexadecimal "
    "characters";
constexpr std::string_view kAfterAll =
    "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have "
    "any effect. Try 'resetkeys' to start with an empty list of patterns";
constexpr std::string_view kAfterAllChannels =
    "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not "
    "have any effect. Try 'resetchannels' to start with an empty list of channels";

// "+get", "-@dangerous", "+client|id". Rules answer what is wrong, or nothing.
std::string_view change_commands(User& user, std::string_view word) {
  const bool grant = word.front() == '+';
  const std::string name = lower_case(word.substr(1));
  const CommandTable& table = CommandTable::instance();
  const bool all = name == "@all";
  bool meant = all || (name.starts_with('@') && is_category(std::string_view(name).substr(1)));
  for (const Command& command : table.all()) {
    const bool its = all || command.name == name || command.name.starts_with(name + "|") ||
                     (name.starts_with('@') && in_category(command, name));
    if (!its) continue;
    meant = true;
    user.commands[table.index_of(command)] = grant;
  }
  if (!meant) return kUnknownCommand;
  user.all_commands =
      std::all_of(user.commands.begin(), user.commands.end(), [](bool may) { return may; });
  if (all) user.rules.clear();
  // What is said of the same again counts alone.
  std::string rules;
  for (const std::string_view rule : words_of(user.rules)) {
    if (rule.substr(1) != name) rules += std::string(rule) + " ";
  }
  user.rules = rules + (grant ? "+" : "-") + name;
  return {};
}

// ">password", "#hash", and their removal by "<" and "!".
std::string_view change_password(User& user, std::string_view word) {
  const bool is_hash = word.front() == '#' || word.front() == '!';
  std::string hash;
  if (is_hash) {
    const bool lower = std::none_of(word.begin(), word.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
    auto bytes = from_hex(word.substr(1));
    if (!lower || !bytes || bytes->size() != kSha256Bytes) return kBadHash;
    hash = *std::move(bytes);
  } else {
    hash = sha256(word.substr(1));
  }
  const auto known = std::find(user.password_hashes.begin(), user.password_hashes.end(), hash);
  if (word.front() == '<' || word.front() == '!') {
    if (known == user.password_hashes.end()) return kNoSuchPassword;
    user.password_hashes.erase(known);
    return {};
  }
  if (known == user.password_hashes.end()) user.password_hashes.push_back(std::move(hash));
  user.no_password = false;
  return {};
}

// "~pattern", "%R~pattern".
std::string_view add_keys(User& user, std::string_view word) {
  unsigned access = kReads | kWrites;
  if (word.front() == '%') {
    access = kNoAccess;
    const std::size_t tilde = word.find('~');
    if (tilde == std::string_view::npos) return kSyntax;
    for (const char c : word.substr(1, tilde - 1)) {
      const unsigned one = c == 'R' || c == 'r'   ? unsigned{kReads}
                           : c == 'W' || c == 'w' ? unsigned{kWrites}
                                                  : unsigned{kNoAccess};
      if (one == kNoAccess) return kSyntax;
      access |= one;
    }
    if (access == kNoAccess) return kSyntax;
    word = word.substr(tilde);
  }
  const std::string_view pattern = word.substr(1);
  if (user.all_keys) return pattern == "*" ? std::string_view() : kAfterAll;
  if (pattern == "*" && access == (kReads | kWrites)) {
    user.all_keys = true;
    user.key_patterns.clear();
    return {};
  }
  for (KeyPattern& known : user.key_patterns) {
    if (known.pattern != pattern) continue;
    known.access |= access;
    return {};
  }
  user.key_patterns.push_back({std::string(pattern), access});
  return {};
}

std::string_view add_channels(User& user, std::string_view word) {
  const std::string_view pattern = word.substr(1);
  if (user.all_channels) return pattern == "*" ? std::string_view() : kAfterAllChannels;
  if (pattern == "*") {
    user.all_channels = true;
    user.channel_patterns.clear();
  } else if (std::find(user.channel_patterns.begin(), user.channel_patterns.end(), pattern) ==
             user.channel_patterns.end()) {
    user.channel_patterns.emplace_back(pattern);
  }
  return {};
}

// The rules that are a word of their own.
std::string_view apply_word(User& user, std::string_view word) {
  if (word == "on" || word == "off") {
    user.enabled = word == "on";
  } else if (word == "nopass") {
    user.no_password = true;
    user.password_hashes.clear();
  } else if (word == "resetpass") {
    user.no_password = false;
    user.password_hashes.clear();
  } else if (word == "allkeys") {
    return add_keys(user, "~*");
  } else if (word == "resetkeys") {
    user.all_keys = false;
    user.key_patterns.clear();
  } else if (word == "allchannels") {
    return add_channels(user, "&*");
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
  } else if (word != "sanitize-payload" && word != "skip-sanitize-payload" &&
             word != "clearselectors") {
    return kSyntax;
  }
  return {};
}

std::string_view apply_rule(User& user, std::string_view word) {
  switch (word.empty() ? ' ' : word.front()) {
    case '>':
    case '<':
    case '#':
    case '!':
      return change_password(user, word);
    case '+':
    case '-':
      return change_commands(user, word);
    case '~':
    case '%':
      return add_keys(user, word);
    case '&':
      return add_channels(user, word);
    default:
      return apply_word(user, lower_case(word));
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

bool User::may_touch(std::string_view key, unsigned access) const {
  return all_keys || std::any_of(key_patterns.begin(), key_patterns.end(), [&](const auto& known) {
           return (known.access & access) == access && glob_matches(known.pattern, key);
         });
}

// A pattern that is subscribed to must be one that was granted, letter by letter.
bool User::may_hear(std::string_view channel, bool is_pattern) const {
  return all_channels ||
         std::any_of(channel_patterns.begin(), channel_patterns.end(), [&](const auto& granted) {
           return is_pattern ? granted == channel : glob_matches(granted, channel);
         });
}

std::string User::describe_commands() const {
  if (all_commands) return "+@all";
  if (rules.starts_with("+@all") || rules.starts_with("-@all")) return rules;
  return rules.empty() ? "-@all" : "-@all " + rules;
}

std::string User::describe_keys() const {
  if (all_keys) return "~*";
  std::string text;
  for (const auto& [pattern, access] : key_patterns) {
    if (!text.empty()) text += " ";
    text += access == kReads ? "%R~" : access == kWrites ? "%W~" : "~";
    text += pattern;
  }
  return text;
}

std::string User::describe_channels() const {
  if (all_channels) return "&*";
  std::string text;
  for (const std::string& pattern : channel_patterns) text += (text.empty() ? "&" : " &") + pattern;
  return text;
}

std::string User::describe() const {
  std::string line = "user " + name + (enabled ? " on" : " off");
  if (no_password) line += " nopass";
  for (const std::string& hash : password_hashes) line += " #" + to_hex(hash);
  if (const std::string keys = describe_keys(); !keys.empty()) line += " " + keys;
  if (!all_channels) line += " resetchannels";
  if (const std::string channels = describe_channels(); !channels.empty()) line += " " + channels;
  return line + " " + describe_commands();
}

Result<Acl> Acl::make(std::string_view password, std::string_view text) {
  Acl acl;
  User initial = new_user("default");
  for (const char* rule : {"on", "~*", "&*", "+@all"}) (void)apply_rule(initial, rule);
  initial.no_password = password.empty();
  if (!password.empty()) initial.password_hashes.push_back(sha256(password));
  acl.put(std::move(initial));

  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const auto words = words_of(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (words.empty() || words[0].starts_with('#')) continue;
    if (words[0] != "user" || words.size() < 2) return bad_rule(words[0]);
    User user = new_user(words[1]);
    for (std::size_t i = 2; i < words.size(); ++i) {
      if (!apply_rule(user, words[i]).empty()) {
        const bool secret = std::string_view("><#!").find(words[i].front()) != std::string_view::npos;
        return bad_rule(secret ? "(a password)" : words[i]);
      }
    }
    acl.put(std::move(user));
  }
  return acl;
}

void Acl::put(User user) const {
  MutexLock guard(shared_->mutex);
  const std::string name = user.name;
  shared_->users[name] = std::make_shared<const User>(std::move(user));
  shared_->generation.fetch_add(1, std::memory_order_release);
}

std::shared_ptr<const User> Acl::find(std::string_view name) const {
  MutexLock guard(shared_->mutex);
  const auto found = shared_->users.find(name);
  return found == shared_->users.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<const User>> Acl::users() const {
  std::vector<std::shared_ptr<const User>> all;
  MutexLock guard(shared_->mutex);
  for (const auto& [name, user] : shared_->users) all.push_back(user);
  return all;
}

std::string Acl::set_user(std::string_view name, std::span<const std::string_view> rules) {
  const auto found = find(name);
  User user = found != nullptr ? *found : new_user(name);
  for (const std::string_view rule : rules) {
    const std::string_view problem = apply_rule(user, rule);
    if (problem.empty()) continue;
    // As it was said, for only who said it hears it.
    return "Error in ACL SETUSER modifier '" + std::string(rule) + "': " + std::string(problem);
  }
  put(std::move(user));
  return {};
}

bool Acl::remove(std::string_view name) {
  MutexLock guard(shared_->mutex);
  const auto found = shared_->users.find(name);
  if (found == shared_->users.end()) return false;
  shared_->users.erase(found);
  shared_->generation.fetch_add(1, std::memory_order_release);
  return true;
}

void Acl::set_default_password(std::string_view password) {
  const auto found = find("default");
  if (found == nullptr) return;
  User user = *found;
  user.password_hashes.clear();
  user.no_password = password.empty();
  if (!password.empty()) user.password_hashes.push_back(sha256(password));
  put(std::move(user));
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

// As Redis's key specifications say: what only asks whether a key is there, or how large it is,
// needs neither right, but the key must match a pattern.
unsigned key_access(const Command& command, std::span<const std::string_view> args,
                    std::size_t position) noexcept {
  static constexpr std::array<std::string_view, 12> kNeither{
      "type",   "hlen",    "sismember",    "scard",  "hexists",       "watch",         "exists",
      "hstrlen", "zcard",  "strlen",       "touch",  "memory|usage"};
  static constexpr std::array<std::string_view, 17> kBoth{
      "getset", "incrbyfloat",  "decr",    "zincrby", "getdel",  "decrby", "hincrbyfloat", "hincrby",
      "incr",   "incrby",       "spop",    "zpopmin", "zpopmax", "move",   "getex",        "eval",
      "evalsha"};
  const auto is_one_of = [&](const auto& names) {
    return std::find(names.begin(), names.end(), command.name) != names.end();
  };
  const bool first = position == 1;
  if (is_one_of(kNeither) || command.name.starts_with("object|")) return kNoAccess;
  if (is_one_of(kBoth)) return kReads | kWrites;
  if (command.name == "smove" || command.name == "rename" || command.name == "renamenx") {
    return first ? kReads | kWrites : kWrites;
  }
  if (command.name == "copy") return first ? kReads : kWrites;
  if (command.name.ends_with("store")) return first ? kWrites : kReads;
  if (command.name == "set") {
    const bool gets = args.size() > 3 && std::any_of(args.begin() + 3, args.end(), [](auto word) {
                        return is_word(word, "get");
                      });
    return gets ? kReads | kWrites : kWrites;
  }
  return command.is(kWrite) ? kWrites : kReads;
}

void AclLog::add(AclEntry entry) {
  constexpr std::size_t kKept = 128;
  constexpr std::int64_t kTogetherMs = 60'000;
  MutexLock guard(mutex_);
  for (auto at = entries_.begin(); at != entries_.end(); ++at) {
    const bool same = at->reason == entry.reason && at->context == entry.context &&
                      at->object == entry.object && at->user == entry.user &&
                      entry.when_ms - at->when_ms < kTogetherMs;
    if (!same) continue;
    entry.count = at->count + 1;
    entries_.erase(at);
    break;
  }
  entries_.insert(entries_.begin(), std::move(entry));
  if (entries_.size() > kKept) entries_.pop_back();
}

std::vector<AclEntry> AclLog::newest(std::size_t count) const {
  MutexLock guard(mutex_);
  const std::size_t end = std::min(count, entries_.size());
  return {entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(end)};
}

void AclLog::clear() {
  MutexLock guard(mutex_);
  entries_.clear();
}

}  // namespace cloakroom::resp
