// What the families of commands share with one another.
#ifndef CLOAKROOM_LIB_RESP_COMMANDS_H_
#define CLOAKROOM_LIB_RESP_COMMANDS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "resp/call.h"

namespace cloakroom::resp {

// --- SET and its relatives (commands_set_string.cc) -------------------------------------------
void set_command(Call& call);
void setex_command(Call& call);
void psetex_command(Call& call);
void setnx_command(Call& call);
void getset_command(Call& call);
void getdel_command(Call& call);
void getex_command(Call& call);

// Stores a string and applies the rules for sessions; says what failed. A buried key counts as
// stored.
bool store_string(Call& call, std::string_view raw_key, std::string_view value, PutOptions options);

// --- time (commands_expiry.cc) ----------------------------------------------------------------

// A point of the store's time from an argument: relative ones count from `now`, absolute ones are
// of the wall clock, which is `wall_offset` ahead. Nothing when it cannot be represented.
enum class TimeUnit : std::uint8_t { kSeconds, kMilliseconds };
[[nodiscard]] std::optional<TimeMs> deadline_of(std::int64_t given, TimeUnit unit, bool relative,
                                                TimeMs now, TimeMs wall_offset) noexcept;

// --- keys (commands_keys.cc) --------------------------------------------------------------------

// Erases a key of this client's database and says whether it was there; buries it where a rule
// says so. kNotFound is no failure.
[[nodiscard]] Result<bool> erase_key(Call& call, std::string_view raw_key);

// Stores a value of any kind under a key that may hold another one, and with a deadline.
Status store_value(Call& call, std::string_view stored_key, Kind kind, std::string_view value,
                   TimeMs deadline);

// --- SCAN and its relatives (commands_scan.cc) ------------------------------------------------
struct ScanOptions {
  std::string_view pattern = {};
  bool has_pattern = false;
  std::size_t count = 10;
  std::optional<std::string> type = std::nullopt;
};
// From argument `from` on; says itself what is wrong with them.
[[nodiscard]] std::optional<ScanOptions> scan_options(Call& call, std::size_t from, bool with_type);
[[nodiscard]] std::optional<std::uint64_t> scan_cursor(Call& call, std::string_view text);
void tell_empty_scan(Call& call);
void scan_command(Call& call);
void keys_command(Call& call);
void randomkey_command(Call& call);
void dbsize_command(Call& call);
void flushdb_command(Call& call);
void flushall_command(Call& call);

// --- random members (commands_hashes.cc) ------------------------------------------------------
// Indexes below `size`: `count` different ones, or fewer; or, negative, so many with repetition.
inline constexpr std::int64_t kRandomMax = 1'000'000;  // of a negative count
[[nodiscard]] std::vector<std::size_t> random_choice(std::size_t size, std::int64_t count);

// --- clients (commands_connection.cc, transactions.cc) ----------------------------------------
inline constexpr std::string_view kBadClientName =
    "ERR Client names cannot contain spaces, newlines or special characters.";
[[nodiscard]] bool is_client_name(std::string_view name) noexcept;
void set_client_name(Client& client, std::string_view name);
void discard_transaction(Client& client);

// Runs f, whose commands write in one step (keys.h), as often as it takes. A failure means that
// nothing was written and that the reply says nothing.
Status in_one_step(Call& call, FunctionRef<void()> f);

// A line of CLIENT LIST.
[[nodiscard]] std::string describe(const Client& client);

// --- client side caching (commands_tracking.cc) -------------------------------------------------

// Its keys are those of a read by a client that tracks them.
void remember_keys(Call& call);

// --- users (dispatcher.cc) ----------------------------------------------------------------------

// Why a user may not run a command: what of it (command, key or channel), and which one.
struct Denial {
  std::string reason = {};
  std::string object = {};
};
[[nodiscard]] std::optional<Denial> denial(const User& user, const Command& command,
                                           std::span<const std::string_view> args);

// Notes in the ACL log what a client was refused.
void log_denial(Server& server, const Client& client, Denial denied, std::string_view user);

// --- errors (dispatcher.cc) ---------------------------------------------------------------------

// What Redis says where a subcommand got too many arguments.
void wrong_subcommand(Call& call);

// --- INFO (commands_info.cc) --------------------------------------------------------------------
void info_command(Call& call);

}  // namespace cloakroom::resp

#endif  // CLOAKROOM_LIB_RESP_COMMANDS_H_
