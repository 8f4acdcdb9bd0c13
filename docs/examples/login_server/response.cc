#include <cstdio>

#include "app.h"

using cloakroom::Status;

namespace login {

void show(httplib::Response& response, std::string html, int status) {
  response.status = status;
  response.set_content(std::move(html), "text/html; charset=utf-8");
}

void redirect(httplib::Response& response, std::string_view where) {
  response.set_redirect(std::string(where), 303);
}

void fail(httplib::Response& response, const Status& status) {
  // The message holds no key, no token and no name.
  std::fprintf(stderr, "login_server: %s\n", status.to_string().c_str());
  show(response, error_page("Please try again later", "Something is wrong here, not with you."),
       503);
}

std::string device_name(std::string_view user_agent) {
  struct Known {
    std::string_view mark, name;
  };
  // The first that matches: Chrome names Safari too, and Android names Linux.
  static constexpr Known kBrowsers[] = {{"Firefox/", "Firefox"},
                                        {"Edg/", "Edge"},
                                        {"Chrome/", "Chrome"},
                                        {"Safari/", "Safari"},
                                        {"curl/", "curl"}};
  static constexpr Known kSystems[] = {{"Android", "Android"}, {"iPhone", "iPhone"},
                                       {"iPad", "iPad"},       {"Windows", "Windows"},
                                       {"Mac OS X", "macOS"},  {"Linux", "Linux"}};
  std::string name = "A browser";
  for (const Known& browser : kBrowsers) {
    if (user_agent.find(browser.mark) == std::string_view::npos) continue;
    name = browser.name;
    break;
  }
  for (const Known& system : kSystems) {
    if (user_agent.find(system.mark) == std::string_view::npos) continue;
    return name.append(" on ").append(system.name);
  }
  return name;
}

}  // namespace login
