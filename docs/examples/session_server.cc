// A server on cpp-httplib that knows its users again, after a restart too. plain_server.cc is the
// same without sessions: compare them.
//
//   session_server [PORT]    (default: 8080)
#include <cloakroom/cloakroom.h>
#include <httplib.h>

#include <cstdlib>
#include <string>

int main(int argc, char** argv) {
  httplib::Server server;
  auto store = cloakroom::Store::open({.path = "sessions"});
  if (!store) return 1;
  cloakroom::Sessions sessions(*store);
  if (!sessions.status()) return 1;

  server.Get("/", [&](const httplib::Request& request, httplib::Response& response) {
    std::string user = "stranger";
    auto session = sessions.load_cookie(request.get_header_value("Cookie"));
    if (!session && !is_logged_out(session.code())) return void(response.status = 503);
    if (session) user = session->owner();
    response.set_content("Hello, " + user + "\n", "text/plain");
  });

  server.Post("/login", [&](const httplib::Request& request, httplib::Response& response) {
    const std::string user = request.get_param_value("user");  // whose password you have checked
    auto session = sessions.create({.owner = user});
    if (!session) return void(response.status = 503);
    response.set_header("Set-Cookie", sessions.cookie(*session));
    response.set_redirect("/", 303);
  });

  server.Post("/logout", [&](const httplib::Request& request, httplib::Response& response) {
    auto session = sessions.load_cookie(request.get_header_value("Cookie"));
    if (!session && !is_logged_out(session.code())) return void(response.status = 503);
    if (session && !sessions.destroy(*session)) return void(response.status = 503);
    response.set_header("Set-Cookie", sessions.end_cookie());
    response.set_redirect("/", 303);
  });

  return server.listen("127.0.0.1", argc > 1 ? std::atoi(argv[1]) : 8080) ? 0 : 1;
}
