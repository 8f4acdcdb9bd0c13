#include "resp/command_table.h"

#include <algorithm>
#include <array>

#include "resp/text.h"

namespace cloakroom::resp {
namespace {

constexpr std::size_t kNameBytesMax = 48;

// Appends `name` in lower case; false when it does not fit, and so names no command.
bool append_lower(std::array<char, kNameBytesMax>& buffer, std::size_t& size,
                  std::string_view name) noexcept {
  if (name.size() > buffer.size() - size) return false;
  for (const char c : name) {
    buffer[size++] = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  }
  return true;
}

// EVAL and the like, SINTERCARD: a number of keys, then these.
void add_counted(std::span<const std::string_view> args, std::size_t count_at,
                 std::vector<std::size_t>& positions) {
  if (args.size() <= count_at) return;
  const auto count = parse_int(args[count_at]);
  if (!count || *count < 0) return;
  for (std::size_t i = count_at + 1;
       i < args.size() && positions.size() < static_cast<std::size_t>(*count); ++i) {
    positions.push_back(i);
  }
}

// As Redis counts a lookup as a miss: what reads keys, also in order to write another one, but not
// what is asked about a key from outside.
bool looks_for_keys(const Command& command) {
  constexpr std::array<std::string_view, 9> kReadInOrderToWrite{
      "getex",      "bitop",       "sinterstore", "sunionstore", "sdiffstore",
      "zunionstore", "zinterstore", "zdiffstore",  "zrangestore"};
  if (command.is(kWrite)) {
    return std::find(kReadInOrderToWrite.begin(), kReadInOrderToWrite.end(), command.name) !=
           kReadInOrderToWrite.end();
  }
  return command.is(kReadOnly) && !command.name.starts_with("object|") &&
         !command.name.starts_with("memory|");
}

}  // namespace

CommandTable::CommandTable() {
  for (const auto family :
       {string_commands(), bit_commands(), key_commands(), expiry_commands(), hash_commands(), set_commands(),
        sorted_set_commands(), sorted_algebra_commands(), connection_commands(),
        client_commands(), tracking_commands(), server_commands(), acl_commands(), command_commands(), pubsub_commands(), transaction_commands(), script_commands(),
        session_commands()}) {
    add(family);
  }
  for (const Command& command : commands_) by_name_.emplace(command.name, &command);
}

void CommandTable::add(std::span<const Command> family) {
  for (Command command : family) {
    if (looks_for_keys(command)) command.flags |= kLooks;
    commands_.push_back(command);
  }
}

const CommandTable& CommandTable::instance() {
  static const CommandTable table;
  return table;
}

const Command* CommandTable::find(std::string_view name) const noexcept {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

const Command* CommandTable::of(std::span<const std::string_view> args) const noexcept {
  std::array<char, kNameBytesMax> name{};
  std::size_t size = 0;
  if (args.empty() || args[0].find('|') != std::string_view::npos ||
      !append_lower(name, size, args[0])) {
    return nullptr;
  }
  const Command* const command = find({name.data(), size});
  if (command == nullptr || !command->is(kContainer) || args.size() < 2) return command;
  if (!append_lower(name, size, "|") || !append_lower(name, size, args[1])) return nullptr;
  return find({name.data(), size});
}

std::vector<const Command*> CommandTable::subcommands_of(const Command& container) const {
  std::vector<const Command*> found;
  const std::string prefix = std::string(container.name) + "|";
  for (const Command& command : commands_) {
    if (command.name.starts_with(prefix)) found.push_back(&command);
  }
  return found;
}

std::vector<std::size_t> key_positions(const Command& command,
                                       std::span<const std::string_view> args) {
  std::vector<std::size_t> positions;
  if (command.is(kMovableKeys)) {
    if (command.first_key > 0) positions.push_back(static_cast<std::size_t>(command.first_key));
    std::vector<std::size_t> counted;
    add_counted(args, static_cast<std::size_t>(command.last_key), counted);
    positions.insert(positions.end(), counted.begin(), counted.end());
    return positions;
  }
  if (command.first_key == 0) return positions;
  const auto size = static_cast<int>(args.size());
  const int last = command.last_key >= 0 ? command.last_key : size + command.last_key;
  for (int i = command.first_key; i <= last && i < size; i += std::max(command.step, 1)) {
    positions.push_back(static_cast<std::size_t>(i));
  }
  return positions;
}

std::vector<std::string_view> flag_names(const Command& command) {
  static constexpr std::array<std::pair<Flag, std::string_view>, 12> kNames{{
      {kWrite, "write"},
      {kReadOnly, "readonly"},
      {kDenyOom, "denyoom"},
      {kAdmin, "admin"},
      {kPubSub, "pubsub"},
      {kNoScript, "noscript"},
      {kLoading, "loading"},
      {kStale, "stale"},
      {kFast, "fast"},
      {kNoAuth, "no_auth"},
      {kNoMulti, "no_multi"},
      {kMovableKeys, "movablekeys"},
  }};
  std::vector<std::string_view> names;
  for (const auto& [flag, name] : kNames) {
    if (command.is(flag)) names.push_back(name);
  }
  return names;
}

std::span<const std::string_view> all_categories() noexcept {
  static constexpr std::array<std::string_view, 21> kCategories{
      "keyspace", "read",   "write",       "set",    "sortedset", "list",     "hash",
      "string",   "bitmap", "hyperloglog", "geo",    "stream",    "pubsub",   "admin",
      "fast",     "slow",   "blocking",    "dangerous", "connection", "transaction", "scripting"};
  return kCategories;
}

bool is_category(std::string_view name) noexcept {
  const auto all = all_categories();
  return std::find(all.begin(), all.end(), name) != all.end();
}

std::vector<std::string> categories_of(const Command& command) {
  std::vector<std::string> names;
  if (command.is(kWrite)) names.push_back("@write");
  if (command.is(kReadOnly)) names.push_back("@read");
  if (command.is(kAdmin)) names.push_back("@admin");
  if (command.is(kAdmin | kDangerous)) names.push_back("@dangerous");
  names.push_back(command.is(kFast) ? "@fast" : "@slow");
  std::string group(command.group);
  if (group == "generic") group = "keyspace";
  if (group == "transactions") group = "transaction";
  if (group == "sorted-set") group = "sortedset";
  if (group != "server") names.push_back("@" + group);
  return names;
}

}  // namespace cloakroom::resp
