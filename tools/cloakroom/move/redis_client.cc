#include "move/redis_client.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "text/output.h"

namespace cloakroom::cli {
namespace {

constexpr timeval kConnectTime{5, 0};
constexpr int kAnswerMs = 60'000;  // a large collection may take a server a while
constexpr std::size_t kReadBytes = std::size_t{64} << 10;

struct FreeContext {
  void operator()(SSL_CTX* context) const noexcept { ::SSL_CTX_free(context); }
};
struct FreeSsl {
  void operator()(SSL* ssl) const noexcept { ::SSL_free(ssl); }
};

std::string tls_error() {
  char text[256] = "unknown";
  if (const unsigned long code = ::ERR_peek_last_error(); code != 0) {
    ::ERR_error_string_n(code, text, sizeof(text));
  }
  return text;
}

bool is_address(const std::string& host) {
  unsigned char bytes[sizeof(in6_addr)];
  return ::inet_pton(AF_INET, host.c_str(), bytes) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

}  // namespace

struct RedisClient::Tls {
  std::unique_ptr<SSL_CTX, FreeContext> context;
  std::unique_ptr<SSL, FreeSsl> ssl;
};

RedisClient::RedisClient() = default;
RedisClient::~RedisClient() = default;

Result<std::unique_ptr<RedisClient>> RedisClient::connect(const RedisTarget& target) {
  std::signal(SIGPIPE, SIG_IGN);  // a connection that broke is an answer, not the end
  std::unique_ptr<RedisClient> client(new RedisClient());
  client->name_ = target.name();
  redisContext* const context =
      target.host.empty()
          ? ::redisConnectUnixWithTimeout(target.path.c_str(), kConnectTime)
          : ::redisConnectWithTimeout(target.host.c_str(), target.port, kConnectTime);
  client->context_.reset(context);
  if (context == nullptr || context->err != 0) {
    return Status(StatusCode::kIo, "cannot connect to the Redis at " + client->name_ + ": " +
                                       (context == nullptr ? "no memory" : context->errstr) +
                                       "; is it running, and reachable from here?");
  }
  // What was left of the time to connect must not end a long answer.
  const timeval none{0, 0};
  ::setsockopt(context->fd, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof(none));
  ::setsockopt(context->fd, SOL_SOCKET, SO_SNDTIMEO, &none, sizeof(none));
  Status ready = target.tls ? client->start_tls(target) : Status();
  if (ready) ready = client->log_in(target);
  if (!ready) return ready;
  return client;
}

Status RedisClient::start_tls(const RedisTarget& target) {
  const auto fail = [&](std::string_view what) {
    return Status(StatusCode::kIo,
                  "TLS with the Redis at " + name_ + ": " + std::string(what) + ": " + tls_error());
  };
  ::ERR_clear_error();
  tls_ = std::make_unique<Tls>();
  tls_->context.reset(::SSL_CTX_new(::TLS_client_method()));
  SSL_CTX* const context = tls_->context.get();
  if (context == nullptr) return fail("cannot begin");
  ::SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  ::SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  const int trusted = target.ca_file.empty() ? ::SSL_CTX_set_default_verify_paths(context)
                                             : ::SSL_CTX_load_verify_locations(
                                                   context, target.ca_file.c_str(), nullptr);
  if (trusted != 1) return fail("cannot read the certificates to trust");
  if (!target.cert_file.empty()) {
    const std::string& key = target.key_file.empty() ? target.cert_file : target.key_file;
    if (::SSL_CTX_use_certificate_chain_file(context, target.cert_file.c_str()) != 1 ||
        ::SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1) {
      return fail("cannot read our certificate");
    }
  }
  tls_->ssl.reset(::SSL_new(context));
  SSL* const ssl = tls_->ssl.get();
  if (ssl == nullptr || ::SSL_set_fd(ssl, context_->fd) != 1) return fail("cannot begin");
  X509_VERIFY_PARAM* const parameters = ::SSL_get0_param(ssl);
  const bool named = is_address(target.host)
                         ? ::X509_VERIFY_PARAM_set1_ip_asc(parameters, target.host.c_str()) == 1
                         : ::X509_VERIFY_PARAM_set1_host(parameters, target.host.c_str(), 0) == 1 &&
                               ::SSL_set_tlsext_host_name(ssl, target.host.c_str()) == 1;
  if (!named) return fail("cannot use the name of the host");
  if (::SSL_connect(ssl) != 1) {
    const long verdict = ::SSL_get_verify_result(ssl);
    if (verdict == X509_V_OK) return fail("no agreement");
    return Status(StatusCode::kIo, "TLS with the Redis at " + name_ +
                                       ": its certificate is not trusted (" +
                                       ::X509_verify_cert_error_string(verdict) +
                                       "); name the one it was signed with by --tls-ca");
  }
  return Status();
}

Status RedisClient::log_in(const RedisTarget& target) {
  if (!target.password.empty()) {
    const auto answer = target.user.empty() ? call({"AUTH", target.password})
                                            : call({"AUTH", target.user, target.password});
    if (!answer) return answer.status();
  }
  const auto answer = call({"SELECT", std::to_string(target.database)});
  if (answer || answer.status().message().find("NOAUTH") == std::string::npos) {
    return answer.status();
  }
  return Status(StatusCode::kIo, "the Redis at " + name_ +
                                     " wants a password: put it into CLOAKROOM_REDIS_PASSWORD, or "
                                     "into a file that --password-file names");
}

void RedisClient::queue(std::span<const std::string_view> words) {
  out_ += "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string_view word : words) {
    out_ += "$" + std::to_string(word.size()) + "\r\n";
    out_ += word;
    out_ += "\r\n";
  }
}

Status RedisClient::lost(std::string_view why) const {
  return Status(StatusCode::kIo,
                "the connection to the Redis at " + name_ + " broke: " + std::string(why));
}

Status RedisClient::send() {
  std::string_view rest = out_;
  while (!rest.empty()) {
    std::size_t sent = 0;
    if (tls_) {
      if (::SSL_write_ex(tls_->ssl.get(), rest.data(), rest.size(), &sent) != 1) {
        return lost(tls_error());
      }
    } else {
      const ssize_t count = ::send(context_->fd, rest.data(), rest.size(), MSG_NOSIGNAL);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return lost(std::strerror(errno));
      sent = static_cast<std::size_t>(count);
    }
    rest.remove_prefix(sent);
  }
  out_.clear();
  return Status();
}

bool RedisClient::readable_within(int ms) const {
  if (tls_ && ::SSL_pending(tls_->ssl.get()) > 0) return true;
  pollfd polled{context_->fd, POLLIN, 0};
  return ::poll(&polled, 1, ms) > 0;  // a signal counts as nothing
}

Status RedisClient::read_some() {
  char bytes[kReadBytes];
  std::size_t got = 0;
  if (tls_) {
    if (::SSL_read_ex(tls_->ssl.get(), bytes, sizeof(bytes), &got) != 1) return lost(tls_error());
  } else {
    ssize_t count = 0;
    do {
      count = ::recv(context_->fd, bytes, sizeof(bytes), 0);
    } while (count < 0 && errno == EINTR);
    if (count < 0) return lost(std::strerror(errno));
    if (count == 0) return lost("the server closed it");
    got = static_cast<std::size_t>(count);
  }
  if (::redisReaderFeed(context_->reader, bytes, got) != REDIS_OK) {
    return lost(context_->reader->errstr);
  }
  return Status();
}

Result<std::optional<Reply>> RedisClient::reply_within(Millis time) {
  for (;;) {
    void* reply = nullptr;
    if (::redisReaderGetReply(context_->reader, &reply) != REDIS_OK) {
      return lost(context_->reader->errstr);
    }
    if (reply != nullptr) return std::optional(Reply(static_cast<redisReply*>(reply)));
    if (!readable_within(static_cast<int>(time.count()))) return std::optional<Reply>();
    if (Status read = read_some(); !read) return read;
  }
}

Result<Reply> RedisClient::reply() {
  // A signal ends a wait early; waiting once more is enough, for a second one ends the process.
  for (int i = 0; i < 2; ++i) {
    auto reply = reply_within(Millis{kAnswerMs});
    if (!reply) return reply.status();
    if (*reply) return **std::move(reply);
  }
  return lost("no answer for a minute");
}

Result<Reply> RedisClient::call(std::initializer_list<std::string_view> words) {
  queue(words);
  if (Status sent = send(); !sent) return sent;
  auto answer = reply();
  if (answer && answer->is_error()) {
    return Status(StatusCode::kIo, "the Redis at " + name_ + " refuses " +
                                       std::string(*words.begin()) + ": " +
                                       escape_text(answer->text()));
  }
  return answer;
}

}  // namespace cloakroom::cli
