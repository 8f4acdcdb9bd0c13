// Channels: SUBSCRIBE and PUBLISH.
#include <array>

#include "resp/commands.h"

namespace cloakroom::resp {
namespace {

constexpr std::size_t kSubscriptionsMax = 100'000;  // of one client

// What a client listens to, of one sort.
std::set<std::string>& of(Client& client, Listening to) {
  if (to == Listening::kPattern) return client.patterns;
  return to == Listening::kShard ? client.shards : client.channels;
}

// Channels and patterns are counted together, sharded channels for themselves.
void confirm(Call& call, Listening to, const std::string* name) {
  constexpr std::array<std::string_view, 3> kJoin{"subscribe", "psubscribe", "ssubscribe"};
  constexpr std::array<std::string_view, 3> kLeave{"unsubscribe", "punsubscribe", "sunsubscribe"};
  const bool joins = call.command.name == kJoin[static_cast<std::size_t>(to)];
  const std::size_t shards = call.client.shards.size();
  call.out.push(3);
  call.out.bulk((joins ? kJoin : kLeave)[static_cast<std::size_t>(to)]);
  name != nullptr ? call.out.bulk(*name) : call.out.null();
  call.out.integer(static_cast<std::int64_t>(
      to == Listening::kShard ? shards : call.client.subscriptions() - shards));
}

void note_counts(Client& client) {
  client.channel_count.store(client.channels.size(), std::memory_order_relaxed);
  client.pattern_count.store(client.patterns.size(), std::memory_order_relaxed);
  client.shard_count.store(client.shards.size(), std::memory_order_relaxed);
}

void join(Call& call, Listening to) {
  for (std::size_t i = 1; i < call.size(); ++i) {
    if (call.client.subscriptions() >= kSubscriptionsMax) {
      return call.error("ERR too many subscriptions");
    }
    const std::string name(call[i]);
    if (of(call.client, to).insert(name).second) call.server.pubsub.subscribe(to, name, call.client);
    confirm(call, to, &name);
  }
  note_counts(call.client);
}

void leave(Call& call, Listening to) {
  auto& mine = of(call.client, to);
  std::vector<std::string> names(call.args.begin() + 1, call.args.end());
  if (names.empty()) names.assign(mine.begin(), mine.end());
  for (const std::string& name : names) {
    if (mine.erase(name) != 0) call.server.pubsub.unsubscribe(to, name, call.client);
    confirm(call, to, &name);
  }
  if (names.empty()) confirm(call, to, nullptr);
  note_counts(call.client);
}

void subscribe(Call& call) { join(call, Listening::kChannel); }
void psubscribe(Call& call) { join(call, Listening::kPattern); }
void ssubscribe(Call& call) { join(call, Listening::kShard); }
void unsubscribe(Call& call) { leave(call, Listening::kChannel); }
void punsubscribe(Call& call) { leave(call, Listening::kPattern); }
void sunsubscribe(Call& call) { leave(call, Listening::kShard); }

void publish(Call& call) {
  if (call.client.step != nullptr) {
    PubSub& pubsub = call.server.pubsub;
    call.client.step->afterwards([&pubsub, channel = std::string(call[1]),
                                  message = std::string(call[2])] {
      pubsub.publish(channel, message);
    });
    return call.out.integer(static_cast<std::int64_t>(pubsub.receivers(call[1])));
  }
  call.out.integer(static_cast<std::int64_t>(call.server.pubsub.publish(call[1], call[2])));
}

void spublish(Call& call) {
  call.out.integer(static_cast<std::int64_t>(call.server.pubsub.publish_sharded(call[1], call[2])));
}

void tell_names(Call& call, Listening to) {
  if (call.size() > 3) {
    return call.error("ERR wrong number of arguments for '" + std::string(call.command.name) +
                      "' command");
  }
  const auto names = call.server.pubsub.names(to, call.size() == 3 ? call[2] : std::string_view());
  call.out.array(names.size());
  for (const std::string& name : names) call.out.bulk(name);
}

void tell_numbers(Call& call, Listening to) {
  call.out.array((call.size() - 2) * 2);
  for (std::size_t i = 2; i < call.size(); ++i) {
    call.out.bulk(call[i]);
    call.out.integer(
        static_cast<std::int64_t>(call.server.pubsub.subscribers(to, std::string(call[i]))));
  }
}

void channels(Call& call) { tell_names(call, Listening::kChannel); }
void shardchannels(Call& call) { tell_names(call, Listening::kShard); }
void numsub(Call& call) { tell_numbers(call, Listening::kChannel); }
void shardnumsub(Call& call) { tell_numbers(call, Listening::kShard); }

void numpat(Call& call) {
  call.out.integer(static_cast<std::int64_t>(call.server.pubsub.count(Listening::kPattern)));
}

constexpr std::uint32_t kFlags = kPubSub | kLoading | kStale;

constexpr Command kCommands[] = {
    {"subscribe", -2, kFlags | kNoScript, 0, 0, 0, "pubsub", "2.0.0", "Listen to channels",
     subscribe},
    {"unsubscribe", -1, kFlags | kNoScript, 0, 0, 0, "pubsub", "2.0.0", "Listen no more",
     unsubscribe},
    {"psubscribe", -2, kFlags | kNoScript, 0, 0, 0, "pubsub", "2.0.0",
     "Listen to channels that match patterns", psubscribe},
    {"punsubscribe", -1, kFlags | kNoScript, 0, 0, 0, "pubsub", "2.0.0",
     "Listen to patterns no more", punsubscribe},
    {"ssubscribe", -2, kFlags | kNoScript, 0, 0, 0, "pubsub", "7.0.0", "Listen to sharded channels",
     ssubscribe},
    {"sunsubscribe", -1, kFlags | kNoScript, 0, 0, 0, "pubsub", "7.0.0",
     "Listen to sharded channels no more", sunsubscribe},
    {"spublish", 3, kFlags | kFast, 0, 0, 0, "pubsub", "7.0.0", "Tell a sharded channel something",
     spublish},
    {"publish", 3, kFlags | kFast, 0, 0, 0, "pubsub", "2.0.0", "Tell a channel something", publish},
    {"pubsub", -2, kContainer, 0, 0, 0, "pubsub", "2.8.0", "About channels", nullptr},
    {"pubsub|channels", -2, kFlags, 0, 0, 0, "pubsub", "2.8.0", "Channels somebody listens to",
     channels},
    {"pubsub|numsub", -2, kFlags, 0, 0, 0, "pubsub", "2.8.0", "How many listen to channels",
     numsub},
    {"pubsub|shardchannels", -2, kFlags, 0, 0, 0, "pubsub", "7.0.0",
     "Sharded channels somebody listens to", shardchannels},
    {"pubsub|shardnumsub", -2, kFlags, 0, 0, 0, "pubsub", "7.0.0",
     "How many listen to sharded channels", shardnumsub},
    {"pubsub|numpat", 2, kFlags, 0, 0, 0, "pubsub", "2.8.0", "How many patterns are listened to",
     numpat},
};

}  // namespace

std::span<const Command> pubsub_commands() { return kCommands; }

}  // namespace cloakroom::resp
