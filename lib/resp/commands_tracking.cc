// CLIENT TRACKING and its kin: what a client keeps in a cache of its own (tracking.h).
#include <algorithm>

#include "resp/commands.h"
#include "resp/tracking.h"

namespace cloakroom::resp {
namespace {

std::uint32_t flags_of(const Call& call) noexcept {
  return call.client.tracking.load(std::memory_order_relaxed);
}

std::uint32_t flag_of(std::string_view word) noexcept {
  if (is_word(word, "bcast")) return kTracksPrefixes;
  if (is_word(word, "optin")) return kTracksIfAsked;
  if (is_word(word, "optout")) return kTracksUnlessAsked;
  if (is_word(word, "noloop")) return kTracksNotItself;
  return 0;
}

std::optional<TrackingChoice> choice_of(Call& call) {
  TrackingChoice choice;
  for (std::size_t i = 3; i < call.size(); ++i) {
    const bool has_value = i + 1 < call.size();
    if (has_value && is_word(call[i], "redirect")) {
      if (choice.redirect != 0) {
        call.error("ERR A client can only redirect to a single other client");
        return std::nullopt;
      }
      const auto id = call.integer(++i);
      if (!id) return std::nullopt;
      choice.redirect = static_cast<std::uint64_t>(*id);
      if (call.server.clients.find(choice.redirect) == nullptr) {
        call.error("ERR The client ID you want redirect to does not exist");
        return std::nullopt;
      }
    } else if (has_value && is_word(call[i], "prefix")) {
      choice.prefixes.emplace_back(call[++i]);
    } else if (const std::uint32_t flag = flag_of(call[i]); flag != 0) {
      choice.flags |= flag;
    } else {
      call.error(kSyntaxError);
      return std::nullopt;
    }
  }
  return choice;
}

// Why these cannot go together, or with what the client has; empty when they can.
std::string_view conflict_of(std::uint32_t has, const TrackingChoice& choice) {
  const std::uint32_t wants = choice.flags;
  if ((wants & kTracksPrefixes) == 0 && !choice.prefixes.empty()) {
    return "ERR PREFIX option requires BCAST mode to be enabled";
  }
  if ((has & kTracks) != 0 && ((has ^ wants) & kTracksPrefixes) != 0) {
    return "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and "
           "then re-enabling it with a different mode.";
  }
  if ((wants & kTracksPrefixes) != 0 && (wants & (kTracksIfAsked | kTracksUnlessAsked)) != 0) {
    return "ERR OPTIN and OPTOUT are not compatible with BCAST";
  }
  if ((wants & kTracksIfAsked) != 0 && (wants & kTracksUnlessAsked) != 0) {
    return "ERR You can't specify both OPTIN mode and OPTOUT mode";
  }
  if (((wants & kTracksIfAsked) != 0 && (has & kTracksUnlessAsked) != 0) ||
      ((wants & kTracksUnlessAsked) != 0 && (has & kTracksIfAsked) != 0)) {
    return "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and "
           "then re-enabling it with a different mode.";
  }
  return {};
}

// A key would be told twice.
bool prefixes_overlap(Call& call, const std::vector<std::string>& prefixes) {
  constexpr std::string_view kEnd = "'. Prefixes for a single client must not overlap.";
  for (std::size_t i = 0; i < prefixes.size(); ++i) {
    const std::string begin = "ERR Prefix '" + prefixes[i] + "' overlaps with ";
    if (const auto known = call.server.tracking.overlap(call.client, prefixes[i])) {
      call.error(begin + "an existing prefix '" + *known + std::string(kEnd));
      return true;
    }
    const auto other =
        std::find_if(prefixes.begin() + static_cast<std::ptrdiff_t>(i) + 1, prefixes.end(),
                     [&](const std::string& later) {
                       return later.starts_with(prefixes[i]) || prefixes[i].starts_with(later);
                     });
    if (other == prefixes.end()) continue;
    call.error(begin + "another provided prefix '" + *other + std::string(kEnd));
    return true;
  }
  return false;
}

void tracking(Call& call) {
  const auto choice = choice_of(call);
  if (!choice) return;
  if (is_word(call[2], "off")) {
    call.server.tracking.end(call.client);
    return call.out.ok();
  }
  if (!is_word(call[2], "on")) return call.error(kSyntaxError);
  if (const auto conflict = conflict_of(flags_of(call), *choice); !conflict.empty()) {
    return call.error(conflict);
  }
  if ((choice->flags & kTracksPrefixes) != 0) {
    if (!call.server.options.hash_keys.empty()) {
      return call.error(
          "ERR BCAST is not possible here: changes of some keys are known by the hashes of their "
          "names alone (hash-keys)");
    }
    if (prefixes_overlap(call, choice->prefixes)) return;
  }
  call.server.tracking.begin(call.client, *choice);
  call.out.ok();
}

void caching(Call& call) {
  const std::uint32_t flags = flags_of(call);
  if ((flags & kTracks) == 0) {
    return call.error(
        "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or "
        "OPTOUT mode enabled");
  }
  const bool yes = is_word(call[2], "yes");
  if (!yes && !is_word(call[2], "no")) return call.error(kSyntaxError);
  if ((flags & (yes ? kTracksIfAsked : kTracksUnlessAsked)) == 0) {
    return call.error("ERR CLIENT CACHING " + std::string(yes ? "YES" : "NO") +
                      " is only valid when tracking is enabled in " +
                      std::string(yes ? "OPTIN" : "OPTOUT") + " mode.");
  }
  call.client.tracking.fetch_or(kTracksAsked, std::memory_order_relaxed);
  call.out.ok();
}

// 0: to itself; -1: it does not track.
std::int64_t redirect_of(const Call& call) noexcept {
  if ((flags_of(call) & kTracks) == 0) return -1;
  return static_cast<std::int64_t>(call.client.tracking_redirect.load(std::memory_order_relaxed));
}

void getredir(Call& call) { call.out.integer(redirect_of(call)); }

void trackinginfo(Call& call) {
  const std::uint32_t flags = flags_of(call);
  const bool asked = (flags & kTracksAsked) != 0;
  std::vector<std::string_view> words{(flags & kTracks) != 0 ? "on" : "off"};
  if ((flags & kTracksPrefixes) != 0) words.push_back("bcast");
  if ((flags & kTracksIfAsked) != 0) words.push_back("optin");
  if ((flags & kTracksIfAsked) != 0 && asked) words.push_back("caching-yes");
  if ((flags & kTracksUnlessAsked) != 0) words.push_back("optout");
  if ((flags & kTracksUnlessAsked) != 0 && asked) words.push_back("caching-no");
  if ((flags & kTracksNotItself) != 0) words.push_back("noloop");
  if ((flags & kTracksNowhere) != 0) words.push_back("broken_redirect");
  call.out.map(3);
  call.out.bulk("flags");
  call.out.set(words.size());
  for (const auto word : words) call.out.bulk(word);
  call.out.bulk("redirect");
  call.out.integer(redirect_of(call));
  call.out.bulk("prefixes");
  const auto prefixes = call.server.tracking.prefixes_of(call.client);
  call.out.array(prefixes.size());
  for (const auto& prefix : prefixes) call.out.bulk(prefix);
}

constexpr std::uint32_t kFlags = kNoScript | kLoading | kStale;

constexpr Command kCommands[] = {
    {"client|tracking", -3, kFlags, 0, 0, 0, "connection", "6.0.0",
     "Tell this client when keys change that it has read", tracking},
    {"client|caching", 3, kFlags, 0, 0, 0, "connection", "6.0.0",
     "Whether keys of the next command are tracked", caching},
    {"client|getredir", 2, kFlags, 0, 0, 0, "connection", "6.0.0",
     "The client that is told in place of this one", getredir},
    {"client|trackinginfo", 2, kFlags, 0, 0, 0, "connection", "6.2.0",
     "What this client has chosen to track", trackinginfo},
};

}  // namespace

std::span<const Command> tracking_commands() { return kCommands; }

void remember_keys(Call& call) {
  const std::uint32_t flags = flags_of(call);
  const bool asked = (flags & kTracksAsked) != 0;
  if (((flags & kTracksIfAsked) != 0 && !asked) || ((flags & kTracksUnlessAsked) != 0 && asked)) {
    return;
  }
  std::vector<TrackedKey> keys;
  for (const std::size_t i : key_positions(call.command, call.args)) {
    const std::string_view stored = call.map(call[i]);
    if (const auto known = database_key(stored)) keys.push_back({known->key, call[i]});
  }
  if (!keys.empty()) call.server.tracking.remember(call.client, keys);
}

}  // namespace cloakroom::resp
