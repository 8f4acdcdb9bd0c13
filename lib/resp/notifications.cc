#include "resp/notifications.h"

#include <array>

#include "store/keyspace.h"

namespace cloakroom::resp {
namespace {

constexpr TimeMs kMissPauseMs = 10;  // between two sweeps that misses cause

struct Letter {
  char letter;
  std::uint32_t of;
};
// In the order in which CONFIG GET lists them.
constexpr std::array<Letter, 14> kLetters{{{'g', kNotifyGeneric},
                                           {'$', kNotifyString},
                                           {'l', kNotifyList},
                                           {'s', kNotifySet},
                                           {'h', kNotifyHash},
                                           {'z', kNotifySortedSet},
                                           {'x', kNotifyExpired},
                                           {'e', kNotifyEvicted},
                                           {'t', kNotifyStream},
                                           {'d', kNotifyModule},
                                           {'K', kNotifyKeyspace},
                                           {'E', kNotifyKeyevent},
                                           {'m', kNotifyMiss},
                                           {'n', kNotifyNew}}};
constexpr std::size_t kOfAll = 10;     // the first so many are "A"
constexpr std::size_t kOfListed = 13;  // Redis does not tell of "n"

constexpr std::uint32_t all_classes() {
  std::uint32_t all = 0;
  for (std::size_t i = 0; i < kOfAll; ++i) all |= kLetters[i].of;
  return all;
}

}  // namespace

std::optional<std::uint32_t> parse_notify_classes(std::string_view letters) noexcept {
  std::uint32_t classes = 0;
  for (const char c : letters) {
    if (c == 'A') {
      classes |= all_classes();
      continue;
    }
    std::uint32_t found = 0;
    for (const Letter& known : kLetters) found |= known.letter == c ? known.of : 0;
    if (found == 0) return std::nullopt;
    classes |= found;
  }
  return classes;
}

std::string notify_letters(std::uint32_t classes) {
  std::string letters;
  const bool all = (classes & all_classes()) == all_classes();
  if (all) letters.push_back('A');
  for (std::size_t i = all ? kOfAll : 0; i < kOfListed; ++i) {
    if ((classes & kLetters[i].of) != 0) letters.push_back(kLetters[i].letter);
  }
  return letters;
}

Notifications::Notifications(Store& store, PubSub& pubsub) : store_(store), pubsub_(pubsub) {
  expired_ = store_.subscribe(
      [this](const Event& event) {
        if (event.when <= expiry_since_.load(std::memory_order_acquire)) return;
        if (const auto key = database_key(event.key)) {
          publish(kNotifyExpired, "expired", key->database, key->key);
        }
      },
      event_bit(EventType::kExpired));
}

void Notifications::set_classes(std::uint32_t classes) {
  if ((classes & ~this->classes() & kNotifyExpired) != 0) {
    // Whoever looked has been answered that they are gone: reclaim them now, and tell nobody.
    (void)store_.sweep();
    expiry_since_.store(store_.now(), std::memory_order_release);
  }
  classes_.store(classes, std::memory_order_relaxed);
}

void Notifications::send(std::string_view event, int database, std::string_view key) {
  const std::string number = std::to_string(database);
  if ((classes() & kNotifyKeyspace) != 0) {
    pubsub_.publish("__keyspace@" + number + "__:" + std::string(key), event);
  }
  if ((classes() & kNotifyKeyevent) != 0) {
    pubsub_.publish("__keyevent@" + number + "__:" + std::string(event), key);
  }
}

void Notifications::note_miss() {
  if (!wants(kNotifyExpired) && !watched_.load(std::memory_order_relaxed)) return;
  const TimeMs now = store_.now();
  TimeMs last = swept_.load(std::memory_order_relaxed);
  if (now - last < kMissPauseMs ||
      !swept_.compare_exchange_strong(last, now, std::memory_order_relaxed)) {
    return;
  }
  (void)store_.sweep();
  store_.deliver_events();
}

}  // namespace cloakroom::resp
