// A server on cpp-httplib that forgets its users at once. session_server.cc is the same with
// sessions: compare them.
//
//   plain_server [PORT]      (default: 8080)
#include <httplib.h>

#include <cstdlib>
#include <string>

int main(int argc, char** argv) {
  httplib::Server server;

  server.Get("/", [&](const httplib::Request& request, httplib::Response& response) {
    std::string user = "stranger";
    response.set_content("Hello, " + user + "\n", "text/plain");
  });

  server.Post("/login", [&](const httplib::Request& request, httplib::Response& response) {
    const std::string user = request.get_param_value("user");  // whose password you have checked
    response.set_redirect("/", 303);
  });

  server.Post("/logout", [&](const httplib::Request& request, httplib::Response& response) {
    response.set_redirect("/", 303);
  });

  return server.listen("127.0.0.1", argc > 1 ? std::atoi(argv[1]) : 8080) ? 0 : 1;
}
