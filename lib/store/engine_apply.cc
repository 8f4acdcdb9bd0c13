// Store::apply: several writes under the locks of all their stripes, in one frame of the journal.
//
// The order is that of every write (engine.h), each step for all writes before the next one begins:
// decide, make what allocates, append, change. So a group that is refused has changed nothing, and
// one that is appended cannot fail any more.
#include <algorithm>
#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include "store/engine.h"
#include "store/fields.h"
#include "store/write_parts.h"

namespace cloakroom {
namespace {

Status invalid(const char* text) { return Status(StatusCode::kInvalidArgument, text); }

// Locked by address and each once, so that two groups do not wait for each other.
class MutexesGuard {
 public:
  explicit MutexesGuard(std::vector<Mutex*> mutexes) NO_THREAD_SAFETY_ANALYSIS
      : mutexes_(std::move(mutexes)) {
    std::sort(mutexes_.begin(), mutexes_.end(), std::less<>());
    mutexes_.erase(std::unique(mutexes_.begin(), mutexes_.end()), mutexes_.end());
    for (Mutex* const mutex : mutexes_) mutex->lock();
  }
  ~MutexesGuard() NO_THREAD_SAFETY_ANALYSIS {
    for (Mutex* const mutex : mutexes_) mutex->unlock();
  }
  MutexesGuard(const MutexesGuard&) = delete;
  MutexesGuard& operator=(const MutexesGuard&) = delete;

 private:
  std::vector<Mutex*> mutexes_;
};

}  // namespace

// One call of apply(): what it changes, and what is left to be freed after the locks.
class Engine::Group {
 public:
  Group(Engine& engine, std::span<const Write> writes);
  ~Group();
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  [[nodiscard]] bool names_a_key_twice() const noexcept;
  Status fault_in();
  // All that happens under the locks. The version is 0 when there was nothing to write.
  Result<Version> run();

 private:
  struct Item {
    Item(const Write& of, std::uint64_t its_hash, Stripe& its_stripe)
        : write(of), hash(its_hash), stripe(its_stripe) {}

    const Write& write;
    const std::uint64_t hash;
    Stripe& stripe;
    std::optional<HeldRecord> held = std::nullopt;
    const Record* current = nullptr;  // alive
    RecordView next = {};
    std::optional<NewRecord> record = std::nullopt;
    std::optional<PendingOwner> owner = std::nullopt;
    bool owner_changes = false;

    [[nodiscard]] bool erases() const noexcept { return !write.value.has_value(); }
    [[nodiscard]] bool does_nothing() const noexcept { return erases() && current == nullptr; }
  };
  struct Part {
    explicit Part(Stripe& of) : stripe(of) {}

    Stripe& stripe;
    std::size_t inserts = 0;
    std::optional<Accounting> accounting = std::nullopt;
  };
  class Locks;

  Result<Version> run_locked();
  Status decide();
  Status admit();
  void make_room();
  void make_records();
  Result<Version> append();
  void store(Item& item, Version version);
  void erase(Item& item, Version version);

  Engine& engine_;
  TimeMs now_ = 0;
  std::uint64_t reserved_ = 0;
  // By the addresses of their stripes, then by key. Deques, for the elements do not move.
  std::deque<Item> items_ = {};
  std::deque<Part> parts_ = {};
  std::vector<Ref> retired_ = {};
};

// The locks of the stripes, in the order of their addresses, as rename takes them. Whatever happens
// under them, what was made and not stored is freed, and holds end, before they are given back.
class Engine::Group::Locks {
 public:
  explicit Locks(Group& group) NO_THREAD_SAFETY_ANALYSIS : group_(group) {
    for (Part& part : group_.parts_) part.stripe.lock().lock();
  }
  ~Locks() NO_THREAD_SAFETY_ANALYSIS {
    group_.items_.clear();
    for (Part& part : group_.parts_) {
      if (part.accounting) try_shrink(part.stripe);
      part.accounting.reset();
      part.stripe.lock().unlock();
    }
  }
  Locks(const Locks&) = delete;
  Locks& operator=(const Locks&) = delete;

