// hello: a store that outlives its process. Run it twice, or ten times, in the same directory.
//
//   hello [STORE-DIR]        (default: hello-store in the current directory)
//
// Each run is one visit: a session is created the first time, found again after every restart, its
// counter goes up and its idle timeout starts anew. With "logout" as second argument it ends.
#include <cloakroom/cloakroom.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <string_view>

using namespace std::chrono_literals;
using cloakroom::Durability;
using cloakroom::Store;

namespace {

constexpr auto kIdleTimeout = 30min;
constexpr auto kLifetime = 12h;
// A real server takes 32 random bytes from the system for every new session.
constexpr std::string_view kKey = "sess:b2f0a6c7d1";

int fail(const cloakroom::Status& status) {
  std::fprintf(stderr, "hello: %s\n", status.to_string().c_str());
  return 1;
}

int visit(Store& store) {
  // Creates the session when it is absent or has expired. Both bounds are set only then: a live
  // record keeps its deadline and its lifetime when a field changes.
  auto visits = store.increment_field(
      kKey, "visits", 1,
      {.ttl = kIdleTimeout, .lifetime = kLifetime, .keep_deadline = true, .owner = "alice"});
  if (!visits) return fail(visits.status());

  // Every request slides the idle timeout; no touch passes the lifetime.
  if (auto touched = store.touch(kKey, kIdleTimeout); !touched) return fail(touched.status());

  std::printf("visit %lld\n", static_cast<long long>(*visits));
  return 0;
}

int logout(Store& store) {
  // Ends every session of the user. kDisk: a logout that a power cut takes back is a security hole.
  auto ended = store.erase_owned("alice", {}, {.durability = Durability::kDisk});
  if (!ended) return fail(ended.status());
  std::printf("%zu ended\n", *ended);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  auto store = Store::open({.path = argc > 1 ? argv[1] : "hello-store"});
  if (!store) return fail(store.status());

  const bool leave = argc > 2 && std::strcmp(argv[2], "logout") == 0;
  if (const int code = leave ? logout(*store) : visit(*store); code != 0) return code;

  auto closed = store->close();  // the destructor does it too, but cannot tell how it went
  return closed ? 0 : fail(closed);
}
