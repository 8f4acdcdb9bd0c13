// CLIENT: what is known of clients, and what may be done to them.
#include <algorithm>

#include "resp/commands.h"
#include "resp/steady.h"

namespace cloakroom::resp {
namespace {

std::string flags_of(const Client& client) {
  std::string flags;
  if (client.monitors) flags += 'O';
  if (client.listens()) flags += 'P';
  if (client.queued >= 0) flags += 'x';
  const std::uint32_t tracking = client.tracking;
  if ((tracking & kTracks) != 0) flags += 't';
  if ((tracking & kTracksNowhere) != 0) flags += 'R';
  if ((tracking & kTracksPrefixes) != 0) flags += 'B';
  if (client.no_evict) flags += 'e';
  return flags.empty() ? "N" : flags;
}

void id(Call& call) { call.out.integer(static_cast<std::int64_t>(call.client.id)); }

void getname(Call& call) {
  const std::string name = call.client.card_copy().name;
  name.empty() ? call.out.null() : call.out.bulk(name);
}

void setname(Call& call) {
  if (!is_client_name(call[2])) return call.error(kBadClientName);
  set_client_name(call.client, call[2]);
  call.out.ok();
}

void setinfo(Call& call) {
  const bool is_name = is_word(call[2], "lib-name");
  if (!is_name && !is_word(call[2], "lib-ver")) {
    return call.error("ERR Unrecognized option '" + std::string(call[2]) + "'");
  }
  if (!is_client_name(call[3])) {
    return call.error("ERR " + std::string(is_name ? "lib-name" : "lib-ver") +
                      " cannot contain spaces, newlines or special characters.");
  }
  MutexLock guard(call.client.card_mutex);
  (is_name ? call.client.card.library_name : call.client.card.library_version) = call[3];
  call.out.ok();
}

void info(Call& call) { call.out.verbatim(describe(call.client) + "\n"); }

bool is_client_type(std::string_view word) noexcept {
  return is_word(word, "normal") || is_word(word, "pubsub") || is_word(word, "master") ||
         is_word(word, "replica") || is_word(word, "slave");
}

bool is_of_type(const Client& client, std::string_view type) noexcept {
  return is_word(type, client.listens() ? "pubsub" : "normal");
}

void list(Call& call) {
  std::vector<std::int64_t> ids;
  if (call.size() >= 4 && is_word(call[2], "id")) {
    for (std::size_t i = 3; i < call.size(); ++i) {
      const auto number = parse_int(call[i]);
      if (!number) return call.error("ERR Invalid client ID");
      ids.push_back(*number);
    }
  } else if (call.size() == 4 && is_word(call[2], "type")) {
    if (!is_client_type(call[3])) {
      return call.error("ERR Unknown client type '" + std::string(call[3]) + "'");
    }
  } else if (call.size() != 2) {
    return call.error(kSyntaxError);
  }
  std::string text;
  for (const auto& client : call.server.clients.all()) {
    const bool wanted = !ids.empty() ? std::find(ids.begin(), ids.end(), client->id) != ids.end()
                                     : call.size() == 2 || is_of_type(*client, call[3]);
    if (wanted) text += describe(*client) + "\n";
  }
  call.out.verbatim(text);
}

struct KillFilter {
  std::optional<std::uint64_t> id = std::nullopt;
  std::optional<std::string_view> address = std::nullopt;
  std::optional<std::string_view> local_address = std::nullopt;
  std::optional<std::string_view> user = std::nullopt;
  std::optional<std::string_view> type = std::nullopt;
  bool skip_me = true;
  bool old_form = false;
};

std::optional<KillFilter> kill_filter(Call& call) {
  KillFilter filter;
  if (call.size() == 3) {
    filter.address = call[2];
    filter.skip_me = false;
    filter.old_form = true;
    return filter;
  }
  bool fine = call.size() % 2 == 0;
  for (std::size_t i = 2; fine && i + 1 < call.size(); i += 2) {
    const std::string_view value = call[i + 1];
    if (is_word(call[i], "id")) {
      filter.id = parse_uint(value);
      if (!filter.id || *filter.id == 0) {
        call.error("ERR client-id should be greater than 0");
        return std::nullopt;
      }
    } else if (is_word(call[i], "addr")) {
      filter.address = value;
    } else if (is_word(call[i], "laddr")) {
      filter.local_address = value;
    } else if (is_word(call[i], "user")) {
      if (call.server.acl.find(value) == nullptr) {
        call.error("ERR No such user '" + std::string(value) + "'");
        return std::nullopt;
      }
      filter.user = value;
    } else if (is_word(call[i], "type")) {
      if (!is_client_type(value)) {
        call.error("ERR Unknown client type '" + std::string(value) + "'");
        return std::nullopt;
      }
      filter.type = value;
    } else if (is_word(call[i], "skipme") && (is_word(value, "yes") || is_word(value, "no"))) {
      filter.skip_me = is_word(value, "yes");
    } else {
      fine = false;
    }
  }
  if (fine) return filter;
  call.error(kSyntaxError);
  return std::nullopt;
}

void kill(Call& call) {
  const auto filter = kill_filter(call);
  if (!filter) return;
  std::int64_t killed = 0;
  for (const auto& client : call.server.clients.all()) {
    const Client::Card card = client->card_copy();
    const bool meant = (!filter->id || *filter->id == client->id) &&
                       (!filter->address || *filter->address == card.address) &&
                       (!filter->local_address || *filter->local_address == card.local_address) &&
                       (!filter->user || *filter->user == card.user_name) &&
                       (!filter->type || is_of_type(*client, *filter->type)) &&
                       (!filter->skip_me || client.get() != &call.client);
    if (!meant) continue;
    ++killed;
    client.get() == &call.client ? call.client.close_after_reply() : client->kill();
  }
  if (!filter->old_form) return call.out.integer(killed);
  killed == 0 ? call.error("ERR No such client") : call.out.ok();
}

void reply(Call& call) {
  if (is_word(call[2], "on")) {
    call.client.reply_mode = ReplyMode::kOn;
    call.out.ok();
  } else if (is_word(call[2], "off")) {
    call.client.reply_mode = ReplyMode::kOff;
  } else if (is_word(call[2], "skip")) {
    // This one and the next are not answered.
    if (call.client.reply_mode == ReplyMode::kOn) call.client.reply_mode = ReplyMode::kSkipNext;
  } else {
    call.error(kSyntaxError);
  }
}

void no_evict(Call& call) {
  if (!is_word(call[2], "on") && !is_word(call[2], "off")) return call.error(kSyntaxError);
  call.client.no_evict.store(is_word(call[2], "on"), std::memory_order_relaxed);
  call.out.ok();
}

void no_touch(Call& call) {
  is_word(call[2], "on") || is_word(call[2], "off") ? call.out.ok() : call.error(kSyntaxError);
}

// Nobody is ever blocked here.
void unblock(Call& call) {
  if (call.size() > 4) return wrong_subcommand(call);
  if (call.size() == 4 && !is_word(call[3], "timeout") && !is_word(call[3], "error")) {
    return call.error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
  }
  if (call.integer(2)) call.out.integer(0);
}

void pause(Call& call) {
  constexpr std::int64_t kMost = std::int64_t{1} << 50;
  if (call.size() > 4) return wrong_subcommand(call);
  if (call.size() == 4 && !is_word(call[3], "write") && !is_word(call[3], "all")) {
    return call.error("ERR CLIENT PAUSE mode must be WRITE or ALL");
  }
  const auto timeout = parse_int(call[2]);
  if (!timeout || *timeout > kMost) return call.error("ERR timeout is not an integer or out of range");
  if (*timeout < 0) return call.error("ERR timeout is negative");
  const bool writes = call.size() == 4 && is_word(call[3], "write");
  const std::int64_t now = steady_ms();
  call.server.pause.begin(now, now + *timeout, writes ? Pause::Of::kWrites : Pause::Of::kAll);
  call.out.ok();
}

void unpause(Call& call) {
  call.server.pause.end();
  for (const auto& client : call.server.clients.all()) client->resume();
  call.out.ok();
}

constexpr std::uint32_t kInfoFlags = kNoScript | kLoading | kStale;
constexpr std::uint32_t kAdminFlags = kInfoFlags | kAdmin;

constexpr Command kCommands[] = {
    {"client", -2, kContainer | kInfoFlags, 0, 0, 0, "connection", "2.4.0", "About clients",
     nullptr},
    {"client|id", 2, kInfoFlags, 0, 0, 0, "connection", "5.0.0", "The number of this client", id},
    {"client|getname", 2, kInfoFlags, 0, 0, 0, "connection", "2.6.9", "The name of this client",
     getname},
    {"client|setname", 3, kInfoFlags, 0, 0, 0, "connection", "2.6.9", "Name this client", setname},
    {"client|setinfo", 4, kInfoFlags, 0, 0, 0, "connection", "7.2.0",
     "Tell the library this client uses", setinfo},
    {"client|info", 2, kInfoFlags, 0, 0, 0, "connection", "6.2.0", "What is known of this client",
     info},
    {"client|list", -2, kAdminFlags, 0, 0, 0, "connection", "2.4.0", "What is known of all clients",
     list},
    {"client|kill", -3, kAdminFlags, 0, 0, 0, "connection", "2.4.0", "Close clients", kill},
    {"client|reply", 3, kInfoFlags, 0, 0, 0, "connection", "3.2.0",
     "Whether this client wants replies", reply},
    {"client|no-evict", 3, kAdminFlags, 0, 0, 0, "connection", "7.0.0",
     "Accepted; clients are not evicted here", no_evict},
    {"client|no-touch", 3, kInfoFlags, 0, 0, 0, "connection", "7.2.0",
     "Accepted; reads do not count as use here", no_touch},
    {"client|pause", -3, kAdminFlags, 0, 0, 0, "connection", "3.0.0",
     "Let commands of clients wait for a while", pause},
    {"client|unpause", 2, kAdminFlags, 0, 0, 0, "connection", "6.2.0", "End a pause", unpause},
    {"client|unblock", -3, kAdminFlags, 0, 0, 0, "connection", "5.0.0",
     "Wake a client that is blocked; none ever is", unblock},
};

}  // namespace

// In Redis's order.
std::string describe(const Client& client) {
  const Client::Card card = client.card_copy();
  const auto now = std::chrono::steady_clock::now();
  const auto age = std::chrono::duration_cast<std::chrono::seconds>(now - client.connected).count();
  const auto idle = std::max<std::int64_t>((steady_ms() - client.last_active_ms.load()) / 1000, 0);
  const Command* const last = client.last_command.load();
  std::string line = "id=" + std::to_string(client.id) + " addr=" + card.address +
                     " laddr=" + card.local_address + " fd=-1 name=" + card.name +
                     " age=" + std::to_string(age) + " idle=" + std::to_string(idle) +
                     " flags=" + flags_of(client) + " db=" + std::to_string(client.database) +
                     " sub=" + std::to_string(client.channel_count) +
                     " psub=" + std::to_string(client.pattern_count) +
                     " ssub=" + std::to_string(client.shard_count) + " multi=" + std::to_string(client.queued) +
                     " qbuf=" + std::to_string(client.input_bytes) + " qbuf-free=0 argv-mem=0" +
                     " multi-mem=0 rbs=0 rbp=0 obl=" + std::to_string(client.output_bytes) +
                     " oll=0 omem=" + std::to_string(client.output_bytes) +
                     " tot-mem=" + std::to_string(client.input_bytes + client.output_bytes);
  const std::string redirect =
      (client.tracking & kTracks) == 0 ? "-1" : std::to_string(client.tracking_redirect);
  line += " events=r cmd=" + std::string(last == nullptr ? "NULL" : last->name) +
          " user=" + card.user_name + " redir=" + redirect + " resp=" + std::to_string(client.protocol()) +
          " lib-name=" + card.library_name + " lib-ver=" + card.library_version;
  return line;
}

std::span<const Command> client_commands() { return kCommands; }

}  // namespace cloakroom::resp
