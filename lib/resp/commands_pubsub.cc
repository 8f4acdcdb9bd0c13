// Channels: SUBSCRIBE and PUBLISH.
#include "resp/commands.h"

namespace cloakroom::resp {
namespace {

constexpr std::size_t kSubscriptionsMax = 100'000;  // of one client

void confirm(Call& call, std::string_view kind, const std::string* name) {
  call.out.push(3);
  call.out.bulk(kind);
  name != nullptr ? call.out.bulk(*name) : call.out.null();
  call.out.integer(static_cast<std::int64_t>(call.client.subscriptions()));
}

void note_counts(Client& client) {
  client.channel_count.store(client.channels.size(), std::memory_order_relaxed);
  client.pattern_count.store(client.patterns.size(), std::memory_order_relaxed);
}

void subscribe_to(Call& call, bool patterns) {
  PubSub& pubsub = call.server.pubsub;
  for (std::size_t i = 1; i < call.size(); ++i) {
    if (call.client.subscriptions() >= kSubscriptionsMax) {
      return call.error("ERR too many subscriptions");
    }
    const std::string name(call[i]);
    auto& mine = patterns ? call.client.patterns : call.client.channels;
    if (mine.insert(name).second) {
      patterns ? pubsub.subscribe_pattern(name, call.client) : pubsub.subscribe(name, call.client);
    }
    confirm(call, patterns ? "psubscribe" : "subscribe", &name);
  }
  note_counts(call.client);
}

void unsubscribe_from(Call& call, bool patterns) {
  PubSub& pubsub = call.server.pubsub;
  auto& mine = patterns ? call.client.patterns : call.client.channels;
  std::vector<std::string> names(call.args.begin() + 1, call.args.end());
  if (names.empty()) names.assign(mine.begin(), mine.end());
  const std::string_view kind = patterns ? "punsubscribe" : "unsubscribe";
  for (const std::string& name : names) {
    if (mine.erase(name) != 0) {
      patterns ? pubsub.unsubscribe_pattern(name, call.client)
               : pubsub.unsubscribe(name, call.client);
    }
    confirm(call, kind, &name);
  }
  if (names.empty()) confirm(call, kind, nullptr);
  note_counts(call.client);
}

void subscribe(Call& call) { subscribe_to(call, false); }
void psubscribe(Call& call) { subscribe_to(call, true); }
void unsubscribe(Call& call) { unsubscribe_from(call, false); }
void punsubscribe(Call& call) { unsubscribe_from(call, true); }

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

void channels(Call& call) {
  if (call.size() > 3) {
    return call.error("ERR wrong number of arguments for 'pubsub|channels' command");
  }
  const auto names = call.server.pubsub.channels(call.size() == 3 ? call[2] : std::string_view());
  call.out.array(names.size());
  for (const std::string& name : names) call.out.bulk(name);
}

void numsub(Call& call) {
  call.out.array((call.size() - 2) * 2);
  for (std::size_t i = 2; i < call.size(); ++i) {
    call.out.bulk(call[i]);
    call.out.integer(
        static_cast<std::int64_t>(call.server.pubsub.subscribers(std::string(call[i]))));
  }
}

void numpat(Call& call) {
  call.out.integer(static_cast<std::int64_t>(call.server.pubsub.pattern_count()));
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
    {"publish", 3, kFlags | kFast, 0, 0, 0, "pubsub", "2.0.0", "Tell a channel something", publish},
    {"pubsub", -2, kContainer, 0, 0, 0, "pubsub", "2.8.0", "About channels", nullptr},
    {"pubsub|channels", -2, kFlags, 0, 0, 0, "pubsub", "2.8.0", "Channels somebody listens to",
     channels},
    {"pubsub|numsub", -2, kFlags, 0, 0, 0, "pubsub", "2.8.0", "How many listen to channels",
     numsub},
    {"pubsub|numpat", 2, kFlags, 0, 0, 0, "pubsub", "2.8.0", "How many patterns are listened to",
     numpat},
};

}  // namespace

std::span<const Command> pubsub_commands() { return kCommands; }

}  // namespace cloakroom::resp
