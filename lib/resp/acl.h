// Users: who may run what, on which keys and channels. Read from a file at start, in the words of
// Redis's ACL files, one user a line; empty lines and lines that begin with # are skipped:
//
//   user alice on >secret ~sess:* &* +@read +set -keys
//
// Understood: on off nopass >password #sha256 ~pattern allkeys resetkeys &pattern allchannels
// resetchannels +command -command +command|sub +@category -@category allcommands nocommands reset.
// Passwords are kept as SHA-256 and compared in constant time.
//
// Thread safety: immutable once loaded, so any thread may read.
#ifndef CLOAKROOM_LIB_RESP_ACL_H_
#define CLOAKROOM_LIB_RESP_ACL_H_

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cloakroom/status.h"
#include "resp/command_table.h"

namespace cloakroom::resp {

struct User {
  std::string name = {};
  bool enabled = false;
  bool no_password = false;
  std::vector<std::string> password_hashes = {};  // SHA-256, raw
  bool all_keys = false;
  std::vector<std::string> key_patterns = {};
  bool all_channels = false;
  std::vector<std::string> channel_patterns = {};
  bool all_commands = false;        // nothing was taken from them
  std::vector<bool> commands = {};  // by index in the table
  std::string rules = {};           // of commands, as given

  [[nodiscard]] bool unlimited() const noexcept { return all_commands && all_keys && all_channels; }
  [[nodiscard]] bool may_run(const Command& command) const;
  [[nodiscard]] bool may_touch(std::string_view key) const;
  [[nodiscard]] bool may_hear(std::string_view channel, bool is_pattern) const;
  [[nodiscard]] std::string describe() const;  // a line of ACL LIST
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
  [[nodiscard]] const std::map<std::string, std::shared_ptr<const User>, std::less<>>& users()
      const noexcept {
    return users_;
  }

 private:
  std::map<std::string, std::shared_ptr<const User>, std::less<>> users_ = {};
};

}  // namespace cloakroom::resp

#endif  // CLOAKROOM_LIB_RESP_ACL_H_
