#include "resp/keys.h"

#include <algorithm>

#include "resp/call.h"

namespace cloakroom::resp {
namespace {

TimeMs deadline_after(TimeMs now, Millis ttl) noexcept {
  return ttl.count() >= kNever - now ? kNever : now + ttl.count();
}

Status conflict(const char* text) { return Status(StatusCode::kConflict, text); }

}  // namespace

Result<std::size_t> Keys::visit_many(std::span<const std::string_view> keys,
                                     FunctionRef<void(std::size_t, const RecordView&)> f) const {
  if (step_ == nullptr) return store_.visit_many(keys, f);
  std::size_t found = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto seen = step_->visit(keys[i], [&](const RecordView& record) { f(i, record); });
    if (!seen && seen.code() != StatusCode::kNotFound) return seen.status();
    found += seen.ok() ? 1 : 0;
  }
  return found;
}

// Whether a put creates is decided by the store: it stores where nothing is, or over the version that
// was seen.
Result<Version> Keys::put_and_tell(std::string_view key, std::string_view value,
                                   const PutOptions& options) const {
  if (options.if_version) {
    auto stored = put_quietly(key, value, options);
    if (stored.ok() && *options.if_version == 0) tell_created(key);
    return stored;
  }
  PutOptions seen = options;
  for (;;) {
    seen.if_version = 0;
    auto stored = put_quietly(key, value, seen);
    if (stored.ok()) tell_created(key);
    if (stored.code() != StatusCode::kConflict) return stored;
    const Keys quiet(store_, step_);
    const auto there = quiet.visit(key, [&](const RecordView& record) {
      seen.if_version = record.version;
    });
    if (there.code() == StatusCode::kNotFound) continue;
    if (!there) return there.status();
    stored = put_quietly(key, value, seen);
    if (stored.code() != StatusCode::kConflict) return stored;
  }
}

Result<Version> Keys::update_and_tell(
    std::string_view key, FunctionRef<UpdateAction(const RecordView*, std::string&)> f,
    const PutOptions& options) const {
  bool creates = false;
  const auto watched = [&](const RecordView* record, std::string& value) {
    const UpdateAction action = f(record, value);
    creates = record == nullptr && action == UpdateAction::kStore;
    return action;
  };
  auto updated = update_quietly(key, watched, options);
  if (updated.ok() && creates) tell_created(key);
  return updated;
}

void Keys::tell_created(std::string_view key) const { told_->tell_created(key); }

void Keys::tell_missed(std::string_view key, const Status& status) const {
  if (status.code() == StatusCode::kNotFound && told_->command.is(kLooks)) told_->tell_missed(key);
}

RecordView Step::view_of(std::string_view key, const Entry& entry) noexcept {
  return {.key = key,
          .value = entry.value,
          .owner = entry.owner,
          .kind = entry.kind,
          .version = entry.shown,
          .deadline = entry.deadline,
          .lifetime = entry.lifetime,
          .created = entry.created};
}

// The record as the step has it, from the store when it has not met it yet; without its value,
// which many writes do not ask for.
Result<Step::Entry*> Step::entry(std::string_view key) {
  if (const auto found = entries_.find(key); found != entries_.end()) return &found->second;
  Entry made;
  const auto seen = store_.visit(key, [&](const RecordView& record) {
    made.met = made.shown = record.version;
    made.kind = record.kind;
    made.owner = record.owner;
    made.deadline = record.deadline;
    made.lifetime = record.lifetime;
    made.created = record.created;
  });
  if (!seen && seen.code() != StatusCode::kNotFound) return seen.status();
  return &entries_.emplace(std::string(key), std::move(made)).first->second;
}

Status Step::need_value(std::string_view key, Entry& entry) {
  if (entry.shown == 0 || entry.has_value) return Status();
  Version version = 0;
  const auto seen = store_.visit(key, [&](const RecordView& record) {
    version = record.version;
    entry.value = record.value;
  });
  if (!seen && seen.code() != StatusCode::kNotFound) return seen.status();
  entry.has_value = true;
  conflict_ = conflict_ || version != entry.met;  // commit() will say so
  return Status();
}

Result<Version> Step::visit(std::string_view key, FunctionRef<void(const RecordView&)> f) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return store_.visit(key, f);
  Entry& entry = found->second;
  if (entry.shown == 0) return StatusCode::kNotFound;
  if (Status there = need_value(key, entry); !there) return there;
  f(view_of(key, entry));
  return entry.shown;
}

void Step::store(Entry& entry, std::string_view value, const PutOptions& options) {
  const bool lives = entry.shown != 0;
  if (!lives) {
    entry.owner.clear();
    entry.lifetime = kNever;
    entry.created = now_;
  }
  if (options.owner) entry.owner = *options.owner;
  if (!lives || !options.keep_deadline) {
    const TimeMs asked = options.deadline.value_or(deadline_after(now_, options.ttl));
    entry.deadline = std::min(asked, entry.lifetime);
    entry.deadline_set = true;
  }
  entry.value = value;
  entry.has_value = true;
  entry.kind = options.kind;
  entry.shown = entry.deadline < now_ ? 0 : next_shown_++;
  entry.changed = true;
}

