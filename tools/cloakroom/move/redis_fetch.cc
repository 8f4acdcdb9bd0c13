#include "move/redis_fetch.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "base/coding.h"
#include "store/members.h"
#include "text/output.h"

namespace cloakroom::cli {
namespace {

constexpr const char* kScanCount = "250";
constexpr int kTries = 5;
constexpr std::int64_t kNoticeableMs = 2;  // less may be the round trip

Status odd(const RedisClient& redis, std::string_view what) {
  return Status(StatusCode::kIo, "the Redis at " + redis.name() + " answers " + std::string(what));
}

std::int64_t number(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

bool is_wrong_type(const Reply& reply) {
  return reply.is_error() && reply.text().starts_with("WRONGTYPE");
}

void ask_value(RedisClient& redis, const std::string& key, const std::string& type) {
  if (type == "string") redis.queue({"GET", key});
  if (type == "hash") redis.queue({"HGETALL", key});
  if (type == "set") redis.queue({"SMEMBERS", key});
  if (type == "zset") redis.queue({"ZRANGE", key, "0", "-1", "WITHSCORES"});
}

std::string fields_of(const Reply& reply) {
  std::string out;
  for (std::size_t i = 0; i < reply.size(); ++i) put_string(out, reply[i].text());
  return out;
}

std::string set_of(const Reply& reply) {
  Members members;
  for (std::size_t i = 0; i < reply.size(); ++i) members.push_back(reply[i].text());
  std::ranges::sort(members);
  return encode_set(members);
}

// Redis writes a score with as many digits as bring the same double back.
std::string sorted_set_of(const Reply& reply) {
  SortedMembers members;
  for (std::size_t i = 0; i + 1 < reply.size(); i += 2) {
    const double score = std::strtod(std::string(reply[i + 1].text()).c_str(), nullptr);
    members.push_back({.score = score, .member = reply[i].text()});
  }
  std::sort(members.begin(), members.end());
  return encode_sorted_set(members);
}

// False when the key was gone.
bool take_value(const Reply& reply, Fetched& fetched) {
  if (fetched.type == "string") {
    if (reply.is_nil()) return false;
    fetched.kind = Kind::kBytes;
    fetched.value = reply.text();
    return true;
  }
  if (reply.size() == 0) return false;
  if (fetched.type == "hash") {
    fetched.kind = Kind::kFields;
    fetched.value = fields_of(reply);
  } else {
    fetched.kind = Kind::kMembers;
    fetched.value = fetched.type == "set" ? set_of(reply) : sorted_set_of(reply);
  }
  return true;
}

bool is_known(const std::string& type) {
  return type == "string" || type == "hash" || type == "set" || type == "zset";
}

TimeMs wall_of(const Reply& time) {
  return number(time[0].text()) * 1000 + number(time[1].text()) / 1000;
}

}  // namespace

Result<std::int64_t> clock_ahead(RedisClient& redis) {
  std::int64_t best_trip = INT64_MAX;
  std::int64_t ahead = 0;
  for (int i = 0; i < kTries; ++i) {
    const TimeMs before = system_clock().wall_ms();
    const auto time = redis.call({"TIME"});
    const TimeMs after = system_clock().wall_ms();
    if (!time) return time.status();
    if (time->size() != 2) return odd(redis, "TIME with no time");
    if (after - before >= best_trip) continue;
    best_trip = after - before;
    ahead = wall_of(*time) - (before + best_trip / 2);
  }
  return std::abs(ahead) <= kNoticeableMs + best_trip / 2 ? 0 : ahead;
}

Result<KeyFetcher> KeyFetcher::make(RedisClient& redis) {
  const auto ahead = clock_ahead(redis);
  if (!ahead) return ahead.status();
  redis.queue({"PEXPIRETIME", "cloakroom:none"});
  if (Status sent = redis.send(); !sent) return sent;
  const auto answer = redis.reply();
  if (!answer) return answer.status();
  return KeyFetcher(redis, !answer->is_error(), *ahead);
}

Status KeyFetcher::scan(std::string& cursor, const std::string& match,
                        std::vector<std::string>* keys) {
  keys->clear();
  const auto answer = match.empty()
                          ? redis_->call({"SCAN", cursor, "COUNT", kScanCount})
                          : redis_->call({"SCAN", cursor, "MATCH", match, "COUNT", kScanCount});
  if (!answer) return answer.status();
  if (answer->size() != 2) return odd(*redis_, "SCAN with no page");
  cursor = (*answer)[0].text();
  const Reply page = (*answer)[1];
  for (std::size_t i = 0; i < page.size(); ++i) keys->emplace_back(page[i].text());
  return Status();
}

Status KeyFetcher::ask_types(const std::vector<std::string>& keys, std::vector<Fetched>& all) {
  for (const std::string& key : keys) redis_->queue({"TYPE", key});
  if (Status sent = redis_->send(); !sent) return sent;
  for (Fetched& fetched : all) {
    const auto type = redis_->reply();
    if (!type) return type.status();
    if (type->is_error()) return odd(*redis_, "TYPE: " + escape_text(type->text()));
    fetched = Fetched();
    fetched.type = type->text();
    if (fetched.type == "none") continue;
    fetched.state = is_known(fetched.type) ? Fetched::State::kThere : Fetched::State::kOtherType;
  }
  return Status();
}

// Those whose type has changed meanwhile are left with an empty one.
Status KeyFetcher::ask_values(const std::vector<std::string>& keys, std::vector<Fetched>& all) {
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (all[i].state != Fetched::State::kThere) continue;
    ask_value(*redis_, keys[i], all[i].type);
    redis_->queue({absolute_ ? "PEXPIRETIME" : "PTTL", keys[i]});
    if (!absolute_) redis_->queue({"TIME"});
  }
  if (Status sent = redis_->send(); !sent) return sent;
  for (Fetched& fetched : all) {
    if (fetched.state != Fetched::State::kThere) continue;
    const auto value = redis_->reply();
    if (!value) return value.status();
    const auto left = redis_->reply();
    if (!left) return left.status();
    TimeMs since = 0;
    if (!absolute_) {
      const auto time = redis_->reply();
      if (!time) return time.status();
      if (time->size() != 2) return odd(*redis_, "TIME with no time");
      since = wall_of(*time);
    }
    if (is_wrong_type(*value)) {
      fetched.type.clear();
      continue;
    }
    if (value->is_error()) return odd(*redis_, escape_text(value->text()));
    if (left->is_error()) return odd(*redis_, escape_text(left->text()));
    if (!take_value(*value, fetched) || left->integer() == -2) {
      fetched.state = Fetched::State::kGone;
    } else if (left->integer() >= 0) {
      fetched.deadline = since + left->integer() - ahead_;
    }
  }
  return Status();
}

Status KeyFetcher::fetch(const std::vector<std::string>& keys,
                         FunctionRef<Status(const std::string&, Fetched&)> f) {
  std::vector<Fetched> all(keys.size());
  Status asked = ask_types(keys, all);
  if (asked) asked = ask_values(keys, all);
  if (!asked) return asked;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    for (int tries = 0; all[i].type.empty() && tries < kTries; ++tries) {
      const std::vector<std::string> one{keys[i]};
      std::vector<Fetched> again(1);
      asked = ask_types(one, again);
      if (asked) asked = ask_values(one, again);
      if (!asked) return asked;
      all[i] = std::move(again[0]);
    }
    if (Status done = f(keys[i], all[i]); !done) return done;
  }
  return Status();
}

}  // namespace cloakroom::cli
