// Keyspace events: which are wanted, and their publication on
//   __keyspace@<db>__:<key>  <event>      with K
//   __keyevent@<db>__:<event>  <key>      with E
//
// Each event is published once. What a command caused is published by its handler after the change
// is visible; what expired is published from the store's own kExpired events, which come once per
// record, from the sweeper or from the write that met the dead record. Somebody who reads an
// overdue key makes the sweeper come at once (note_miss), as Redis expires on access. New and missed
// keys (`n` and `m`) are told by who looks for them (keys.h).
//
// Thread safety: all methods from any thread.
#ifndef CLOAKROOM_LIB_RESP_NOTIFICATIONS_H_
#define CLOAKROOM_LIB_RESP_NOTIFICATIONS_H_

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cloakroom/store.h"
#include "resp/pubsub.h"

namespace cloakroom::resp {

// Redis's classes.
enum NotifyClass : std::uint32_t {
  kNotifyKeyspace = 1U << 0,   // K
  kNotifyKeyevent = 1U << 1,   // E
  kNotifyGeneric = 1U << 2,    // g
  kNotifyString = 1U << 3,     // $
  kNotifyList = 1U << 4,       // l
  kNotifySet = 1U << 5,        // s
  kNotifyHash = 1U << 6,       // h
  kNotifySortedSet = 1U << 7,  // z
  kNotifyExpired = 1U << 8,    // x
  kNotifyEvicted = 1U << 9,    // e
  kNotifyStream = 1U << 10,    // t
  kNotifyMiss = 1U << 11,      // m
  kNotifyModule = 1U << 12,    // d
  kNotifyNew = 1U << 13,       // n
};

[[nodiscard]] std::optional<std::uint32_t> parse_notify_classes(std::string_view letters) noexcept;
[[nodiscard]] std::string notify_letters(std::uint32_t classes);

class Notifications {
 public:
  Notifications(Store& store, PubSub& pubsub);

  // What died before expiry was among them is not told afterwards.
  void set_classes(std::uint32_t classes);
  // From the start: what died while the server was down is told, if the store has kept it
  // (Options::tell_expired_at_open).
  void begin_with(std::uint32_t classes) noexcept {
    classes_.store(classes, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint32_t classes() const noexcept {
    return classes_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] bool wants(std::uint32_t of) const noexcept {
    const std::uint32_t now = classes();
    return (now & of) != 0 && (now & (kNotifyKeyspace | kNotifyKeyevent)) != 0 && pubsub_.anybody();
  }

  // Does anybody ask for keys that are new, or missed?
  [[nodiscard]] bool tells_of_lookups() const noexcept {
    return (classes() & (kNotifyNew | kNotifyMiss)) != 0;
  }

  // The record that a write has met may have been overdue: `expired` of it comes before.
  void publish(std::uint32_t of, std::string_view event, int database, std::string_view key) {
    if (!wants(of)) return;
    if ((classes() & kNotifyExpired) != 0) store_.deliver_events();
    send(event, database, key);
  }

  // No expiry is told any more once it returns.
  void stop() { expired_.cancel(); }

  // Somebody else hears of expiry, too, and wants it on access.
  void watch_expiry(bool on) noexcept { watched_.store(on, std::memory_order_relaxed); }

  // A key was looked for and not there: it may be overdue.
  void note_miss();

 private:
  void send(std::string_view event, int database, std::string_view key);

  Store& store_;
  PubSub& pubsub_;
  std::atomic<std::uint32_t> classes_{0};
  std::atomic<bool> watched_{false};
  std::atomic<TimeMs> swept_{0};
  std::atomic<TimeMs> expiry_since_{0};  // store time
  Subscription expired_ = {};
};

}  // namespace cloakroom::resp

#endif  // CLOAKROOM_LIB_RESP_NOTIFICATIONS_H_
