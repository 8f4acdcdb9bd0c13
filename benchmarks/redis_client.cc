#include "redis_client.h"

#include <hiredis/hiredis.h>

#include <array>

#include "failure.h"

namespace cloakroom::bench {

void RedisClient::FreeReply::operator()(redisReply* reply) const noexcept {
  freeReplyObject(reply);
}

RedisClient::RedisClient(const std::string& socket) : context_(redisConnectUnix(socket.c_str())) {
  if (context_ == nullptr || context_->err != 0) {
    const std::string reason = context_ != nullptr ? context_->errstr : "no memory";
    redisFree(context_);
    throw Failure("cannot connect to redis-server at " + socket + ": " + reason);
  }
}

RedisClient::~RedisClient() { redisFree(context_); }

std::unique_ptr<RedisClient> RedisClient::try_connect(const std::string& socket) {
  redisContext* context = redisConnectUnix(socket.c_str());
  if (context == nullptr || context->err != 0) {
    redisFree(context);
    return nullptr;
  }
  std::unique_ptr<RedisClient> client(new RedisClient());
  client->context_ = context;
  return client;
}

void RedisClient::append(std::span<const std::string_view> words) {
  constexpr std::size_t kWordsMax = 64;
  std::array<const char*, kWordsMax> pointers{};
  std::array<std::size_t, kWordsMax> sizes{};
  if (words.size() > kWordsMax) throw Failure("a Redis command of too many words");
  for (std::size_t at = 0; at < words.size(); ++at) {
    pointers[at] = words[at].data();
    sizes[at] = words[at].size();
  }
  redisAppendCommandArgv(context_, static_cast<int>(words.size()), pointers.data(), sizes.data());
}

RedisClient::Reply RedisClient::call_raw(std::span<const std::string_view> words) {
  append(words);
  void* reply = nullptr;
  if (redisGetReply(context_, &reply) != REDIS_OK) return nullptr;
  return Reply(static_cast<redisReply*>(reply));
}

RedisClient::Reply RedisClient::call(std::span<const std::string_view> words) {
  return checked(call_raw(words));
}

void RedisClient::send(std::initializer_list<std::string_view> words) {
  append(std::span(words.begin(), words.size()));
}

RedisClient::Reply RedisClient::take() {
  void* reply = nullptr;
  if (redisGetReply(context_, &reply) != REDIS_OK) reply = nullptr;
  return checked(Reply(static_cast<redisReply*>(reply)));
}

RedisClient::Reply RedisClient::checked(Reply reply) {
  if (!reply) throw Failure("redis-server closed the connection");
  if (is_error(reply)) throw Failure("redis-server answered: " + std::string(text_of(reply)));
  return reply;
}

bool is_nil(const RedisClient::Reply& reply) noexcept { return reply->type == REDIS_REPLY_NIL; }
bool is_error(const RedisClient::Reply& reply) noexcept { return reply->type == REDIS_REPLY_ERROR; }

std::string_view text_of(const RedisClient::Reply& reply) noexcept {
  if (reply->str == nullptr) return {};
  return {reply->str, static_cast<std::size_t>(reply->len)};
}

long long number_of(const RedisClient::Reply& reply) noexcept { return reply->integer; }

std::size_t present_in(const RedisClient::Reply& reply) noexcept {
  std::size_t present = 0;
  for (std::size_t at = 0; at < reply->elements; ++at) {
    present += reply->element[at]->type != REDIS_REPLY_NIL ? 1U : 0U;
  }
  return present;
}

}  // namespace cloakroom::bench
