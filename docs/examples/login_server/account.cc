#include "app.h"

using cloakroom::StatusCode;

namespace login {

void App::log_in(const Request& request, Response& response) {
  auto session = poster(request, response);
  if (!session) return;
  // A session never changes hands: what is in it is its owner's.
  if (!session->owner().empty()) return redirect(response, "/");
  const std::string name = request.get_param_value("name");
  auto checked = users_.check(name, request.get_param_value("password"));
  if (checked) return enter(*session, name, response);
  if (checked.code() != StatusCode::kNotFound) return fail(response, checked);
  show(response,
       login_page({.csrf = session->get("csrf").value_or(""),
                   .message = "Name and password do not match. Nothing tells which of them."}),
       401);
}

void App::add_user(const Request& request, Response& response) {
  auto session = poster(request, response);
  if (!session) return;
  // A session never changes hands: what is in it is its owner's.
  if (!session->owner().empty()) return redirect(response, "/");
  const std::string name = request.get_param_value("name");
  auto added = users_.add(name, request.get_param_value("password"));
  if (added) return enter(*session, name, response);
  View view{.csrf = session->get("csrf").value_or("")};
  if (added.code() == StatusCode::kConflict) {
    view.message = "This name is taken.";
  } else if (added.code() == StatusCode::kInvalidArgument) {
    view.message = added.message();
  } else {
    return fail(response, added);
  }
  show(response, login_page(view), 400);
}

void App::log_out(const Request& request, Response& response) {
  auto session = poster(request, response);
  if (!session) return;
  // Waits for the disk: a logout that a power cut takes back would be none.
  auto ended = sessions_->destroy(*session);
  if (!ended && !is_logged_out(ended.code())) return fail(response, ended.status());
  response.set_header("Set-Cookie", sessions_->end_cookie());
  redirect(response, "/login");
}

void App::change_password(const Request& request, Response& response) {
  auto session = poster(request, response);
  if (!session) return;
  const std::string owner(session->owner());
  if (owner.empty()) return redirect(response, "/login");

  View view{.user = owner, .csrf = session->get("csrf").value_or("")};
  auto checked = users_.check(owner, request.get_param_value("old"));
  if (checked) checked = users_.set_password(owner, request.get_param_value("new"));
  if (checked.code() == StatusCode::kNotFound) {
    view.message = "The current password is another one.";
    return show(response, password_page(view), 401);
  }
  if (checked.code() == StatusCode::kInvalidArgument) {
    view.message = checked.message();
    return show(response, password_page(view), 400);
  }
  if (!checked) return fail(response, checked);

  // Whoever knew the old password is out, and so is whoever held this session's token.
  if (auto ended = sessions_->destroy_all(owner, session->token()); !ended) {
    return fail(response, ended.status());
  }
  if (auto rotated = sessions_->rotate(*session, {.reauthenticated = true}); !rotated) {
    return fail(response, rotated);
  }
  send_token(*session, response);
  session->set("message", "Your password was changed, and your other devices are logged out.");
  if (save(*session, response)) redirect(response, "/");
}

void App::confirm(const Request& request, Response& response) {
  auto session = poster(request, response);
  if (!session) return;
  const std::string owner(session->owner());
  if (owner.empty()) return redirect(response, "/login");
  auto checked = users_.check(owner, request.get_param_value("password"));
  if (checked.code() == StatusCode::kNotFound) {
    return show(response,
                confirm_page({.user = owner,
                              .csrf = session->get("csrf").value_or(""),
                              .message = "The password is another one."}),
                401);
  }
  if (checked) checked = sessions_->rotate(*session, {.reauthenticated = true});
  if (!checked) return fail(response, checked);
  send_token(*session, response);
  redirect(response, "/devices");
}

void App::end_device(const Request& request, Response& response) {
  auto session = poster(request, response);
  if (!session) return;
  if (!is_fresh(*session, response)) return;
  // By owner and handle: nobody ends a session of somebody else.
  auto ended = sessions_->destroy_handle(session->owner(), request.get_param_value("handle"));
  if (!ended && !is_logged_out(ended.code())) return fail(response, ended.status());
  session->set("message",
               ended ? "That device is logged out." : "That device was logged out already.");
  if (save(*session, response)) redirect(response, "/devices");
}

void App::end_other_devices(const Request& request, Response& response) {
  auto session = poster(request, response);
  if (!session) return;
  if (!is_fresh(*session, response)) return;
  auto ended = sessions_->destroy_all(session->owner(), session->token());
  if (!ended) return fail(response, ended.status());
  session->set("message", "Devices logged out: " + std::to_string(ended->count) + ".");
  if (save(*session, response)) redirect(response, "/devices");
}

}  // namespace login
