// Who may log in: names and password hashes, in a store of their own that never expires.
#ifndef EXAMPLES_LOGIN_SERVER_USERS_H_
#define EXAMPLES_LOGIN_SERVER_USERS_H_

#include <cloakroom/cloakroom.h>

#include <mutex>
#include <string>
#include <string_view>

namespace login {

// NIST SP 800-63B-4, 3.1.1.2: a password that is the only factor has 15 characters or more, and
// nothing is asked of their kinds. The upper bound keeps a request from being a megabyte of it.
inline constexpr std::size_t kPasswordBytesMin = 15;
inline constexpr std::size_t kPasswordBytesMax = 256;
inline constexpr std::size_t kNameBytesMax = 64;

// Safe from any thread. The store must outlive it.
class Users {
 public:
  explicit Users(cloakroom::Store& store) : store_(store) {}

  // A new user. kConflict: the name is taken. kInvalidArgument: name or password is not allowed;
  // the message is for the user's eyes.
  [[nodiscard]] cloakroom::Status add(std::string_view name, std::string_view password);

  // Ok if this is the password; kNotFound if it is not, or if there is no such user: both take the
  // same time, so that nobody learns which names exist. Anything else is a failure.
  [[nodiscard]] cloakroom::Status check(std::string_view name, std::string_view password);

  // Sets a new password, durably. The caller has checked the old one.
  [[nodiscard]] cloakroom::Status set_password(std::string_view name, std::string_view password);

 private:
  [[nodiscard]] cloakroom::Result<std::string> hash(std::string_view password);

  cloakroom::Store& store_;
  // A hash takes 64 MiB and a tenth of a second, on purpose. One at a time, or a few requests would
  // take the machine's memory. A real server also limits attempts by name and address.
  std::mutex hashing_;
};

}  // namespace login

#endif  // EXAMPLES_LOGIN_SERVER_USERS_H_
