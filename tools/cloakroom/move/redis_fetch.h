// What keys of a Redis hold, as records hold it.
//
// Many keys at a time, in two rounds: their types, then their values and deadlines. A key that
// changes its type between the two is asked again.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_MOVE_REDIS_FETCH_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_MOVE_REDIS_FETCH_H_

#include <string>
#include <vector>

#include "cloakroom/record.h"
#include "move/redis_client.h"

namespace cloakroom::cli {

// By how much the server's wall clock is ahead of ours, in milliseconds; what a round trip hides is
// taken for nothing.
[[nodiscard]] Result<std::int64_t> clock_ahead(RedisClient& redis);

struct Fetched {
  enum class State { kThere, kGone, kOtherType };
  State state = State::kGone;
  std::string type;  // as Redis calls it
  Kind kind = Kind::kBytes;
  std::string value;         // encoded as the record's
  TimeMs deadline = kNever;  // by our wall clock
};

class KeyFetcher {
 public:
  // Asks which commands the server knows, and its clock.
  static Result<KeyFetcher> make(RedisClient& redis);

  // Calls f once for each key, in their order.
  Status fetch(const std::vector<std::string>& keys,
               FunctionRef<Status(const std::string& key, Fetched& fetched)> f);

  // The keys from `cursor` on, some hundred; sets the next cursor, "0" at the end.
  Status scan(std::string& cursor, const std::string& match, std::vector<std::string>* keys);

 private:
  KeyFetcher(RedisClient& redis, bool absolute, std::int64_t ahead)
      : redis_(&redis), absolute_(absolute), ahead_(ahead) {}

  Status ask_types(const std::vector<std::string>& keys, std::vector<Fetched>& all);
  Status ask_values(const std::vector<std::string>& keys, std::vector<Fetched>& all);

  RedisClient* redis_;
  bool absolute_;       // the server knows PEXPIRETIME
  std::int64_t ahead_;  // its clock
};

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_MOVE_REDIS_FETCH_H_
