// Which keys of a Redis have changed: keyspace events, on a connection of their own.
//
// Events say that a key has changed, not how: it is asked for again, and what is found then counts.
// So it does not matter in which order events come, or that several of one key come to one. What no
// event tells (FLUSHDB, the time in which a broken connection was made anew) a final pass finds.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_MOVE_REDIS_FOLLOW_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_MOVE_REDIS_FOLLOW_H_

#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "move/redis_client.h"

namespace cloakroom::cli {

class RedisFollower {
 public:
  // Subscribed when it returns. `redis` is for questions about the server's settings and outlives
  // this. kInvalidArgument, with what to do, when the server sends no events and `set_events` does
  // not say to switch them on.
  static Result<std::unique_ptr<RedisFollower>> begin(const RedisTarget& target, RedisClient& redis,
                                                      bool set_events);

  // Sets the server's events back, when it was this that set them.
  ~RedisFollower();
  RedisFollower(const RedisFollower&) = delete;
  RedisFollower& operator=(const RedisFollower&) = delete;

  // Notes what has changed, waiting up to `time` for the first event. Connects again where it must.
  Status note_changes(Millis time);

  // Some of the keys that were noted; false when there is none.
  bool take_changed(std::vector<std::string>* keys);

 private:
  RedisFollower(RedisTarget target, RedisClient& redis)
      : target_(std::move(target)), redis_(redis) {}
  Status check_events(bool set_events);
  Status subscribe();
  void note(const Reply& event);

  const RedisTarget target_;
  RedisClient& redis_;
  std::string prefix_;  // of the channels' names, before the key
  std::unique_ptr<RedisClient> events_;
  std::unordered_set<std::string> changed_;
  std::string setting_before_;
  bool was_set_ = false;
};

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_MOVE_REDIS_FOLLOW_H_