void Step::erase_entry(Entry& entry) noexcept {
  entry.shown = 0;
  entry.changed = true;
  entry.has_value = false;
  entry.value.clear();
}

Result<Version> Step::put(std::string_view key, std::string_view value, const PutOptions& options) {
  const Result<Entry*> found = entry(key);
  if (!found) return found.status();
  Entry& entry = **found;
  if (options.if_version && *options.if_version != entry.shown) return conflict("put: if_version");
  store(entry, value, options);
  return entry.shown;
}

Result<Version> Step::touch(std::string_view key, const TouchOptions& options) {
  const Result<Entry*> found = entry(key);
  if (!found) return found.status();
  Entry& entry = **found;
  if (entry.shown == 0) return StatusCode::kNotFound;
  if ((options.if_version && *options.if_version != entry.shown) ||
      (options.if_deadline && *options.if_deadline != entry.deadline)) {
    return conflict("touch: if_version or if_deadline");
  }
  if (Status there = need_value(key, entry); !there) return there;  // it will be written anew
  const TimeMs asked = options.deadline.value_or(deadline_after(now_, options.ttl));
  entry.deadline = std::min(asked, entry.lifetime);
  entry.deadline_set = true;
  entry.changed = true;
  const Version version = entry.shown;
  if (entry.deadline < now_) erase_entry(entry);
  return version;
}

Status Step::erase(std::string_view key, const EraseOptions& options) {
  const Result<Entry*> found = entry(key);
  if (!found) return found.status();
  Entry& entry = **found;
  if (entry.shown == 0) return Status(StatusCode::kNotFound);
  if (options.if_version && *options.if_version != entry.shown)
    return conflict("erase: if_version");
  erase_entry(entry);
  return Status();
}

Result<Version> Step::update(std::string_view key,
                             FunctionRef<UpdateAction(const RecordView*, std::string&)> f,
                             const PutOptions& options) {
  const Result<Entry*> found = entry(key);
  if (!found) return found.status();
  Entry& entry = **found;
  if (Status there = need_value(key, entry); !there) return there;
  const bool lives = entry.shown != 0;
  if (lives && entry.kind != options.kind) return StatusCode::kWrongKind;
  if (options.if_version && *options.if_version != entry.shown) {
    return conflict("update: if_version");
  }
  const RecordView view = view_of(key, entry);
  std::string value = lives ? entry.value : std::string();
  switch (f(lives ? &view : nullptr, value)) {
    case UpdateAction::kStore:
      store(entry, value, options);
      break;
    case UpdateAction::kErase:
      if (lives) erase_entry(entry);
      break;
    case UpdateAction::kLeave:
      break;
  }
  return entry.shown;
}

Result<Version> Step::rename(std::string_view from, std::string_view to,
                             const RenameOptions& options) {
  (void)options;  // of the durability commit() is told
  const Result<Entry*> source = entry(from);
  if (!source) return source.status();
  const Result<Entry*> target = entry(to);
  if (!target) return target.status();
  if ((*source)->shown == 0) return StatusCode::kNotFound;
  if ((*target)->shown != 0) return conflict("rename: there is a record at the new key");
  if (Status there = need_value(from, **source); !there) return there;
  const Version met = (*target)->met;
  **target = **source;
  (*target)->met = met;
  (*target)->changed = true;
  (*target)->deadline_set = true;
  (*target)->shown = next_shown_++;
  erase_entry(**source);
  return (*target)->shown;
}

Status Step::commit(std::optional<Durability> durability) {
  if (conflict_) return conflict("a record of the step was written meanwhile");
  std::vector<Write> writes;
  for (const auto& [key, entry] : entries_) {
    if (!entry.changed || (entry.shown == 0 && entry.met == 0)) continue;
    Write write{.key = key};
    write.options.if_version = entry.met;
    if (entry.shown != 0) {
      write.value = entry.value;
      write.options.kind = entry.kind;
      write.options.owner = entry.owner;
      if (entry.lifetime != kNever && entry.met == 0) {  // it was moved here: its bound goes along
        write.options.lifetime = Millis(std::max<TimeMs>(entry.lifetime - now_, 1));
      }
      if (entry.deadline_set) {
        write.options.deadline = entry.deadline;
      } else {
        write.options.keep_deadline = true;
      }
    }
    writes.push_back(write);
  }
  if (!writes.empty()) {
    if (const auto applied = store_.apply(writes, durability); !applied) return applied.status();
  }
  for (const auto& f : afterwards_) f();
  return Status();
}

}  // namespace cloakroom::resp