 private:
  Group& group_;
};

Engine::Group::Group(Engine& engine, std::span<const Write> writes) : engine_(engine) {
  struct Place {
    Stripe* stripe;
    std::uint64_t hash;
    const Write* write;
  };
  std::vector<Place> places;
  places.reserve(writes.size());
  for (const Write& write : writes) {
    const std::uint64_t hash = engine.table_.hash(write.key);
    places.push_back({&engine.table_.stripe_of(hash), hash, &write});
  }
  std::sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
    if (a.stripe != b.stripe) return std::less<>()(a.stripe, b.stripe);
    return a.write->key < b.write->key;
  });
  for (const Place& place : places) {
    if (parts_.empty() || &parts_.back().stripe != place.stripe) {
      parts_.emplace_back(*place.stripe);
    }
    items_.emplace_back(*place.write, place.hash, *place.stripe);
  }
  retired_.reserve(writes.size());
}

Engine::Group::~Group() {
  for (const Ref retired : retired_) engine_.table_.retire(retired);
}

bool Engine::Group::names_a_key_twice() const noexcept {
  return std::adjacent_find(items_.begin(), items_.end(), [](const Item& a, const Item& b) {
           return a.write.key == b.write.key;
         }) != items_.end();
}

// What is still on disk decides, too. A damaged record may be replaced, as by put.
Status Engine::Group::fault_in() {
  if (!engine_.read_through_.load(std::memory_order_acquire)) return Status();
  for (const Item& item : items_) {
    const Status faulted = engine_.fault_in(item.hash, item.write.key);
    if (faulted.code() == StatusCode::kIo) return faulted;
    if (faulted.code() == StatusCode::kCorruption && item.write.options.if_version) return faulted;
  }
  return Status();
}

Result<Version> Engine::Group::run() {
  const Locks locks(*this);
  return run_locked();
}

Result<Version> Engine::Group::run_locked() NO_THREAD_SAFETY_ANALYSIS {
  for (Item& item : items_) {
    item.held.emplace(item.stripe, item.stripe.find(tag_of(item.hash), item.write.key));
  }
  now_ = engine_.now();
  if (Status fine = decide(); !fine) return fine;
  if (Status room = admit(); !room) return room;
  for (Part& part : parts_) {
    part.accounting.emplace(engine_.table_, part.stripe, std::exchange(reserved_, 0));
  }
  make_room();
  make_records();
  const Result<Version> version = append();
  if (!version) return engine_.tell_degraded(version.status());

  // From here on nothing can fail. What comes is there before what goes is gone.
  for (Item& item : items_) {
    if (!item.erases()) store(item, *version);
  }
  for (Item& item : items_) {
    if (item.erases() && !item.does_nothing()) erase(item, *version);
  }
  return version;
}

Status Engine::Group::decide() {
  for (Item& item : items_) {
    item.current = item.held->alive(now_);
    const PutOptions& options = item.write.options;
    if (Status same = engine_.check_version(item.current, options.if_version); !same) return same;
    if (item.erases()) continue;
    const Draft draft{.value = *item.write.value, .kind = options.kind};
    item.next = engine_.compose(item.current, item.write.key, draft, options, now_);
    const Record* const old = item.held->record();
    item.owner_changes = old == nullptr || old->owner() != item.next.owner;
  }
  return Status();
}

// Writes that do not grow what is stored pass always, as smaller overwrites do.
Status Engine::Group::admit() NO_THREAD_SAFETY_ANALYSIS {
  std::uint64_t wanted = 0;
  std::uint64_t held = 0;
  bool creates = false;
  std::size_t part = 0;
  for (Item& item : items_) {
    while (&parts_[part].stripe != &item.stripe) ++part;
    if (item.held->record() != nullptr && !item.does_nothing()) {
      held += allocation_bytes(*item.held->record());
    }
    if (item.erases()) continue;
    wanted += allocation_bytes(item.next);
    creates = creates || item.current == nullptr;
    if (!item.held->slot()) ++parts_[part].inserts;
  }
  for (const Part& each : parts_) wanted += each.stripe.growth_bytes(each.inserts);
  if (!creates && wanted <= held) return Status();
  if (Status room = engine_.journal_->admit_growth(); !room) {
    engine_.counters_.add(kRefusedFull);
    return room;
  }
  if (wanted <= held) return Status();
  if (!engine_.table_.memory().reserve(wanted - held, engine_.memory_limit())) {
    engine_.counters_.add(kRefusedFull);
    return engine_.memory_is_full();
  }
  reserved_ = wanted - held;
  return Status();
}

