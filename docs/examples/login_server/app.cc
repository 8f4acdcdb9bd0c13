#include "app.h"

namespace login {
namespace {

// Nothing of a page is cached, framed, or allowed to run.
const httplib::Headers kHeaders = {
    {"Cache-Control", "no-store"},
    {"Content-Security-Policy",
     "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors "
     "'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "same-origin"},
};

}  // namespace

void App::add_routes(httplib::Server& server) {
  server.set_default_headers(kHeaders);
  server.set_payload_max_length(std::size_t{16} << 10);
  server.Get("/style.css", [](const Request&, Response& response) {
    response.set_content(kStyleSheet.data(), kStyleSheet.size(), "text/css");
  });
  if (sessions_ == nullptr) {
    server.Get("/", [this](const Request&, Response& p) { home_without_sessions(p); });
    return;
  }
  server.Get("/", [this](const Request& q, Response& p) { home(q, p); });
  server.Get("/login", [this](const Request& q, Response& p) { login_form(q, p); });
  server.Get("/devices", [this](const Request& q, Response& p) { devices(q, p); });
  server.Get("/password", [this](const Request& q, Response& p) { password_form(q, p); });
  server.Get("/confirm", [this](const Request& q, Response& p) { confirm_form(q, p); });
  server.Post("/login", [this](const Request& q, Response& p) { log_in(q, p); });
  server.Post("/register", [this](const Request& q, Response& p) { add_user(q, p); });
  server.Post("/logout", [this](const Request& q, Response& p) { log_out(q, p); });
  server.Post("/password", [this](const Request& q, Response& p) { change_password(q, p); });
  server.Post("/confirm", [this](const Request& q, Response& p) { confirm(q, p); });
  server.Post("/devices/end", [this](const Request& q, Response& p) { end_device(q, p); });
  server.Post("/devices/end-others",
              [this](const Request& q, Response& p) { end_other_devices(q, p); });
}

void App::home(const Request& request, Response& response) {
  auto session = user(request, response);
  if (!session) return;
  // Two requests at once are both counted; a message is shown once.
  const auto visits = session->increment("visits");
  const auto message = session->pop("message");
  if (!save(*session, response)) return;
  show(response, home_page({.user = session->owner(),
                            .csrf = session->get("csrf").value_or(""),
                            .message = message ? std::string_view(*message) : ""},
                           visits));
}

void App::home_without_sessions(Response& response) {
  show(response, home_page({.user = "alice", .csrf = "0123456789abcdef012345"}, 1));
}

void App::login_form(const Request& request, Response& response) {
  auto session = visitor(request, response);
  if (!session) return;
  if (!session->owner().empty()) return redirect(response, "/");
  show(response, login_page({.csrf = session->get("csrf").value_or("")}));
}

void App::devices(const Request& request, Response& response) {
  auto session = user(request, response);
  if (!session) return;
  auto list = sessions_->list(session->owner(), session->token());
  if (!list) return fail(response, list.status());
  const auto message = session->pop("message");
  if (!save(*session, response)) return;
  show(response, devices_page({.user = session->owner(),
                               .csrf = session->get("csrf").value_or(""),
                               .message = message ? std::string_view(*message) : ""},
                              *list));
}

void App::password_form(const Request& request, Response& response) {
  auto session = user(request, response);
  if (!session) return;
  show(response,
       password_page({.user = session->owner(), .csrf = session->get("csrf").value_or("")}));
}

void App::confirm_form(const Request& request, Response& response) {
  auto session = user(request, response);
  if (!session) return;
  show(response,
       confirm_page({.user = session->owner(), .csrf = session->get("csrf").value_or("")}));
}

}  // namespace login
