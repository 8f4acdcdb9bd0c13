// The commands: what COMMAND tells of them, and what runs. Each family contributes its rows;
// COMMAND, COMMAND DOCS, ACL categories and docs/resp.md all come from here.
//
// Subcommands are rows of their own, named "client|id"; their container is a row without handler.
// Built once, immutable. Lookup: one hash of the lower-case name.
#ifndef CLOAKROOM_LIB_RESP_COMMAND_TABLE_H_
#define CLOAKROOM_LIB_RESP_COMMAND_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace cloakroom::resp {

class Call;
using Handler = void (*)(Call&);

// Redis's flags, and below them ours.
enum Flag : std::uint32_t {
  kWrite = 1U << 0,
  kReadOnly = 1U << 1,
  kDenyOom = 1U << 2,
  kAdmin = 1U << 3,
  kPubSub = 1U << 4,
  kNoScript = 1U << 5,
  kLoading = 1U << 6,
  kStale = 1U << 7,
  kFast = 1U << 8,
  kNoAuth = 1U << 9,
  kNoMulti = 1U << 10,
  kContainer = 1U << 11,
  kDangerous = 1U << 12,
  kMovableKeys = 1U << 13,
  kExclusive = 1U << 20,         // alone, while no other command runs
  kExclusiveOptions = 1U << 21,  // the same when it has more than its fewest arguments
  kDirect = 1U << 22,            // runs inside MULTI instead of being queued
  kSecret = 1U << 23,            // its arguments are shown nowhere
  kErases = 1U << 24,            // alone where erased keys are remembered (tombstones)
  kLooks = 1U << 25,             // a key it looks for in vain was missed (keyspace events)
};

struct Command {
  std::string_view name = {};
  int arity = 0;  // with the name; negative: at least so many
  std::uint32_t flags = 0;
  int first_key = 0;
  int last_key = 0;  // negative: from the end
  int step = 0;
  std::string_view group = {};  // as Redis groups them; also the ACL category
  std::string_view since = {};
  std::string_view summary = {};
  Handler handler = nullptr;

  [[nodiscard]] bool is(std::uint32_t flag) const noexcept { return (flags & flag) != 0; }
  [[nodiscard]] bool is_subcommand() const noexcept {
    return name.find('|') != std::string_view::npos;
  }
  [[nodiscard]] bool fits(std::size_t args) const noexcept {
    return arity >= 0 ? args == static_cast<std::size_t>(arity)
                      : args >= static_cast<std::size_t>(-arity);
  }
};

class CommandTable {
 public:
  static const CommandTable& instance();

  // By lower-case name ("get", "client|id"); null when there is none.
  [[nodiscard]] const Command* find(std::string_view name) const noexcept;
  // In any case, and of a container its subcommand; null when there is none.
  [[nodiscard]] const Command* of(std::span<const std::string_view> args) const noexcept;

  [[nodiscard]] std::span<const Command> all() const noexcept { return commands_; }
  [[nodiscard]] std::size_t index_of(const Command& command) const noexcept {
    return static_cast<std::size_t>(&command - commands_.data());
  }
  [[nodiscard]] std::vector<const Command*> subcommands_of(const Command& container) const;

 private:
  CommandTable();
  void add(std::span<const Command> family);

  std::vector<Command> commands_ = {};
  std::unordered_map<std::string_view, const Command*> by_name_ = {};
};

// The indexes of a command's keys among its arguments.
[[nodiscard]] std::vector<std::size_t> key_positions(const Command& command,
                                                     std::span<const std::string_view> args);

// The names COMMAND gives the flags, and the ACL categories with their "@".
[[nodiscard]] std::vector<std::string_view> flag_names(const Command& command);
[[nodiscard]] std::vector<std::string> categories_of(const Command& command);
// All that Redis has, also those that no command of ours is in.
[[nodiscard]] std::span<const std::string_view> all_categories() noexcept;
[[nodiscard]] bool is_category(std::string_view name) noexcept;

// The families, each in its file.
[[nodiscard]] std::span<const Command> string_commands();
[[nodiscard]] std::span<const Command> bit_commands();
[[nodiscard]] std::span<const Command> key_commands();
[[nodiscard]] std::span<const Command> expiry_commands();
[[nodiscard]] std::span<const Command> hash_commands();
[[nodiscard]] std::span<const Command> set_commands();
[[nodiscard]] std::span<const Command> sorted_set_commands();
[[nodiscard]] std::span<const Command> sorted_algebra_commands();
[[nodiscard]] std::span<const Command> connection_commands();
[[nodiscard]] std::span<const Command> client_commands();
[[nodiscard]] std::span<const Command> tracking_commands();
[[nodiscard]] std::span<const Command> server_commands();
std::span<const Command> acl_commands();
[[nodiscard]] std::span<const Command> command_commands();
[[nodiscard]] std::span<const Command> pubsub_commands();
[[nodiscard]] std::span<const Command> transaction_commands();
[[nodiscard]] std::span<const Command> script_commands();
[[nodiscard]] std::span<const Command> session_commands();

}  // namespace cloakroom::resp

#endif  // CLOAKROOM_LIB_RESP_COMMAND_TABLE_H_
