// Tracking: who keeps which keys in a cache of its own, and is told when they change (CLIENT
// TRACKING).
//
// Two ways, of which a client chooses one:
//
//   by what it reads   the keys that a client has read are remembered in a table, and forgotten
//   with
//                      the message that one has changed: the client reads it again, or does not
//                      care
//   by prefixes        (BCAST) nothing is remembered; every change of a key with one of the
//   prefixes
//                      is told
//
//   key -> { clients that read it, in the order of their numbers }      bounded, the oldest go
//   first prefix -> { clients, keys changed and not yet told }
//
// What changed is heard from the store's events: so writes of the host's own code, expiry and
// evicted sessions count, too. An event says which client caused it (Event::origin), for NOLOOP.
// The store tells no event when a deadline is moved, so who moves one calls touched(). Events come
// with a small delay; settle() ends it, so that whoever is answered that a key has changed knows
// that all others are on their way to know.
//
// Invariants:
//  1. Who reads is remembered before the read, and once more after it. A change before the read
//     that is told only after it takes away the first entry and not the second; of a change after
//     the read the message comes behind the reply. So no client keeps an old value unknowingly.
//  2. Numbers of clients are never given twice, so those in the table may be of clients that left.
//  3. If events were lost, or the databases were flushed, everybody is told that everything has
//     changed (a null in place of the keys).
//
// As in Redis, keys are told without their database: what changes in one counts for all.
//
// Thread safety: all methods from any thread. Messages are pushed under the lock, so all clients
// get them in one order. While nobody tracks a command pays one relaxed load (any()), and the store
// composes no events.
#ifndef CLOAKROOM_LIB_RESP_TRACKING_H_
#define CLOAKROOM_LIB_RESP_TRACKING_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "cloakroom/store.h"

namespace cloakroom::resp {

class Client;
class Clients;
class Notifications;

// What a client has chosen (Client::tracking).
enum TrackingFlag : std::uint32_t {
  kTracks = 1U << 0,
  kTracksPrefixes = 1U << 1,     // BCAST
  kTracksIfAsked = 1U << 2,      // OPTIN
  kTracksUnlessAsked = 1U << 3,  // OPTOUT
  kTracksNotItself = 1U << 4,    // NOLOOP
  kTracksAsked = 1U << 5,        // CACHING was said of the next command
  kTracksNowhere = 1U << 6,      // the client to redirect to has gone
};

struct TrackingChoice {
  std::uint32_t flags = 0;
  std::uint64_t redirect = 0;  // a client's number; 0: itself
  std::vector<std::string> prefixes = {};
};

// A key as it is remembered, and as its client calls it (these differ with hash-keys).
struct TrackedKey {
  std::string_view key = {};
  std::string_view called = {};
};

class Tracking {
 public:
  // What a FLUSHDB erases is not told key by key.
  static constexpr std::uint64_t kFlush = UINT64_MAX;  // as the origin of events

  Tracking(Store& store, Clients& clients, Notifications& notifications)
      : store_(store), clients_(clients), notifications_(notifications) {}
  Tracking(const Tracking&) = delete;
  Tracking& operator=(const Tracking&) = delete;

  // Does anybody track?
  [[nodiscard]] bool any() const noexcept { return count_.load(std::memory_order_relaxed) != 0; }

  // Of a client that tracks already the prefixes are added to those it has.
  void begin(Client& client, const TrackingChoice& choice);
  void end(Client& client);  // which may track or not
  // Nobody is told anything any more once it returns.
  void stop() EXCLUDES(mutex_);

  void remember(const Client& client, const std::vector<TrackedKey>& keys);

  // A deadline was moved.
  void touched(std::string_view key, std::uint64_t origin);
  void flushed();
  // Everything that has happened so far is on its way to whom it concerns.
  void settle();

  // Of this client, the prefix that begins with this one or the other way round.
  [[nodiscard]] std::optional<std::string> overlap(const Client& client,
                                                   std::string_view prefix) const;
  [[nodiscard]] std::vector<std::string> prefixes_of(const Client& client) const;

  struct Counts {
    std::size_t clients = 0;
    std::size_t keys = 0;
    std::size_t items = 0;  // clients of keys
    std::size_t prefixes = 0;
  };
  [[nodiscard]] Counts counts() const;

  // Beyond, the keys remembered first are forgotten: their clients are told that they have changed.
  void set_keys_max(std::size_t most);                              // 0: no limit but that of bytes
  static constexpr std::size_t kBytesMax = std::size_t{256} << 20;  // of the table

 private:
  struct Entry {
    std::string called = {};  // empty: as the key
    std::vector<std::uint64_t> clients = {};
    std::list<const std::string*>::iterator place = {};
  };
  struct Prefix {
    std::set<std::uint64_t> clients = {};
    std::map<std::string, std::uint64_t> changed = {};  // keys, and who was first to change them
  };
  using Table = std::unordered_map<std::string, Entry>;

  void note(const Event& event) EXCLUDES(mutex_);
  void changed(const std::string& key, std::uint64_t origin) REQUIRES(mutex_);
  void forget(Table::iterator entry, std::uint64_t origin) REQUIRES(mutex_);
  void add(const std::string& key, std::string_view called, std::uint64_t client) REQUIRES(mutex_);
  void shrink() REQUIRES(mutex_);
  void tell_prefixes() REQUIRES(mutex_);
  void tell_everything() REQUIRES(mutex_);
  void send(Client& client, std::string_view keys) REQUIRES(mutex_);

  Store& store_;
  Clients& clients_;
  Notifications& notifications_;
  std::atomic<std::size_t> count_{0};

  mutable Mutex mutex_;
  std::set<std::uint64_t> trackers_ GUARDED_BY(mutex_) = {};
  Table table_ GUARDED_BY(mutex_) = {};
  std::list<const std::string*> oldest_ GUARDED_BY(mutex_) = {};  // keys of the table
  std::size_t bytes_ GUARDED_BY(mutex_) = 0;
  std::size_t items_ GUARDED_BY(mutex_) = 0;
  std::size_t keys_max_ GUARDED_BY(mutex_) = 1'000'000;
  std::map<std::string, Prefix, std::less<>> prefixes_ GUARDED_BY(mutex_) = {};
  bool prefixes_changed_ GUARDED_BY(mutex_) = false;
  Subscription events_ GUARDED_BY(mutex_) = {};
};

}  // namespace cloakroom::resp

#endif  // CLOAKROOM_LIB_RESP_TRACKING_H_
