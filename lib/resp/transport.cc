// The two ways bytes come and go: a plain socket, of TCP or a file system path, and TLS.
#include <asio/write.hpp>

#include "resp/connection.h"

namespace cloakroom::resp {
namespace {

// Non-blocking, and first tried at once: most replies fit the kernel's buffer, and cost one call.
class PlainConnection final : public Connection {
 public:
  PlainConnection(Server& server, asio::io_context& context, std::size_t thread, Socket socket)
      : Connection(server, context, thread), socket_(std::move(socket)) {}

  void start() override {
    std::error_code ignored;
    socket_.non_blocking(true, ignored);
    open();
    read_more();
  }

 protected:
  // Waits without a buffer, so that an idle connection has none.
  void wait_for_input() override {
    socket_.async_wait(Socket::wait_read, [this, self = shared_from_this()](std::error_code error) {
      error ? on_error() : read_now();
    });
  }

  void write(std::string_view bytes) override {
    std::error_code error;
    const std::size_t sent = socket_.write_some(asio::buffer(bytes), error);
    if (error && error != asio::error::would_block && error != asio::error::try_again) {
      return on_written(error, sent);
    }
    if (sent == bytes.size()) return on_written({}, sent);
    asio::async_write(
        socket_, asio::buffer(bytes.substr(sent)),
        [this, sent, self = shared_from_this()](std::error_code failed, std::size_t more) {
          on_written(failed, sent + more);
        });
  }

  void close_socket() override {
    std::error_code ignored;
    socket_.close(ignored);
  }

 private:
  void read_now() {
    const std::span<char> into = room();
    std::error_code error;
    const std::size_t bytes = socket_.read_some(asio::buffer(into.data(), into.size()), error);
    if (error == asio::error::eof) return on_input_end();
    if (error == asio::error::would_block || error == asio::error::try_again) {
      return wait_for_input();
    }
    error ? on_error() : on_input(bytes);
  }

  Socket socket_;
};

class TlsConnection final : public Connection {
 public:
  TlsConnection(Server& server, asio::io_context& context, std::size_t thread, Socket socket,
                asio::ssl::context& tls)
      : Connection(server, context, thread), stream_(std::move(socket), tls) {}

  void start() override {
    open();
    greeting_ = true;
    stream_.async_handshake(TlsStream::server,
                            [this, self = shared_from_this()](std::error_code error) {
                              greeting_ = false;
                              error ? on_error() : read_more();
                            });
  }

 protected:
  void wait_for_input() override {
    const std::span<char> into = room();
    stream_.async_read_some(
        asio::buffer(into.data(), into.size()),
        [this, self = shared_from_this()](std::error_code error, std::size_t bytes) {
          if (!error) return on_input(bytes);
          error == asio::error::eof ? on_input_end() : on_error();
        });
  }

  void write(std::string_view bytes) override {
    asio::async_write(stream_, asio::buffer(bytes),
                      [this, self = shared_from_this()](std::error_code error, std::size_t sent) {
                        on_written(error, sent);
                      });
  }

  // Without the closing handshake: operations in flight end with an error, and their handlers hold
  // the connection until then.
  void close_socket() override {
    std::error_code ignored;
    stream_.next_layer().close(ignored);
  }

 private:
  TlsStream stream_;
};

}  // namespace

std::shared_ptr<Connection> make_plain_connection(Server& server, asio::io_context& context,
                                                  std::size_t thread, Socket socket) {
  return std::make_shared<PlainConnection>(server, context, thread, std::move(socket));
}

std::shared_ptr<Connection> make_tls_connection(Server& server, asio::io_context& context,
                                                std::size_t thread, Socket socket,
                                                asio::ssl::context& tls) {
  return std::make_shared<TlsConnection>(server, context, thread, std::move(socket), tls);
}

}  // namespace cloakroom::resp
