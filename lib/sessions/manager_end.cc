// The end of sessions: destroy, destroy_handle, destroy_all, end_everyone.
#include <utility>

#include "base/wipe.h"
#include "sessions/session_access.h"
#include "sessions/session_manager.h"

namespace cloakroom {

// What is to be done about a record that somebody wants to end.
struct SessionManager::Judgement {
  enum class Verdict { kEnd, kFollow, kNone, kEndedBefore };
  Verdict verdict = Verdict::kNone;
  EndedRecord tombstone = {};  // kEnd: but for reason and time. The owner is a view of the record
  Digest next = {};            // kFollow
  EndReason ended_as = EndReason::kUnknown;  // kEndedBefore
};

SessionManager::Judgement SessionManager::judge(const RecordView& view,
                                                const EndCondition& condition) const {
  using Verdict = Judgement::Verdict;
  Judgement judgement;
  const RecordType type = view.kind == Kind::kSession ? type_of(view.value) : RecordType::kNone;
  if (ReplacedRecord replaced; type == RecordType::kReplaced && decode(view.value, replaced)) {
    judgement.verdict = Verdict::kFollow;
    judgement.next = replaced.digest;
    return judgement;
  }
  if (EndedRecord ended; type == RecordType::kEnded && decode(view.value, ended)) {
    judgement.verdict = Verdict::kEndedBefore;
    judgement.ended_as = ended.reason;
    return judgement;
  }
  LiveRecord live;
  const bool sound = type == RecordType::kLive && decode(view.value, live);
  if (sound && !is_current(live)) {
    judgement.verdict = Verdict::kEndedBefore;
    judgement.ended_as = EndReason::kEveryone;
    return judgement;
  }
  if (condition.owner && view.owner != *condition.owner) return judgement;
  const std::string handle = sound ? handle_text(live.handle) : std::string();
  if (!condition.handle.empty() && handle != condition.handle) return judgement;
  if (!condition.unless.empty() && handle == condition.unless) return judgement;
  // What cannot be read can still be ended.
  judgement.verdict = Verdict::kEnd;
  judgement.tombstone = {.handle = live.handle, .owner = view.owner};
  return judgement;
}

// The tombstone tells of the end for a while, the ledger when that has gone.
void SessionManager::note_end(const Digest& digest, const EndedRecord& tombstone, bool untold) {
  ledger_.add({.key = digest,
               .handle = tombstone.handle,
               .reason = static_cast<std::uint8_t>(tombstone.reason),
               .when = tombstone.when,
               .owner = std::string(tombstone.owner),
               .untold = untold});
}

void SessionManager::tell_end(EndReason reason, std::string_view handle, std::string_view owner,
                              Version version) {
  counters_.add(kDestroyed);
  tell(SessionEventType::kEnded, reason, handle, owner, version);
}

// Makes a tombstone of the session at this digest, wherever its tokens have gone since. kNotFound:
// there is none, or the condition does not hold. kEnded: it had ended before.
Result<Version> SessionManager::end(Digest digest, EndReason reason, const EndCondition& condition,
                                    std::optional<Durability> durability) {
  const PutOptions tombstone{.ttl = options_.remember_ended,
                             .owner = std::string_view(),
                             .kind = Kind::kSession,
                             .durability = durability};
  for (int hop = 0; hop < kHopsMax; ++hop) {
    Judgement judgement;
    std::string owner;
    const TimeMs now = store_.now();
    const Result<Version> updated = store_.update(
        key_of(digest).view(),
        [&](const RecordView* view, std::string& value) {
          if (view == nullptr) return UpdateAction::kLeave;
          judgement = judge(*view, condition);
          if (judgement.verdict != Judgement::Verdict::kEnd) return UpdateAction::kLeave;
          owner = view->owner;
          judgement.tombstone.reason = reason;
          judgement.tombstone.when = now;
          judgement.tombstone.owner = owner;
          wipe(value);  // assigning takes the tombstone's memory and frees this one
          value = encode(judgement.tombstone);
          return UpdateAction::kStore;
        },
        tombstone);
    // No room for a tombstone, or a disk that takes nothing: then without one.
    if (updated.code() == StatusCode::kFull || updated.code() == StatusCode::kReadOnly) {
      return end_without_trace(digest, reason, condition, durability);
    }
    const bool done = judgement.verdict == Judgement::Verdict::kEnd;
    if (done && (updated || updated.code() == StatusCode::kIo)) {  // kIo: visible, and in doubt
      note_end(digest, judgement.tombstone, false);
      tell_end(reason, handle_text(judgement.tombstone.handle), owner, updated ? *updated : 0);
    }
    if (!updated || done) return updated;
    if (judgement.verdict == Judgement::Verdict::kNone) return StatusCode::kNotFound;
    if (judgement.verdict == Judgement::Verdict::kEndedBefore) return ended(judgement.ended_as);
    digest = judgement.next;
    between();
  }
  return corrupt();
}

// Erases the record, which needs no room and is effective in memory even if the disk refuses it.
Result<Version> SessionManager::end_without_trace(Digest digest, EndReason reason,
                                                  const EndCondition& condition,
                                                  std::optional<Durability> durability) {
  for (int hop = 0; hop < kHopsMax; ++hop) {
    Judgement judgement;
    std::string owner;
    const Result<Version> seen = store_.visit(key_of(digest).view(), [&](const RecordView& view) {
      judgement = judge(view, condition);
      owner = view.owner;
    });
    if (!seen) return seen;
    if (judgement.verdict == Judgement::Verdict::kFollow) {
      digest = judgement.next;
      continue;
    }
    if (judgement.verdict == Judgement::Verdict::kNone) return StatusCode::kNotFound;
    if (judgement.verdict == Judgement::Verdict::kEndedBefore) return ended(judgement.ended_as);
    judgement.tombstone.reason = reason;
    judgement.tombstone.when = store_.now();
    judgement.tombstone.owner = owner;
    note_end(digest, judgement.tombstone, true);
    const Status erased = store_.erase(key_of(digest).view(), {.durability = durability});
    if (erased || erased.code() == StatusCode::kReadOnly) {
      tell_end(reason, handle_text(judgement.tombstone.handle), owner, 0);
    }
    if (!erased) return erased;
    return store_.stats().version_last;
  }
  return corrupt();
}

Result<Version> SessionManager::end_one(const Digest& digest, EndReason otherwise,
                                        const EndCondition& condition, const EndOptions& options) {
  const Durability level = options.durability.value_or(Durability::kDisk);
  Result<Version> done = end(digest, options.reason.value_or(otherwise), condition, level);
  if (done.code() == StatusCode::kEnded && level == Durability::kDisk) {
    // Whoever ended it may still be waiting for the disk; this caller must not be told before.
    if (Status synced = store_.sync(); !synced) return synced;
  }
  return done;
}

Result<Version> SessionManager::destroy(std::string_view token, const EndOptions& options) {
  Digest digest;
  if (Status ours = check(token, digest); !ours) return ours;
  return end_one(digest, EndReason::kLogout, {}, options);
}

Result<Version> SessionManager::destroy(const Session& session, const EndOptions& options) {
  if (!status_) return status_;
  if (!SessionAccess::present(session)) return StatusCode::kNotFound;
  return end_one(SessionAccess::digest(session), EndReason::kLogout, {}, options);
}

Result<Version> SessionManager::destroy_handle(std::string_view owner, std::string_view handle,
                                               const EndOptions& options) {
  if (!status_) return status_;
  if (owner.empty() || handle.empty()) return StatusCode::kNotFound;
  const Result<std::vector<Owned>> owned = collect(owner);
  if (!owned) return owned.status();
  for (const Owned& one : *owned) {
    if (one.info.handle != handle) continue;
    between();
    return end_one(one.digest, EndReason::kRevoked, {.owner = owner, .handle = handle}, options);
  }
  return StatusCode::kNotFound;
}

Result<EndedCount> SessionManager::destroy_all(std::string_view owner, std::string_view keep_token,
                                               const EndOptions& options) {
  if (!status_) return status_;
  if (owner.empty()) {
    return Status(StatusCode::kInvalidArgument, "destroy_all: no owner was named");
  }
  const Result<std::string> kept = handle_of(keep_token);
  if (!kept) return kept.status();
  between();
  const Result<std::vector<OwnedRecord>> records = store_.owned_by(owner);
  if (!records) return records.status();
  const Durability level = options.durability.value_or(Durability::kDisk);
  EndedCount count;
  Status outcome;
  for (const OwnedRecord& record : *records) {
    Digest digest;
    if (!RecordKey::parse(options_.name, record.key, digest)) continue;
    between();
    const Result<Version> one =
        end(digest, options.reason.value_or(EndReason::kRevoked), {.owner = owner, .unless = *kept},
            std::min(level, Durability::kProcess));
    if (one) {
      ++count.count;
      count.version = std::max(count.version, *one);
    } else if (one.code() != StatusCode::kNotFound && one.code() != StatusCode::kEnded) {
      outcome = one.status();  // does not keep the others from being ended
    }
  }
  if (!outcome) return outcome;
  // One wait for all of them, and for those that somebody else is just ending.
  if (level == Durability::kDisk) {
    if (Status synced = store_.sync(); !synced) return synced;
  }
  return count;
}

Result<Version> SessionManager::end_everyone(const EndOptions& options) {
  if (!status_) return status_;
  const Durability level = options.durability.value_or(Durability::kDisk);
  const TimeMs now = store_.now();
  std::uint64_t next = 0;
  const auto advance = [&](const RecordView* view, std::string& value) {
    MetaRecord meta;
    if (view == nullptr || !decode(view->value, meta)) return UpdateAction::kLeave;
    next = ++meta.epoch;
    meta.epoch_began_at = now;
    value = encode(meta);
    return UpdateAction::kStore;
  };
  PutOptions put = keeping(std::min(level, Durability::kProcess));
  const Result<Version> updated = store_.update(meta_key(), advance, put);
  // Even if the disk takes nothing, nobody is served any more.
  if (next == 0) next = epoch_.load(std::memory_order_acquire) + 1;
  epoch_began_at_.store(now, std::memory_order_release);
  std::uint64_t current = epoch_.load(std::memory_order_acquire);
  while (current < next && !epoch_.compare_exchange_weak(current, next)) {
  }
  tell_end(options.reason.value_or(EndReason::kEveryone), {}, {}, updated ? *updated : 0);
  if (!updated) return updated;
  if (level == Durability::kDisk) {
    if (Status synced = store_.sync(); !synced) return synced;
  }
  return updated;
}

}  // namespace cloakroom
