// The routes. One object for all threads of the server.
#ifndef EXAMPLES_LOGIN_SERVER_APP_H_
#define EXAMPLES_LOGIN_SERVER_APP_H_

#include <cloakroom/cloakroom.h>
#include <httplib.h>

#include <optional>
#include <string>
#include <string_view>

#include "pages.h"
#include "users.h"

namespace login {

// Every handler begins with the session of the request and answers for itself; what they share:
//
//   - A failure of the store is a page with status 503, never a visitor who looks logged out.
//   - Every form carries a secret of its session, and a POST without it changes nothing (cross-site
//     request forgery). SameSite=Lax of the cookie is the second lock on that door.
//   - A visitor gets a session with the login form, because that form needs the secret too; logging
//     in gives it a new token (session fixation).
class App {
 public:
  using Request = httplib::Request;
  using Response = httplib::Response;
  using Session = cloakroom::Session;

  // Both must outlive it. Without `sessions` it serves the first page alone, the same for
  // everybody: what a request costs without sessions. Whoever ends other devices must have given
  // the password within `confirm_after`.
  App(Users& users, cloakroom::Sessions* sessions, cloakroom::Millis confirm_after)
      : users_(users), sessions_(sessions), confirm_after_(confirm_after) {}

  void add_routes(httplib::Server& server);

 private:
  // visitor.cc: the session of a request. Each answers itself when it returns nothing.
  std::optional<Session> visitor(const Request& request, Response& response);  // logged in or not
  std::optional<Session> user(const Request& request, Response& response);     // logged in
  std::optional<Session> poster(const Request& request, Response& response);   // with the secret
  bool is_fresh(const Session& session, Response& response);
  bool save(Session& session, Response& response);
  void send_token(const Session& session, Response& response);

  // app.cc: pages for reading.
  void home(const Request& request, Response& response);
  void home_without_sessions(Response& response);
  void login_form(const Request& request, Response& response);
  void devices(const Request& request, Response& response);
  void password_form(const Request& request, Response& response);
  void confirm_form(const Request& request, Response& response);

  // account.cc: what forms do.
  void log_in(const Request& request, Response& response);
  void add_user(const Request& request, Response& response);
  void log_out(const Request& request, Response& response);
  void change_password(const Request& request, Response& response);
  void confirm(const Request& request, Response& response);
  void end_device(const Request& request, Response& response);
  void end_other_devices(const Request& request, Response& response);
  void enter(Session& session, std::string_view name, Response& response);

  Users& users_;
  cloakroom::Sessions* sessions_;
  cloakroom::Millis confirm_after_;
};

// response.cc
void show(httplib::Response& response, std::string html, int status = 200);
void redirect(httplib::Response& response, std::string_view where);
void fail(httplib::Response& response,
          const cloakroom::Status& status);  // 503, and a line for the operator

// What of a User-Agent header a user recognises: "Firefox on Linux".
[[nodiscard]] std::string device_name(std::string_view user_agent);

}  // namespace login

#endif  // EXAMPLES_LOGIN_SERVER_APP_H_
