// Moving a record to another key: the one write that changes two records, under two locks and in
// one frame of the journal.
#include <array>
#include <functional>
#include <new>
#include <optional>
#include <string>

#include "store/engine.h"
#include "store/write_parts.h"

namespace cloakroom {
namespace {

Status invalid(const char* text) { return Status(StatusCode::kInvalidArgument, text); }

// The locks of two stripes, or of one. They are taken in the order of their addresses, and so two
// renames in opposite directions do not wait for each other.
class StripePairGuard {
 public:
  StripePairGuard(Stripe& a, Stripe& b) NO_THREAD_SAFETY_ANALYSIS
      : first_(std::less<>()(&a, &b) ? a : b),
        second_(&first_ == &a ? b : a) {
    first_.lock().lock();
    if (&first_ != &second_) second_.lock().lock();
  }
  ~StripePairGuard() NO_THREAD_SAFETY_ANALYSIS {
    if (&first_ != &second_) second_.lock().unlock();
    first_.lock().unlock();
  }
  StripePairGuard(const StripePairGuard&) = delete;
  StripePairGuard& operator=(const StripePairGuard&) = delete;

 private:
  Stripe& first_;
  Stripe& second_;
};

}  // namespace

struct Engine::Move {
  std::string_view from;
  std::string_view to;
  std::uint64_t from_hash;
  std::uint64_t to_hash;
  const RenameOptions& options;
};

struct Engine::Moved {
  Version version = 0;              // 0: the owner is another one by now
  std::array<Ref, 2> retired = {};  // to be freed when no reader holds them; 0: none
};

Status Engine::check_rename(std::string_view from, std::string_view to,
                            const RenameOptions& options) {
  if (Status fine = check_call(from); !fine) return fine;
  if (Status fine = check_call(to); !fine) return fine;
  if (from == to) return invalid("rename: the keys are the same");
  if (Status fine = check_value(options.value.value_or("").size()); !fine) return fine;
  if (Status fine = check_value(options.leave.value_or("").size()); !fine) return fine;
  if (Status fine = check_owner(options.owner.value_or("")); !fine) return fine;
  if (options.ttl <= Millis{0} || options.lifetime <= Millis{0} || options.leave_ttl <= Millis{0}) {
    return invalid("RenameOptions: ttl, lifetime and leave_ttl must be more than 0");
  }
  return Status();
}

// A move that does not grow what is stored passes always, as a smaller overwrite does.
Status Engine::admit_move(const Record& current, const RecordView& next, const RecordView* left,
                          std::uint64_t& reserved) {
  const std::size_t wanted =
      allocation_bytes(next) + (left != nullptr ? allocation_bytes(*left) : 0);
  const std::size_t held = allocation_bytes(current);
  if (wanted <= held) return Status();
  if (Status room = journal_->admit_growth(); !room) {
    counters_.add(kRefusedFull);
    return room;
  }
  if (!table_.memory().reserve(wanted - held, memory_limit())) {
    counters_.add(kRefusedFull);
    return memory_is_full();
  }
  reserved = wanted - held;
  return Status();
}

// The record as it will be under its new key.
RecordView Engine::compose_move(const Move& move, const HeldRecord& old, TimeMs now) const {
  const RenameOptions& options = move.options;
  RecordView next = old.record()->view(old.clock());
  next.key = move.to;
  if (options.value) next.value = *options.value;
  if (options.owner) next.owner = *options.owner;
  if (!options.keep_deadline) {
    next.lifetime = Timeline::after(now, options.lifetime);
    next.deadline = std::min(Timeline::after(now, options.ttl), next.lifetime);
  }
  return next;
}

// Under both locks, which may be one: the analysis cannot see that.
Result<Engine::Moved> Engine::move_record(const Move& move,
                                          std::string_view owner) NO_THREAD_SAFETY_ANALYSIS {
  const RenameOptions& options = move.options;
  Stripe& source = table_.stripe_of(move.from_hash);
  Stripe& target = table_.stripe_of(move.to_hash);
  const StripePairGuard guard(source, target);
  HeldRecord old(source, source.find(tag_of(move.from_hash), move.from));
  HeldRecord there(target, target.find(tag_of(move.to_hash), move.to));
  const TimeMs at = now();
  const Record* const current = old.alive(at);
  if (current == nullptr) return StatusCode::kNotFound;
  if (current->owner() != owner) return Moved{};
  if (Status same = check_version(current, options.if_version); !same) return same;
  if (there.alive(at) != nullptr) {
    return Status(StatusCode::kConflict, "rename: there is a record at the new key");
  }
  const RecordView next = compose_move(move, old, at);
  const RecordView left{.key = move.from,
                        .value = options.leave.value_or(""),
                        .kind = next.kind,
                        .deadline = Timeline::after(at, options.leave_ttl),
                        .created = at};
  const bool leaves = options.leave.has_value();
  std::uint64_t reserved = 0;
  if (Status room = admit_move(*current, next, leaves ? &left : nullptr, reserved); !room) {
    return room;
  }
  const Accounting accounting(table_, source, reserved);
  std::optional<Accounting> target_accounting;
  if (&source != &target) target_accounting.emplace(table_, target, 0);

  // All that allocates.
  NewRecord record(table_.slabs(), next);
  std::optional<NewRecord> alias;
  if (leaves) alias.emplace(table_.slabs(), left);
  if (!leaves && read_through_.load(std::memory_order_acquire)) {
    gone_.add(move.from_hash, move.from);
  }
  if (!there.slot()) {
    target.reserve_one();
    old.found_again(source.find(tag_of(move.from_hash), move.from));
  }
  PendingOwner pending(owners_, next.owner, move.to_hash);
  using Type = Mutation::Type;
  const std::array<Mutation, 2> group{
      Mutation{.type = Type::kPut, .record = next},
      Mutation{.type = leaves ? Type::kPut : Type::kErase, .record = left}};
  const Result<Version> version = journal_->append_group(group);
  if (!version) {
    if (!there.slot()) try_shrink(target);
    return tell_degraded(version.status());
  }

  // From here on nothing can fail. It is there before it is gone here: readers take no lock.
  pending.keep();
  Moved moved{.version = *version};
  record->set_version(*version);
  moved.retired[0] = arrive(target, there, move.to_hash, record, at);
  owners_.remove(owner, move.from_hash);
  old.gone();
  if (leaves) {
    (*alias)->set_version(*version);
    moved.retired[1] = source.replace(*old.slot(), *alias);
  } else {
    moved.retired[1] = source.remove(*old.slot());
    try_shrink(source);
  }
  counters_.add(kCreates);
  counters_.add(leaves ? kOverwrites : kErases);
  events_.publish(EventType::kCreated, move.to, next.owner, *version, at);
  events_.publish(leaves ? EventType::kUpdated : EventType::kErased, move.from, owner, *version,
                  at);
  return moved;
}

// Puts the record where nothing is, or something that has expired; that is returned.
Ref Engine::arrive(Stripe& target, HeldRecord& there, std::uint64_t hash, NewRecord& record,
                   TimeMs now) {
  if (!there.slot()) {
    target.insert(tag_of(hash), record);
    return 0;
  }
  const Record& expired = *there.record();
  counters_.add(kExpired);
  events_.publish_last(EventType::kExpired, expired.view(), now);
  owners_.remove(expired.owner(), hash);
  there.gone();
  return target.replace(*there.slot(), record);
}

Result<Version> Engine::rename(std::string_view from, std::string_view to,
                               const RenameOptions& options) {
  if (Status fine = check_rename(from, to, options); !fine) return fine;
  const Move move{from, to, table_.hash(from), table_.hash(to), options};
  if (read_through_.load(std::memory_order_acquire)) {
    for (const auto& [hash, key] : {std::pair(move.from_hash, from), {move.to_hash, to}}) {
      const Status faulted = fault_in(hash, key);
      if (!faulted && faulted.code() != StatusCode::kNotFound) return faulted;
    }
  }
  for (;;) {
    std::string owner;
    std::size_t bytes = from.size() + to.size() + options.leave.value_or("").size();
    const bool found = table_.read(
        move.from_hash, from, [this] { return now(); },
        [&](const RecordView& view) {
          owner = view.owner;
          bytes += options.value ? options.value->size() : view.value.size();
        });
    if (!found) return StatusCode::kNotFound;
    if (Status room = prepare_write(move.to_hash, bytes); !room) return room;
    Result<Moved> moved = Moved{};
    if (owner.empty()) {
      moved = move_record(move, owner);
    } else {
      MutexLock guard(moves_of(owner));
      moved = move_record(move, owner);
    }
    if (!moved) return moved.status();
    if (moved->version == 0) continue;  // it was given to another owner meanwhile
    for (const Ref retired : moved->retired) {
      if (retired != 0) table_.retire(retired);
    }
    if (Status waited = wait(moved->version, level(options.durability)); !waited) return waited;
    return moved->version;
  }
}

}  // namespace cloakroom
