// The bytes of one client: reads, parses, has commands run, writes.
//
//   wait readable -> read -> parse -> dispatch ... -> send -> wait readable
//                                 |                    |
//                                 |     all of it went: read on
//                                 +---- more than kPauseBytes waits: parse no further before the
//                                       client has read it (its own commands can never pile up)
//
// Everything runs on the connection's I/O thread, except push() and kill(). What others push
// (messages) goes into an inbox, is sent between replies, and closes the client when it exceeds
// RespLimits::output_bytes: somebody who never reads costs that much and stalls nobody.
//
// An idle connection owns no buffer. Consecutive GETs of what has been read are answered together.
//
// A half-closed client (it said all it has to say) is answered, then closed. The first protocol
// error is answered and closes.
#ifndef CLOAKROOM_LIB_RESP_CONNECTION_H_
#define CLOAKROOM_LIB_RESP_CONNECTION_H_

#include <asio/generic/stream_protocol.hpp>
#include <asio/io_context.hpp>
#include <asio/ssl.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/mutex.h"
#include "resp/batch.h"
#include "resp/client.h"
#include "resp/parser.h"
#include "resp/server.h"
#include "resp/steady.h"

namespace cloakroom::resp {

using Socket = asio::generic::stream_protocol::socket;
using TlsStream = asio::ssl::stream<Socket>;

class Connection : public Client, public std::enable_shared_from_this<Connection> {
 public:
  Connection(Server& server, asio::io_context& context, std::size_t thread);
  ~Connection() override;

  // On its own thread from here on.
  virtual void start() = 0;

  void push(const std::string& bytes) override;
  void kill() override;

  // Answers what has been read and closes; from any thread (shutdown).
  void finish();

  // Closes it when it has overstayed a timeout; on its own thread.
  void check_timeouts(std::int64_t now_ms);

 protected:
  // The transport: how bytes come and go. `done` handlers run on the I/O thread.
  virtual void wait_for_input() = 0;
  virtual void write(std::string_view bytes) = 0;  // all of them, then on_written()
  virtual void close_socket() = 0;

  void on_input(std::size_t bytes);  // so many were put where room() said
  void on_input_end();               // the client says no more
  void on_written(std::error_code error, std::size_t bytes);
  void on_error();
  [[nodiscard]] std::span<char> room();

  // Registers it and looks up who everybody is at first.
  void open();
  void read_more();

  Server& server_;
  asio::io_context& context_;
  bool greeting_ = false;  // TLS is not agreed on yet

 private:
  void process();
  [[nodiscard]] std::size_t pause_bytes() const noexcept;
  void note_rest();
  bool step();
  [[nodiscard]] bool take_batch();
  void prefetch_keys();
  void answer_gets();
  void run_command(const Parsed& next);
  void take_inbox();
  void flush();
  void close();
  void note_output();
  void refresh_limits();

  Parser parser_;
  std::string out_ = {};      // to be sent
  std::string sending_ = {};  // being sent
  bool writing_ = false;
  bool reading_ = false;
  bool input_ended_ = false;
  bool closed_ = false;
  bool processing_ = false;
  bool limits_authenticated_ = false;
  Batch batch_ = {};  // read, and not yet all run
  std::vector<std::string_view> keys_ = {};
  std::int64_t command_began_ms_ = 0;  // 0: none has

  Mutex inbox_mutex_;
  std::string inbox_ GUARDED_BY(inbox_mutex_) = {};
  bool inbox_posted_ GUARDED_BY(inbox_mutex_) = false;
  std::atomic<bool> inbox_full_{false};
  std::atomic<bool> inbox_waits_{false};
};

// A connection over a plain socket, and over TLS.
[[nodiscard]] std::shared_ptr<Connection> make_plain_connection(Server& server,
                                                                asio::io_context& context,
                                                                std::size_t thread, Socket socket);
[[nodiscard]] std::shared_ptr<Connection> make_tls_connection(Server& server,
                                                              asio::io_context& context,
                                                              std::size_t thread, Socket socket,
                                                              asio::ssl::context& tls);

}  // namespace cloakroom::resp

#endif  // CLOAKROOM_LIB_RESP_CONNECTION_H_
