// MULTI, EXEC, WATCH. EXEC runs alone: no command of another client comes between. A watched key
// has changed when its version or its deadline is another one, or it came, went or expired.
#include "resp/commands.h"
#include "resp/dispatcher.h"

namespace cloakroom::resp {
namespace {

constexpr std::size_t kWatchedMax = 100'000;

Watched look(const Store& store, std::string key) {
  Watched watched{.key = std::move(key)};
  const auto seen = store.visit(watched.key, [&](const RecordView& record) {
    watched.version = record.version;
    watched.deadline = record.deadline;
  });
  (void)seen;  // absent is a state like others
  return watched;
}

bool unchanged(const Store& store, const Watched& watched) {
  const Watched now = look(store, watched.key);
  return now.version == watched.version && now.deadline == watched.deadline;
}

void multi(Call& call) {
  if (call.client.in_multi) return call.error("ERR MULTI calls can not be nested");
  call.client.in_multi = true;
  call.client.queued = 0;
  call.out.ok();
}

void discard(Call& call) {
  if (!call.client.in_multi) return call.error("ERR DISCARD without MULTI");
  discard_transaction(call.client);
  call.out.ok();
}

void watch(Call& call) {
  if (call.client.in_multi) return call.error("ERR WATCH inside MULTI is not allowed");
  for (std::size_t i = 1; i < call.size(); ++i) {
    if (call.client.watched.size() >= kWatchedMax) return call.error("ERR too many watched keys");
    call.client.watched.push_back(look(call.store(), std::string(call.key(i))));
  }
  call.out.ok();
}

void unwatch(Call& call) {
  call.client.watched.clear();
  call.out.ok();
}

void exec(Call& call) {
  Client& client = call.client;
  if (!client.in_multi) return call.error("ERR EXEC without MULTI");
  if (client.multi_failed) {
    discard_transaction(client);
    return call.error("EXECABORT Transaction discarded because of previous errors.");
  }
  for (const Watched& watched : client.watched) {
    if (unchanged(call.store(), watched)) continue;
    discard_transaction(client);
    return call.out.null_array();
  }
  const std::vector<Queued> queue = std::move(client.queue);
  discard_transaction(client);
  call.out.array(queue.size());
  std::vector<std::string_view> args;
  for (const Queued& queued : queue) {
    args.assign(queued.args.begin(), queued.args.end());
    if (queued.command->is(kWrite)) {
      call.server.note_database(client.database.load(std::memory_order_relaxed));
    }
    run(call.server, client, *queued.command, args, call.out);
  }
}

constexpr std::uint32_t kFlags = kNoScript | kLoading | kStale | kDirect;

constexpr Command kCommands[] = {
    {"multi", 1, kFlags | kFast, 0, 0, 0, "transactions", "1.2.0", "Begin a transaction", multi},
    {"exec", 1, kFlags | kExclusive, 0, 0, 0, "transactions", "1.2.0",
     "Run what was queued since MULTI", exec},
    {"discard", 1, kFlags | kFast, 0, 0, 0, "transactions", "2.0.0", "Drop what was queued",
     discard},
    {"watch", -2, kFlags | kFast, 1, -1, 1, "transactions", "2.2.0",
     "EXEC only if these keys are unchanged", watch},
    {"unwatch", 1, kNoScript | kLoading | kStale | kFast, 0, 0, 0, "transactions", "2.2.0",
     "Forget watched keys", unwatch},
};

}  // namespace

std::span<const Command> transaction_commands() { return kCommands; }

void discard_transaction(Client& client) {
  client.in_multi = false;
  client.multi_failed = false;
  client.queue.clear();
  client.queue.shrink_to_fit();
  client.queue_bytes = 0;
  client.watched.clear();
  client.queued.store(-1, std::memory_order_relaxed);
}

}  // namespace cloakroom::resp
