// libFuzzer target: bytes of a client through parser and dispatcher over a store in memory. Nothing
// may crash, and every command but those that say so is answered.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "cloakroom/store.h"
#include "resp/dispatcher.h"
#include "resp/parser.h"

namespace {

using namespace cloakroom;
using namespace cloakroom::resp;

class FuzzClient final : public Client {
 public:
  void push(const std::string&) override {}
  void kill() override {}
};

Store& store() {
  static Store one = [] {
    auto opened = Store::open({.memory_limit_bytes = std::size_t{64} << 20,
                               .value_bytes_max = std::size_t{1} << 20,
                               .stripe_count = 16,
                               .background = false});
    if (!opened) std::abort();
    return *std::move(opened);
  }();
  return one;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Server server(
      store(),
      [] {
        RespOptions options;
        options.limits.bulk_bytes = 1 << 20;
        options.tombstones = {{"t:", Millis(1000)}};
        options.hash_keys = {"h:"};
        options.hash_secret = "0123456789abcdef";
        options.owner_fields = {{"o:", "/user"}};
        return options;
      }(),
      *Acl::make({}, {}));
  auto client = std::make_shared<FuzzClient>();
  client->user = server.acl.initial();
  client->authenticated = true;
  server.clients.add(client);
  Parser parser({.bulk_bytes = 1 << 20});
  parser.feed({reinterpret_cast<const char*>(data), size});
  std::string out;
  while (parser.next() == Parser::Outcome::kCommand && !client->closing) {
    dispatch(server, *client, parser.args(), out);
    out.clear();
  }
  forget(server, *client);
  server.clients.remove(client->id);
  if (store().stats().memory_bytes > (std::size_t{48} << 20)) {
    const std::string_view flush[] = {"FLUSHALL"};
    auto cleaner = std::make_shared<FuzzClient>();
    cleaner->user = server.acl.initial();
    cleaner->authenticated = true;
    dispatch(server, *cleaner, flush, out);
  }
  return 0;
}
