// MULTI, EXEC, WATCH. EXEC runs alone: no command of another client comes between. What it writes is
// one step (keys.h), unless it asks for more than keys: then each command is a step of its own.
//
// A watched key has changed when its version or its deadline is another one, or it came, went or
// expired; also when it came and went again.
#include <algorithm>
#include <array>

#include "resp/commands.h"
#include "resp/dispatcher.h"

namespace cloakroom::resp {
namespace {

constexpr std::size_t kWatchedMax = 100'000;

// Of a step that the host's own writes come in the way of: a host that writes the same key in a tight
// loop can win a hundred times in a row.
constexpr int kTriesMax = 10'000;

Watched look(const Store& store, const std::string& key) {
  Watched watched{.key = key};
  const auto seen = store.visit(watched.key, [&](const RecordView& record) {
    watched.version = record.version;
    watched.deadline = record.deadline;
  });
  (void)seen;  // absent is a state like others
  return watched;
}

bool unchanged(const Store& store, const Watched& watched) {
  if (watched.absent != nullptr && watched.absent->came()) return false;
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
    const std::string key(call.key(i));
    Watched watched = look(call.server.store, key);
    if (watched.version == 0) {
      auto absent = call.server.absent_keys.watch(key);
      watched = look(call.server.store, key);
      if (watched.version == 0) watched.absent = std::move(absent);
    }
    call.client.watched.push_back(std::move(watched));
  }
  call.out.ok();
}

void unwatch(Call& call) {
  call.client.watched.clear();
  call.out.ok();
}

bool watched_are_unchanged(Call& call) {
  const auto& watched = call.client.watched;
  const bool any_absent = std::any_of(watched.begin(), watched.end(),
                                      [](const Watched& one) { return one.absent != nullptr; });
  if (any_absent) call.server.store.deliver_events();
  return std::all_of(watched.begin(), watched.end(),
                     [&](const Watched& one) { return unchanged(call.server.store, one); });
}

// May it be run twice, and asks it for nothing but keys?
bool fits_step(const Queued& queued) {
  constexpr std::array<std::string_view, 5> kOthers{"ping", "echo", "select", "time", "publish"};
  const Command& command = *queued.command;
  return command.first_key > 0 || command.is(kMovableKeys) ||
         std::find(kOthers.begin(), kOthers.end(), command.name) != kOthers.end();
}

void run_queue(Call& call, const std::vector<Queued>& queue) {
  Client& client = call.client;
  call.out.array(queue.size());
  std::vector<std::string_view> args;
  for (const Queued& queued : queue) {
    args.assign(queued.args.begin(), queued.args.end());
    if (auto denied = client.user != nullptr && !client.user->unlimited()
                          ? denial(*client.user, *queued.command, args)
                          : std::nullopt) {
      call.error(
          "NOPERM ACLs rules changed between the moment the transaction was accumulated and the "
          "EXEC call. This command is no longer allowed for the following reason: no permission to " +
          (denied->reason == "command" ? "execute the command" : "touch the specified " + denied->reason + "s"));
      continue;
    }
    if (queued.command->is(kWrite)) {
      call.server.note_database(client.database.load(std::memory_order_relaxed));
    }
    run(call.server, client, *queued.command, args, call.out);
  }
}

void exec(Call& call) {
  Client& client = call.client;
  if (!client.in_multi) return call.error("ERR EXEC without MULTI");
  if (client.multi_failed) {
    discard_transaction(client);
    return call.error("EXECABORT Transaction discarded because of previous errors.");
  }
  if (!watched_are_unchanged(call)) {
    discard_transaction(client);
    return call.out.null_array();
  }
  const std::vector<Queued> queue = std::move(client.queue);
  discard_transaction(client);
  if (!std::all_of(queue.begin(), queue.end(), fits_step)) return run_queue(call, queue);
  const Status done = in_one_step(call, [&] { run_queue(call, queue); });
  if (!done) call.error("EXECABORT Transaction discarded because of: " + Call::text_of(done));
}

// The commands of a client are part of a step, until the end of the scope.
class Inside {
 public:
  Inside(Client& client, Step& step) noexcept : client_(client) { client_.step = &step; }
  ~Inside() { client_.step = nullptr; }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

 private:
  Client& client_;
};

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

Status in_one_step(Call& call, FunctionRef<void()> f) {
  Client& client = call.client;
  const std::size_t before = call.out.size();
  const int database = client.database.load(std::memory_order_relaxed);
  for (int i = 0; i < kTriesMax; ++i) {
    Step step(call.server.store);
    {
      const Inside inside(client, step);
      f();
    }
    const Status done = step.commit(call.server.options.durability);
    if (done) return done;
    call.out.truncate(before);
    client.database.store(database, std::memory_order_relaxed);
    if (done.code() != StatusCode::kConflict) return done;
  }
  return Status(StatusCode::kConflict,
                "others write these keys all the time, so nothing was done; try again");
}

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
