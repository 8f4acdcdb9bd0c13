#include "pages.h"

#include <ctime>

namespace login {
namespace {

// A form with the session's token in it, which no other site can know.
std::string form(const View& view, std::string_view action, std::string_view inside) {
  std::string html = "<form method=\"post\" action=\"";
  html.append(action).append("\">\n<input type=\"hidden\" name=\"csrf\" value=\"");
  html.append(escape(view.csrf)).append("\">\n").append(inside).append("</form>\n");
  return html;
}

std::string button(std::string_view text) {
  return "<button type=\"submit\">" + escape(text) + "</button>\n";
}

std::string page(std::string_view title, const View& view, std::string_view body) {
  std::string html =
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>";
  html.append(escape(title)).append("</title>\n");
  html.append("<link rel=\"stylesheet\" href=\"/style.css\">\n</head>\n<body>\n");
  if (!view.user.empty()) {
    html.append(
        "<nav aria-label=\"Main\"><a href=\"/\">Home</a> | <a href=\"/devices\">Devices</a>"
        " | <a href=\"/password\">Password</a>\n");
    html.append(form(view, "/logout", button("Log out"))).append("</nav>\n");
  }
  html.append("<main>\n<h1>").append(escape(title)).append("</h1>\n");
  if (!view.message.empty()) {
    html.append("<p class=\"message\" role=\"status\">").append(escape(view.message));
    html.append("</p>\n");
  }
  html.append(body).append("</main>\n</body>\n</html>\n");
  return html;
}

std::string field(std::string_view label, std::string_view id, std::string_view name,
                  std::string_view type, std::string_view autocomplete) {
  std::string html = "<label for=\"";
  html.append(id).append("\">").append(label).append("</label>\n<input id=\"").append(id);
  html.append("\" name=\"").append(name).append("\" type=\"").append(type);
  html.append("\" autocomplete=\"").append(autocomplete).append("\" required>\n");
  return html;
}

std::string time_of(cloakroom::TimeMs when) {
  const auto seconds = static_cast<std::time_t>(when / 1000);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  char machine[32];
  char human[32];
  std::strftime(machine, sizeof machine, "%Y-%m-%dT%H:%M:%SZ", &utc);
  std::strftime(human, sizeof human, "%d %B %Y, %H:%M UTC", &utc);
  return std::string("<time datetime=\"") + machine + "\">" + human + "</time>";
}

std::string device_row(const View& view, const cloakroom::SessionInfo& device) {
  const std::string handle = escape(device.handle);
  std::string html = "<tr><th scope=\"row\" id=\"device-" + handle + "\">" + escape(device.label);
  html.append("</th><td>").append(time_of(device.created));
  html.append("</td><td>").append(time_of(device.last_seen)).append("</td><td>");
  if (device.current) {
    html.append("This device");
  } else {
    html.append(form(view, "/devices/end",
                     "<input type=\"hidden\" name=\"handle\" value=\"" + handle +
                         "\">\n<button type=\"submit\" aria-describedby=\"device-" + handle +
                         "\">Log out this device</button>\n"));
  }
  return html.append("</td></tr>\n");
}

}  // namespace

std::string escape(std::string_view text) {
  std::string html;
  html.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        html.append("&amp;");
        break;
      case '<':
        html.append("&lt;");
        break;
      case '>':
        html.append("&gt;");
        break;
      case '"':
        html.append("&quot;");
        break;
      case '\'':
        html.append("&#39;");
        break;
      default:
        html.push_back(c);
    }
  }
  return html;
}

std::string home_page(const View& view, long long visits) {
  std::string body = "<p>This is visit number <strong id=\"visits\">";
  body.append(std::to_string(visits)).append("</strong> of this session.</p>\n");
  return page("Hello, " + std::string(view.user), view, body);
}

std::string login_page(const View& view) {
  const std::string log_in =
      "<h2>Log in</h2>\n" +
      form(view, "/login",
           field("Name", "login-name", "name", "text", "username") +
               field("Password", "login-password", "password", "password", "current-password") +
               button("Log in"));
  const std::string create = "<h2>Create an account</h2>\n" +
                             form(view, "/register",
                                  field("New name", "new-name", "name", "text", "username") +
                                      field("New password, at least 15 characters", "new-password",
                                            "password", "password", "new-password") +
                                      button("Create account"));
  return page("Welcome", view, log_in + create);
}

std::string devices_page(const View& view, const std::vector<cloakroom::SessionInfo>& devices) {
  std::string body =
      "<table>\n<caption>Where you are logged in</caption>\n<thead><tr><th scope=\"col\">Device"
      "</th><th scope=\"col\">Since</th><th scope=\"col\">Last seen</th><th scope=\"col\">Action"
      "</th></tr></thead>\n<tbody>\n";
  for (const auto& device : devices) body.append(device_row(view, device));
  body.append("</tbody>\n</table>\n");
  body.append(form(view, "/devices/end-others", button("Log out everywhere else")));
  return page("Devices", view, body);
}

std::string password_page(const View& view) {
  return page("Password", view,
              "<p>Changing it logs out all your other devices.</p>\n" +
                  form(view, "/password",
                       field("Current password", "old", "old", "password", "current-password") +
                           field("New password, at least 15 characters", "new", "new", "password",
                                 "new-password") +
                           button("Change password")));
}

std::string confirm_page(const View& view) {
  return page("Confirm that it is you", view,
              "<p>You logged in some time ago. Give your password once more to go on.</p>\n" +
                  form(view, "/confirm",
                       field("Password", "password", "password", "password", "current-password") +
                           button("Confirm")));
}

std::string error_page(std::string_view title, std::string_view text) {
  return page(title, {},
              "<p>" + escape(text) + "</p>\n<p><a href=\"/\">Go to the first page</a></p>\n");
}

}  // namespace login
