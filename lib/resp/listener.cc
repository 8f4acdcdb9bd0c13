#include "resp/listener.h"

#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <asio/post.hpp>
#include <chrono>
#include <fstream>
#include <new>
#include <sstream>

namespace cloakroom::resp {
namespace {

constexpr std::chrono::milliseconds kGrace{3000};       // for clients to read their last replies
constexpr std::chrono::milliseconds kWatchPause{1000};  // between two looks for timeouts
constexpr std::chrono::milliseconds kAcceptPause{100};  // after accept() failed: out of descriptors
constexpr std::size_t kSecretBytesMin = 16;

constexpr std::string_view kStranger =
    "-DENIED this socket serves processes of its owner and of root only\r\n";
constexpr std::string_view kTooMany = "-ERR max number of clients reached\r\n";
constexpr std::string_view kProtected =
    "-DENIED Running in protected mode because no password is set and the client is not on this "
    "machine. Set a password or users (and TLS), or start with --insecure.\r\n";

Status invalid(std::string text) { return Status(StatusCode::kInvalidArgument, std::move(text)); }

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) return Status(StatusCode::kIo, "cannot read " + path);
  return text.str();
}

// What must hold before anything is opened.
Status check(const RespOptions& options, const Acl& acl) {
  const bool tcp = options.tcp_port != 0 || options.tcp_any_port;
  if (options.unix_socket.empty() && !tcp && options.inherited_sockets.empty()) {
    return invalid("nowhere to listen; give a unix socket or a port");
  }
  if (!options.unix_socket.empty() && (options.unix_socket_mode & 077) != 0 &&
      !options.unix_any_user) {
    return invalid(
        "unix_socket_mode lets other users at the socket, and they would be refused there; set "
        "unix_any_user too (--unix-any-user)");
  }
  if (options.threads == 0 || options.threads > 256) return invalid("threads must be 1 to 256");
  if (!parse_notify_classes(options.notify_keyspace_events)) {
    return invalid("notify_keyspace_events has a letter that is not one of KEg$lshzxetmdnA");
  }
  if (!options.hash_keys.empty() && options.hash_secret.size() < kSecretBytesMin) {
    return invalid("hash_keys needs a hash_secret of 16 bytes or more");
  }
  const bool tls = !options.tls_certificate.empty();
  if (tcp && !is_loopback_address(options.tcp_address) && !options.insecure) {
    if (acl.initial() != nullptr) {
      return invalid("an address other than loopback needs a password or users; or insecure");
    }
    if (!tls) return invalid("an address other than loopback needs TLS; or insecure");
  }
  return Status();
}

void send_and_close(Socket& socket, std::string_view text) {
  std::error_code ignored;
  (void)::send(socket.native_handle(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  socket.close(ignored);
}

}  // namespace

Listener::Listener(Store& store, RespOptions options, Acl acl)
    : server_(store, std::move(options), std::move(acl)) {
  for (unsigned i = 0; i < server_.options.threads; ++i) {
    loops_.push_back(std::make_unique<Loop>());
  }
}

Result<std::unique_ptr<Listener>> Listener::start(Store& store, RespOptions options) {
  std::string users;
  if (!options.acl_file.empty()) {
    auto text = read_file(options.acl_file);
    if (!text) return text.status();
    users = *std::move(text);
  }
  auto acl = Acl::make(options.password, users);
  if (!acl) return acl.status();
  if (Status fine = check(options, *acl); !fine) return fine;
  std::unique_ptr<Listener> listener(new Listener(store, std::move(options), *std::move(acl)));
  if (Status opened = listener->open_doors(); !opened) return opened;
  {
    MutexLock guard(listener->ended_mutex_);
    listener->running_ = listener->loops_.size();
  }
  for (std::size_t i = 0; i < listener->loops_.size(); ++i) {
    listener->watch(i);
    listener->loops_[i]->thread = std::thread([raw = listener.get(), i] { raw->run_loop(i); });
  }
  return listener;
}

Listener::~Listener() { stop(); }

Status Listener::load_certificate() {
  const RespOptions& options = server_.options;
  std::error_code error;
  tls_.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_compression |
                   asio::ssl::context::single_dh_use);
  ::SSL_CTX_set_min_proto_version(tls_.native_handle(), TLS1_2_VERSION);
  ::SSL_CTX_set_options(tls_.native_handle(), SSL_OP_NO_RENEGOTIATION);
  tls_.use_certificate_chain_file(options.tls_certificate, error);
  if (error)
    return Status(StatusCode::kIo, "cannot use the certificate " + options.tls_certificate);
  const std::string& key = options.tls_key.empty() ? options.tls_certificate : options.tls_key;
  tls_.use_private_key_file(key, asio::ssl::context::pem, error);
  if (error) return Status(StatusCode::kIo, "cannot use the private key " + key);
  if (options.tls_ca.empty()) return Status();
  tls_.load_verify_file(options.tls_ca, error);
  if (error) return Status(StatusCode::kIo, "cannot use the authorities of " + options.tls_ca);
  tls_.set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert, error);
  return Status();
}

