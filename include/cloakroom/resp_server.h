// RespServer: a listener that speaks the Redis protocol over a Store, to embed beside the server
// that owns the store, or by itself (`cloakroom serve`).
//
//   auto store = cloakroom::Store::open({.path = "sessions"});
//   auto server = cloakroom::RespServer::start(*store, {.unix_socket = "run/cloakroom.sock"});
//   if (!server) return fail(server.status());
//   ...
//   server->stop();            // or its destructor: answers what it has read, then closes
//
// What it understands, and where it differs from Redis, is in docs/resp.md. Records that clients
// write are records of the store like any other: journal, expiry, events, owners, command line.
#ifndef CLOAKROOM_RESP_SERVER_H_
#define CLOAKROOM_RESP_SERVER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cloakroom/options.h"
#include "cloakroom/status.h"
#include "cloakroom/store.h"

namespace cloakroom {

// What no client can exceed. Memory grows with what arrives, never with what was announced.
struct RespLimits {
  std::size_t clients = 1024;                          // more are told so and closed
  std::size_t clients_per_address = 256;               // of one network address; 0: no limit
  std::int64_t elements = 1024 * 1024;                 // arguments of one command
  std::size_t bulk_bytes = std::size_t{16} << 20;      // one argument
  std::size_t command_bytes = std::size_t{256} << 20;  // one command, all its arguments
  std::size_t output_bytes = std::size_t{32} << 20;    // waiting for one client to read
  std::size_t queued_bytes = std::size_t{64} << 20;    // of one client's MULTI
  // Closes a client that has said nothing for so long; 0: never.
  Millis idle_timeout{0};
  // Closes a client that began a command and does not end it.
  Millis command_timeout{30'000};
  // Closes a client that has not said who it is, where that is asked for.
  Millis auth_timeout{10'000};
};

// Session semantics that plain Redis has not. Each changes what a client sees for keys that begin
// with `prefix`; docs/resp.md says how.
struct RespTombstone {
  std::string prefix = {};
  Millis duration{30'000};  // a SET this soon after a DEL is acknowledged and not stored
};
struct RespOwnerField {
  std::string prefix = {};
  std::string pointer = {};  // RFC 6901, into the JSON value: "/passport/user"
};

struct RespOptions {
  // --- where it listens (at least one of the first three) ------------------------------------

  // Path of a unix socket, created with this mode. A stale one of a dead process is replaced.
  std::string unix_socket = {};
  unsigned unix_socket_mode = 0600;
  // false: only processes of this user, or of root, are served there, whatever the socket's mode:
  // the kernel says who connects.
  bool unix_any_user = false;

  // Address and port of TCP; 127.0.0.1 unless told. Port 0: none, unless `tcp_any_port`.
  std::string tcp_address = "127.0.0.1";
  std::uint16_t tcp_port = 0;
  bool tcp_any_port = false;  // lets the system choose; port() says which

  // Listening sockets somebody else has bound (socket activation). The server closes them.
  std::vector<int> inherited_sockets = {};

  // TLS 1.2 or later on TCP, when a certificate is given (PEM files). With `tls_ca` clients must
  // show a certificate of that authority.
  std::string tls_certificate = {};
  std::string tls_key = {};
  std::string tls_ca = {};

  // --- who may ------------------------------------------------------------------------------

  // Password of the user "default". Empty: none; then only this machine is served.
  std::string password = {};

  // File of users, one a line, as Redis writes them: user NAME on >password ~pattern +command.
  std::string acl_file = {};

  // An address other than loopback needs a password or users, and TLS. This waives both.
  bool insecure = false;

  // --- how ----------------------------------------------------------------------------------

  // Threads that read, execute and write; clients are spread over them.
  unsigned threads = 1;

  // Of writes. Unset: the store's own. kDisk makes a thread wait for each group commit.
  std::optional<Durability> durability = std::nullopt;

  // Redis's letters; "" publishes nothing. CONFIG SET can change it.
  std::string notify_keyspace_events = {};

  RespLimits limits = {};

  std::vector<RespTombstone> tombstones = {};
  std::vector<std::string> hash_keys = {};  // prefixes; the store sees a keyed hash of the rest
  std::string hash_secret = {};             // key of that hash. REQUIRES: 16 bytes where hash_keys
  std::vector<RespOwnerField> owner_fields = {};

  // A line for the operator, rarely. From any thread. Never holds a key, a value or a password.
  std::function<void(LogLevel, std::string_view)> log = {};

  // Called once, from a thread of the server, when a client that may says SHUTDOWN. Unset: the
  // command is refused. Must not call stop() itself, only cause it.
  std::function<void()> on_shutdown = {};
};

// A running listener. Thread safety: stop() and the accessors may be called from any thread.
class RespServer {
 public:
  // Binds, starts the threads and returns. The store must outlive the server.
  //   kInvalidArgument  options contradict each other or are unsafe; the message names the remedy
  //   kIo               an address, a certificate or a file cannot be used
  [[nodiscard]] static Result<RespServer> start(Store& store, RespOptions options);

  ~RespServer();  // stop()
  RespServer(RespServer&&) noexcept;
  RespServer& operator=(RespServer&&) noexcept;
  RespServer(const RespServer&) = delete;
  RespServer& operator=(const RespServer&) = delete;

  // Accepts nobody any more, answers what has been read, closes and joins. Idempotent.
  void stop();

  // The TCP port in use; 0 when there is none.
  [[nodiscard]] std::uint16_t port() const noexcept;

  [[nodiscard]] std::size_t clients() const noexcept;

 private:
  class Impl;
  explicit RespServer(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace cloakroom

#endif  // CLOAKROOM_RESP_SERVER_H_
