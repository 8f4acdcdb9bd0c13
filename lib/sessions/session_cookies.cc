// The part of Sessions that speaks in cookies.
#include <utility>

#include "cloakroom/cookies.h"
#include "cloakroom/sessions.h"
#include "sessions/session_manager.h"

namespace cloakroom {

Result<Session> Sessions::load_cookie(std::string_view header) {
  return load_cookie(std::span(&header, 1));
}

Result<Session> Sessions::load_cookie(std::span<const std::string_view> headers) {
  // What the constructor met comes first: it says nothing about the visitor.
  if (Status fine = status(); !fine) return fine;
  const auto token = find_cookie(headers, manager_->cookie().name);
  if (token) return load(*token);
  switch (token.code()) {
    case StatusCode::kConflict:
      return Status(StatusCode::kNotFound,
                    "the request has several session cookies with different values; none is taken");
    case StatusCode::kTooLarge:
      return Status(StatusCode::kNotFound, "the request's Cookie header is over 64 KiB; not read");
    case StatusCode::kInvalidArgument:
      return Status(StatusCode::kNotFound, "the session cookie has bytes that no token has");
    default:
      return StatusCode::kNotFound;
  }
}

std::string Sessions::cookie(const Session& session) const {
  if (!manager_ || session.token().empty()) return end_cookie();
  // The constructor has checked the options, with a value as long as a token.
  auto header = set_cookie(manager_->cookie(), session.token());
  return header ? *std::move(header) : end_cookie();
}

std::string Sessions::end_cookie() const {
  auto header = delete_cookie(manager_ ? manager_->cookie() : CookieOptions());
  // Only with options that the constructor has refused, where every call fails.
  return header ? *std::move(header) : std::string();
}

}  // namespace cloakroom
