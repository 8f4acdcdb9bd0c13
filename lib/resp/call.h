// One command being run, and what its handler needs: arguments, the store, the reply. The helpers
// map keys to the store's and statuses of the store to Redis's errors.
#ifndef CLOAKROOM_LIB_RESP_CALL_H_
#define CLOAKROOM_LIB_RESP_CALL_H_

#include <cstdint>
#include <forward_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "cloakroom/store.h"
#include "resp/client.h"
#include "resp/command_table.h"
#include "resp/keys.h"
#include "resp/reply.h"
#include "resp/server.h"
#include "resp/session_rules.h"
#include "resp/text.h"
#include "store/keyspace.h"

namespace cloakroom::resp {

inline constexpr std::string_view kSyntaxError = "ERR syntax error";
inline constexpr std::string_view kNotInteger = "ERR value is not an integer or out of range";
inline constexpr std::string_view kNotFloat = "ERR value is not a valid float";
inline constexpr std::string_view kWrongType =
    "WRONGTYPE Operation against a key holding the wrong kind of value";

// Redis's types; kSession is a session of the web layer, which no data command touches.
enum class Type : std::uint8_t { kString, kHash, kSet, kSortedSet, kSession };
[[nodiscard]] Type type_of(const RecordView& record) noexcept;
[[nodiscard]] std::string_view type_name(Type type) noexcept;

class Call {
 public:
  Call(Server& the_server, Client& the_client, const Command& the_command,
       std::span<const std::string_view> the_args, Reply& the_out) noexcept
      : server(the_server),
        client(the_client),
        command(the_command),
        args(the_args),
        out(the_out),
        database(client.database.load(std::memory_order_relaxed)) {}

  [[nodiscard]] Keys store() noexcept {
    const bool tells = server.notifications.tells_of_lookups();
    return {server.store, client.step, tells ? this : nullptr};
  }
  [[nodiscard]] std::size_t size() const noexcept { return args.size(); }
  [[nodiscard]] std::string_view operator[](std::size_t i) const noexcept { return args[i]; }

  // The store's key for an argument, or for any key of this client's database. Valid as long as
  // the call.
  [[nodiscard]] std::string_view key(std::size_t i) { return map(args[i]); }
  [[nodiscard]] std::string_view map(std::string_view key) { return map(key, database); }
  [[nodiscard]] std::string_view map(std::string_view key, int of_database);

  // An integer argument; says so itself when it is none.
  [[nodiscard]] std::optional<std::int64_t> integer(std::size_t i);

  // Options of a write: the durability of this listener, and a deadline kept or cleared.
  [[nodiscard]] PutOptions keeping() const noexcept {
    return {.keep_deadline = true, .durability = server.options.durability};
  }
  [[nodiscard]] PutOptions fresh(Millis ttl = kNoExpiry) const noexcept {
    return {.ttl = ttl, .durability = server.options.durability};
  }
  [[nodiscard]] EraseOptions erasing() const noexcept {
    return {.durability = server.options.durability};
  }

  // Says what a failed status means to a client.
  void fail(const Status& status) { error(text_of(status)); }
  [[nodiscard]] static std::string text_of(const Status& status);
  void error(std::string_view text) { out.error(text); }
  void wrong_type() { out.error(kWrongType); }
  // Reads: absent is no failure. True when the call goes on.
  [[nodiscard]] bool read(const Status& status);

  // A keyspace event; within a step it is published when that has happened.
  void notify(std::uint32_t of, std::string_view event, std::string_view key) {
    notify_in(database, of, event, key);
  }
  void notify_in(int of_database, std::uint32_t of, std::string_view event, std::string_view key);
  // A deadline was moved, of which the store tells no event.
  void touched(std::string_view key);
  // The events "new" and "keymiss" of a key of the store's.
  void tell_created(std::string_view stored);
  void tell_missed(std::string_view stored);

  Server& server;
  Client& client;
  const Command& command;
  const std::span<const std::string_view> args;
  Reply& out;
  const int database;

 private:
  [[nodiscard]] std::string_view name_of(std::string_view stored, const DatabaseKey& known);

  std::forward_list<std::string> mapped_ = {};
};

// Answers the strings of these keys in order, looking them up together, until about `budget` bytes
// are answered: the rest is for another call. Returns for how many it answered, at least one. Of
// another type: WRONGTYPE when strict (GET), null otherwise (MGET).
std::size_t read_strings(Call& call, std::span<const std::string_view> keys, bool strict,
                         std::size_t budget);

}  // namespace cloakroom::resp

#endif  // CLOAKROOM_LIB_RESP_CALL_H_
