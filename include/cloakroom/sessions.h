// Sessions: web sessions over a Store. Logout is final, tokens are on no disk, timeouts hold.
//
//   cloakroom::Sessions sessions(*store, {.idle_timeout = 30min, .lifetime = 12h});
//   auto session = sessions.create({.owner = "alice", .label = "Firefox on Linux"});
//   if (!session) return fail(session.status());
//   session->set("cart", "[]");
//   if (auto saved = sessions.save(*session); !saved) return fail(saved.status());
//
//   if (auto session = sessions.load(token)) greet(session->owner());   // every request
//   if (auto rotated = sessions.rotate(*session); !rotated) ...         // a new token
//   if (auto ended = sessions.destroy_all("alice", session->token()); !ended) ...
//
// A session is one record of the store, of Kind::kSession. Its key is `name` + ":" + a keyed hash
// of the token, so the store, its files and its backups hold nothing that a browser could present.
// docs/sessions.md is the guide.
#ifndef CLOAKROOM_SESSIONS_H_
#define CLOAKROOM_SESSIONS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cloakroom/clock.h"
#include "cloakroom/cookies.h"
#include "cloakroom/events.h"
#include "cloakroom/options.h"
#include "cloakroom/record.h"
#include "cloakroom/session.h"
#include "cloakroom/status.h"
#include "cloakroom/store.h"

namespace cloakroom {

class SessionManager;

// The clocks of a session. kNoExpiry switches one off.
struct Timeouts {
  Millis idle_timeout = kNoExpiry;      // without a request for so long: over
  Millis lifetime = kNoExpiry;          // after so long: over, whatever was requested
  Millis renewal_interval = kNoExpiry;  // a token older than this is due for rotate()
};

// What NIST SP 800-63B-4 (section 5.2, assurance levels 1 to 3) and the OWASP cheat sheet on
// session management ("Session Expiration") ask for. aal3 and high value are strict: ask your users
// first.
namespace timeouts {
inline constexpr Timeouts kAal1{.lifetime = std::chrono::hours(30 * 24)};
inline constexpr Timeouts kAal2{.idle_timeout = std::chrono::hours(1),
                                .lifetime = std::chrono::hours(24)};
inline constexpr Timeouts kAal3{.idle_timeout = std::chrono::minutes(15),
                                .lifetime = std::chrono::hours(12)};
inline constexpr Timeouts kOwasp{.idle_timeout = std::chrono::minutes(30),
                                 .lifetime = std::chrono::hours(8)};
inline constexpr Timeouts kOwaspHighValue{.idle_timeout = std::chrono::minutes(5),
                                          .lifetime = std::chrono::hours(4)};
}  // namespace timeouts

// Why a session is no more.
enum class EndReason : std::uint8_t {
  kUnknown = 0,
  kIdle = 1,      // no request within its idle timeout
  kLifetime = 2,  // its lifetime was over
  kLogout = 3,    // destroy()
  kRevoked = 4,   // destroy_all(), destroy_handle(): the user or an administrator
  kReplaced = 5,  // its token was rotated away, and the grace is over
  kLimit = 6,     // max_per_owner was reached, and this was the oldest
  kEveryone = 7,  // end_everyone()
  kEvicted = 8,   // somebody erased its record in the store itself
  kCorrupt = 9,   // its record cannot be read
};

// "idle" and so on; a pointer to a constant.
[[nodiscard]] const char* to_string(EndReason reason) noexcept;

// Of what load() and its like answer: whoever asks has no session, show them the login form. Every
// other failure is the server's, and says nothing about the visitor.
[[nodiscard]] constexpr bool is_logged_out(StatusCode code) noexcept {
  return code == StatusCode::kNotFound || code == StatusCode::kEnded;
}

// What create() does for an owner who has max_per_owner sessions.
enum class AtLimit : std::uint8_t {
  kEndOldest,  // ends the one that was seen least recently
  kReject,     // answers kFull
};

// How sessions behave. The defaults suit a web application with logins.
struct SessionsOptions {
  // --- what is promised to the users --------------------------------------------------------

  // Without a request for so long, a session is over. load() moves it. kNoExpiry: none.
  Millis idle_timeout = std::chrono::minutes(30);

  // After so long it is over in any case. kNoExpiry: never, which nobody recommends.
  Millis lifetime = std::chrono::hours(12);

  // Session::renewal_due() says so when the token is older than this; the application then rotates
  // it. What was stolen unnoticed is then worth little for long.
  Millis renewal_interval = kNoExpiry;

