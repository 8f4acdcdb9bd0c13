// Runs a command for a client: what Redis checks before a command, in Redis's order, then the
// handler, then the statistics.
//
//   known? -> arity -> authenticated? -> may the user? -> RESP2 subscriber? -> queued by MULTI?
//   -> through the gate -> handler
//
// Thread safety: from the client's own thread. Several clients run at once.
#ifndef CLOAKROOM_LIB_RESP_DISPATCHER_H_
#define CLOAKROOM_LIB_RESP_DISPATCHER_H_

#include <span>
#include <string>
#include <string_view>

#include "resp/client.h"
#include "resp/command_table.h"
#include "resp/reply.h"
#include "resp/server.h"

namespace cloakroom::resp {

// Appends the reply to `out`. REQUIRES: at least one argument; `command` is CommandTable::of(args).
void dispatch(Server& server, Client& client, const Command* command,
              std::span<const std::string_view> args, std::string& out);
// The same, looking the command up.
void dispatch(Server& server, Client& client, std::span<const std::string_view> args,
              std::string& out);

// The handler alone, with its statistics, for who holds the gate already: EXEC and the scripts.
void run(Server& server, Client& client, const Command& command,
         std::span<const std::string_view> args, Reply& out);

// Whether this is a GET that may be answered together with others (get_many).
[[nodiscard]] bool is_plain_get(const Client& client, const Command* command,
                                std::span<const std::string_view> args) noexcept;
// Answers several GETs in order, looking their records up together, until about `budget` bytes are
// answered. Returns for how many it answered, at least one.
std::size_t get_many(Server& server, Client& client, std::span<const std::string_view> keys,
                     std::string& out, std::size_t budget);

// What becomes of a client that goes: its subscriptions.
void forget(Server& server, Client& client);

}  // namespace cloakroom::resp

#endif  // CLOAKROOM_LIB_RESP_DISPATCHER_H_
