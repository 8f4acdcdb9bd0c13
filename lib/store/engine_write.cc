// The writing half of the engine: put, touch, erase, update, erase_owned.
#include <algorithm>

#include "base/wipe.h"
#include "store/engine.h"
#include "store/fields.h"
#include "store/write_parts.h"

namespace cloakroom {
namespace {

// The copy of a value that update() hands out has so much room to grow, if it is large: what changes
// little of it then moves bytes in place, instead of copying all of it once more.
constexpr std::size_t kLargeBytes = 4096;
constexpr std::size_t kRoomToGrowBytes = 512;

Status invalid(const char* text) { return Status(StatusCode::kInvalidArgument, text); }

// The deadline that a write or a touch at `now` asks for. 0 means sealed in a record, so what is
// long past is told apart from that.
TimeMs asked_deadline(TimeMs now, Millis ttl, std::optional<TimeMs> deadline) noexcept {
  return deadline ? std::max<TimeMs>(*deadline, 1) : Timeline::after(now, ttl);
}

// Does the record, with the deadline it has at this moment, meet the conditions of a touch?
bool meets(const Record& record, TimeMs deadline, const TouchOptions& options) noexcept {
  return (!options.if_version || *options.if_version == record.version()) &&
         (!options.if_deadline || *options.if_deadline == deadline);
}

}  // namespace

Status Engine::check_value(std::size_t bytes) const {
  if (bytes <= options_.value_bytes_max) return Status();
  return Status(StatusCode::kTooLarge, "a value of " + std::to_string(bytes) +
                                           " bytes; Options::value_bytes_max is " +
                                           std::to_string(options_.value_bytes_max));
}

Status Engine::check_owner(std::string_view owner) const {
  if (owner.size() <= kOwnerBytesMax) return Status();
  return Status(StatusCode::kTooLarge, "an owner of " + std::to_string(owner.size()) +
                                           " bytes; the limit is " +
                                           std::to_string(kOwnerBytesMax));
}

Status Engine::check_write(std::string_view key, std::size_t value_bytes,
                           const PutOptions& options) {
  if (Status fine = check_call(key); !fine) return fine;
  if (Status fine = check_value(value_bytes); !fine) return fine;
  if (Status fine = check_owner(options.owner.value_or("")); !fine) return fine;
  if (options.ttl <= Millis{0}) return invalid("PutOptions::ttl must be more than 0");
  if (options.lifetime <= Millis{0}) return invalid("PutOptions::lifetime must be more than 0");
  return Status();
}

Status Engine::check_version(const Record* current, std::optional<Version> expected) const {
  if (!expected || *expected == (current != nullptr ? current->version() : 0)) return Status();
  return Status(StatusCode::kConflict, current == nullptr
                                           ? "if_version was given and the record is absent"
                                           : "the record's version is another than if_version");
}

RecordView Engine::compose(const Record* current, std::string_view key, const Draft& draft,
                           const PutOptions& options, TimeMs now) const {
  RecordView next{.key = key, .value = draft.value, .kind = draft.kind};
  next.owner = options.owner.value_or(std::string_view());
  next.lifetime = Timeline::after(now, options.lifetime);
  next.created = now;
  if (current != nullptr) {
    const RecordView old = current->view();
    if (!options.owner) next.owner = old.owner;
    next.lifetime = old.lifetime;
    next.created = old.created;
  }
  const bool keeps = current != nullptr && options.keep_deadline;
  const TimeMs deadline =
      keeps ? current->deadline() : asked_deadline(now, options.ttl, options.deadline);
  next.deadline = std::min(deadline, next.lifetime);
  return next;
}

Status Engine::memory_is_full() const {
  const std::uint64_t limit = memory_limit_.load(std::memory_order_relaxed);
  return Status(StatusCode::kFull, "the store's memory limit of " + std::to_string(limit) +
                                       " bytes is reached; raise Options::memory_limit_bytes, or "
                                       "erase records");
}

// May this write take the room it needs? What it needs is reserved then.
Status Engine::admit(Stripe& stripe, std::optional<Stripe::Slot> slot, bool creates,
                     const RecordView& next, std::uint64_t& reserved) {
  const std::size_t wanted = allocation_bytes(next);
  const std::size_t held = slot ? allocation_bytes(stripe.at(*slot)) : 0;
  const std::size_t growth =
      (slot ? 0 : stripe.growth_bytes()) + (wanted > held ? wanted - held : 0);
  if (!creates && growth == 0) return Status();
  if (Status room = journal_->admit_growth(); !room) {
    counters_.add(kRefusedFull);
    return room;
  }
  if (growth == 0) return Status();
  if (!table_.memory().reserve(growth, memory_limit())) {
    counters_.add(kRefusedFull);
    return memory_is_full();
  }
  reserved = growth;
  return Status();
}

Result<Engine::Done> Engine::store_record(Stripe& stripe, HeldRecord& held, std::uint64_t hash,
                                          std::string_view key, const Draft& draft,
                                          const PutOptions& options, TimeMs now) {
  const Record* const current = held.alive(now);
  const Record* const old = held.record();
  if (old != nullptr) stripe.prefetch(*held.slot());
  if (Status same = check_version(current, options.if_version); !same) return same;
  RecordView next = compose(current, key, draft, options, now);
  std::uint64_t reserved = 0;
  if (Status room = admit(stripe, held.slot(), current == nullptr, next, reserved); !room) {
    return room;
  }
  const Accounting accounting(table_, stripe, reserved);

  NewRecord record(table_.slabs(), next);
  if (old == nullptr) stripe.reserve_one();
  const bool owner_changes = old == nullptr || old->owner() != next.owner;
  PendingOwner owner(owners_, owner_changes ? next.owner : std::string_view(), hash);
  const Result<Version> version = journal_->append({.type = Mutation::Type::kPut, .record = next});
  if (!version) {
    if (old == nullptr) try_shrink(stripe);  // the room made for it goes again
    return tell_degraded(version.status());
  }

  // From here on nothing can fail.
  owner.keep();
  record->set_version(*version);
  Done done{.version = *version};
  const bool created = current == nullptr;
  if (old != nullptr) {
    if (created) {
      counters_.add(kExpired);  // it was dead, and the sweeper had not come by yet
      events_.publish_last(EventType::kExpired, old->view(), now);
    }
    if (owner_changes) owners_.remove(old->owner(), hash);
  }
  const std::string_view record_owner = record->owner();
  if (old != nullptr) {
    done.retired = stripe.replace(*held.slot(), record);
    held.gone();
  } else {
    stripe.insert(tag_of(hash), record);
  }
  counters_.add(created ? kCreates : kOverwrites);
  events_.publish(created ? EventType::kCreated : EventType::kUpdated, key, record_owner, *version,
                  now);
  return done;
}

Ref Engine::take_out(Stripe& stripe, HeldRecord& held, std::uint64_t hash) {
  const Accounting accounting(table_, stripe, 0);
  const Record& record = *held.record();
  if (read_through_.load(std::memory_order_acquire)) gone_.add(hash, record.key());
  owners_.remove(record.owner(), hash);
  held.gone();
  return stripe.remove(*held.slot());
}

void Engine::shrink(Stripe& stripe) noexcept {
  const Accounting accounting(table_, stripe, 0);
  try_shrink(stripe);
}

// When the journal refuses for good the record still goes from memory: an ended session must not
// be served, even if a restart may find it again. The caller is told by the status.
Result<Engine::Done> Engine::erase_record(Stripe& stripe, HeldRecord& held, std::uint64_t hash,
                                          TimeMs now) {
  const RecordView view = held.record()->view();
  const Result<Version> version =
      journal_->append({.type = Mutation::Type::kErase, .record = {.key = view.key}});
  if (!version && version.code() != StatusCode::kReadOnly) return version.status();
  RecordView last = view;
  if (version) last.version = *version;
  events_.publish_last(EventType::kErased, last, now);
  counters_.add(kErases);
  Done done{.version = version ? *version : 0, .retired = take_out(stripe, held, hash)};
  shrink(stripe);
  if (version) return done;
  table_.retire(done.retired);
  return tell_degraded(version.status());
}

Status Engine::finish(const Done& done, Durability level) {
  if (done.retired != 0) table_.retire(done.retired);
  return done.version == 0 ? Status() : wait(done.version, level);
}

Status Engine::wait(Version version, Durability level) {
  return tell_degraded(journal_->wait(version, level));
}

// Passes a status of the journal on; the first that says it latched becomes an event.
Status Engine::tell_degraded(Status status) {
  // kIo may also be a disk that has not answered yet.
  const bool latched = status.code() == StatusCode::kReadOnly ||
                       (status.code() == StatusCode::kIo && journal_->stats().read_only);
  if (latched && !told_degraded_.exchange(true)) {
    events_.publish(EventType::kDegraded, {}, {}, 0, now());
  }
  return status;
}

Result<Version> Engine::put(std::string_view key, std::string_view value,
                            const PutOptions& options) {
  if (Status fine = check_write(key, value.size(), options); !fine) return fine;
  if (options.kind == Kind::kFields) return invalid("put stores no fields; use set_fields");
  const std::uint64_t hash = table_.hash(key);
  if (Status room = prepare_write(hash, key.size() + value.size()); !room) return room;
  if (read_through_.load(std::memory_order_acquire)) {
    // A damaged record may be overwritten; one that cannot be read may not.
    const Status faulted = fault_in(hash, key);
    if (faulted.code() == StatusCode::kIo) return faulted;
  }
  Done done;
  {
    Stripe& stripe = table_.stripe_of(hash);
    SpinLockGuard guard(stripe.lock());
    HeldRecord held(stripe, stripe.find(tag_of(hash), key));
    const Result<Done> stored = store_record(
        stripe, held, hash, key, {.value = value, .kind = options.kind}, options, now());
    if (!stored) return stored.status();
    done = *stored;
  }
  if (Status waited = finish(done, level(options.durability)); !waited) return waited;
  return done.version;
}

Result<Version> Engine::touch(std::string_view key, const TouchOptions& options) {
  if (Status fine = check_call(key); !fine) return fine;
  if (options.ttl <= Millis{0}) return invalid("touch: ttl must be more than 0; use erase to end a record");
  const std::uint64_t hash = table_.hash(key);
  if (read_through_.load(std::memory_order_acquire)) {
    const Status faulted = fault_in(hash, key);
    if (!faulted) return faulted;
  }
  const Result<Version> touched = touch_unlocked(hash, key, options);
  if (touched.code() != StatusCode::kConflict) return touched;
  return touch_locked(hash, key, options);
}

// Most touches: the deadline moves later, and no further than the disk grants already.
Result<Version> Engine::touch_unlocked(std::uint64_t hash, std::string_view key,
                                       const TouchOptions& options) {
  const bool kept = journal_->keeps();
  const Result<Version> touched = table_.extend(
      hash, key, [this] { return now(); },
      [&](const Record& record, const ClockWord& clock,
          TimeMs at) -> std::optional<Table::Extension> {
        if (!meets(record, clock.deadline, options)) return std::nullopt;  // the lock's to say
        const TimeMs deadline =
            std::min(asked_deadline(at, options.ttl, options.deadline), record.lifetime());
        if (deadline < clock.deadline) return std::nullopt;  // its hint has to be lowered
        if (!kept || deadline == clock.deadline) return Table::Extension{deadline, clock.lead};
        if (deadline > Record::granted(clock)) return std::nullopt;  // the disk has to be told
        return Table::Extension{deadline, Record::lead_after(clock, deadline)};
      });
  if (touched) counters_.add(kTouches);
  return touched;
}

// By how much more than is asked the disk may let the record live.
TimeMs Engine::granted_ahead(TimeMs ttl) const noexcept {
  constexpr TimeMs kPart = 10;
  return options_.touch_resolution == kTenthOfTtl ? ttl / kPart
                                                      : options_.touch_resolution.count();
}

Result<Version> Engine::touch_locked(std::uint64_t hash, std::string_view key,
                                     const TouchOptions& options) {
  if (Status room = journal_->expect_append(key.size()); !room) return room;
  Version version = 0;
  Result<Version> journaled = Version{0};
  {
    Stripe& stripe = table_.stripe_of(hash);
    SpinLockGuard guard(stripe.lock());
    HeldRecord held(stripe, stripe.find(tag_of(hash), key));
    const TimeMs at = now();
    const Record* const record = held.alive(at);
    if (record == nullptr) return StatusCode::kNotFound;
    version = record->version();
    if (!meets(*record, held.clock().deadline, options)) {
      return Status(StatusCode::kConflict, "the record's version or deadline is another than asked");
    }
    const TimeMs deadline =
        std::min(asked_deadline(at, options.ttl, options.deadline), record->lifetime());
    std::uint8_t lead = 0;
    if (const bool later = deadline > Record::granted(held.clock());
        later || deadline < held.clock().deadline) {
      // The disk is granted more than is asked, so that the next touches need not be written; a
      // deadline that comes nearer is granted exactly.
      ClockWord grant{.deadline = deadline};
      if (later) grant = Record::grant(deadline, granted_ahead(deadline - at), record->lifetime());
      lead = grant.lead;
      RecordView view = record->view();
      view.deadline = grant.deadline;
      journaled = journal_->append(
          {.type = later ? Mutation::Type::kTouch : Mutation::Type::kShorten, .record = view});
      if (!journaled && journaled.code() != StatusCode::kReadOnly) return journaled.status();
      counters_.add(kTouchesJournaled);
    } else {
      lead = Record::lead_after(held.clock(), deadline);
    }
    stripe.set_deadline(*held.slot(), deadline, lead);
    counters_.add(kTouches);
  }
  if (!journaled) return tell_degraded(journaled.status());
  const Durability level = std::min(options_.durability, Durability::kProcess);
  if (*journaled != 0) {
    if (Status waited = wait(*journaled, level); !waited) return waited;
  }
  return version;
}

Status Engine::erase(std::string_view key, const EraseOptions& options) {
  if (Status fine = check_call(key); !fine) return fine;
  const std::uint64_t hash = table_.hash(key);
  if (Status room = prepare_write(hash, key.size()); !room) return room;
  bool damaged = false;
  if (read_through_.load(std::memory_order_acquire)) {
    const Status faulted = fault_in(hash, key);
    if (faulted.code() == StatusCode::kIo) return faulted;
    damaged = faulted.code() == StatusCode::kCorruption;
  }
  Done done;
  {
    Stripe& stripe = table_.stripe_of(hash);
    SpinLockGuard guard(stripe.lock());
    HeldRecord held(stripe, stripe.find(tag_of(hash), key));
    const TimeMs at = now();
    const Record* const current = held.alive(at);
    if (Status same = check_version(current, options.if_version);
        !same && (current != nullptr || damaged)) {
      return same;
    }
    if (current != nullptr) {
      const Result<Done> erased = erase_record(stripe, held, hash, at);
      if (!erased) return erased.status();
      done = *erased;
    } else if (damaged) {
      // What cannot be read can still be ended.
      const Result<Version> version =
          journal_->append({.type = Mutation::Type::kErase, .record = {.key = key}});
      if (!version) return version.status();
      gone_.add(hash, key);
      done.version = *version;
    }
  }
  if (done.version != 0) return finish(done, level(options.durability));
  // It is gone, but whoever erased it may be waiting still: "gone" holds at this caller's level
  // too.
  if (Status waited = wait_for_all(level(options.durability)); !waited) return waited;
  return Status(StatusCode::kNotFound);
}

Status Engine::wait_for_all(Durability level) {
  return wait(journal_->stats().version_last, level);
}

Result<Version> Engine::update(std::string_view key,
                               FunctionRef<UpdateAction(const RecordView*, std::string&)> f,
                               const PutOptions& options) {
  if (Status fine = check_write(key, 0, options); !fine) return fine;
  const std::uint64_t hash = table_.hash(key);
  if (Status room = prepare_write(hash, key.size()); !room) return room;
  if (read_through_.load(std::memory_order_acquire)) {
    const Status faulted = fault_in(hash, key);
    if (!faulted && faulted.code() != StatusCode::kNotFound) return faulted;
  }
  Done done;
  Version version = 0;
  {
    Stripe& stripe = table_.stripe_of(hash);
    SpinLockGuard guard(stripe.lock());
    HeldRecord held(stripe, stripe.find(tag_of(hash), key));
    const TimeMs at = now();
    const Record* const current = held.alive(at);
    const RecordView view = current != nullptr ? current->view() : RecordView{};
    if (current != nullptr && view.kind != options.kind) {
      return Status(StatusCode::kWrongKind, "the record is of another kind than PutOptions::kind");
    }
    if (Status same = check_version(current, options.if_version); !same) return same;
    std::string value;
    const WipeAtEnd no_copy_stays(value);
    if (view.value.size() >= kLargeBytes) value.reserve(view.value.size() + kRoomToGrowBytes);
    value = view.value;
    UpdateAction action = UpdateAction::kLeave;
    {
      const UpdateScope scope(this);
      action = f(current != nullptr ? &view : nullptr, value);
    }
    version = view.version;
    Result<Done> changed = Done{};
    if (action == UpdateAction::kStore) {
      if (Status fine = check_value(value.size()); !fine) return fine;
      if (options.kind == Kind::kFields && !holds_fields(value)) {
        return invalid("update: the value left is not an encoding of fields");
      }
      changed = store_record(stripe, held, hash, key, {.value = value, .kind = options.kind},
                             options, at);
      if (changed) version = changed->version;
    } else if (action == UpdateAction::kErase && current != nullptr) {
      changed = erase_record(stripe, held, hash, at);
      version = 0;
    }
    if (!changed) return changed.status();
    done = *changed;
  }
  if (Status waited = finish(done, level(options.durability)); !waited) return waited;
  return version;
}

std::vector<std::uint64_t> Engine::hashes_of(std::string_view owner) const {
  std::vector<std::uint64_t> hashes = owners_.hashes_of(owner);
  std::sort(hashes.begin(), hashes.end());
  hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
  return hashes;
}

// Erases all records of one hash and owner: more than one only if keys collide.
Status Engine::erase_hash_of(std::string_view owner, std::string_view keep_key, std::uint64_t hash,
                             std::size_t& erased, Version& last) {
  Status outcome;
  for (;;) {
    Ref retired = 0;
    {
      Stripe& stripe = table_.stripe_of(hash);
      SpinLockGuard guard(stripe.lock());
      const TimeMs at = now();
      HeldRecord held(stripe, stripe.find_if(tag_of(hash), [&](const Record& record) {
        return record.owner() == owner && record.alive(at) &&
               (keep_key.empty() || record.key() != keep_key) && table_.hash(record.key()) == hash;
      }));
      if (!held.slot()) return outcome;
      const Result<Done> done = erase_record(stripe, held, hash, at);
      if (!done && done.code() != StatusCode::kReadOnly) return done.status();
      ++erased;
      if (done) {
        last = done->version;
        retired = done->retired;
      } else {
        outcome = done.status();
      }
    }
    if (retired != 0) table_.retire(retired);
  }
}

Result<std::size_t> Engine::erase_owned(std::string_view owner, std::string_view keep_key,
                                        const EraseOptions& options) {
  if (Status fine = check_call(keep_key); !fine) return fine;
  if (Status fine = check_owner(owner); !fine) return fine;
  if (options.if_version) return invalid("erase_owned: if_version names one record; use erase");
  if (owner.empty()) return invalid("erase_owned: no owner was named");
  if (Status warm = ensure_warm(); !warm) return warm;
  std::size_t erased = 0;
  Version last = 0;
  Status outcome;
  {
    MutexLock guard(moves_of(owner));
    for (const std::uint64_t hash : hashes_of(owner)) {
      // One that fails does not keep the others from being ended.
      if (Status one = erase_hash_of(owner, keep_key, hash, erased, last); !one) outcome = one;
    }
  }
  if (!outcome) return outcome;
  if (Status waited = wait_for_all(level(options.durability)); !waited) return waited;
  return erased;
}

}  // namespace cloakroom
