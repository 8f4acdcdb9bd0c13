#include "move/redis_follow.h"

#include "text/output.h"

namespace cloakroom::cli {
namespace {

constexpr const char* kSetting = "notify-keyspace-events";
constexpr std::size_t kTakeMax = 250;
constexpr int kEventsMax = 100'000;  // then something else must have its turn

// K: by key. Then the classes: generic, strings, hashes, sets, sorted sets, expired, evicted.
bool tells_all(std::string_view setting) {
  const auto has = [&](char c) { return setting.find(c) != std::string_view::npos; };
  if (!has('K')) return false;
  if (has('A')) return true;
  for (const char c : std::string_view("g$hszxe")) {
    if (!has(c)) return false;
  }
  return true;
}

}  // namespace

Result<std::unique_ptr<RedisFollower>> RedisFollower::begin(const RedisTarget& target,
                                                            RedisClient& redis, bool set_events) {
  std::unique_ptr<RedisFollower> follower(new RedisFollower(target, redis));
  follower->prefix_ = "__keyspace@" + std::to_string(target.database) + "__:";
  Status begun = follower->check_events(set_events);
  if (begun) begun = follower->subscribe();
  if (!begun) return begun;
  return follower;
}

Status RedisFollower::check_events(bool set_events) {
  redis_.queue({"CONFIG", "GET", kSetting});
  if (Status sent = redis_.send(); !sent) return sent;
  const auto answer = redis_.reply();
  if (!answer) return answer.status();
  if (answer->is_error() || answer->size() != 2) {
    message("the Redis at " + redis_.name() + " does not say whether it sends keyspace events (" +
            escape_text(answer->text()) +
            "); if it does not, only the final pass finds what has changed. It should have " +
            kSetting + " KA");
    return Status();
  }
  setting_before_ = (*answer)[1].text();
  if (tells_all(setting_before_)) return Status();
  if (!set_events) {
    return Status(StatusCode::kInvalidArgument,
                  "the Redis at " + redis_.name() +
                      " does not send the events that --follow needs; run `redis-cli CONFIG SET " +
                      kSetting + " " + setting_before_ +
                      "KA` there, or give --set-events, which sets it and sets it back at the end");
  }
  const auto set = redis_.call({"CONFIG", "SET", kSetting, setting_before_ + "KA"});
  was_set_ = set.ok();
  return set.status();
}

Status RedisFollower::subscribe() {
  auto events = RedisClient::connect(target_);
  if (!events) return events.status();
  events_ = *std::move(events);
  const std::string pattern = prefix_ + (target_.match.empty() ? "*" : target_.match);
  return events_->call({"PSUBSCRIBE", pattern}).status();
}

// ["pmessage", pattern, channel, event]
void RedisFollower::note(const Reply& event) {
  if (event.size() != 4 || event[0].text() != "pmessage") return;
  const std::string_view channel = event[2].text();
  if (channel.starts_with(prefix_)) changed_.emplace(channel.substr(prefix_.size()));
}

Status RedisFollower::note_changes(Millis time) {
  for (int i = 0; i < kEventsMax; ++i) {
    const auto event = events_->reply_within(time);
    if (!event) {
      // The server ends a subscriber that does not keep up. What was missed the final pass finds.
      message(event.status().message() + "; subscribing again");
      return subscribe();
    }
    if (!*event) return Status();
    note(**event);
    time = Millis{0};
  }
  return Status();
}

bool RedisFollower::take_changed(std::vector<std::string>* keys) {
  keys->clear();
  while (!changed_.empty() && keys->size() < kTakeMax) {
    keys->push_back(std::move(changed_.extract(changed_.begin()).value()));
  }
  return !keys->empty();
}

RedisFollower::~RedisFollower() {
  if (!was_set_) return;
  const auto set = redis_.call({"CONFIG", "SET", kSetting, setting_before_});
  if (!set) message(set.status().message());
}

}  // namespace cloakroom::cli
