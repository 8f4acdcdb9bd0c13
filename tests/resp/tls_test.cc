// TLS: it serves, it refuses what is no TLS, and clients that vanish at any moment harm nobody.
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "cloakroom/resp_server.h"
#include "support/store_fixture.h"
#include "support/temp_dir.h"

namespace cloakroom::resp {
namespace {

// A key and a certificate it signed itself, in one PEM file.
void write_certificate(const std::string& path) {
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::unique_ptr<X509, void (*)(X509*)> certificate(X509_new(), X509_free);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* const name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  REQUIRE(X509_sign(certificate.get(), key.get(), EVP_sha256()) != 0);
  std::FILE* const file = std::fopen(path.c_str(), "w");
  REQUIRE(file != nullptr);
  PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  PEM_write_X509(file, certificate.get());
  std::fclose(file);
}

class TlsClient {
 public:
  explicit TlsClient(std::uint16_t port, int version = TLS1_3_VERSION)
      : context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free),
        fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
    SSL_CTX_set_max_proto_version(context_.get(), version);
    SSL_CTX_set_security_level(context_.get(), 0);
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_fd(ssl_.get(), fd_);
  }
  ~TlsClient() { ::close(fd_); }
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  bool shake_hands() { return SSL_connect(ssl_.get()) == 1; }
  bool send(std::string_view bytes) {
    return SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) > 0;
  }
  bool send_plain(std::string_view bytes) {
    return ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0;
  }
  std::string receive(std::size_t bytes) {
    std::string got(bytes, '\0');
    std::size_t have = 0;
    while (have < bytes) {
      const int more = SSL_read(ssl_.get(), got.data() + have, static_cast<int>(bytes - have));
      if (more <= 0) break;
      have += static_cast<std::size_t>(more);
    }
    got.resize(have);
    return got;
  }

 private:
  std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context_;
  std::unique_ptr<SSL, void (*)(SSL*)> ssl_{nullptr, SSL_free};
  int fd_;
};

class TlsServed {
 public:
  TlsServed() {
    write_certificate(dir / "tls.pem");
    RespOptions options;
    options.tcp_any_port = true;
    options.threads = 2;
    options.tls_certificate = dir / "tls.pem";
    options.notify_keyspace_events = "KEA";
    auto started = RespServer::start(store, std::move(options));
    REQUIRE_OK(started);
    server.emplace(*std::move(started));
  }

  testing::TempDir dir;
  Store store = testing::open_store({.memory_limit_bytes = std::size_t{256} << 20});
  std::optional<RespServer> server;
};

}  // namespace

TEST_CASE("tls: it serves 1.2 and 1.3, large values included, and nothing older") {
  TlsServed served;
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClient client(served.server->port(), version);
    REQUIRE(client.shake_hands());
    const std::string value(1'000'000, 'v');
    REQUIRE(client.send("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000000\r\n" + value + "\r\nGET k\r\n"));
    CHECK(client.receive(5) == "+OK\r\n");
    CHECK(client.receive(value.size() + 12) == "$1000000\r\n" + value + "\r\n");
  }
  TlsClient old(served.server->port(), TLS1_1_VERSION);
  CHECK_FALSE(old.shake_hands());
}

TEST_CASE("tls: who speaks none is closed, and who vanishes at any moment harms nobody") {
  TlsServed served;
  {
    TlsClient plain(served.server->port());
    REQUIRE(plain.send_plain("PING\r\n"));
  }
  std::vector<std::thread> storms;
  for (int thread = 0; thread < 3; ++thread) {
    storms.emplace_back([&, thread] {
      for (int i = 0; i < 40; ++i) {
        TlsClient client(served.server->port());
        if (i % 4 == thread) {
          (void)client.send_plain(std::string("\x16\x03\x01\x02", 4));  // the beginning of a hello
          continue;
        }
        if (!client.shake_hands()) continue;
        // Subscribers that go while they are told of each other's writes.
        (void)client.send("PSUBSCRIBE *\r\n");
        if (i % 2 == 0) (void)client.receive(10);
        TlsClient writer(served.server->port());
        if (writer.shake_hands()) (void)writer.send("SET k v\r\nSET k w\r\nDEL k\r\nGET k");
      }
    });
  }
  for (auto& storm : storms) storm.join();
  TlsClient honest(served.server->port());
  REQUIRE(honest.shake_hands());
  REQUIRE(honest.send("PING\r\n"));
  CHECK(honest.receive(7) == "+PONG\r\n");
  served.server->stop();
  CHECK(served.server->clients() == 0);
}

}  // namespace cloakroom::resp
