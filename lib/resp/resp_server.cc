#include "cloakroom/resp_server.h"

#include "resp/listener.h"

namespace cloakroom {

class RespServer::Impl {
 public:
  explicit Impl(std::unique_ptr<resp::Listener> the_listener) : listener(std::move(the_listener)) {}
  std::unique_ptr<resp::Listener> listener;
};

RespServer::RespServer(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
RespServer::~RespServer() = default;
RespServer::RespServer(RespServer&&) noexcept = default;
RespServer& RespServer::operator=(RespServer&&) noexcept = default;

Result<RespServer> RespServer::start(Store& store, RespOptions options) {
  auto listener = resp::Listener::start(store, std::move(options));
  if (!listener) return listener.status();
  return RespServer(std::make_unique<Impl>(*std::move(listener)));
}

void RespServer::stop() {
  if (impl_ != nullptr) impl_->listener->stop();
}

std::uint16_t RespServer::port() const noexcept {
  return impl_ == nullptr ? std::uint16_t{0} : impl_->listener->server().tcp_port.load();
}

std::size_t RespServer::clients() const noexcept {
  return impl_ == nullptr ? 0 : impl_->listener->server().clients.size();
}

}  // namespace cloakroom
