#include "resp/dispatcher.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <vector>

#include "index/events.h"
#include "resp/commands.h"
#include "resp/steady.h"

namespace cloakroom::resp {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kQuotedBytesMax = 128;  // of the arguments in an error

const Command& get_command() noexcept {
  static const Command& get = *CommandTable::instance().find("get");
  return get;
}

void bump(std::atomic<std::uint64_t>& counter, std::uint64_t by) noexcept {
  counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
}

std::string unknown_command(std::span<const std::string_view> args) {
  const Command* const container = CommandTable::instance().of(args.first(1));
  if (container != nullptr && args.size() > 1) {
    return "ERR unknown subcommand '" + std::string(args[1].substr(0, kQuotedBytesMax)) +
           "'. Try " +
           [&] {
             std::string name(container->name);
             std::transform(name.begin(), name.end(), name.begin(),
                            [](char c) { return c >= 'a' ? static_cast<char>(c - 32) : c; });
             return name;
           }() +
           " HELP.";
  }
  std::string quoted;
  for (std::size_t i = 1; i < args.size() && quoted.size() < kQuotedBytesMax; ++i) {
    quoted += "'" + std::string(args[i].substr(0, kQuotedBytesMax - quoted.size())) + "' ";
  }
  return "ERR unknown command '" + std::string(args[0].substr(0, kQuotedBytesMax)) +
         "', with args beginning with: " + quoted;
}

// A RESP2 subscriber may say only this, because its replies cannot be told from messages.
bool fits_subscriber(const Command& command) noexcept {
  constexpr std::array<std::string_view, 9> kAllowed{
      "ping",       "subscribe",    "unsubscribe", "psubscribe", "punsubscribe",
      "ssubscribe", "sunsubscribe", "quit",        "reset"};
  return std::find(kAllowed.begin(), kAllowed.end(), command.name) != kAllowed.end();
}

// Empty when the user may; otherwise it is noted.
std::string check_user(Server& server, const Client& client, const Command& command,
                       std::span<const std::string_view> args) {
  const User& user = *client.user;
  if (user.unlimited()) return {};
  auto denied = denial(user, command, args);
  if (!denied) return {};
  const std::string text =
      denied->reason == "command"
          ? "NOPERM this user has no permissions to run the '" + std::string(command.name) +
                "' command"
          : "NOPERM this user has no permissions to access one of the " + denied->reason +
                "s used as arguments";
  log_denial(server, client, *std::move(denied), user.name);
  return text;
}

// Somebody may have changed or removed the user meanwhile.
void refresh_user(const Server& server, Client& client) {
  const std::uint64_t generation = server.acl.generation();
  if (client.user == nullptr || client.user_generation == generation) return;
  client.user_generation = generation;
  if (auto user = server.acl.find(client.user->name)) client.user = std::move(user);
}

// Empty when the command may run.
std::string refusal(Server& server, const Client& client, const Command& command,
                    std::span<const std::string_view> args) {
  if (!command.fits(args.size()) || command.handler == nullptr) {
    return "ERR wrong number of arguments for '" + std::string(command.name) + "' command";
  }
  if (!client.authenticated && !command.is(kNoAuth)) return "NOAUTH Authentication required.";
  if (client.in_multi && command.is(kNoMulti)) {
    return "ERR Command not allowed inside a transaction";
  }
  if (client.user != nullptr) {
    if (std::string refused = check_user(server, client, command, args); !refused.empty()) return refused;
  }
  if (client.protocol() == 2 && client.subscriptions() != 0 && !fits_subscriber(command)) {
    return "ERR Can't execute '" + std::string(command.name) +
           "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this "
           "context";
  }
  return {};
}

void queue(const Server& server, Client& client, const Command& command,
           std::span<const std::string_view> args, Reply& reply) {
  std::size_t bytes = sizeof(Queued);
  for (const auto arg : args) bytes += arg.size() + sizeof(std::string);
  if (client.queue_bytes + bytes > server.options.limits.queued_bytes) {
    client.multi_failed = true;
    return reply.error("ERR the transaction is larger than this server allows");
  }
  client.queue_bytes += bytes;
  client.queue.push_back({&command, {args.begin(), args.end()}});
  client.queued.store(static_cast<int>(client.queue.size()), std::memory_order_relaxed);
  reply.simple("QUEUED");
}

void note_slow(Server& server, Client& client, const Command& command,
               std::span<const std::string_view> args, std::uint64_t microseconds) {
  SlowEntry entry;
  entry.when_s = server.store.now() / 1000;
  entry.microseconds = microseconds;
  entry.args.emplace_back(command.name);
  if (args.size() > 1) {
    entry.args.push_back("(" + std::to_string(args.size() - 1) + " more arguments)");
  }
  const Client::Card card = client.card_copy();
  entry.address = card.address;
  entry.name = card.name;
  server.slow_log.add(std::move(entry), server.config.slow_keep.load(std::memory_order_relaxed));
}

bool is_alone(const Server& server, const Command& command,
              std::span<const std::string_view> args) noexcept {
  if (command.is(kExclusive)) return true;
  if (command.is(kErases) && !server.options.tombstones.empty()) return true;
  return command.is(kExclusiveOptions) &&
         args.size() > static_cast<std::size_t>(command.arity < 0 ? -command.arity : command.arity);
}

// Commands that are alone because they write several keys.
bool writes_several(const Command& command) noexcept {
  return command.is(kExclusive) && command.is(kWrite) &&
         (command.first_key > 0 || command.is(kMovableKeys));
}

// To those who monitor; of a step when it has happened.
void show(Server& server, Client& client, const Command& command,
          std::span<const std::string_view> args) {
  std::string line = monitor_line(client, command, args);
  if (client.step == nullptr) return server.monitors.show(line);
  client.step->afterwards([&server, line = std::move(line)] { server.monitors.show(line); });
}

void apply_reply_mode(Client& client, Reply& reply, std::size_t before) {
  if (client.reply_mode == ReplyMode::kOn) return;
  if (!reply.pushed()) reply.truncate(before);
  if (client.reply_mode == ReplyMode::kSkipNext) {
    client.reply_mode = ReplyMode::kSkip;
  } else if (client.reply_mode == ReplyMode::kSkip) {
    client.reply_mode = ReplyMode::kOn;
  }
}

}  // namespace

