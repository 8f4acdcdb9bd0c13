// COMMAND: the table, told to clients.
#include <algorithm>

#include "resp/commands.h"
#include "resp/glob.h"

namespace cloakroom::resp {
namespace {

const CommandTable& table() { return CommandTable::instance(); }

std::vector<const Command*> top_level() {
  std::vector<const Command*> commands;
  for (const Command& command : table().all()) {
    if (!command.is_subcommand()) commands.push_back(&command);
  }
  return commands;
}

void tell(Reply& out, const Command& command) {
  out.array(10);
  out.bulk(command.name);
  out.integer(command.arity);
  const auto flags = flag_names(command);
  out.set(flags.size());
  for (const auto flag : flags) out.simple(flag);
  const bool movable = command.is(kMovableKeys);
  out.integer(movable ? (command.first_key > 0 ? command.first_key : 0) : command.first_key);
  out.integer(movable ? command.first_key : command.last_key);
  out.integer(movable && command.first_key == 0 ? 0 : command.step);
  const auto categories = categories_of(command);
  out.set(categories.size());
  for (const auto& category : categories) out.simple(category);
  out.set(0);    // tips
  out.array(0);  // key specifications
  const auto subcommands = table().subcommands_of(command);
  out.array(subcommands.size());
  for (const Command* subcommand : subcommands) tell(out, *subcommand);
}

void document(Reply& out, const Command& command) {
  const auto subcommands = table().subcommands_of(command);
  out.map(subcommands.empty() ? 4 : 5);
  out.bulk("summary");
  out.bulk(command.summary);
  out.bulk("since");
  out.bulk(command.since);
  out.bulk("group");
  out.bulk(command.group);
  out.bulk("complexity");
  out.bulk("see docs/resp.md");
  if (subcommands.empty()) return;
  out.bulk("subcommands");
  out.map(subcommands.size());
  for (const Command* subcommand : subcommands) {
    out.bulk(subcommand->name);
    document(out, *subcommand);
  }
}

const Command* by_name(std::string_view name) { return table().find(lower_case(name)); }

void command(Call& call) {
  const auto commands = top_level();
  call.out.array(commands.size());
  for (const Command* one : commands) tell(call.out, *one);
}

void command_count(Call& call) { call.out.integer(static_cast<std::int64_t>(top_level().size())); }

void command_info(Call& call) {
  if (call.size() == 2) return command(call);
  call.out.array(call.size() - 2);
  for (std::size_t i = 2; i < call.size(); ++i) {
    const Command* const one = by_name(call[i]);
    one != nullptr ? tell(call.out, *one) : call.out.null_array();
  }
}

void command_docs(Call& call) {
  std::vector<const Command*> commands;
  if (call.size() == 2) commands = top_level();
  for (std::size_t i = 2; i < call.size(); ++i) {
    if (const Command* const one = by_name(call[i])) commands.push_back(one);
  }
  call.out.map(commands.size());
  for (const Command* one : commands) {
    call.out.bulk(one->name);
    document(call.out, *one);
  }
}

// Subcommands are listed too. There are no modules.
void command_list(Call& call) {
  const bool filtered = call.size() == 5 && is_word(call[2], "filterby");
  const bool by_pattern = filtered && is_word(call[3], "pattern");
  const bool by_category = filtered && is_word(call[3], "aclcat");
  const bool by_module = filtered && is_word(call[3], "module");
  if (call.size() != 2 && !by_pattern && !by_category && !by_module) {
    return call.error(kSyntaxError);
  }
  std::vector<const Command*> commands;
  for (const Command& one : table().all()) {
    if (by_module || (by_pattern && !glob_matches(call[4], one.name, true))) continue;
    const auto categories = by_category ? categories_of(one) : std::vector<std::string>();
    if (by_category && std::find(categories.begin(), categories.end(),
                                 "@" + lower_case(call[4])) == categories.end()) {
      continue;
    }
    commands.push_back(&one);
  }
  call.out.array(commands.size());
  for (const Command* one : commands) call.out.bulk(one->name);
}

void command_getkeys(Call& call) {
  const auto args = call.args.subspan(2);
  const Command* const one = table().of(args);
  if (one == nullptr) return call.error("ERR Invalid command specified");
  if (!one->fits(args.size())) {
    return call.error("ERR Invalid number of arguments specified for command");
  }
  const auto positions = key_positions(*one, args);
  if (one->is(kMovableKeys)) {
    const auto counted = static_cast<std::int64_t>(args.size()) - one->last_key - 1;
    const auto count = parse_int(args[static_cast<std::size_t>(one->last_key)]);
    const std::int64_t least = one->group == "scripting" ? 0 : 1;  // a script may have no keys
    if (!count || *count < least || *count > counted) {
      return call.error("ERR Invalid arguments specified for command");
    }
  } else if (positions.empty()) {
    return call.error("ERR The command has no key arguments");
  }
  call.out.array(positions.size());
  for (const std::size_t position : positions) call.out.bulk(args[position]);
}

// HELP of a container: its subcommands and what they do, as simple strings.
void help(Call& call) {
  const Command* const container = by_name(call[0]);
  auto subcommands = table().subcommands_of(*container);
  std::erase_if(subcommands, [](const Command* one) { return one->name.ends_with("|help"); });
  const auto upper = [](std::string_view name) {
    std::string text(name);
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    return text;
  };
  call.out.array(subcommands.size() * 2 + 3);
  call.out.simple(upper(container->name) +
                  " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
  for (const Command* one : subcommands) {
    call.out.simple(upper(one->name.substr(container->name.size() + 1)));
    call.out.simple("    " + std::string(one->summary) + ".");
  }
  call.out.simple("HELP");
  call.out.simple("    Print this help.");
}

constexpr std::uint32_t kFlags = kLoading | kStale;
constexpr std::string_view kHelpSummary = "What the subcommands do";

constexpr Command kCommands[] = {
    // It has subcommands, and is a command itself.
    {"command", -1, kContainer | kFlags, 0, 0, 0, "server", "2.8.13", "All commands", command},
    {"command|count", 2, kFlags, 0, 0, 0, "server", "2.8.13", "How many there are", command_count},
    {"command|info", -2, kFlags, 0, 0, 0, "server", "2.8.13", "About some commands", command_info},
    {"command|docs", -2, kFlags, 0, 0, 0, "server", "7.0.0", "What commands do", command_docs},
    {"command|list", -2, kFlags, 0, 0, 0, "server", "7.0.0", "Names of commands", command_list},
    {"command|getkeys", -3, kFlags, 0, 0, 0, "server", "2.8.13", "The keys among arguments",
     command_getkeys},
    {"command|help", 2, kFlags, 0, 0, 0, "server", "5.0.0", kHelpSummary, help},
    {"acl|help", 2, kFlags, 0, 0, 0, "server", "6.0.0", kHelpSummary, help},
    {"client|help", 2, kFlags, 0, 0, 0, "connection", "5.0.0", kHelpSummary, help},
    {"config|help", 2, kFlags, 0, 0, 0, "server", "5.0.0", kHelpSummary, help},
    {"function|help", 2, kFlags, 0, 0, 0, "scripting", "7.0.0", kHelpSummary, help},
    {"latency|help", 2, kFlags, 0, 0, 0, "server", "2.8.13", kHelpSummary, help},
    {"memory|help", 2, kFlags, 0, 0, 0, "server", "4.0.0", kHelpSummary, help},
    {"object|help", 2, kFlags, 0, 0, 0, "generic", "6.2.0", kHelpSummary, help},
    {"pubsub|help", 2, kFlags, 0, 0, 0, "pubsub", "6.2.0", kHelpSummary, help},
    {"script|help", 2, kFlags, 0, 0, 0, "scripting", "5.0.0", kHelpSummary, help},
    {"slowlog|help", 2, kFlags, 0, 0, 0, "server", "6.2.0", kHelpSummary, help},
};

}  // namespace

std::span<const Command> command_commands() { return kCommands; }

}  // namespace cloakroom::resp