  // For how long, and for how many requests, a token that was rotated away still works, for the
  // requests that were on their way. Then it is reported as replayed. A rotation that raises
  // privileges (RotateOptions::reauthenticated, owner) grants none.
  Millis rotate_grace = std::chrono::seconds(10);
  std::uint32_t rotate_grace_uses = 64;

  // Sessions that one owner may have at a time. 0: as many as they like.
  std::size_t max_per_owner = 0;
  AtLimit at_limit = AtLimit::kEndOldest;

  // For how long an ended session is remembered in the store: load() answers kEnded and
  // why_ended() the reason. Costs about 130 bytes for each. At least 1 s.
  Millis remember_ended = std::chrono::hours(1);

  // --- keys ---------------------------------------------------------------------------------

  // What tokens are hashed and proven with: 32 random bytes each. The first makes new tokens, all
  // are accepted: to rotate, put a new one in front and drop the last after `lifetime`. Empty: they
  // are in a file beside the store, which is made with one key when there is none.
  std::vector<std::string> keys = {};

  // That file. Empty: `<path of the store>.key`. Only its owner may read it. Keep a copy apart from
  // the backups of the store: who has both can look for the tokens they heard of, and without it
  // nobody's session can be found. Not used with `keys`, nor with a store in memory only.
  std::string key_file = {};

  // The store holds sessions, and their key is gone: true starts with a new one and so ends them
  // all; false answers kIo and says what to do.
  bool replace_lost_key = false;

  // This store is a checkpoint, opened: what ended in the original since then is alive in it. false
  // ends every session in it, once. true keeps them.
  bool trust_copy = false;

  // --- the rest -----------------------------------------------------------------------------

  // How cookie() and end_cookie() set the token, and the name load_cookie() looks for. Options that
  // check_cookie_options() refuses are refused by the constructor.
  CookieOptions cookie = CookieOptions();  // with {} g++ 12 warns, wrongly

  // Two of these over one store need different names. 1 to 32 of a-z, A-Z, 0-9, '-', '_', '.'.
  std::string name = "sess";

  // How many endings why_ended() remembers when the store has no record of them any more: timeouts,
  // and the others once remember_ended is over. About 200 bytes each in memory, and 256 in the file
  // LEDGER-<name> of the store's directory (of 65,536 at most), so that they are known after a
  // restart or a crash, and to `cloakroom why`. 0: none, no such file, and no subscription to the
  // store's events for it.
  std::size_t ledger_entries = 4096;

  // false: events are delivered by deliver() and by nobody else.
  bool background = true;
};

struct CreateOptions {
  std::string_view owner = {};  // who has logged in; empty: nobody yet
  std::string_view label = {};  // for the list of devices, such as "Firefox on Linux"

  // Unset: as in SessionsOptions.
  std::optional<Millis> idle_timeout = std::nullopt;
  std::optional<Millis> lifetime = std::nullopt;
  std::optional<Millis> renewal_interval = std::nullopt;

  std::span<const Field> attributes = {};  // a name at most once
  std::uint32_t schema = 0;

  // Unset: kDisk with an owner, the store's own level without.
  std::optional<Durability> durability = std::nullopt;
};

struct SaveOptions {
  // Answer kConflict, changing nothing, when an attribute that is to be changed has another value
  // now than when it was loaded. false: the last one wins. Counters never conflict.
  bool refuse_conflicts = false;

  // Unset: the store's own level.
  std::optional<Durability> durability = std::nullopt;
};

struct RotateOptions {
  // The user has just proven who they are again: both timeouts begin anew, authenticated_at() is
  // now, and the old token has no grace.
  bool reauthenticated = false;

  // Somebody logged in: the session, with all its attributes, belongs to them from now on. Counts
  // as reauthenticated. max_per_owner holds.
  std::optional<std::string_view> owner = std::nullopt;

  // Unset: SessionsOptions::rotate_grace, or none as said above. 0: none.
  std::optional<Millis> grace = std::nullopt;

