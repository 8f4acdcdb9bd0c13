// cloakroom serve: a store behind the Redis-protocol listener, as a process of its own.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_SERVE_SERVE_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_SERVE_SERVE_H_

#include <cstdint>
#include <string>
#include <vector>

namespace cloakroom::cli {

struct ServeOptions {
  std::string dir;  // empty with --memory
  bool memory = false;
  std::string unix_socket;
  std::string unix_mode = "600";
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;
  unsigned threads = 1;
  std::string password_file;
  std::string users_file;
  std::string tls_certificate;
  std::string tls_key;
  std::string tls_ca;
  bool insecure = false;
  std::string durability = "process";
  std::uint64_t memory_limit_bytes = 0;
  std::uint64_t value_bytes_max = std::uint64_t{16} << 20;
  std::string notify;
  std::uint64_t clients = 1024;
  std::uint64_t clients_per_address = 256;
  std::string idle_timeout;
  std::uint64_t output_bytes = std::uint64_t{32} << 20;
  std::vector<std::string> tombstones;  // "PREFIX=DURATION"
  std::vector<std::string> hash_keys;
  std::string hash_secret_file;
  std::vector<std::string> owner_fields;  // "PREFIX=POINTER"
  bool quiet = false;
};

// Serves until SIGTERM, SIGINT or SHUTDOWN.
[[nodiscard]] int run_serve(const ServeOptions& options);

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_SERVE_SERVE_H_
