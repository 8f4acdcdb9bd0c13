// A blocking connection that sends bytes made beforehand and counts the bytes that come back: what
// a latency of tens of microseconds is measured with, since it adds next to nothing of its own.
#ifndef CLOAKROOM_BENCHMARKS_RAW_CLIENT_H_
#define CLOAKROOM_BENCHMARKS_RAW_CLIENT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"

namespace cloakroom::bench {

// Where a server listens: on a unix socket, or on a port of this machine.
struct Endpoint {
  std::string unix_socket = {};
  std::uint16_t port = 0;
};

// A command in the protocol's bytes, appended.
void append_command(std::string& out, const std::vector<std::string_view>& words);

class RawClient {
 public:
  explicit RawClient(const Endpoint& endpoint);  // Failure when nobody answers there

  // An invalid connection where the constructor throws.
  [[nodiscard]] static Fd try_connect(const Endpoint& endpoint);

  void send(std::string_view bytes);  // all of them
  void receive(std::size_t count);    // exactly so many; Failure for an error reply

 private:
  Fd socket_;
  std::vector<char> buffer_;
};

}  // namespace cloakroom::bench

#endif  // CLOAKROOM_BENCHMARKS_RAW_CLIENT_H_