Status Listener::add_door(Result<int> socket, bool tls) {
  if (!socket) return socket.status();
  auto door = std::make_unique<Door>(loops_[0]->context, tls);
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  std::error_code error;
  if (::getsockname(*socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    ::close(*socket);
    return Status(StatusCode::kIo, "an inherited descriptor is no socket");
  }
  door->acceptor.assign(asio::generic::stream_protocol(address.ss_family, 0), *socket, error);
  if (error) return Status(StatusCode::kIo, "cannot listen: " + error.message());
  if (const std::uint16_t port = port_of(*socket); port != 0) server_.tcp_port = port;
  doors_.push_back(std::move(door));
  return Status();
}

Status Listener::open_doors() {
  const RespOptions& options = server_.options;
  const bool tls = !options.tls_certificate.empty();
  if (tls) {
    if (Status loaded = load_certificate(); !loaded) return loaded;
  }
  for (const int inherited : options.inherited_sockets) {
    const bool tcp = port_of(inherited) != 0;
    if (Status added = add_door(inherited, tls && tcp); !added) return added;
  }
  if (!options.unix_socket.empty()) {
    if (Status added = add_door(listen_unix(options.unix_socket, options.unix_socket_mode), false);
        !added) {
      return added;
    }
    owns_path_ = true;
  }
  if (options.tcp_port != 0 || options.tcp_any_port) {
    if (Status added = add_door(listen_tcp(options.tcp_address, options.tcp_port), tls); !added) {
      return added;
    }
  }
  for (const auto& door : doors_) accept(*door);
  return Status();
}

void Listener::accept(Door& door) {
  const std::size_t thread = next_loop_++ % loops_.size();
  door.acceptor.async_accept(loops_[thread]->context,
                             [this, &door, thread](std::error_code error, Socket socket) {
                               if (stopping_.load() || error == asio::error::operation_aborted)
                                 return;
                               if (!error) {
                                 admit(door, std::move(socket), thread);
                                 return accept(door);
                               }
                               door.retry.expires_after(kAcceptPause);
                               door.retry.async_wait([this, &door](std::error_code cancelled) {
                                 if (!cancelled) accept(door);
                               });
                             });
}

std::shared_ptr<void> Listener::slot_of(const std::string& address) {
  const std::size_t most = server_.options.limits.clients_per_address;
  if (address.empty() || most == 0) return std::make_shared<int>(0);
  {
    MutexLock guard(addresses_->mutex);
    std::size_t& count = addresses_->counts[address];
    if (count >= most) return nullptr;
    ++count;
  }
  return std::shared_ptr<void>(addresses_.get(), [kept = addresses_, address](void*) {
    MutexLock guard(kept->mutex);
    if (--kept->counts[address] == 0) kept->counts.erase(address);
  });
}

void Listener::admit(Door& door, Socket socket, std::size_t thread) {
  const Peer peer = peer_of(socket.native_handle(), server_.options.unix_socket);
  if (!server_.options.unix_any_user && !is_own_peer(socket.native_handle())) {
    server_.connections_rejected.fetch_add(1, std::memory_order_relaxed);
    return send_and_close(socket, kStranger);
  }
  auto slot = slot_of(peer.address);
  if (slot == nullptr || server_.clients.size() >= server_.config.clients_max.load()) {
    server_.connections_rejected.fetch_add(1, std::memory_order_relaxed);
    return send_and_close(socket, kTooMany);
  }
  if (!peer.local && !server_.options.insecure && server_.acl.initial() != nullptr) {
    server_.connections_rejected.fetch_add(1, std::memory_order_relaxed);
    return send_and_close(socket, kProtected);
  }
  if (!peer.address.empty()) tune(socket.native_handle());
  Loop& loop = *loops_[thread];
  auto connection =
      door.tls ? make_tls_connection(server_, loop.context, thread, std::move(socket), tls_)
               : make_plain_connection(server_, loop.context, thread, std::move(socket));
  connection->local = peer.local;
  connection->address_slot = std::move(slot);
  {
    MutexLock guard(connection->card_mutex);
    connection->card.address = peer.name;
    connection->card.local_address = peer.local_name;
  }
  asio::post(loop.context, [this, connection, thread] {
    if (stopping_.load()) return;
    loops_[thread]->connections.push_back(connection);
    connection->start();
  });
}

// Looks for clients that have overstayed, again and again.
void Listener::watch(std::size_t thread) {
  Loop& loop = *loops_[thread];
  loop.timer.expires_after(kWatchPause);
  loop.timer.async_wait([this, &loop, thread](std::error_code cancelled) {
    if (cancelled || stopping_.load()) return;
    std::erase_if(loop.connections, [](const auto& weak) { return weak.expired(); });
    const std::int64_t now = steady_ms();
    for (const auto& weak : loop.connections) {
      if (const auto connection = weak.lock()) connection->check_timeouts(now);
    }
    watch(thread);
  });
}

void Listener::run_loop(std::size_t thread) {
  for (;;) {
    try {
      loops_[thread]->context.run();
      break;
    } catch (const std::bad_alloc&) {
      // What one client asked for was too much; its handler is gone, the others go on.
      server_.log(LogLevel::kError, "out of memory while serving a client");
    } catch (const std::exception&) {
      server_.log(LogLevel::kError, "a client's connection failed unexpectedly");
    }
  }
  MutexLock guard(ended_mutex_);
  --running_;
  ended_.notify_all();
}

void Listener::stop() {
  MutexLock guard(stop_mutex_);
  if (stopped_) return;
  stopped_ = true;
  stopping_.store(true);
  for (const auto& loop : loops_) {
    asio::post(loop->context, [this, raw = loop.get()] {
      if (raw == loops_[0].get()) {
        std::error_code ignored;
        for (const auto& door : doors_) {
          door->acceptor.close(ignored);
          door->retry.cancel();
        }
      }
      raw->timer.cancel();
      raw->guard.reset();
      for (const auto& weak : raw->connections) {
        if (const auto connection = weak.lock()) connection->finish();
      }
    });
  }
  const auto deadline = std::chrono::steady_clock::now() + kGrace;
  {
    MutexLock ended(ended_mutex_);
    while (running_ != 0 && std::chrono::steady_clock::now() < deadline) {
      ended_.wait_for(ended_mutex_, kGrace / 10);
    }
  }
  for (const auto& loop : loops_) loop->context.stop();
  for (const auto& loop : loops_) {
    if (loop->thread.joinable()) loop->thread.join();
  }
  server_.notifications.stop();  // nobody pushes any more: the loops may go
  server_.tracking.stop();
  if (owns_path_) ::unlink(server_.options.unix_socket.c_str());
  doors_.clear();
  loops_.clear();
}

}  // namespace cloakroom::resp
