// ACL: users and what they may. Changes are in memory: the file of users is read at start only.
#include <algorithm>
#include <array>
#include <set>
#include <vector>

#include "base/random.h"
#include "resp/commands.h"
#include "resp/crypto.h"
#include "resp/steady.h"

namespace cloakroom::resp {
namespace {

constexpr std::string_view kNoFile =
    "ERR This Redis instance is not configured to use an ACL file. You may want to specify users "
    "via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis "
    "configuration file set) in order to store users in the Redis configuration.";

void whoami(Call& call) { call.out.bulk(call.client.user->name); }

void list(Call& call) {
  const auto users = call.server.acl.users();
  call.out.array(users.size());
  for (const auto& user : users) call.out.bulk(user->describe());
}

void users(Call& call) {
  const auto all = call.server.acl.users();
  call.out.array(all.size());
  for (const auto& user : all) call.out.bulk(user->name);
}

void cat(Call& call) {
  if (call.size() > 3) return wrong_subcommand(call);
  if (call.size() == 2) {
    call.out.array(all_categories().size());
    for (const std::string_view name : all_categories()) call.out.bulk(name);
    return;
  }
  const std::string wanted = lower_case(call[2]);
  if (!is_category(wanted)) {
    return call.error("ERR Unknown category '" + std::string(call[2]) + "'");
  }
  std::set<std::string_view> names;
  for (const Command& command : CommandTable::instance().all()) {
    for (const std::string& category : categories_of(command)) {
      if (std::string_view(category).substr(1) == wanted) names.insert(command.name);
    }
  }
  call.out.array(names.size());
  for (const std::string_view name : names) call.out.bulk(name);
}

void setuser(Call& call) {
  const bool fits = call[2].find_first_of(std::string_view(" \0", 2)) == std::string_view::npos;
  if (!fits) return call.error("ERR Usernames can't contain spaces or null characters");
  const std::string problem = call.server.acl.set_user(call[2], call.args.subspan(3));
  if (!problem.empty()) return call.error("ERR " + problem);
  call.out.ok();
}

void getuser(Call& call) {
  const auto user = call.server.acl.find(call[2]);
  if (user == nullptr) return call.out.null();
  call.out.map(6);
  call.out.bulk("flags");
  call.out.set(user->no_password ? 2 : 1);
  call.out.bulk(user->enabled ? "on" : "off");
  if (user->no_password) call.out.bulk("nopass");
  call.out.bulk("passwords");
  call.out.array(user->password_hashes.size());
  for (const std::string& hash : user->password_hashes) call.out.bulk(to_hex(hash));
  call.out.bulk("commands");
  call.out.bulk(user->describe_commands());
  call.out.bulk("keys");
  call.out.bulk(user->describe_keys());
  call.out.bulk("channels");
  call.out.bulk(user->describe_channels());
  call.out.bulk("selectors");
  call.out.array(0);
}

void deluser(Call& call) {
  std::int64_t gone = 0;
  for (std::size_t i = 2; i < call.size(); ++i) {
    if (call[i] == "default") return call.error("ERR The 'default' user cannot be removed");
  }
  for (std::size_t i = 2; i < call.size(); ++i) {
    if (!call.server.acl.remove(call[i])) continue;
    ++gone;
    for (const auto& client : call.server.clients.all()) {
      if (client.get() == &call.client || client->card_copy().user_name != call[i]) continue;
      client->kill();
    }
    if (call.client.user->name == call[i]) call.client.close_after_reply();
  }
  call.out.integer(gone);
}

void genpass(Call& call) {
  constexpr std::int64_t kBits = 256;
  constexpr std::int64_t kBitsMax = 4096;
  if (call.size() > 3) return wrong_subcommand(call);
  const auto bits = call.size() == 3 ? parse_int(call[2]) : std::optional(kBits);
  if (!bits) return call.error(kNotInteger);
  if (*bits <= 0 || *bits > kBitsMax) {
    return call.error(
        "ERR ACL GENPASS argument must be the number of bits for the output password, a positive "
        "number up to 4096");
  }
  std::vector<unsigned char> bytes(static_cast<std::size_t>((*bits + 7) / 8));
  if (Status made = random_bytes(bytes); !made) return call.fail(made);
  call.out.bulk(to_hex(std::string(bytes.begin(), bytes.end()))
                    .substr(0, static_cast<std::size_t>((*bits + 3) / 4)));
}

void dryrun(Call& call) {
  const auto user = call.server.acl.find(call[2]);
  if (user == nullptr) return call.error("ERR User '" + std::string(call[2]) + "' not found");
  const auto args = call.args.subspan(3);
  const Command* const command = CommandTable::instance().of(args);
  if (command == nullptr) return call.error("ERR Command '" + std::string(args[0]) + "' not found");
  if (!command->fits(args.size())) {
    return call.error("ERR wrong number of arguments for '" + std::string(command->name) +
                      "' command");
  }
  const auto denied = denial(*user, *command, args);
  if (!denied) return call.out.ok();
  if (denied->reason == "command") {
    return call.out.bulk("This user has no permissions to run the '" + denied->object +
                         "' command");
  }
  call.out.bulk("This user has no permissions to access the '" + denied->object + "' " +
                denied->reason);
}

void log(Call& call) {
  if (call.size() > 3) return wrong_subcommand(call);
  if (call.size() == 3 && is_word(call[2], "reset")) {
    call.server.acl_log.clear();
    return call.out.ok();
  }
  const auto count = call.size() == 3 ? parse_int(call[2]) : std::optional<std::int64_t>(10);
  if (!count) return call.error(kNotInteger);
  const auto entries =
      call.server.acl_log.newest(static_cast<std::size_t>(std::max<std::int64_t>(*count, 0)));
  call.out.array(entries.size());
  for (const AclEntry& entry : entries) {
    call.out.map(7);
    call.out.bulk("count");
    call.out.integer(static_cast<std::int64_t>(entry.count));
    const std::array<std::pair<std::string_view, const std::string*>, 4> texts{
        {{"reason", &entry.reason},
         {"context", &entry.context},
         {"object", &entry.object},
         {"username", &entry.user}}};
    for (const auto& [name, text] : texts) {
      call.out.bulk(name);
      call.out.bulk(*text);
    }
    call.out.bulk("age-seconds");
    call.out.number(static_cast<double>(steady_ms() - entry.when_ms) / 1000);
    call.out.bulk("client-info");
    call.out.bulk(entry.client);
  }
}

void no_file(Call& call) { call.error(kNoFile); }

constexpr std::uint32_t kAdminFlags = kAdmin | kNoScript | kLoading | kStale | kDangerous;
constexpr std::uint32_t kInfoFlags = kLoading | kStale | kNoScript;

constexpr Command kCommands[] = {
    {"acl", -2, kContainer | kAdminFlags, 0, 0, 0, "server", "6.0.0", "Users", nullptr},
    {"acl|whoami", 2, kInfoFlags, 0, 0, 0, "server", "6.0.0", "Who this client is", whoami},
    {"acl|list", 2, kAdminFlags, 0, 0, 0, "server", "6.0.0", "Users and their rules", list},
    {"acl|users", 2, kAdminFlags, 0, 0, 0, "server", "6.0.0", "Names of users", users},
    {"acl|cat", -2, kInfoFlags, 0, 0, 0, "server", "6.0.0", "Categories of commands", cat},
    {"acl|setuser", -3, kAdminFlags | kSecret, 0, 0, 0, "server", "6.0.0",
     "Make a user, or change its rights, in memory", setuser},
    {"acl|getuser", 3, kAdminFlags, 0, 0, 0, "server", "6.0.0", "The rights of a user", getuser},
    {"acl|deluser", -3, kAdminFlags, 0, 0, 0, "server", "6.0.0",
     "Remove users and close their clients", deluser},
    {"acl|genpass", -2, kInfoFlags, 0, 0, 0, "server", "6.0.0", "A random password", genpass},
    {"acl|dryrun", -4, kAdminFlags | kSecret, 0, 0, 0, "server", "7.0.0",
     "Whether a user may run a command", dryrun},
    {"acl|log", -2, kAdminFlags, 0, 0, 0, "server", "6.0.0", "What users were refused", log},
    {"acl|load", 2, kAdminFlags, 0, 0, 0, "server", "6.0.0", "Not possible here", no_file},
    {"acl|save", 2, kAdminFlags, 0, 0, 0, "server", "6.0.0", "Not possible here", no_file},
};

}  // namespace

std::span<const Command> acl_commands() { return kCommands; }

}  // namespace cloakroom::resp
