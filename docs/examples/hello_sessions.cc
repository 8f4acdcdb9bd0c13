// hello_sessions: the life of web sessions, without a network. Run it twice in the same directory.
//
//   hello_sessions [STORE-DIR]        (default: hello-sessions in the current directory)
//
// Alice logs in on a laptop and on a phone, uses one, looks at the list of her devices, logs the
// other one out and at last changes her password. Every step that a server does is here; what is
// missing is HTTP.
#include <cloakroom/cloakroom.h>

#include <cstdio>
#include <string>
#include <utility>

using namespace std::chrono_literals;
using cloakroom::Session;
using cloakroom::Sessions;

namespace {

int fail(const cloakroom::Status& status) {
  std::fprintf(stderr, "hello_sessions: %s\n", status.to_string().c_str());
  return 1;
}

// What a browser makes of a Set-Cookie header: it sends back what stands before the first ';'.
std::string as_the_browser_sends_it(const std::string& set_cookie) {
  return "theme=dark; " + set_cookie.substr(0, set_cookie.find(';'));
}

int use(Sessions& sessions, const std::string& cookie_header) {
  // At the start of every request. It moves the idle timeout.
  auto session = sessions.load_cookie(cookie_header);
  if (!session) return fail(session.status());

  session->set("cart", "[\"umbrella\"]");
  session->increment("requests");
  // Sends these two changes, not the whole session: a parallel request loses nothing.
  if (auto saved = sessions.save(*session); !saved) return fail(saved);
  std::printf("cart of %s: %s\n", std::string(session->owner()).c_str(),
              std::string(*session->get("cart")).c_str());
  return 0;
}

int end_the_phone(Sessions& sessions, const Session& laptop, const Session& phone) {
  auto devices = sessions.list("alice", laptop.token());
  if (!devices) return fail(devices.status());
  for (const auto& device : *devices) {
    std::printf("device: %s%s\n", device.label.c_str(), device.current ? " (this one)" : "");
    if (device.current) continue;
    // Returns when not even a power cut can bring the session back.
    if (auto ended = sessions.destroy_handle("alice", device.handle); !ended) {
      return fail(ended.status());
    }
  }
  std::printf("phone: %s\n", to_string(sessions.load(phone.token()).code()));
  return 0;
}

int change_password(Sessions& sessions, Session& session) {
  if (auto others = sessions.destroy_all("alice", session.token()); !others) {
    return fail(others.status());
  }
  // The same session with a new token, in one atomic write; the old token is worthless at once.
  const std::string old_token(session.token());
  if (auto rotated = sessions.rotate(session, {.reauthenticated = true}); !rotated) {
    return fail(rotated);
  }
  std::printf("old token: %s, new token: %s\n", to_string(sessions.load(old_token).code()),
              to_string(sessions.load(session.token()).code()));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  auto store = cloakroom::Store::open({.path = argc > 1 ? argv[1] : "hello-sessions"});
  if (!store) return fail(store.status());
  Sessions sessions(*store, {.idle_timeout = 30min, .lifetime = 12h});
  if (!sessions.status()) return fail(sessions.status());

  // Whoever is logged in from the last run of this program is still: they are on the disk.
  if (auto before = sessions.list("alice")) std::printf("%zu from before\n", before->size());

  // After the password check, which is yours.
  auto laptop = sessions.create({.owner = "alice", .label = "Firefox on Linux"});
  if (!laptop) return fail(laptop.status());
  auto phone = sessions.create({.owner = "alice", .label = "Chrome on Android"});
  if (!phone) return fail(phone.status());

  if (int code = use(sessions, as_the_browser_sends_it(sessions.cookie(*laptop)))) return code;
  if (int code = end_the_phone(sessions, *laptop, *phone)) return code;
  if (int code = change_password(sessions, *laptop)) return code;

  auto closed = store->close();
  return closed ? 0 : fail(closed);
}