  // Unset: kDisk.
  std::optional<Durability> durability = std::nullopt;
};

struct EndOptions {
  // Unset: what the call is for (kLogout for destroy, kRevoked for the others).
  std::optional<EndReason> reason = std::nullopt;
  // Unset: kDisk. Less, only together with Store::when_durable.
  std::optional<Durability> durability = std::nullopt;
};

// A session in a list. Gives access to nothing.
struct SessionInfo {
  std::string handle = {};
  std::string label = {};
  TimeMs created = 0;
  TimeMs last_seen = 0;
  TimeMs deadline = kNever;
  TimeMs lifetime = kNever;
  TimeMs authenticated_at = 0;
  bool current = false;  // the one whose token was given to list()
};

// How a session ended.
struct Ending {
  EndReason reason = EndReason::kUnknown;
  TimeMs when = 0;
  std::string owner = {};
};

// How many sessions a call ended, and the version that covers it (Store::when_durable).
struct EndedCount {
  std::size_t count = 0;
  Version version = 0;
};

enum class SessionEventType : std::uint8_t {
  kCreated = 0,
  kRotated = 1,   // it has a new token
  kEnded = 2,     // `reason` says why
  kReplayed = 3,  // a token came that had been rotated away, after its grace: stolen, or very late
  kOverflow = 6,  // the queue was full: `dropped` events are missing before the next one
};

// A set of event types, for subscribe().
[[nodiscard]] constexpr EventMask event_bit(SessionEventType type) noexcept {
  return EventMask{1} << static_cast<unsigned>(type);
}

struct SessionEvent {
  SessionEventType type = SessionEventType::kCreated;
  EndReason reason = EndReason::kUnknown;  // kEnded
  std::string handle = {};                 // empty when everyone was ended
  std::string owner = {};
  TimeMs when = 0;            // store time
  std::uint64_t dropped = 0;  // kOverflow only
};

// Counted since construction.
struct SessionsStats {
  std::uint64_t created = 0;
  std::uint64_t loads = 0;      // answered with a session
  std::uint64_t slides = 0;     // of these: that moved the deadline
  std::uint64_t graces = 0;     // of these: by a token in its grace
  std::uint64_t malformed = 0;  // not even a token: wrong length or characters
  std::uint64_t forged = 0;     // a token that we did not make. Many of them: somebody is guessing
  std::uint64_t unknown = 0;    // a token of ours, and nothing is known of it any more
  std::uint64_t ended = 0;      // a token of a session that has ended
  std::uint64_t replayed = 0;   // of these: rotated away
  std::uint64_t saves = 0;
  std::uint64_t saves_refused = 0;  // kEnded or kConflict
  std::uint64_t rotations = 0;
  std::uint64_t destroyed = 0;  // by any of the calls that end sessions; kEveryone counts once
  std::uint64_t events_dropped = 0;
  bool ledger_on_disk = false;  // why_ended() will know after a restart
  std::string ledger_problem;   // what was wrong with the ledger's file; empty: nothing
};

// Thread safety: every method may be called from any thread at any time. The Store must outlive
// this object and must not be moved meanwhile. One store may carry several of these, with different
// names; of one name, only one at a time.
//
// What every method may answer, and does not say again:
//   what the constructor met     until it is put right; status() shows it
//   kIo, kCorruption, kClosed, kReadOnly, kFull, kBusy, kTooLarge of the Store. An error is never
//                                "no session": treat it as a failed request, not as a logged-out
//                                one
// and where a token is taken:
//   kNotFound   this is no token of ours, or nothing is known of it any more
//   kEnded      the session has ended; the message says why. Ask the user to log in
//
// From the moment a call that ends sessions returns, no load() gives them, no save() changes them,
// and no crash or power cut brings them back. A session that ended while a request was at work on
// it stays ended: save() answers kEnded.
class Sessions {
 public:
  // Reads or makes the key file, and checks that it is the one the store's sessions were made with.
  // Never throws for what the world does: a failure is kept and answered by every call.
  //   kInvalidArgument   an option is out of its bounds; says which
  //   kIo                the key file cannot be read, others may read it, or it is not the right
  //   one
  explicit Sessions(Store& store, SessionsOptions options = {});
  explicit Sessions(std::unique_ptr<SessionManager> manager) noexcept;  // for tests, lib/sessions
  ~Sessions();
  Sessions(Sessions&&) noexcept;
  Sessions& operator=(Sessions&&) noexcept;
  Sessions(const Sessions&) = delete;
  Sessions& operator=(const Sessions&) = delete;

  // Ok, or why every call fails.
  [[nodiscard]] Status status() const;

  // --- a request ---------------------------------------------------------------------------

  // A new session with a new token. Waits for the disk when it has an owner. kFull: max_per_owner
  // is reached and at_limit is kReject, or the store's limits. kIo: the kernel gave no random
  // bytes. kInvalidArgument: a timeout that is not more than 0, an attribute named twice.
  [[nodiscard]] Result<Session> create(const CreateOptions& options = {});

  // The session of a token; its idle timeout begins anew (unless it did so within the last second,
  // or the last 64th of it). Never creates. Does not write, but for a touch, and for a token in its
  // grace.
  [[nodiscard]] Result<Session> load(std::string_view token);

