// Sixteen databases in one store.
//
//   database 0, key not beginning with byte 0     the key as it is
//   everything else                               byte 0, number of the database, the key
//   what the listener keeps for itself            byte 0, byte 0xff, ...
//
// Injective: the first byte tells the two forms apart, the second one the database. A key of
// database 0 can so be read by the host's own code and by the command line under its own name, and
// what sessions of the web layer keep in the same store shows in database 0.
#ifndef CLOAKROOM_LIB_STORE_KEYSPACE_H_
#define CLOAKROOM_LIB_STORE_KEYSPACE_H_

#include <optional>
#include <string>
#include <string_view>

namespace cloakroom {

inline constexpr int kDatabases = 16;

struct DatabaseKey {
  int database = 0;
  std::string_view key = {};
};

[[nodiscard]] inline bool is_own_form(int database, std::string_view key) noexcept {
  return database == 0 && !key.starts_with('\0');
}

[[nodiscard]] inline std::string store_key(int database, std::string_view key) {
  if (is_own_form(database, key)) return std::string(key);
  std::string out;
  out.reserve(key.size() + 2);
  out.push_back('\0');
  out.push_back(static_cast<char>(database));
  out += key;
  return out;
}

// Nothing for what the listener keeps for itself.
[[nodiscard]] inline std::optional<DatabaseKey> database_key(std::string_view stored) noexcept {
  if (!stored.starts_with('\0')) return DatabaseKey{0, stored};
  if (stored.size() < 2) return std::nullopt;
  const int database = static_cast<unsigned char>(stored[1]);
  if (database >= kDatabases) return std::nullopt;
  return DatabaseKey{database, stored.substr(2)};
}

// A key of the listener's own.
[[nodiscard]] inline std::string private_key(char purpose, std::string_view key) {
  std::string out{'\0', '\xff', purpose};
  out += key;
  return out;
}

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_STORE_KEYSPACE_H_
