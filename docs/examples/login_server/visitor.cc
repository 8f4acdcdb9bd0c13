#include <sodium.h>

#include <array>
#include <chrono>

#include "app.h"

namespace login {
namespace {

constexpr std::size_t kSecretBytes = 16;

std::string new_secret() {
  std::array<unsigned char, kSecretBytes> random{};
  randombytes_buf(random.data(), random.size());
  std::array<char,
             sodium_base64_ENCODED_LEN(kSecretBytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING)>
      text{};
  sodium_bin2base64(text.data(), text.size(), random.data(), random.size(),
                    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  return text.data();
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

std::optional<App::Session> App::visitor(const Request& request, Response& response) {
  auto session = sessions_->load_cookie(request.get_header_value("Cookie"));
  if (session) return *std::move(session);
  if (!is_logged_out(session.code())) {
    fail(response, session.status());
    return std::nullopt;
  }
  const std::string secret = new_secret();
  const cloakroom::Field attributes[] = {{"csrf", secret}};
  session = sessions_->create(
      {.label = device_name(request.get_header_value("User-Agent")), .attributes = attributes});
  if (!session) {
    fail(response, session.status());
    return std::nullopt;
  }
  send_token(*session, response);
  return *std::move(session);
}

std::optional<App::Session> App::user(const Request& request, Response& response) {
  auto session = sessions_->load_cookie(request.get_header_value("Cookie"));
  if (session && !session->owner().empty()) {
    if (session->renewal_due()) {
      // kConflict: a parallel request was faster, and its answer carries the new token.
      auto rotated = sessions_->rotate(*session);
      if (rotated) {
        send_token(*session, response);
      } else if (rotated.code() != cloakroom::StatusCode::kConflict) {
        fail(response, rotated);
        return std::nullopt;
      }
    }
    return *std::move(session);
  }
  if (session || is_logged_out(session.code())) {
    redirect(response, "/login");
  } else {
    fail(response, session.status());
  }
  return std::nullopt;
}

std::optional<App::Session> App::poster(const Request& request, Response& response) {
  auto session = sessions_->load_cookie(request.get_header_value("Cookie"));
  if (!session && !is_logged_out(session.code())) {
    fail(response, session.status());
    return std::nullopt;
  }
  const auto secret = session ? session->get("csrf") : std::nullopt;
  if (!secret || !equal_in_constant_time(*secret, request.get_param_value("csrf"))) {
    show(response,
         error_page("This form is out of date",
                    "You were logged out meanwhile, or the form is not ours. Nothing was changed."),
         403);
    return std::nullopt;
  }
  return *std::move(session);
}

bool App::is_fresh(const Session& session, Response& response) {
  if (sessions_->require_fresh(session, confirm_after_)) return true;
  redirect(response, "/confirm");
  return false;
}

bool App::save(Session& session, Response& response) {
  auto saved = sessions_->save(session);
  if (saved) return true;
  if (is_logged_out(saved.code())) {
    redirect(response, "/login");  // logged out while this request was at work
  } else {
    fail(response, saved);
  }
  return false;
}

void App::send_token(const Session& session, Response& response) {
  response.set_header("Set-Cookie", sessions_->cookie(session));
}

void App::enter(Session& session, std::string_view name, Response& response) {
  // A new token, so that whoever planted the old one has nothing; the old one has no grace.
  if (auto rotated = sessions_->rotate(session, {.owner = name}); !rotated) {
    return fail(response, rotated);
  }
  session.set("csrf", new_secret());
  if (!save(session, response)) return;
  send_token(session, response);
  redirect(response, "/");
}

}  // namespace login
