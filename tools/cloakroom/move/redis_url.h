// Where a Redis is: redis://[user:password@]host[:port][/db][?match=GLOB], rediss:// for TLS, and
// unix:///path[?db=N&match=GLOB]. Parts are percent-decoded.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_MOVE_REDIS_URL_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_MOVE_REDIS_URL_H_

#include <string>
#include <string_view>

#include "cloakroom/status.h"

namespace cloakroom::cli {

struct RedisTarget {
  std::string host;  // empty: `path`
  int port = 6379;
  std::string path;  // of a unix socket
  bool tls = false;
  std::string user;
  std::string password;
  int database = 0;
  std::string match;      // empty: every key
  std::string ca_file;    // TLS: empty: those the system trusts
  std::string cert_file;  // TLS: who we are, with key_file; empty: nobody
  std::string key_file;

  // For messages: without user and password.
  [[nodiscard]] std::string name() const;
};

[[nodiscard]] bool is_redis_url(std::string_view text) noexcept;

// kInvalidArgument with what is wrong, never with the password.
[[nodiscard]] Result<RedisTarget> parse_redis_url(std::string_view url);

// How to reach the Redis, as it is given on the command line. A password that the address lacks
// comes from the first line of a file, or else from the environment, CLOAKROOM_REDIS_PASSWORD:
// neither shows in a list of processes.
struct RedisAccess {
  std::string url;
  std::string password_file;
  std::string tls_ca;
  std::string tls_cert;
  std::string tls_key;
};
[[nodiscard]] Result<RedisTarget> redis_target(const RedisAccess& access);

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_MOVE_REDIS_URL_H_