void run(Server& server, Client& client, const Command& command,
         std::span<const std::string_view> args, Reply& out) {
  const auto began = client.clock;
  const std::size_t before = out.size();
  Call call(server, client, command, args, out);
  const bool remembers = client.tracks_reads() && command.is(kReadOnly);
  if (remembers) remember_keys(call);
  if (client.step == nullptr && writes_several(command)) {
    const Status done = in_one_step(call, [&] { command.handler(call); });
    if (!done) call.fail(done);
  } else {
    command.handler(call);
  }
  if (remembers) remember_keys(call);
  if (server.monitors.any() && is_monitored(command)) show(server, client, command, args);
  client.clock = SteadyClock::now();
  const auto took = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(client.clock - began).count());
  CommandStats& stats = server.stats_of(client.thread, CommandTable::instance().index_of(command));
  bump(stats.calls, 1);
  bump(stats.nanoseconds, took);
  stats.note_latency(took, 1);
  // Errors inside a reply are those of the commands that EXEC ran.
  if (out.since(before).starts_with('-')) {
    bump(stats.failed, 1);
    server.count_error(out.last_error_code());
  }
  const std::int64_t slow_us = server.config.slow_us.load(std::memory_order_relaxed);
  if (slow_us >= 0 && took / 1000 >= static_cast<std::uint64_t>(slow_us) && !command.is(kSecret)) {
    note_slow(server, client, command, args, took / 1000);
  }
}

namespace {

void run_through_gate(Server& server, Client& client, const Command& command,
                      std::span<const std::string_view> args, Reply& reply) {
  const Gate::Pass pass(server.gate, client.thread, is_alone(server, command, args));
  if (command.is(kWrite)) server.note_database(client.database.load(std::memory_order_relaxed));
  run(server, client, command, args, reply);
}

// While some clients track keys: what the command changes is told under its client's number.
void run_and_tell(Server& server, Client& client, const Command& command,
                  std::span<const std::string_view> args, Reply& reply) {
  {
    const EventOrigin by(client.id);
    run_through_gate(server, client, command, args, reply);
  }
  if (!command.is(kReadOnly)) server.tracking.settle();
}

// CLIENT CACHING is said of the next command, or of the next transaction.
void forget_caching(Client& client, const Command* command) noexcept {
  const bool is_client = command != nullptr && command->name.starts_with("client|");
  if (!client.in_multi && !is_client) client.tracking.fetch_and(~std::uint32_t{kTracksAsked});
}

}  // namespace

void dispatch(Server& server, Client& client, std::span<const std::string_view> args,
              std::string& out) {
  client.clock = SteadyClock::now();
  dispatch(server, client, CommandTable::instance().of(args), args, out);
}