  // The same into `session`, whose memory is reused; it holds no session unless the answer is ok.
  [[nodiscard]] Status load(std::string_view token, Session& session);

  // The same without moving anything: for background requests of the page that are not the user's,
  // and for looking.
  [[nodiscard]] Result<Session> peek(std::string_view token) const;

  // load() of the token in a request's Cookie header, or in its Cookie headers where the protocol
  // has several. kNotFound also when there is no such cookie, or several with different values (see
  // cookies.h): the message says so.
  [[nodiscard]] Result<Session> load_cookie(std::string_view header);
  [[nodiscard]] Result<Session> load_cookie(std::span<const std::string_view> headers);

  // Writes what was changed, and nothing else; `session` then shows what is stored, the changes of
  // others included. Never creates. Ok at once when nothing was changed.
  //   kEnded      it ended meanwhile; nothing was written
  //   kConflict   see SaveOptions
  //   kTooLarge, kInvalidArgument   a limit of session.h, or increment() on what is no number
  // In every failing case nothing was written and the changes are still in `session`.
  [[nodiscard]] Status save(Session& session, const SaveOptions& options = {});

  // Atomic read-modify-write: f(Session&) runs once on the session as it is, under the lock of its
  // stripe: keep it short, and call neither this object nor the store. What it changed is stored
  // before anybody else's change. Answers as save(). Does not move the idle timeout.
  [[nodiscard]] Result<Session> update(std::string_view token, FunctionRef<void(Session&)> f,
                                       const SaveOptions& options = {});

  // A new token for the same session, in one atomic write; `session` has it then, and keeps the
  // changes that were not saved (save them after, under the new token). The old token works for its
  // grace, then answers kEnded. Call it when somebody logs in, when privileges change, and when
  // renewal_due() says so. kConflict: another request has rotated it; that one's answer carries the
  // new token, so send none.
  [[nodiscard]] Status rotate(Session& session, const RotateOptions& options = {});

  // The value of the Set-Cookie header that gives the browser the session's token: after create()
  // and after rotate(), in the same answer. For a Session that holds none it is end_cookie().
  [[nodiscard]] std::string cookie(const Session& session) const;

  // The value of the Set-Cookie header that makes the browser drop it: after a logout. Ends nothing
  // by itself.
  [[nodiscard]] std::string end_cookie() const;

  // --- the end -----------------------------------------------------------------------------
  // These end sessions even while the store is full, and in memory even when the disk has failed
  // (the answer then says so).

  // Logout. Also by a token that was rotated away: ending is always allowed. The version is for
  // Store::when_durable. kEnded: it had ended before, and that is durable too now.
  Result<Version> destroy(std::string_view token, const EndOptions& options = {});
  Result<Version> destroy(const Session& session, const EndOptions& options = {});

  // One of the owner's sessions, by its handle: "log out this device". kNotFound: they have no
  // such.
  Result<Version> destroy_handle(std::string_view owner, std::string_view handle,
                                 const EndOptions& options = {});

  // All sessions of an owner, except the one of `keep_token` unless that is empty. One created
  // meanwhile is either ended or was created after. kInvalidArgument: no owner was named.
  Result<EndedCount> destroy_all(std::string_view owner, std::string_view keep_token = {},
                                 const EndOptions& options = {});

  // Every session of this name, in one write, whatever their number.
  Result<Version> end_everyone(const EndOptions& options = {});

  // --- looking -----------------------------------------------------------------------------

  // The living sessions of an owner, the latest seen first.
  [[nodiscard]] Result<std::vector<SessionInfo>> list(std::string_view owner,
                                                      std::string_view current_token = {}) const;

  // How a session ended. kNotFound: it has not, or that is forgotten.
  [[nodiscard]] Result<Ending> why_ended(std::string_view token) const;

  // Ok when the user proved who they are within the last `max_age`. kEnded otherwise: ask for the
  // password, then rotate with reauthenticated. Asks nothing of the store.
  [[nodiscard]] Status require_fresh(const Session& session, Millis max_age) const;

  // Calls f for every event in the mask from now on, one at a time, on a thread of its own (or in
  // deliver()). f must not block for long, events are then dropped; it may call this object.
  [[nodiscard]] Subscription subscribe(std::function<void(const SessionEvent&)> f,
                                       EventMask mask = kAllEvents);

  // Delivers what is queued, in this thread. Only with background off.
  void deliver();

  [[nodiscard]] SessionsStats stats() const;

 private:
  std::unique_ptr<SessionManager> manager_;
};

}  // namespace cloakroom

#endif  // CLOAKROOM_SESSIONS_H_
