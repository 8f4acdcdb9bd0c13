// Who a client is and how it talks: HELLO, AUTH, SELECT, PING and the like.
#include <algorithm>

#include "resp/commands.h"
#include "resp/dispatcher.h"

namespace cloakroom::resp {
namespace {

constexpr std::string_view kVersion = "7.0.15";  // of the Redis whose replies these are
constexpr std::string_view kWrongPassword =
    "WRONGPASS invalid username-password pair or user is disabled.";

void ping(Call& call) {
  if (call.size() > 2) return call.error("ERR wrong number of arguments for 'ping' command");
  if (call.client.protocol() == 2 && call.client.subscriptions() != 0) {
    call.out.array(2);
    call.out.bulk("pong");
    return call.out.bulk(call.size() == 2 ? call[1] : "");
  }
  call.size() == 2 ? call.out.bulk(call[1]) : call.out.simple("PONG");
}

void echo(Call& call) { call.out.bulk(call[1]); }

void quit(Call& call) {
  call.out.ok();
  call.client.close_after_reply();
}

void select(Call& call) {
  const auto database = parse_int(call[1]);
  if (!database) return call.error(kNotInteger);
  if (*database < 0 || *database >= kDatabases) return call.error("ERR DB index is out of range");
  call.client.database.store(static_cast<int>(*database), std::memory_order_relaxed);
  call.out.ok();
}

void become(Client& client, std::shared_ptr<const User> user) {
  {
    MutexLock guard(client.card_mutex);
    client.card.user_name = user->name;
  }
  client.user = std::move(user);
  client.authenticated = true;
  client.auth_failures = 0;
}

// Says what is wrong. Who guesses is closed after a few tries; hashing makes each try cost the
// same.
bool authenticate(Call& call, std::string_view name, std::string_view password) {
  constexpr unsigned kTriesMax = 5;
  if (auto user = call.server.acl.authenticate(name, password)) {
    become(call.client, std::move(user));
    return true;
  }
  call.error(kWrongPassword);
  call.server.auth_failures.fetch_add(1, std::memory_order_relaxed);
  if (!call.client.authenticated && ++call.client.auth_failures >= kTriesMax) {
    call.client.close_after_reply();
  }
  return false;
}

void auth(Call& call) {
  if (call.size() > 3) return call.error(kSyntaxError);
  if (call.size() == 3) {
    if (authenticate(call, call[1], call[2])) call.out.ok();
    return;
  }
  const auto initial = call.server.acl.find("default");
  if (initial != nullptr && initial->no_password) {
    return call.error(
        "ERR AUTH <password> called without any password configured for the default user. Are you "
        "sure your configuration is correct?");
  }
  if (authenticate(call, "default", call[1])) call.out.ok();
}

struct HelloOptions {
  std::optional<std::int64_t> protocol = std::nullopt;
  std::optional<std::string_view> user = std::nullopt;
  std::string_view password = {};
  std::optional<std::string_view> name = std::nullopt;
};

std::optional<HelloOptions> hello_options(Call& call) {
  HelloOptions options;
  if (call.size() == 1) return options;
  options.protocol = parse_int(call[1]);
  if (!options.protocol) {
    call.error("ERR Protocol version is not an integer or out of range");
    return std::nullopt;
  }
  if (*options.protocol < 2 || *options.protocol > 3) {
    call.error("NOPROTO unsupported protocol version");
    return std::nullopt;
  }
  for (std::size_t i = 2; i < call.size(); ++i) {
    const std::size_t left = call.size() - 1 - i;
    if (left >= 2 && is_word(call[i], "auth")) {
      options.user = call[i + 1];
      options.password = call[i + 2];
      i += 2;
    } else if (left >= 1 && is_word(call[i], "setname")) {
      options.name = call[++i];
    } else {
      call.error("ERR Syntax error in HELLO option '" + std::string(call[i]) + "'");
      return std::nullopt;
    }
  }
  return options;
}

void hello(Call& call) {
  const auto options = hello_options(call);
  if (!options) return;
  if (options->name && !is_client_name(*options->name)) return call.error(kBadClientName);
  if (options->user && !authenticate(call, *options->user, options->password)) return;
  if (!call.client.authenticated) {
    return call.error(
        "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO "
        "<proto> AUTH <user> <pass> option can be used to authenticate the client and select the "
        "RESP protocol version at the same time");
  }
  if (options->name) set_client_name(call.client, *options->name);
  if (options->protocol) {
    call.client.set_protocol(static_cast<int>(*options->protocol));
    call.out.set_protocol(call.client.protocol());
  }
  // In Redis's order: node-redis reads the RESP2 form by position.
  call.out.map(7);
  call.out.bulk("server");
  call.out.bulk("redis");
  call.out.bulk("version");
  call.out.bulk(kVersion);
  call.out.bulk("proto");
  call.out.integer(call.client.protocol());
  call.out.bulk("id");
  call.out.integer(static_cast<std::int64_t>(call.client.id));
  call.out.bulk("mode");
  call.out.bulk("standalone");
  call.out.bulk("role");
  call.out.bulk("master");
  call.out.bulk("modules");
  call.out.array(0);
}

void reset(Call& call) {
  Client& client = call.client;
  discard_transaction(client);
  forget(call.server, client);
  client.channel_count = 0;
  client.pattern_count = 0;
  client.shard_count = 0;
  client.database.store(0, std::memory_order_relaxed);
  client.set_protocol(2);
  call.out.set_protocol(2);
  client.reply_mode = ReplyMode::kOn;
  set_client_name(client, {});
  if (auto initial = call.server.acl.initial()) {
    become(client, std::move(initial));
  } else {
    client.user = nullptr;
    client.authenticated = false;
  }
  call.out.simple("RESET");
}

constexpr std::uint32_t kAnytime = kFast | kLoading | kStale | kNoScript;

constexpr Command kCommands[] = {
    {"ping", -1, kFast, 0, 0, 0, "connection", "1.0.0", "Answer PONG, or what was said", ping},
    {"echo", 2, kFast | kLoading | kStale, 0, 0, 0, "connection", "1.0.0", "Answer what was said",
     echo},
    {"quit", -1, kAnytime | kNoAuth | kDirect, 0, 0, 0, "connection", "1.0.0",
     "Close the connection", quit},
    {"select", 2, kFast | kLoading | kStale, 0, 0, 0, "connection", "1.0.0", "Choose the database",
     select},
    {"auth", -2, kAnytime | kNoAuth | kSecret, 0, 0, 0, "connection", "1.0.0",
     "Say who the client is", auth},
    {"hello", -1, kAnytime | kNoAuth | kSecret, 0, 0, 0, "connection", "6.0.0",
     "Choose the protocol, and say who the client is", hello},
    {"reset", 1, kAnytime | kNoAuth | kDirect, 0, 0, 0, "connection", "6.2.0",
     "Begin anew, as after connecting", reset},
};

}  // namespace

std::span<const Command> connection_commands() { return kCommands; }

bool is_client_name(std::string_view name) noexcept {
  return std::all_of(name.begin(), name.end(), [](char c) { return c >= '!' && c <= '~'; });
}

void set_client_name(Client& client, std::string_view name) {
  MutexLock guard(client.card_mutex);
  client.card.name = name;
}

}  // namespace cloakroom::resp