void dispatch(Server& server, Client& client, const Command* command,
              std::span<const std::string_view> args, std::string& out) {
  Reply reply(out, client.protocol());
  const std::size_t before = reply.size();
  refresh_user(server, client);
  std::string refused;
  if (command == nullptr) {
    refused = unknown_command(args);
  } else {
    client.last_command.store(command, std::memory_order_relaxed);
    refused = refusal(server, client, *command, args);
  }
  if (!refused.empty()) {
    if (client.in_multi) client.multi_failed = true;
    if (command != nullptr) {
      bump(server.stats_of(client.thread, CommandTable::instance().index_of(*command)).rejected, 1);
    }
    reply.error(refused);
    server.count_error(reply.last_error_code());
  } else if (client.in_multi && !command->is(kDirect)) {
    queue(server, client, *command, args, reply);
  } else if (server.tracking.any()) {
    run_and_tell(server, client, *command, args, reply);
  } else {
    run_through_gate(server, client, *command, args, reply);
  }
  apply_reply_mode(client, reply, before);
  if (client.tracks_reads()) forget_caching(client, command);
}

bool is_plain_get(const Server& server, const Client& client, const Command* command,
                  std::span<const std::string_view> args) noexcept {
  return !server.monitors.any() && command == &get_command() && args.size() == 2 && client.authenticated &&
         !client.in_multi && !client.tracks_reads() && client.reply_mode == ReplyMode::kOn &&
         (client.user == nullptr || (client.user->unlimited() &&
                                     client.user_generation == server.acl.generation())) &&
         (client.protocol() >= 3 || client.subscriptions() == 0);
}

std::size_t get_many(Server& server, Client& client, std::span<const std::string_view> keys,
                     std::string& out, std::size_t budget) {
  const auto began = client.clock;
  Reply reply(out, client.protocol());
  client.last_command.store(&get_command(), std::memory_order_relaxed);
  std::size_t answered = 0;
  {
    const Gate::Pass pass(server.gate, client.thread, false);
    Call call(server, client, get_command(), keys, reply);
    answered = read_strings(call, keys, /*strict=*/true, budget);
  }
  client.clock = SteadyClock::now();
  const auto took = client.clock - began;
  CommandStats& stats =
      server.stats_of(client.thread, CommandTable::instance().index_of(get_command()));
  const auto took_ns = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(took).count());
  bump(stats.calls, answered);
  bump(stats.nanoseconds, took_ns);
  stats.note_latency(took_ns / answered, answered);
  if (reply.errors() != 0) {
    bump(stats.failed, reply.errors());
    server.count_error(reply.last_error_code());
  }
  return answered;
}

void wrong_subcommand(Call& call) {
  std::string container(call.command.name.substr(0, call.command.name.find('|')));
  std::transform(container.begin(), container.end(), container.begin(),
                 [](char c) { return c >= 'a' ? static_cast<char>(c - 32) : c; });
  call.error("ERR unknown subcommand or wrong number of arguments for '" +
             std::string(call[1].substr(0, kQuotedBytesMax)) + "'. Try " + container + " HELP.");
}

std::optional<Denial> denial(const User& user, const Command& command,
                             std::span<const std::string_view> args) {
  if (!user.may_run(command) && !command.is(kNoAuth)) {
    return Denial{.reason = "command", .object = std::string(command.name)};
  }
  for (const std::size_t i : key_positions(command, args)) {
    if (!user.may_touch(args[i], key_access(command, args, i))) {
      return Denial{.reason = "key", .object = std::string(args[i])};
    }
  }
  const bool is_pattern = command.name == "psubscribe";
  const bool publishes = command.name == "publish" || command.name == "spublish";
  const bool names = publishes || is_pattern || command.name == "subscribe" ||
                     command.name == "ssubscribe";
  if (user.all_channels || !names) return std::nullopt;
  const std::size_t last = publishes ? 2 : args.size();
  for (std::size_t i = 1; i < last; ++i) {
    if (!user.may_hear(args[i], is_pattern)) {
      return Denial{.reason = "channel", .object = std::string(args[i])};
    }
  }
  return std::nullopt;
}

void log_denial(Server& server, const Client& client, Denial denied, std::string_view user) {
  server.acl_log.add({.reason = std::move(denied.reason),
                      .context = client.in_multi ? "multi" : "toplevel",
                      .object = std::move(denied.object),
                      .user = std::string(user),
                      .client = describe(client),
                      .when_ms = steady_ms()});
}

void forget(Server& server, Client& client) {
  for (const auto& [to, mine] : {std::pair{Listening::kChannel, &client.channels},
                                 std::pair{Listening::kPattern, &client.patterns},
                                 std::pair{Listening::kShard, &client.shards}}) {
    for (const std::string& name : *mine) server.pubsub.unsubscribe(to, name, client);
    mine->clear();
  }
  if (client.monitors.exchange(false)) server.monitors.remove(client);
  server.tracking.end(client);
  client.watched.clear();
}

}  // namespace cloakroom::resp
