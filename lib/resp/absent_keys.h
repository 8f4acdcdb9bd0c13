// AbsentKeys: notices when a watched key that was absent comes to be.
//
// WATCH compares versions of keys, and an absent key has none: one that came and went again would
// look untouched. So the store is asked to tell which keys are created, while anybody watches an
// absent one; otherwise nothing is asked of it and nothing is paid. Events that were lost count for
// every key: EXEC is refused once too often rather than once too seldom.
//
// Thread safety: all methods from any thread. A Watch must go before its AbsentKeys does.
#ifndef CLOAKROOM_LIB_RESP_ABSENT_KEYS_H_
#define CLOAKROOM_LIB_RESP_ABSENT_KEYS_H_

#include <atomic>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/mutex.h"
#include "cloakroom/store.h"

namespace cloakroom::resp {

class AbsentKeys {
 public:
  explicit AbsentKeys(Store& store) : store_(store) {}
  AbsentKeys(const AbsentKeys&) = delete;
  AbsentKeys& operator=(const AbsentKeys&) = delete;

  // One key being watched, until this goes.
  class Watch {
   public:
    Watch(AbsentKeys& keys, std::string key) : keys_(keys), key_(std::move(key)) {}
    ~Watch() { keys_.remove(*this); }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

    // Was it created since? Of what happened before Store::deliver_events() was called last.
    [[nodiscard]] bool came() const noexcept { return came_.load(std::memory_order_acquire); }

   private:
    friend class AbsentKeys;
    AbsentKeys& keys_;
    const std::string key_;
    std::atomic<bool> came_{false};
  };

  [[nodiscard]] std::unique_ptr<Watch> watch(std::string key);

 private:
  void remove(Watch& watch);
  void note(const Event& event);

  Store& store_;
  Mutex mutex_;
  std::unordered_multimap<std::string, Watch*> watches_ GUARDED_BY(mutex_) = {};
  Subscription created_ GUARDED_BY(mutex_) = {};
};

}  // namespace cloakroom::resp

#endif  // CLOAKROOM_LIB_RESP_ABSENT_KEYS_H_
