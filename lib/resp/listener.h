// Accepts clients, spreads them over I/O threads, and ends in order.
//
// Each I/O thread has an event loop of its own and keeps its clients for good, so nothing of a
// connection is locked. Thread 0 accepts, too.
//
// stop(): closes the listening sockets; has every connection answer what it has read, send it, and
// close; waits for that with a bound (kGrace), so that somebody who does not read holds nothing up.
//
// Thread safety: stop() from any thread but an I/O thread.
#ifndef CLOAKROOM_LIB_RESP_LISTENER_H_
#define CLOAKROOM_LIB_RESP_LISTENER_H_

#include <asio/basic_socket_acceptor.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/ssl/context.hpp>
#include <asio/steady_timer.hpp>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "resp/connection.h"
#include "resp/server.h"
#include "resp/sockets.h"

namespace cloakroom::resp {

class Listener {
 public:
  static Result<std::unique_ptr<Listener>> start(Store& store, RespOptions options);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  void stop();

  [[nodiscard]] Server& server() noexcept { return server_; }

 private:
  using Acceptor = asio::basic_socket_acceptor<asio::generic::stream_protocol>;

  struct Loop {
    asio::io_context context{1};
    asio::executor_work_guard<asio::io_context::executor_type> guard{context.get_executor()};
    asio::steady_timer timer{context};
    std::vector<std::weak_ptr<Connection>> connections = {};  // of its thread alone
    std::thread thread = {};
  };
  struct Door {
    Door(asio::io_context& context, bool with_tls)
        : acceptor(context), retry(context), tls(with_tls) {}
    Acceptor acceptor;
    asio::steady_timer retry;
    bool tls;
  };

  Listener(Store& store, RespOptions options, Acl acl);

  Status open_doors();
  Status add_door(Result<int> socket, bool tls);
  Status load_certificate();
  void accept(Door& door);
  void admit(Door& door, Socket socket, std::size_t thread);
  void watch(std::size_t thread);
  void run_loop(std::size_t thread);

  // Null when the address has too many already.
  std::shared_ptr<void> slot_of(const std::string& address);

  Server server_;
  asio::ssl::context tls_{asio::ssl::context::tls_server};
  std::vector<std::unique_ptr<Loop>> loops_ = {};
  std::vector<std::unique_ptr<Door>> doors_ = {};
  std::size_t next_loop_ = 0;  // of thread 0
  bool owns_path_ = false;     // the unix socket is ours to remove

  struct Addresses {
    Mutex mutex;
    std::map<std::string, std::size_t> counts GUARDED_BY(mutex) = {};
  };
  std::shared_ptr<Addresses> addresses_ = std::make_shared<Addresses>();

  Mutex stop_mutex_;
  bool stopped_ GUARDED_BY(stop_mutex_) = false;
  std::atomic<bool> stopping_{false};
  Mutex ended_mutex_;
  CondVar ended_;
  std::size_t running_ GUARDED_BY(ended_mutex_) = 0;
};

}  // namespace cloakroom::resp

#endif  // CLOAKROOM_LIB_RESP_LISTENER_H_
