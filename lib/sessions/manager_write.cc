// The writing half: create, save, update, rotate.
#include <algorithm>
#include <utility>

#include "base/wipe.h"
#include "sessions/attributes.h"
#include "sessions/policy.h"
#include "sessions/session_access.h"
#include "sessions/session_manager.h"

namespace cloakroom {
namespace {

Status invalid(const char* text) { return Status(StatusCode::kInvalidArgument, text); }

// What was read is now stored so: the session shows it.
void refresh(Session& session, const RecordView& view, const Digest& digest) noexcept {
  LiveRecord live;
  SessionAccess::copy(session, view);
  if (decode(SessionAccess::value(session), live)) SessionAccess::adopt(session, live, digest);
}

// The attributes of a new session, encoded.
Status encode_attributes(std::span<const Field> fields, std::string& out) {
  std::vector<AttributeChange> changes;
  for (const Field& field : fields) {
    const auto same = [&](const AttributeChange& other) { return other.name == field.name; };
    if (std::any_of(changes.begin(), changes.end(), same)) {
      return invalid("CreateOptions::attributes: a name is there twice");
    }
    changes.push_back({.name = std::string(field.name), .value = std::string(field.value)});
  }
  const Status changed = change_attributes({}, changes, out);
  for (AttributeChange& change : changes) wipe(change.value);
  return changed;
}

// The record with the session's changes made. Under the stripe's lock.
Status apply_changes(const Session& session, const LiveRecord& live, std::string& value) {
  std::string attributes;
  const WipeAtEnd no_copy_stays(attributes);
  const Status changed =
      change_attributes(live.attributes, SessionAccess::changes(session), attributes);
  if (!changed) return changed;
  LiveRecord next = live;
  next.attributes = attributes;
  next.schema = SessionAccess::new_schema(session).value_or(live.schema);
  value = encode(next);
  return Status();
}

// Has anybody else changed what this session changes?
bool conflicts(const Session& session, const LiveRecord& live) {
  for (const AttributeChange& change : SessionAccess::changes(session)) {
    if (change.kind == AttributeChange::Kind::kAdd) continue;
    if (find_attribute(live.attributes, change.name) !=
        find_attribute(SessionAccess::attributes(session), change.name)) {
      return true;
    }
  }
  return false;
}

}  // namespace

// --- create ----------------------------------------------------------------------------------

Result<Session> SessionManager::create(const CreateOptions& options) {
  if (!status_) return status_;
  const Result<Timeouts> timeouts = timeouts_of(options_, options);
  if (!timeouts) return timeouts.status();
  if (options.label.size() > kLabelBytesMax) {
    return Status(StatusCode::kTooLarge, "a label of " + std::to_string(options.label.size()) +
                                             " bytes; the limit is " +
                                             std::to_string(kLabelBytesMax));
  }
  std::string attributes;
  const WipeAtEnd no_attributes_stay(attributes);
  if (Status encoded = encode_attributes(options.attributes, attributes); !encoded) return encoded;
  LiveRecord live{.epoch = epoch_.load(std::memory_order_acquire),
                  .schema = options.schema,
                  .idle_timeout = timeouts->idle_timeout,
                  .lifetime = timeouts->lifetime,
                  .renewal_interval = timeouts->renewal_interval,
                  .label = options.label,
                  .attributes = attributes};
  TokenText token;
  Digest digest;
  if (Status drawn = keys_->draw(hooks_.random, token, digest); !drawn) return drawn;
  if (Status drawn = hooks_.random(live.handle); !drawn) return drawn;
  between();

  const TimeMs now = store_.now();
  live.token_made_at = now;
  live.authenticated_at = options.owner.empty() ? 0 : now;
  std::string value = encode(live);
  const WipeAtEnd no_value_stays(value);
  const Result<Version> version = put_new(options, *timeouts, value, digest);
  if (!version) return version.status();
  const TimeMs lifetime = after(now, timeouts->lifetime);
  Session session;
  refresh(session,
          {.value = value,
           .owner = options.owner,
           .version = *version,
           .deadline = std::min(after(now, timeouts->idle_timeout), lifetime),
           .lifetime = lifetime,
           .created = now},
          digest);
  SessionAccess::set_token(session, {token.data(), token.size()});
  counters_.add(kCreated);
  tell(SessionEventType::kCreated, EndReason::kUnknown, session.handle(), session.owner(),
       *version);
  return session;
}

Result<Version> SessionManager::put_new(const CreateOptions& options, const Timeouts& timeouts,
                                        std::string_view value, const Digest& digest) {
  std::optional<Durability> level = options.durability;
  if (!level && !options.owner.empty()) level = Durability::kDisk;
  PutOptions put{.ttl = timeouts.idle_timeout,
                 .lifetime = timeouts.lifetime,
                 .owner = options.owner,
                 .if_version = 0,
                 .kind = Kind::kSession,
                 .durability = level};
  const RecordKey key = key_of(digest);
  if (options.owner.empty() || options_.max_per_owner == 0) {
    return store_.put(key.view(), value, put);
  }
  Result<Version> version = Version{0};
  {
    MutexLock guard(lock_of(options.owner));
    if (Status room = make_room(options.owner, {}); !room) return room;
    put.durability = std::min(*level, Durability::kProcess);
    version = store_.put(key.view(), value, put);
  }
  return wait_after(std::move(version), *level);
}

// The part of a write's durability that is not waited for under an owner's lock.
Result<Version> SessionManager::wait_after(Result<Version> version, Durability level) {
  if (!version || level != Durability::kDisk) return version;
  if (Status synced = store_.sync(); !synced) return synced;
  return version;
}

// Under the owner's lock: makes them have one session less than they may have.
Status SessionManager::make_room(std::string_view owner, std::string_view except_handle) {
  Result<std::vector<Owned>> collected = collect(owner);
  if (!collected) return collected.status();
  std::vector<Owned>& owned = *collected;
  std::erase_if(owned, [&](const Owned& one) { return one.info.handle == except_handle; });
  if (owned.size() < options_.max_per_owner) return Status();
  if (options_.at_limit == AtLimit::kReject) {
    return Status(StatusCode::kFull, "the owner has " + std::to_string(owned.size()) +
                                         " sessions; SessionsOptions::max_per_owner is " +
                                         std::to_string(options_.max_per_owner) +
                                         ": end one of them first");
  }
  std::stable_sort(owned.begin(), owned.end(), [](const Owned& a, const Owned& b) {
    return a.info.last_seen < b.info.last_seen;
  });
  const std::size_t surplus = owned.size() - options_.max_per_owner + 1;
  for (std::size_t at = 0; at < surplus; ++at) {
    between();
    const Result<Version> done =
        end(owned[at].digest, EndReason::kLimit, {.owner = owner, .handle = owned[at].info.handle},
            Durability::kProcess);
    const bool gone = done.code() == StatusCode::kNotFound || done.code() == StatusCode::kEnded;
    if (!done && !gone) return done.status();
  }
  return Status();
}

// --- save and update -------------------------------------------------------------------------

Status SessionManager::save(Session& session, const SaveOptions& options) {
  if (!status_) return status_;
  if (!SessionAccess::present(session)) return Status(StatusCode::kNotFound);
  if (!session.changed()) return Status();
  return change(
      session,
      [&](const RecordView&, const LiveRecord& live, const Digest&, std::string& value) {
        if (options.refuse_conflicts && conflicts(session, live)) {
          return Status(StatusCode::kConflict,
                        "another request has changed the same attribute: load the session again "
                        "and decide again");
        }
        return apply_changes(session, live, value);
      },
      options);
}

Result<Session> SessionManager::update(std::string_view token, FunctionRef<void(Session&)> f,
                                       const SaveOptions& options) {
  Session session;
  Digest digest;
  if (Status ours = check(token, digest); !ours) return ours;
  LiveRecord found;
  if (Status live = find(digest, session, found, Grace::kCount); !live) return live;
  SessionAccess::set_token(session, token);
  between();
  Status changed = change(
      session,
      [&](const RecordView& view, const LiveRecord& live, const Digest& at, std::string& value) {
        Session current;
        refresh(current, view, at);
        SessionAccess::set_token(current, token);
        f(current);
        return apply_changes(current, live, value);
      },
      options);
  if (!changed) return changed;
  return session;
}

// Replaces the value of the session's record by what f makes of it, under the stripe's lock,
// wherever the record is now; `session` shows then what is stored. Never makes a record.
Status SessionManager::change(
    Session& session,
    FunctionRef<Status(const RecordView&, const LiveRecord&, const Digest&, std::string&)> f,
    const SaveOptions& options) {
  Digest digest = SessionAccess::digest(session);
  for (int hop = 0; hop < kHopsMax; ++hop) {
    Status outcome = ended(EndReason::kUnknown);  // when there is no record
    std::optional<Digest> next;
    std::string stored;
    const WipeAtEnd no_copy_stays(stored);
    std::string owner;
    RecordView shown;
    const TimeMs now = store_.now();
    const Result<Version> updated = store_.update(
        key_of(digest).view(),
        [&](const RecordView* view, std::string& value) {
          if (view == nullptr) return UpdateAction::kLeave;
          LiveRecord live;
          outcome = admit(*view, now, live, next);
          if (!outcome || next) return UpdateAction::kLeave;
          outcome = f(*view, live, digest, stored);
          if (!outcome) return UpdateAction::kLeave;
          shown = *view;
          owner = view->owner;
          if (stored == view->value) return UpdateAction::kLeave;
          value = stored;
          return UpdateAction::kStore;
        },
        keeping(options.durability));
    if (!updated) return updated.status();
    if (next) {
      digest = *next;
      between();
      continue;
    }
    if (!outcome) {
      counters_.add(kSavesRefused);
      return outcome;
    }
    counters_.add(kSaves);
    shown.value = stored;
    shown.owner = owner;
    shown.version = *updated;
    refresh(session, shown, digest);
    SessionAccess::forget_changes(session);
    return Status();
  }
  return corrupt();
}

// Under the stripe's lock: may a session's attributes be changed in this record? `next` is set when
// the session is at another key now.
Status SessionManager::admit(const RecordView& view, TimeMs now, LiveRecord& live,
                             std::optional<Digest>& next) const {
  const RecordType type = type_of(view.value);
  if (type == RecordType::kLive && decode(view.value, live)) {
    return is_current(live) ? Status() : ended(EndReason::kEveryone);
  }
  if (EndedRecord tombstone; type == RecordType::kEnded && decode(view.value, tombstone)) {
    return ended(tombstone.reason);
  }
  if (ReplacedRecord replaced; type == RecordType::kReplaced && decode(view.value, replaced)) {
    if (now > replaced.grace_until) return ended(EndReason::kReplaced);
    next = replaced.digest;
    return Status();
  }
  return corrupt();
}

// --- rotate ----------------------------------------------------------------------------------

Status SessionManager::rotate(Session& session, const RotateOptions& options) {
  if (!status_) return status_;
  if (!SessionAccess::present(session)) return Status(StatusCode::kNotFound);
  if (options.grace.value_or(Millis{0}) < Millis{0}) {
    return invalid("RotateOptions::grace must not be negative");
  }
  if (SessionAccess::aliased(session)) return rotated_already();
  TokenText token;
  Digest to;
  if (Status drawn = keys_->draw(hooks_.random, token, to); !drawn) return drawn;
  const Durability level = options.durability.value_or(Durability::kDisk);
  const std::string_view owner = options.owner.value_or(std::string_view());
  Result<Version> moved = Version{0};
  if (owner.empty() || options_.max_per_owner == 0) {
    moved = move(session, options, to, level);
  } else {
    {
      MutexLock guard(lock_of(owner));
      if (Status room = make_room(owner, session.handle()); !room) return room;
      moved = move(session, options, to, std::min(level, Durability::kProcess));
    }
    moved = wait_after(std::move(moved), level);
  }
  if (!moved) return moved.status();
  SessionAccess::set_token(session, {token.data(), token.size()});
  SessionAccess::set_renewal_due(session, false);
  counters_.add(kRotations);
  tell(SessionEventType::kRotated, EndReason::kUnknown, session.handle(), session.owner(), *moved);
  return Status();
}

Status SessionManager::rotated_already() {
  return Status(StatusCode::kConflict,
                "another request has given this session a new token; that one's answer carries it");
}

// Moves the session's record to the key of its new token, as it is at that moment.
Result<Version> SessionManager::move(Session& session, const RotateOptions& options,
                                     const Digest& to, Durability durability) {
  const Digest from = SessionAccess::digest(session);
  const bool raises = options.reauthenticated || options.owner.has_value();
  for (;;) {
    Session current;
    const Result<Version> seen = store_.visit(
        key_of(from).view(), [&](const RecordView& view) { SessionAccess::copy(current, view); });
    if (seen.code() == StatusCode::kNotFound) return ended(EndReason::kUnknown);
    if (!seen) return seen;
    const TimeMs now = store_.now();
    LiveRecord live;
    std::optional<Digest> next;
    const RecordView view{.value = SessionAccess::value(current)};
    if (type_of(view.value) == RecordType::kReplaced) return rotated_already();
    if (Status admitted = admit(view, now, live, next); !admitted) return admitted;

    const std::string owner(options.owner.value_or(current.owner()));
    live.token_made_at = now;
    if (raises) live.authenticated_at = owner.empty() ? 0 : now;
    if (raises) live.last_seen = now;
    const Millis grace = grace_of(options_, options);
    std::string value = encode(live);
    const WipeAtEnd no_value_stays(value);
    const std::string alias =
        encode(ReplacedRecord{.handle = live.handle,
                              .digest = to,
                              .replaced_at = now,
                              .grace_until = grace > Millis{0} ? after(now, grace) : 0,
                              .uses_max = grace > Millis{0} ? options_.rotate_grace_uses : 0,
                              .owner = owner});
    between();
    const Result<Version> moved = store_.rename(key_of(from).view(), key_of(to).view(),
                                                {.if_version = *seen,
                                                 .value = value,
                                                 .owner = options.owner,
                                                 .keep_deadline = !raises,
                                                 .ttl = live.idle_timeout,
                                                 .lifetime = live.lifetime,
                                                 .leave = alias,
                                                 .leave_ttl = grace + options_.remember_ended,
                                                 .durability = durability});
    if (moved.code() == StatusCode::kConflict) continue;  // it was changed meanwhile
    if (moved.code() == StatusCode::kNotFound) return ended(EndReason::kUnknown);
    if (!moved) return moved;
    RecordView shown{.value = value,
                     .owner = owner,
                     .version = *moved,
                     .deadline = current.deadline(),
                     .lifetime = current.lifetime(),
                     .created = current.created()};
    if (raises) {
      shown.lifetime = after(now, live.lifetime);
      shown.deadline = std::min(after(now, live.idle_timeout), shown.lifetime);
    }
    refresh(session, shown, to);
    if (!is_current(live)) return ended(EndReason::kEveryone);  // meanwhile; it has ended as well
    return moved;
  }
}

}  // namespace cloakroom
