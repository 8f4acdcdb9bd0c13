// EventBus: from writers, who never wait, to subscribers, who may be slow.
//
// publish() copies the event into a bounded queue and returns; it is called under a stripe's lock,
// so events of one key are queued in the order of its writes. One dispatcher (a thread, or deliver()
// with background off) takes them out and calls the subscribers under no lock of the store. When the
// queue is full events are dropped and counted; a kOverflow event then says how many.
// With no subscriber publish() costs one atomic load.
#ifndef CLOAKROOM_LIB_INDEX_EVENTS_H_
#define CLOAKROOM_LIB_INDEX_EVENTS_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string_view>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "base/thread_annotations.h"
#include "cloakroom/events.h"

namespace cloakroom {

inline constexpr std::size_t kEventQueueMax = 16384;

class Subscription::State {
 public:
  State(std::function<void(const Event&)> f, EventMask mask) : f_(std::move(f)), mask_(mask) {}

  [[nodiscard]] EventMask mask() const noexcept { return mask_; }
  [[nodiscard]] bool active() const noexcept { return active_.load(std::memory_order_acquire); }
  void call(const Event& event) EXCLUDES(mutex_);
  // Returns when no call is in flight, or at once from inside one.
  void cancel() noexcept EXCLUDES(mutex_);

 private:
  const std::function<void(const Event&)> f_;
  const EventMask mask_;
  std::atomic<bool> active_{true};
  std::atomic<std::thread::id> caller_{};
  Mutex mutex_;  // held during a call
};

// Events that this thread causes tell this origin (Event::origin), until the end of the scope.
class EventOrigin {
 public:
  explicit EventOrigin(std::uint64_t origin) noexcept : outer_(now_) { now_ = origin; }
  ~EventOrigin() { now_ = outer_; }
  EventOrigin(const EventOrigin&) = delete;
  EventOrigin& operator=(const EventOrigin&) = delete;

  [[nodiscard]] static std::uint64_t now() noexcept { return now_; }

 private:
  static constinit thread_local std::uint64_t now_ __attribute__((tls_model("initial-exec")));
  const std::uint64_t outer_;
};

class EventBus {
 public:
  explicit EventBus(bool background) : background_(background) {}
  ~EventBus();
  EventBus(const EventBus&) = delete;
  EventBus& operator=(const EventBus&) = delete;

  [[nodiscard]] Subscription subscribe(std::function<void(const Event&)> f, EventMask mask);

  // Does anybody want this type? To be asked before an event is composed.
  [[nodiscard]] bool wanted(EventType type) const noexcept {
    return (wanted_.load(std::memory_order_relaxed) & event_bit(type)) != 0;
  }
  void publish(EventType type, std::string_view key, std::string_view owner, Version version,
               TimeMs when) noexcept {
    publish_last(type, {.key = key, .owner = owner, .version = version}, when);
  }
  // The same for a record that goes, with its last value if anybody wants that.
  void publish_last(EventType type, const RecordView& record, TimeMs when) noexcept;

  // Delivers what is queued, in this thread, also what is queued meanwhile, and waits for what
  // another one is delivering. From inside a callback it does nothing: the call around it goes on.
  void deliver() EXCLUDES(deliver_mutex_);
  // The same if the queue is half full: for who queues many at a time, under no lock.
  void relieve() EXCLUDES(deliver_mutex_);
  void stop();  // delivers what is queued and ends the dispatcher; idempotent

  [[nodiscard]] std::uint64_t dropped() const noexcept {
    return dropped_.load(std::memory_order_relaxed);
  }

 private:
  using States = std::vector<std::shared_ptr<Subscription::State>>;

  void dispatch_loop();
  static void dispatch(Event& event, const States& subscribers);
  std::deque<Event> take(States& subscribers) EXCLUDES(mutex_);
  void drop_cancelled() REQUIRES(mutex_);

  const bool background_;
  std::atomic<EventMask> wanted_{0};
  std::atomic<std::uint64_t> dropped_{0};
  std::atomic<std::thread::id> deliverer_{};

  Mutex deliver_mutex_;  // held while callbacks run; taken before mutex_
  Mutex mutex_;
  CondVar queued_;
  std::deque<Event> queue_ GUARDED_BY(mutex_);
  std::uint64_t missing_ GUARDED_BY(mutex_) = 0;  // dropped since the last kOverflow
  States subscribers_ GUARDED_BY(mutex_);
  bool stop_ GUARDED_BY(mutex_) = false;
  std::thread thread_ GUARDED_BY(mutex_);
};

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_INDEX_EVENTS_H_