// Buckets that grow move what lies in them.
void Engine::Group::make_room() NO_THREAD_SAFETY_ANALYSIS {
  for (Part& part : parts_) {
    if (part.inserts != 0) part.stripe.reserve(part.inserts);
  }
  for (Item& item : items_) {
    if (!item.held->slot()) continue;
    item.held->found_again(item.stripe.find(tag_of(item.hash), item.write.key));
  }
}

void Engine::Group::make_records() {
  for (Item& item : items_) {
    if (item.does_nothing()) continue;
    if (item.erases()) {
      if (engine_.read_through_.load(std::memory_order_acquire)) {
        engine_.gone_.add(item.hash, item.write.key);
      }
      continue;
    }
    item.record.emplace(engine_.table_.slabs(), item.next);
    item.owner.emplace(engine_.owners_, item.owner_changes ? item.next.owner : std::string_view(),
                       item.hash);
  }
}

Result<Version> Engine::Group::append() {
  std::vector<Mutation> group;
  group.reserve(items_.size());
  for (const Item& item : items_) {
    if (item.does_nothing()) continue;
    if (item.erases()) {
      group.push_back({.type = Mutation::Type::kErase, .record = {.key = item.write.key}});
    } else {
      group.push_back({.type = Mutation::Type::kPut, .record = item.next});
    }
  }
  if (group.empty()) return Version{0};
  return group.size() == 1 ? engine_.journal_->append(group[0])
                           : engine_.journal_->append_group(group);
}

void Engine::Group::store(Item& item, Version version) NO_THREAD_SAFETY_ANALYSIS {
  const bool created = item.current == nullptr;
  const Record* const old = item.held->record();
  item.owner->keep();
  NewRecord& record = *item.record;
  record->set_version(version);
  if (old != nullptr) {
    if (created) {
      engine_.counters_.add(kExpired);
      engine_.events_.publish_last(EventType::kExpired, old->view(), now_);
    }
    if (item.owner_changes) engine_.owners_.remove(old->owner(), item.hash);
    retired_.push_back(item.stripe.replace(*item.held->slot(), record));
    item.held->gone();
  } else {
    item.stripe.insert(tag_of(item.hash), record);
  }
  engine_.counters_.add(created ? kCreates : kOverwrites);
  engine_.events_.publish(created ? EventType::kCreated : EventType::kUpdated, item.write.key,
                          item.next.owner, version, now_);
}

void Engine::Group::erase(Item& item, Version version) NO_THREAD_SAFETY_ANALYSIS {
  RecordView last = item.current->view();
  last.version = version;
  engine_.events_.publish_last(EventType::kErased, last, now_);
  engine_.counters_.add(kErases);
  engine_.owners_.remove(last.owner, item.hash);
  item.held->gone();
  retired_.push_back(item.stripe.remove(*item.held->slot()));
}

Result<Version> Engine::apply(std::span<const Write> writes, std::optional<Durability> durability) {
  std::size_t bytes = 0;
  std::vector<Mutex*> moves;
  for (const Write& write : writes) {
    const std::string_view value = write.value.value_or("");
    if (Status fine = check_write(write.key, value.size(), write.options); !fine) return fine;
    if (write.value && write.options.kind == Kind::kFields && !holds_fields(value)) {
      return invalid("apply: the value is not an encoding of fields");
    }
    const std::string_view owner = write.options.owner.value_or("");
    if (!owner.empty()) moves.push_back(&moves_of(owner));
    bytes += write.key.size() + value.size();
  }
  if (Status open = check_open(); !open) return open;
  Result<Version> version = Version{0};
  {
    Group group(*this, writes);
    if (group.names_a_key_twice()) return invalid("apply: a key is named twice");
    if (Status room = journal_->expect_append(bytes); !room) return room;
    if (Status fine = group.fault_in(); !fine) return fine;
    // So that one that moves to another key is not missed by who lists or erases an owner's
    // records.
    const MutexesGuard guard(std::move(moves));
    version = group.run();
  }
  if (!version || *version == 0) return version;
  if (Status waited = wait(*version, level(durability)); !waited) return waited;
  return version;
}

}  // namespace cloakroom
