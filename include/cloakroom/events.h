// What a store tells those who subscribed.
#ifndef CLOAKROOM_EVENTS_H_
#define CLOAKROOM_EVENTS_H_

#include <cstdint>
#include <memory>
#include <string>

#include "cloakroom/record.h"

namespace cloakroom {

enum class EventType : std::uint8_t {
  kCreated = 0,   // a key that was absent has a record
  kUpdated = 1,   // its value or fields changed
  kErased = 2,    // erase, erase_owned, or the last field went
  kExpired = 3,   // its deadline passed and the sweeper reclaimed it
  kWarm = 4,      // every record of the disk is in memory; no key
  kDegraded = 5,  // the store latched read-only; no key
  kOverflow = 6,  // the queue was full: `dropped` events are missing before the next one
  kWarming = 7,   // another tenth of the disk's records is in memory (stats()); no key
};

// A set of event types, for subscribe().
using EventMask = std::uint32_t;
[[nodiscard]] constexpr EventMask event_bit(EventType type) noexcept {
  return EventMask{1} << static_cast<unsigned>(type);
}
inline constexpr EventMask kAllEvents = 0xff;

// Besides the types: kErased and kExpired shall say what the record held. Not part of kAllEvents,
// for it costs a copy of every value that goes. The copy in the event is wiped after the call.
inline constexpr EventMask kLastValues = EventMask{1} << 31;

struct Event {
  EventType type = EventType::kCreated;
  std::string key = {};
  std::string owner = {};
  Version version = 0;        // of the write; for kExpired the last version of the record
  TimeMs when = 0;            // store time
  std::uint64_t dropped = 0;  // kOverflow only
  // Who caused it: the number of a listener's client (CLIENT ID); 0: the program itself, or time.
  std::uint64_t origin = 0;

  // kErased and kExpired, if any subscriber asks for kLastValues: the record as it was.
  Kind kind = Kind::kBytes;
  TimeMs lifetime = kNever;
  std::string value = {};
};

// Keeps a subscription alive. Destroying or cancelling it waits for a call in flight to return, so
// the callback's captures may go afterwards; from inside the callback it only marks the end.
// Outlives its Store safely.
class Subscription {
 public:
  Subscription() noexcept;
  ~Subscription();
  Subscription(Subscription&&) noexcept;
  Subscription& operator=(Subscription&&) noexcept;
  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;

  void cancel() noexcept;

  class State;  // private means of lib/index
  explicit Subscription(std::shared_ptr<State> state) noexcept;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace cloakroom

#endif  // CLOAKROOM_EVENTS_H_
