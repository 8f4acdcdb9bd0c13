// Users: who may run what, on which keys and channels. Read from a file at start, in the words of
// Redis's ACL files, one user a line; empty lines and lines that begin with # are skipped:
//
//   user alice on >secret ~sess:* %R~public:* &* +@read +set -keys
//
// and changed by ACL SETUSER and DELUSER, in memory only. Understood: on off nopass resetpass
// >password <password #sha256 !sha256 ~pattern %R~pattern %W~pattern %RW~pattern allkeys resetkeys
// &pattern allchannels resetchannels +command -command +command|sub +@category -@category
// allcommands nocommands reset clearselectors. Passwords are kept as SHA-256 and compared in
// constant time.
//
// Thread safety: a User is immutable, one that is changed is another; the methods of Acl may be
// called from any thread. Who holds a User looks at generation() to see whether there is a newer one.
#ifndef CLOAKROOM_LIB_RESP_ACL_H_
#define CLOAKROOM_LIB_RESP_ACL_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "cloakroom/status.h"
#include "resp/command_table.h"

namespace cloakroom::resp {

// What a command does to a key.
enum KeyAccess : unsigned { kNoAccess = 0, kReads = 1, kWrites = 2 };
[[nodiscard]] unsigned key_access(const Command& command, std::span<const std::string_view> args,
                                  std::size_t position) noexcept;

struct KeyPattern {
  std::string pattern = {};
  unsigned access = kReads | kWrites;
};

struct User {
  std::string name = {};
  bool enabled = false;
  bool no_password = false;
  std::vector<std::string> password_hashes = {};  // SHA-256, raw
  bool all_keys = false;
  std::vector<KeyPattern> key_patterns = {};
  bool all_channels = false;
  std::vector<std::string> channel_patterns = {};
  bool all_commands = false;        // nothing was taken from them
  std::vector<bool> commands = {};  // by index in the table
  std::string rules = {};           // of commands, as given

  [[nodiscard]] bool unlimited() const noexcept { return all_commands && all_keys && all_channels; }
  [[nodiscard]] bool may_run(const Command& command) const;
  [[nodiscard]] bool may_touch(std::string_view key, unsigned access) const;
  [[nodiscard]] bool may_hear(std::string_view channel, bool is_pattern) const;
  [[nodiscard]] std::string describe() const;  // a line of ACL LIST
  [[nodiscard]] std::string describe_commands() const;
  [[nodiscard]] std::string describe_keys() const;
  [[nodiscard]] std::string describe_channels() const;
};

class Acl {
 public:
  // `password`: of the user "default"; `text`: of the file of users, and may be empty.
  [[nodiscard]] static Result<Acl> make(std::string_view password, std::string_view text);

  // Null unless such a user is enabled and this is a password of it.
  [[nodiscard]] std::shared_ptr<const User> authenticate(std::string_view name,
                                                         std::string_view password) const;
  // The user everybody is at first; null when it needs a password.
  [[nodiscard]] std::shared_ptr<const User> initial() const;
  [[nodiscard]] std::shared_ptr<const User> find(std::string_view name) const;
  [[nodiscard]] std::vector<std::shared_ptr<const User>> users() const;  // by name

  // Changes a user, or makes one: all rules or none. What is wrong with one, or "".
  [[nodiscard]] std::string set_user(std::string_view name,
                                     std::span<const std::string_view> rules);
  // False when there was none. REQUIRES: not "default".
  bool remove(std::string_view name);
  // Of the user "default"; empty: it needs none.
  void set_default_password(std::string_view password);

  // Grows whenever a user changes.
  [[nodiscard]] std::uint64_t generation() const noexcept {
    return shared_->generation.load(std::memory_order_acquire);
  }

 private:
  using Users = std::map<std::string, std::shared_ptr<const User>, std::less<>>;
  struct Shared {
    mutable Mutex mutex;
    Users users GUARDED_BY(mutex) = {};
    std::atomic<std::uint64_t> generation{1};
  };
  void put(User user) const;

  std::unique_ptr<Shared> shared_ = std::make_unique<Shared>();
};

// A command that was refused, or a password that was wrong.
struct AclEntry {
  std::string reason = {};   // auth, command, key, channel
  std::string context = {};  // toplevel, multi
  std::string object = {};
  std::string user = {};
  std::string client = {};
  std::uint64_t count = 1;
  std::int64_t when_ms = 0;  // steady
};

// The last of them, newest first; the same again within a minute is counted.
class AclLog {
 public:
  void add(AclEntry entry);
  [[nodiscard]] std::vector<AclEntry> newest(std::size_t count) const;
  void clear();

 private:
  mutable Mutex mutex_;
  std::vector<AclEntry> entries_ GUARDED_BY(mutex_) = {};
};

}  // namespace cloakroom::resp

#endif  // CLOAKROOM_LIB_RESP_ACL_H_
