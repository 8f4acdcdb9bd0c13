// A connection to a Redis: hiredis connects and reads its protocol, OpenSSL encrypts.
//
// Commands are queued, sent together, and answered in their order. Not thread-safe. A failure of
// the connection is kIo and final; what the server refuses is a Reply that is_error().
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_MOVE_REDIS_CLIENT_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_MOVE_REDIS_CLIENT_H_

#include <hiredis/hiredis.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cloakroom/clock.h"
#include "cloakroom/status.h"
#include "move/redis_url.h"

namespace cloakroom::cli {

class Reply {
 public:
  explicit Reply(redisReply* reply) : owned_(reply), reply_(reply) {}

  [[nodiscard]] bool is_error() const noexcept { return reply_->type == REDIS_REPLY_ERROR; }
  [[nodiscard]] bool is_nil() const noexcept { return reply_->type == REDIS_REPLY_NIL; }
  [[nodiscard]] std::string_view text() const noexcept {
    return reply_->str == nullptr ? std::string_view() : std::string_view(reply_->str, reply_->len);
  }
  [[nodiscard]] long long integer() const noexcept {
    return reply_->type == REDIS_REPLY_INTEGER ? reply_->integer : 0;
  }
  [[nodiscard]] std::size_t size() const noexcept {
    return reply_->type == REDIS_REPLY_ARRAY ? reply_->elements : 0;
  }
  // A part of this one. REQUIRES: i < size().
  [[nodiscard]] Reply operator[](std::size_t i) const { return Reply(reply_->element[i], nullptr); }

 private:
  struct Free {
    void operator()(redisReply* reply) const noexcept { ::freeReplyObject(reply); }
  };
  Reply(redisReply* part, std::nullptr_t) : reply_(part) {}

  std::unique_ptr<redisReply, Free> owned_;  // none: a part
  redisReply* reply_;
};

class RedisClient {
 public:
  // Connected, logged in, and in the target's database; or kIo that says which of these failed.
  static Result<std::unique_ptr<RedisClient>> connect(const RedisTarget& target);

  ~RedisClient();
  RedisClient(const RedisClient&) = delete;
  RedisClient& operator=(const RedisClient&) = delete;

  void queue(std::span<const std::string_view> words);
  void queue(std::initializer_list<std::string_view> words) {
    queue(std::span<const std::string_view>(words.begin(), words.size()));
  }
  [[nodiscard]] std::size_t queued_bytes() const noexcept { return out_.size(); }
  Status send();
  // The next one; waits for it as long as a server may take.
  Result<Reply> reply();
  // Nothing when none came in time.
  Result<std::optional<Reply>> reply_within(Millis time);
  // All in one; what the server refuses is kIo here, with its words.
  Result<Reply> call(std::initializer_list<std::string_view> words);

  [[nodiscard]] const std::string& name() const noexcept { return name_; }

 private:
  struct Tls;
  RedisClient();
  Status start_tls(const RedisTarget& target);
  Status log_in(const RedisTarget& target);
  Status read_some();
  [[nodiscard]] bool readable_within(int ms) const;
  [[nodiscard]] Status lost(std::string_view why) const;

  struct Free {
    void operator()(redisContext* context) const noexcept { ::redisFree(context); }
  };
  std::string name_;
  std::unique_ptr<redisContext, Free> context_;
  std::unique_ptr<Tls> tls_;
  std::string out_;
};

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_MOVE_REDIS_CLIENT_H_
