#include "index/events.h"

#include <string.h>

#include <algorithm>
#include <new>
#include <utility>

namespace cloakroom {

namespace {

// Notes that this thread is inside something, until the end of the scope, thrown out of or not.
class ThreadMark {
 public:
  explicit ThreadMark(std::atomic<std::thread::id>& mark) noexcept : mark_(mark) {
    mark_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  }
  ~ThreadMark() { mark_.store(std::thread::id(), std::memory_order_relaxed); }
  ThreadMark(const ThreadMark&) = delete;
  ThreadMark& operator=(const ThreadMark&) = delete;

 private:
  std::atomic<std::thread::id>& mark_;
};

}  // namespace

constinit thread_local std::uint64_t EventOrigin::now_ = 0;

Subscription::Subscription() noexcept = default;
Subscription::Subscription(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}
Subscription::Subscription(Subscription&&) noexcept = default;
Subscription::~Subscription() { cancel(); }

Subscription& Subscription::operator=(Subscription&& other) noexcept {
  if (this != &other) {
    cancel();
    state_ = std::move(other.state_);
  }
  return *this;
}

void Subscription::cancel() noexcept {
  if (state_) std::exchange(state_, nullptr)->cancel();
}

void Subscription::State::call(const Event& event) {
  MutexLock guard(mutex_);
  if (!active()) return;
  const ThreadMark inside(caller_);
  f_(event);
}

void Subscription::State::cancel() noexcept {
  active_.store(false, std::memory_order_release);
  if (caller_.load(std::memory_order_relaxed) == std::this_thread::get_id()) return;
  MutexLock wait_for_call(mutex_);
}

EventBus::~EventBus() { stop(); }

Subscription EventBus::subscribe(std::function<void(const Event&)> f, EventMask mask) {
  auto state = std::make_shared<Subscription::State>(std::move(f), mask);
  MutexLock guard(mutex_);
  subscribers_.push_back(state);
  drop_cancelled();
  if (background_ && !stop_ && !thread_.joinable()) {
    thread_ = std::thread([this] { dispatch_loop(); });
  }
  return Subscription(std::move(state));
}

void EventBus::publish_last(EventType type, const RecordView& record, TimeMs when) noexcept {
  const EventMask wanted = wanted_.load(std::memory_order_relaxed);
  if ((wanted & event_bit(type)) == 0) return;
  const bool with_value = (wanted & kLastValues) != 0;
  MutexLock guard(mutex_);
  bool kept = queue_.size() < kEventQueueMax;
  if (kept) {
    try {
      queue_.push_back(
          {.type = type,
           .key = std::string(record.key),
           .owner = std::string(record.owner),
           .version = record.version,
           .when = when,
           .dropped = missing_,
           .origin = EventOrigin::now(),
           .kind = record.kind,
           .lifetime = record.lifetime,
           .value = std::string(with_value ? record.value : std::string_view())});
      missing_ = 0;
    } catch (const std::bad_alloc&) {
      kept = false;
    }
  }
  if (!kept) {
    ++missing_;
    dropped_.fetch_add(1, std::memory_order_relaxed);
  }
  if (background_) queued_.notify_one();
}

// An event remembers how many were dropped before it; subscribers hear of them as kOverflow.
// What a record held is wiped then, as it was in the table.
void EventBus::dispatch(Event& event, const States& subscribers) {
  const Event overflow{.type = EventType::kOverflow, .when = event.when, .dropped = event.dropped};
  event.dropped = 0;
  for (const auto& subscriber : subscribers) {
    if (overflow.dropped != 0 && (subscriber->mask() & event_bit(EventType::kOverflow)) != 0) {
      subscriber->call(overflow);
    }
    if ((subscriber->mask() & event_bit(event.type)) != 0) subscriber->call(event);
  }
  explicit_bzero(event.value.data(), event.value.size());
}

std::deque<Event> EventBus::take(States& subscribers) {
  std::deque<Event> events;
  MutexLock guard(mutex_);
  drop_cancelled();
  events.swap(queue_);
  subscribers = subscribers_;
  return events;
}

// Without this, events would go on being queued for subscribers that are gone.
void EventBus::drop_cancelled() {
  std::erase_if(subscribers_, [](const auto& subscriber) { return !subscriber->active(); });
  EventMask wanted = 0;
  for (const auto& subscriber : subscribers_) wanted |= subscriber->mask();
  wanted_.store(wanted, std::memory_order_relaxed);
}

void EventBus::deliver() {
  if (deliverer_.load(std::memory_order_relaxed) == std::this_thread::get_id()) return;
  MutexLock guard(deliver_mutex_);
  const ThreadMark inside(deliverer_);
  States subscribers;
  for (std::deque<Event> events = take(subscribers); !events.empty();
       events = take(subscribers)) {
    for (Event& event : events) dispatch(event, subscribers);
  }
}

void EventBus::relieve() {
  {
    MutexLock guard(mutex_);
    if (queue_.size() < kEventQueueMax / 2) return;
  }
  deliver();
}

void EventBus::dispatch_loop() {
  for (;;) {
    {
      MutexLock guard(mutex_);
      while (queue_.empty() && !stop_) queued_.wait(mutex_);
      if (queue_.empty()) return;
    }
    deliver();
  }
}

void EventBus::stop() {
  std::thread thread;
  {
    MutexLock guard(mutex_);
    stop_ = true;
    thread = std::move(thread_);
    queued_.notify_all();
  }
  if (thread.joinable()) thread.join();
}

}  // namespace cloakroom
