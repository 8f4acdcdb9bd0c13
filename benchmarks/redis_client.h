// A blocking connection to a Redis server over a unix socket.
#ifndef CLOAKROOM_BENCHMARKS_REDIS_CLIENT_H_
#define CLOAKROOM_BENCHMARKS_REDIS_CLIENT_H_

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct redisContext;
struct redisReply;

namespace cloakroom::bench {

class RedisClient {
 public:
  struct FreeReply {
    void operator()(redisReply* reply) const noexcept;
  };
  using Reply = std::unique_ptr<redisReply, FreeReply>;

  explicit RedisClient(const std::string& socket);  // Failure when nobody answers there
  ~RedisClient();
  RedisClient(const RedisClient&) = delete;
  RedisClient& operator=(const RedisClient&) = delete;

  // Nothing listens there yet, or it is just ending: an answer here, not a Failure.
  [[nodiscard]] static std::unique_ptr<RedisClient> try_connect(const std::string& socket);

  // Sends one command and waits for its reply. Failure for a broken connection and for an error
  // reply; call_raw() hands error replies out and answers null for a broken connection.
  Reply call(std::span<const std::string_view> words);
  Reply call(std::initializer_list<std::string_view> words) {
    return call(std::span(words.begin(), words.size()));
  }
  [[nodiscard]] Reply call_raw(std::span<const std::string_view> words);

  // Sends without waiting; as many replies must be taken.
  void send(std::initializer_list<std::string_view> words);
  Reply take();

 private:
  RedisClient() = default;
  void append(std::span<const std::string_view> words);
  static Reply checked(Reply reply);

  redisContext* context_ = nullptr;
};

[[nodiscard]] bool is_nil(const RedisClient::Reply& reply) noexcept;
[[nodiscard]] bool is_error(const RedisClient::Reply& reply) noexcept;
[[nodiscard]] std::string_view text_of(const RedisClient::Reply& reply) noexcept;
[[nodiscard]] long long number_of(const RedisClient::Reply& reply) noexcept;
// How many elements of an array reply are not nil.
[[nodiscard]] std::size_t present_in(const RedisClient::Reply& reply) noexcept;

}  // namespace cloakroom::bench

#endif  // CLOAKROOM_BENCHMARKS_REDIS_CLIENT_H_
