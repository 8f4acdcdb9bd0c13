// The reading half: load, peek, list, why_ended, require_fresh.
#include <algorithm>
#include <utility>

#include "base/wipe.h"
#include "sessions/policy.h"
#include "sessions/session_access.h"
#include "sessions/session_manager.h"

namespace cloakroom {

// Reads the session of a digest, along replaced records while their grace lasts. `live` shows what
// is in the session's buffer. Nothing but ok makes it a session.
Status SessionManager::find(Digest digest, Session& session, LiveRecord& live, Grace grace) {
  const bool counts = grace == Grace::kCount;
  for (int hop = 0; hop < kHopsMax; ++hop) {
    bool ours = false;
    const Result<Version> seen = store_.visit(key_of(digest).view(), [&](const RecordView& view) {
      ours = view.kind == Kind::kSession;
      SessionAccess::copy(session, view);
    });
    if (!seen) {
      if (counts && seen.code() == StatusCode::kNotFound) counters_.add(kUnknown);
      return seen.status();
    }
    const std::string_view value = SessionAccess::value(session);
    const RecordType type = ours ? type_of(value) : RecordType::kNone;
    if (type == RecordType::kLive) {
      if (!decode(value, live)) return corrupt();
      if (!is_current(live)) {
        if (counts) counters_.add(kEndedTokens);
        return ended(EndReason::kEveryone);
      }
      SessionAccess::adopt(session, live, digest);
      SessionAccess::set_aliased(session, hop != 0);
      return Status();
    }
    if (EndedRecord tombstone; type == RecordType::kEnded && decode(value, tombstone)) {
      if (counts) counters_.add(kEndedTokens);
      return ended(tombstone.reason);
    }
    ReplacedRecord replaced;
    if (type != RecordType::kReplaced || !decode(value, replaced)) return corrupt();
    if (Status leads_on = follow(digest, replaced, grace); !leads_on) return leads_on;
    digest = replaced.digest;
    between();
  }
  return corrupt();
}

// Ok while the replaced record still leads to the session.
Status SessionManager::follow(const Digest& digest, const ReplacedRecord& replaced, Grace grace) {
  if (grace == Grace::kIgnore) return Status();
  bool leads_on = store_.now() <= replaced.grace_until && replaced.uses < replaced.uses_max;
  if (grace == Grace::kLook) {
    if (leads_on) return Status();
    return ended(EndReason::kReplaced);
  }
  if (leads_on) {
    const Result<bool> counted = count_grace(digest);
    if (!counted) return counted.status();
    leads_on = *counted;
  }
  if (leads_on) {
    counters_.add(kGraces);
    return Status();
  }
  counters_.add(kEndedTokens);
  counters_.add(kReplayed);
  tell(SessionEventType::kReplayed, EndReason::kReplaced, handle_text(replaced.handle),
       replaced.owner, 0);
  return ended(EndReason::kReplaced);
}

// Uses the grace up by one; false when there was none left.
Result<bool> SessionManager::count_grace(const Digest& digest) {
  bool counted = false;
  const TimeMs now = store_.now();
  const Result<Version> updated = store_.update(
      key_of(digest).view(),
      [&](const RecordView* view, std::string& value) {
        ReplacedRecord replaced;
        if (view == nullptr || !decode(view->value, replaced)) return UpdateAction::kLeave;
        if (now > replaced.grace_until || replaced.uses >= replaced.uses_max) {
          return UpdateAction::kLeave;
        }
        ++replaced.uses;
        counted = true;
        value = encode(replaced);
        return UpdateAction::kStore;
      },
      keeping(Durability::kMemory));
  if (!updated) return updated.status();
  return counted;
}

Status SessionManager::load(std::string_view token, Session& session) {
  SessionAccess::clear(session);
  Digest digest;
  if (Status ours = check(token, digest); !ours) return ours;
  LiveRecord live;
  Status found = find(digest, session, live, Grace::kCount);
  if (found) {
    SessionAccess::set_token(session, token);
    between();
    found = slide(session, live);
  }
  if (found) {
    counters_.add(kLoads);
  } else {
    SessionAccess::clear(session);
  }
  return found;
}

Status SessionManager::peek(std::string_view token, Session& session) {
  SessionAccess::clear(session);
  Digest digest;
  if (Status ours = check(token, digest); !ours) return ours;
  LiveRecord live;
  const Status found = find(digest, session, live, Grace::kLook);
  if (found) {
    SessionAccess::set_token(session, token);
    note_renewal(session, live, store_.now());
  } else {
    SessionAccess::clear(session);
  }
  return found;
}

void SessionManager::note_renewal(Session& session, const LiveRecord& live, TimeMs now) noexcept {
  SessionAccess::set_renewal_due(
      session,
      !SessionAccess::aliased(session) && now >= after(live.token_made_at, live.renewal_interval));
}

// Moves the deadline on, when that is worth a touch. A disk that does not take it is no reason not
// to serve the session: it is alive.
Status SessionManager::slide(Session& session, const LiveRecord& live) {
  const TimeMs now = store_.now();
  note_renewal(session, live, now);
  const TimeMs wanted = std::min(after(now, live.idle_timeout), session.lifetime());
  if (wanted == session.lifetime() && session.deadline() == wanted) {
    if (now - session.last_seen() >= kLastSeenStep.count()) note_last_seen(session, now);
    return Status();
  }
  if (wanted - session.deadline() < slide_step(live.idle_timeout).count()) return Status();
  const RecordKey key = key_of(SessionAccess::digest(session));
  const Result<Version> touched = store_.touch(key.view(), live.idle_timeout);
  switch (touched.code()) {
    case StatusCode::kOk:
      counters_.add(kSlides);
      SessionAccess::set_deadline(session, wanted);
      return Status();
    case StatusCode::kReadOnly:
    case StatusCode::kBusy:
    case StatusCode::kFull:
    case StatusCode::kIo:
      return Status();
    case StatusCode::kNotFound:
      counters_.add(kUnknown);
      break;
    default:
      break;
  }
  return touched.status();
}

// Where the lifetime is all that is left, no deadline says when a session was seen. If it cannot be
// noted, it is a minute late.
void SessionManager::note_last_seen(const Session& session, TimeMs now) {
  (void)store_.update(
      key_of(SessionAccess::digest(session)).view(),
      [&](const RecordView* view, std::string& value) {
        LiveRecord live;
        if (view == nullptr || !decode(view->value, live) || live.last_seen >= now) {
          return UpdateAction::kLeave;
        }
        live.last_seen = now;
        wipe(value);
        value = encode(live);
        return UpdateAction::kStore;
      },
      keeping(Durability::kMemory));
}

// The living sessions of an owner. One that gets a new token meanwhile is found by the new one,
// once.
Result<std::vector<SessionManager::Owned>> SessionManager::collect(std::string_view owner) {
  const Result<std::vector<OwnedRecord>> records = store_.owned_by(owner);
  if (!records) return records.status();
  std::vector<Owned> owned;
  Session session;
  for (const OwnedRecord& record : *records) {
    Digest digest;
    if (!RecordKey::parse(options_.name, record.key, digest)) continue;
    between();
    LiveRecord live;
    SessionAccess::clear(session);
    const Status found = find(digest, session, live, Grace::kIgnore);
    if (found.code() == StatusCode::kNotFound || found.code() == StatusCode::kEnded) continue;
    if (!found) return found;
    if (session.owner() != owner) continue;
    const auto same = [&](const Owned& other) { return other.info.handle == session.handle(); };
    if (std::any_of(owned.begin(), owned.end(), same)) continue;
    owned.push_back({.digest = SessionAccess::digest(session),
                     .info = {.handle = std::string(session.handle()),
                              .label = std::string(session.label()),
                              .created = session.created(),
                              .last_seen = session.last_seen(),
                              .deadline = session.deadline(),
                              .lifetime = session.lifetime(),
                              .authenticated_at = session.authenticated_at()}});
  }
  return owned;
}

// Empty when the token leads to no session.
Result<std::string> SessionManager::handle_of(std::string_view token) {
  Digest digest;
  if (token.empty() || keys_->check(token, digest) != TokenKeys::Verdict::kOurs) {
    return std::string();
  }
  Session session;
  LiveRecord live;
  const Status found = find(digest, session, live, Grace::kIgnore);
  if (found) return std::string(session.handle());
  const bool none = found.code() == StatusCode::kNotFound || found.code() == StatusCode::kEnded;
  if (none) return std::string();
  return found;
}

Result<std::vector<SessionInfo>> SessionManager::list(std::string_view owner,
                                                      std::string_view current_token) {
  if (!status_) return status_;
  Result<std::vector<Owned>> owned = collect(owner);
  if (!owned) return owned.status();
  const Result<std::string> current = handle_of(current_token);
  if (!current) return current.status();
  std::vector<SessionInfo> infos;
  for (Owned& one : *std::move(owned)) {
    one.info.current = one.info.handle == *current;
    infos.push_back(std::move(one.info));
  }
  std::stable_sort(infos.begin(), infos.end(), [](const SessionInfo& a, const SessionInfo& b) {
    return a.last_seen > b.last_seen;
  });
  return infos;
}

Result<Ending> SessionManager::why_ended(std::string_view token) {
  Digest digest;
  if (Status ours = check(token, digest); !ours) return ours;
  for (int hop = 0; hop < kHopsMax; ++hop) {
    Ending ending;
    bool alive = false;
    std::optional<Digest> next;
    const Result<Version> seen = store_.visit(key_of(digest).view(), [&](const RecordView& view) {
      ending = ending_of(view, alive, next);
    });
    if (seen.code() == StatusCode::kNotFound) {
      const std::optional<Ledger::Entry> entry = ledger_.find(digest);
      if (!entry) return StatusCode::kNotFound;
      return Ending{static_cast<EndReason>(entry->reason), entry->when, entry->owner};
    }
    if (!seen) return seen.status();
    if (alive) return StatusCode::kNotFound;
    if (!next) return ending;
    digest = *next;
  }
  return corrupt();
}

// What a record says of the end of its session: that there is none, or that it stands at `next`.
Ending SessionManager::ending_of(const RecordView& view, bool& alive,
                                 std::optional<Digest>& next) const {
  LiveRecord live;
  EndedRecord tombstone;
  ReplacedRecord replaced;
  const bool ours = view.kind == Kind::kSession;
  if (ours && decode(view.value, live)) {
    alive = is_current(live);
    return {EndReason::kEveryone, epoch_began_at_.load(std::memory_order_acquire),
            std::string(view.owner)};
  }
  if (ours && decode(view.value, tombstone)) {
    return {tombstone.reason, tombstone.when, std::string(tombstone.owner)};
  }
  if (ours && decode(view.value, replaced)) {
    if (store_.now() <= replaced.grace_until && replaced.uses < replaced.uses_max) {
      next = replaced.digest;
    }
    return {EndReason::kReplaced, replaced.replaced_at, std::string(replaced.owner)};
  }
  return {EndReason::kCorrupt, 0, {}};
}

Status SessionManager::require_fresh(const Session& session, Millis max_age) {
  if (!status_) return status_;
  if (!SessionAccess::present(session)) return Status(StatusCode::kNotFound);
  const TimeMs proven = session.authenticated_at();
  if (proven != 0 && store_.now() <= after(proven, max_age)) return Status();
  return Status(StatusCode::kEnded,
                proven == 0
                    ? "nobody has logged in to this session; ask the user to"
                    : "the user logged in too long ago for this; ask for the password, then "
                      "rotate() with RotateOptions::reauthenticated");
}

}  // namespace cloakroom
