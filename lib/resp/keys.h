// Keys: the records of the store as a command sees them, and Step: several writes that happen
// together.
//
// A command that writes several keys, and all commands of an EXEC, must be in the store either
// whole or not at all, whatever happens to the process. So within a step nothing is written at
// first: the records that were written lie in the step, who looks for them finds them there, and
// commit() hands all of them to Store::apply. Events wait for that, too.
//
//   command -> Keys --no step--> Store
//                   --step-----> Step: what it holds, else Store          commit(): Store::apply
//
// The step remembers the version in which it met a record that it writes. If the host's own code
// has written it since, commit() answers kConflict and nothing has happened: the commands are run
// again. Clients cannot, for commands in a step run alone (gate.h). The time stands still within a
// step.
//
// Keys that come to be, and keys that are looked for in vain, are told to the command when somebody
// wants to hear of it (the classes `n` and `m` of keyspace events): here and not in the store, since
// within a step a key may go and come again of which the store never knows.
//
// Thread safety: both belong to the thread that runs the command.
#ifndef CLOAKROOM_LIB_RESP_KEYS_H_
#define CLOAKROOM_LIB_RESP_KEYS_H_

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cloakroom/store.h"

namespace cloakroom::resp {

class Call;

class Step {
 public:
  explicit Step(Store& store) : store_(store), now_(store.now()) {}
  Step(const Step&) = delete;
  Step& operator=(const Step&) = delete;

  // As in Store. REQUIRES for put and update: no lifetime but kNoExpiry.
  [[nodiscard]] TimeMs now() const noexcept { return now_; }
  Result<Version> visit(std::string_view key, FunctionRef<void(const RecordView&)> f);
  Result<Version> put(std::string_view key, std::string_view value, const PutOptions& options);
  Result<Version> touch(std::string_view key, const TouchOptions& options);
  Status erase(std::string_view key, const EraseOptions& options);
  Result<Version> update(std::string_view key,
                         FunctionRef<UpdateAction(const RecordView*, std::string&)> f,
                         const PutOptions& options);
  Result<Version> rename(std::string_view from, std::string_view to, const RenameOptions& options);

  // Runs f once the writes are made: for what others may hear of only then.
  void afterwards(std::function<void()> f) { afterwards_.push_back(std::move(f)); }

  // Makes all writes, then calls what waits for it. kConflict: run the commands again, in a new
  // step.
  Status commit(std::optional<Durability> durability);

 private:
  // A record that is written in this step, or was looked at in order to be.
  struct Entry {
    Version met = 0;    // its version in the store; 0: absent
    Version shown = 0;  // what commands of the step see; 0: absent
    bool changed = false;
    bool deadline_set = false;  // else it is kept as the store has it at commit()
    bool has_value = false;     // else it is still in the store, as `met`
    Kind kind = Kind::kBytes;
    std::string value = {};
    std::string owner = {};
    TimeMs deadline = kNever;
    TimeMs lifetime = kNever;
    TimeMs created = 0;
  };
  using Entries = std::map<std::string, Entry, std::less<>>;

  Result<Entry*> entry(std::string_view key);
  Status need_value(std::string_view key, Entry& entry);
  [[nodiscard]] static RecordView view_of(std::string_view key, const Entry& entry) noexcept;
  void store(Entry& entry, std::string_view value, const PutOptions& options);
  void erase_entry(Entry& entry) noexcept;

  Store& store_;
  const TimeMs now_;
  Version next_shown_ = Version{1} << 50;  // no version of a store reaches that
  bool conflict_ = false;
  Entries entries_ = {};
  std::vector<std::function<void()>> afterwards_ = {};
};

// Three words: hand it around by value.
class Keys {
 public:
  // `told` hears of new and missed keys; null when nobody wants to know.
  Keys(Store& store, Step* step, Call* told = nullptr) noexcept
      : store_(store), step_(step), told_(told) {}

  [[nodiscard]] TimeMs now() const noexcept {
    return step_ != nullptr ? step_->now() : store_.now();
  }

  Result<Version> visit(std::string_view key, FunctionRef<void(const RecordView&)> f) const {
    auto seen = step_ != nullptr ? step_->visit(key, f) : store_.visit(key, f);
    if (told_ != nullptr) tell_missed(key, seen.status());
    return seen;
  }
  Result<std::size_t> visit_many(std::span<const std::string_view> keys,
                                 FunctionRef<void(std::size_t, const RecordView&)> f) const;
  Result<Version> put(std::string_view key, std::string_view value,
                      const PutOptions& options = {}) const {
    if (told_ != nullptr) return put_and_tell(key, value, options);
    return put_quietly(key, value, options);
  }
  Result<Version> touch(std::string_view key, const TouchOptions& options) const {
    return step_ != nullptr ? step_->touch(key, options) : store_.touch(key, options);
  }
  Status erase(std::string_view key, const EraseOptions& options = {}) const {
    return step_ != nullptr ? step_->erase(key, options) : store_.erase(key, options);
  }
  Result<Version> update(std::string_view key,
                         FunctionRef<UpdateAction(const RecordView*, std::string&)> f,
                         const PutOptions& options = {.keep_deadline = true}) const {
    if (told_ != nullptr) return update_and_tell(key, f, options);
    return update_quietly(key, f, options);
  }
  Result<Version> rename(std::string_view from, std::string_view to,
                         const RenameOptions& options = {}) const {
    auto moved =
        step_ != nullptr ? step_->rename(from, to, options) : store_.rename(from, to, options);
    if (told_ != nullptr && moved.ok()) tell_created(to);
    return moved;
  }

  // What is never part of a step; commands that ask for these do not run in one.
  Result<Cursor> scan(Cursor cursor, std::size_t count,
                      FunctionRef<void(const RecordView&)> f) const {
    return store_.scan(cursor, count, f);
  }
  [[nodiscard]] Result<std::vector<OwnedRecord>> owned_by(std::string_view owner) const {
    return store_.owned_by(owner);
  }
  Result<std::size_t> erase_owned(std::string_view owner, std::string_view keep_key,
                                  const EraseOptions& options) const {
    return store_.erase_owned(owner, keep_key, options);
  }
  [[nodiscard]] Stats stats() const { return store_.stats(); }
  Status sync() const { return store_.sync(); }
  void set_memory_limit(std::size_t bytes) const { store_.set_memory_limit(bytes); }
  [[nodiscard]] const std::string& path() const noexcept { return store_.path(); }

 private:
  Result<Version> put_quietly(std::string_view key, std::string_view value,
                              const PutOptions& options) const {
    return step_ != nullptr ? step_->put(key, value, options) : store_.put(key, value, options);
  }
  Result<Version> update_quietly(std::string_view key,
                                 FunctionRef<UpdateAction(const RecordView*, std::string&)> f,
                                 const PutOptions& options) const {
    return step_ != nullptr ? step_->update(key, f, options) : store_.update(key, f, options);
  }
  Result<Version> put_and_tell(std::string_view key, std::string_view value,
                               const PutOptions& options) const;
  Result<Version> update_and_tell(std::string_view key,
                                  FunctionRef<UpdateAction(const RecordView*, std::string&)> f,
                                  const PutOptions& options) const;
  void tell_created(std::string_view key) const;
  void tell_missed(std::string_view key, const Status& status) const;

  Store& store_;
  Step* step_;
  Call* told_;
};

}  // namespace cloakroom::resp

#endif  // CLOAKROOM_LIB_RESP_KEYS_H_
